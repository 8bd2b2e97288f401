"""The projects here are run as those who have them run them, each from its own folder."""

collect_ignore_glob = ["toyproxy/*"]
