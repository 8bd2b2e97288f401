"""The command line: arguments, exit codes, where output goes. Everything else is done by the other rooms.

Exit codes: 0 all well; 1 an expectation failed; 2 input that can't be used.
"""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """The program `kproxysim`. Does not return: the process ends."""
    _start_quickly()
    try:
        from kproxysim.cli.app import app

        app(prog_name="kproxysim")
    except KeyboardInterrupt:  # before there was a command to interrupt
        sys.exit(_INTERRUPTED)
    except SystemExit as ended:
        _end_quickly(ended.code)
        raise


def _start_quickly() -> None:
    """Loading makes many objects and no garbage; pydantic would look for plugins in all packages."""
    gc.set_threshold(500_000, 20, 20)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _end_quickly(code: object) -> None:
    """End here: taking apart what the system reclaims anyway is 12 % of a trace. Files are closed by now."""
    if not isinstance(code, int | None):
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # the interpreter says so as it ends
        return
    os._exit(code or 0)
