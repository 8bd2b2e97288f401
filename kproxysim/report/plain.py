"""Text of the user's as a terminal may show it: on one line, nothing hidden, nothing that steers it."""

from __future__ import annotations

__all__ = ["plain"]


def plain(text: str) -> str:
    r"""`text` with everything that does not print as itself written as an escape.

    Control characters and terminal escapes become `\n`, `\x1b`, and so do line separators, invisible
    characters and those that turn the direction of writing: what a name looks like is what it is. Applied
    twice it does what it does once.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
