"""Where output goes: results to standard output, everything else to standard error; colour only on a
terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from kproxysim.errors import Diagnostic, Severity

if TYPE_CHECKING:
    from kproxysim.report.page import Page

__all__ = ["columns", "complain", "hint", "prepare_streams", "show", "show_text", "terminal_width", "warn"]

_WIDEST = 100
_NARROWEST = 40


def prepare_streams() -> None:
    """Let no character stop the output: what the terminal's encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def terminal_width() -> int:
    """Columns to keep to: those of the terminal within reason, or 100 where there is none."""
    if not sys.stdout.isatty():
        return _WIDEST
    return max(_NARROWEST, min(shutil.get_terminal_size().columns, _WIDEST))


def columns() -> int | None:
    """Columns of the terminal, None where there is none."""
    return terminal_width() if sys.stdout.isatty() else None


def _colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(page: Page) -> None:
    """A result for people."""
    page.write(sys.stdout, colour=_colour(sys.stdout))


def show_text(text: str) -> None:
    """A result for programs: as it is into a file or a pipe; on a terminal nothing in it steers the
    terminal.
    """
    if sys.stdout.isatty():
        from kproxysim.report.plain import plain

        text = "\n".join(plain(line) for line in text.split("\n"))
    sys.stdout.write(text)


def complain(diagnostics: Iterable[Diagnostic]) -> None:
    """Findings in full, on standard error."""
    from kproxysim.report.diagnostics import diagnostics_page

    diagnostics_page(diagnostics).write(sys.stderr, colour=_colour(sys.stderr))


def warn(diagnostics: Iterable[Diagnostic], *, verbose: bool) -> None:
    """Warnings, and with `verbose` notes as well, a line each, on standard error."""
    hint(one for one in diagnostics if one.severity is Severity.WARNING or verbose)


def hint(diagnostics: Iterable[Diagnostic]) -> None:
    """Findings that stop nothing, a line each, on standard error."""
    shown = list(diagnostics)
    if shown:
        from kproxysim.report.diagnostics import short_page

        short_page(shown).write(sys.stderr, colour=_colour(sys.stderr))
