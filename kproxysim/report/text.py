"""The full form of a trace: a section for each hop, a line for each fact, the verdict at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kproxysim.network.trace import Branch, Trace
from kproxysim.report.circles import circles
from kproxysim.report.facts import Fact, answer, ending, opening, reasons
from kproxysim.report.names import chains_of, short_names
from kproxysim.report.page import WIDTH, Page, Span, filled, wrapped
from kproxysim.report.rows import Row, RowWriter
from kproxysim.report.sections import Section, way_back, way_out
from kproxysim.values import dataclass

__all__ = ["ending_page", "trace_page"]

_LABEL = 9
_INDENT = 2
_DETAIL_INDENT = 6
_SLACK = 8
"""So far left of its column a remark may begin, to stay on its line."""


def trace_page(
    trace: Trace,
    *,
    branch: Branch | None = None,
    reply: bool = False,
    picked: bool = False,
    width: int = WIDTH,
) -> Page:
    """A trace in full: `branch` (by default the first) step by step, the others by a line each.

    `reply` shows the hops of the answer as well; `picked` says that the endpoint was asked for by name.
    """
    shown = branch if branch is not None else trace.branches[0]
    back = shown.reply if reply else None
    writer = RowWriter(short_names(chains_of((*shown.hops, *(back.hops if back else ())))), picked=picked)
    sections = way_out(shown, writer)
    answers = way_back(back, writer) if back else ()
    columns = _Columns.fitting((row for one in (*sections, *answers) for row in one.rows), width)
    page = Page()
    _add_fact(page, opening(trace), width)
    _add_sections(page, sections, columns)
    page.gap()
    hint = "" if reply else "(--reply to show)"
    answered = (replace(fact, tail=hint) for fact in answer(shown))
    for fact in (*ending(trace, shown), *answered, *reasons(trace, shown)):
        _add_fact(page, fact, width)
    if back is not None and answers:
        page.gap()
        first = next((step.before.packet for hop in back.hops for step in hop.steps), None)
        _add_fact(page, Fact("answer", str(first or shown.packet.reply())), width)
        _add_sections(page, answers, columns)
    return page


def ending_page(trace: Trace, *, width: int = WIDTH) -> Page:
    """What came of a packet and why, without the way there: the last lines of the full form."""
    page = Page()
    branch = trace.branches[0]
    for fact in (opening(trace), *ending(trace, branch), *reasons(trace, branch)):
        _add_fact(page, fact, width)
    return page


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the second and third column begin, and how wide a line may be."""

    action: int
    remark: int
    width: int

    @classmethod
    def fitting(cls, rows: Iterable[Row], width: int) -> _Columns:
        """Columns for these rows: no wider than most of them need."""
        known = [row for row in rows if not row.detail]
        place = max((len(row.place) for row in known), default=0)
        action = _INDENT + min(max(place + 2, 24), 34)
        longest = max((len(row.action) for row in known if row.remark and len(row.action) <= 34), default=0)
        return cls(action, action + min(max(longest + 2, 20), 36), width)


def _add_sections(page: Page, sections: Sequence[Section], columns: _Columns) -> None:
    """A section for each hop; a circle that the packet runs in is shown once, and its turns are counted."""
    for group, turns in circles(sections):
        for section in group:
            page.gap()
            page.add(Span(section.name, "head"), f"  {section.behind}" if section.behind else "")
            for row in section.rows:
                _lay_out(page, row, columns)
        if turns:
            page.gap()
            page.add(f"... and the same {turns} times more")


def _lay_out(page: Page, row: Row, columns: _Columns) -> None:
    """One row, its remark below it where the line would be too long."""
    indent = " " * (_DETAIL_INDENT if row.detail else _INDENT)
    place = Span(indent + filled(row.place, columns.action - len(indent)), "label" if row.detail else "place")
    if row.detail:
        first, *rest = wrapped(row.action, columns.width - columns.action)
        page.add(place, Span(first, row.style))
        for line in rest:
            page.add(" " * columns.action + line)
        return
    if not row.remark:
        page.add(place, Span(row.action, row.style))
        return
    least = len(place.text) + len(row.action) + 2
    start = max(least, min(columns.remark, columns.width - len(row.remark)))
    if row.style == "dim" and start < columns.remark:
        start = least
    if start + len(row.remark) <= columns.width and (start > columns.remark - _SLACK or start == least):
        page.add(place, Span(filled(row.action, start - len(place.text)), row.style), row.remark)
        return
    page.add(place, Span(row.action, row.style))
    for line in wrapped(row.remark, columns.width - columns.action - 2):
        page.add(" " * (columns.action + 2) + line)


def _add_fact(page: Page, fact: Fact, width: int) -> None:
    """A label and its sentence, broken below itself where it is long; its tail stays in one piece."""
    first, *rest = wrapped(fact.text, width - _LABEL, fact.tail)
    page.add(Span(filled(fact.label, _LABEL), "label"), Span(first, fact.style))
    for line in rest:
        page.add(" " * _LABEL + line)
