"""The command line: arguments, exit codes, where output goes. Everything else is done by the other rooms.

Exit codes: 0 all well; 1 an expectation failed; 2 input that can't be used.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The program `kproxysim`."""
    import os

    # pydantic searches all installed packages for plugins otherwise, which takes longer than a packet
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from kproxysim.cli.app import app

    app(prog_name="kproxysim")
