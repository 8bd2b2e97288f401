"""Findings about an input, as a terminal shows them: the user's own line, a caret below it, what to write
instead.

The manner is rustc's. The files named here are the user's; everything in them is made plain before it is
shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kproxysim.errors import Diagnostic, Severity
from kproxysim.report.page import WIDTH, Page, Span, wrapped
from kproxysim.report.plain import plain

__all__ = ["diagnostics_page", "short_page"]

_MOST = 100
"""So many findings are shown; the rest is counted."""
_STYLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "dim"}
_CUT = "..."


def diagnostics_page(diagnostics: Iterable[Diagnostic], width: int = WIDTH) -> Page:
    """Every finding with its place and the line it is about, and a count where there are several."""
    found = list(diagnostics)
    page = Page()
    for one in found[:_MOST]:
        page.gap()
        _add(page, one, width)
    if len(found) > 1:
        page.gap()
        counts = Counter(one.severity for one in found)
        words = [
            f"{counts[kind]} {kind}{'' if counts[kind] == 1 else 's'}" for kind in Severity if counts[kind]
        ]
        rest = f"; the first {_MOST} are shown" if len(found) > _MOST else ""
        page.add(", ".join(words) + rest)
    return page


def short_page(diagnostics: Iterable[Diagnostic]) -> Page:
    """One line a finding, for what does not stop a command."""
    page = Page()
    for one in diagnostics:
        where = f"{one.position}: " if one.position else ""
        hint = f" ({one.help})" if one.help else ""
        page.add(where, Span(f"{one.severity}[{one.code}]", _STYLES[one.severity]), f": {one.message}{hint}")
    return page


def _add(page: Page, one: Diagnostic, width: int) -> None:
    margin = len(str(one.position.line)) if one.position else 1
    bar = " " * (margin + 1) + "|"
    page.add(Span(f"{one.severity}[{one.code}]", _STYLES[one.severity]), Span(f": {one.message}", "head"))
    if one.position:
        page.add(" " * margin + "--> ", Span(str(one.position), "place"))
    if one.position and one.source:
        source, start, marks = _window(one, width - margin - 3)
        label = f" {one.path}" if one.path else ""
        page.add(bar)
        page.add(f"{one.position.line} | {source}")
        page.add(f"{bar} {' ' * start}", Span("^" * marks + label, _STYLES[one.severity]))
    elif one.path:
        _remark(page, margin, "field", one.path, width)
    if one.found and plain(one.found) not in plain(one.source):
        _remark(page, margin, "found", one.found, width)
    for note in one.notes:
        _remark(page, margin, "note", note, width)
    if one.help:
        _remark(page, margin, "help", one.help, width)


def _window(one: Diagnostic, width: int) -> tuple[str, int, int]:
    """The part of the user's line around the finding that fits: the text, where the carets begin, how many
    there are.

    What is escaped is wider than it was, so places are counted in the text as shown.
    """
    assert one.position is not None
    column = min(one.position.column - 1, len(one.source))
    # a line may be megabytes long: only what could be shown is looked at
    before = plain(one.source[max(0, column - width) : column])
    about = plain(one.source[column : column + min(one.width, width)])
    after = plain(one.source[column + len(about) : column + width])
    if len(before) + len(about) + len(after) <= width and len(one.source) <= width:
        return before + about + after, len(before), max(len(about), 1)
    keep = width // 2
    if len(before) > keep:
        before = _CUT + before[-(keep - len(_CUT)) :]
    about = about[: width - len(before) - len(_CUT)]
    rest = width - len(before) - len(about)
    if len(after) > rest or column + len(about) + len(after) < len(one.source):
        after = after[: max(rest - len(_CUT), 0)] + _CUT
    return before + about + after, len(before), max(len(about), 1)


def _remark(page: Page, margin: int, label: str, text: str, width: int) -> None:
    start = " " * (margin + 1) + f"= {label}: "
    first, *rest = wrapped(text, max(width - len(start), 20))
    page.add(start, first)
    for line in rest:
        page.add(" " * len(start) + line)
