"""The full form of a trace: a section for each hop, a line for each fact, the verdict at the end."""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.network.trace import Branch, Hop, Nearest, Trace
from kproxysim.packet import Packet
from kproxysim.report.conditions import miss_text
from kproxysim.report.endings import client_words, hop_title, other_branch, reply_words, verdict_words
from kproxysim.report.names import chains_of, maker, short_names
from kproxysim.report.packet_class import class_of
from kproxysim.report.page import WIDTH, Page, Span, filled, wrapped
from kproxysim.report.rows import Row, RowWriter
from kproxysim.values import dataclass

__all__ = ["ending_page", "trace_page"]

_LABEL = 9
_INDENT = 2
_DETAIL_INDENT = 6
_OTHERS_SHOWN = 4
_LEAST_TURNS = 2
"""So often must a group of hops come again to be taken for a circle."""
_SLACK = 8
"""So far left of its column a remark may begin, to stay on its line."""

_Section = tuple[Hop, list[Row]]


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
    sections = [(hop, writer.rows(hop)) for hop in shown.hops]
    if shown.disposition in ("delivered", "delivered-to-host"):
        _arrive(sections, shown.packet, shown.sport_range)
    answers = [(hop, writer.rows(hop)) for hop in back.hops] if back else []
    if back and back.disposition == "delivered":
        _arrive(answers, back.packet)
    columns = _Columns.fitting((row for _, rows in (*sections, *answers) for row in rows), width)
    page = Page()
    _fact(page, "packet", f"{trace.packet}{_kind(trace.packet)}", width, tail=f"(from: {trace.source})")
    _add_sections(page, sections, columns)
    page.gap()
    _ending(page, trace, shown, width)
    if shown.reply is not None:
        hint = "" if reply else "(--reply to show)"
        _fact(page, "reply", reply_words(shown, shown.reply), width, tail=hint)
    _reasons(page, trace, shown, width)
    if answers:
        page.gap()
        first = next((step.before.packet for hop, _ in answers for step in hop.steps), None)
        _fact(page, "answer", str(first or shown.packet.reply()), width)
        _add_sections(page, answers, columns)
    return page


def ending_page(trace: Trace, *, width: int = WIDTH) -> Page:
    """What came of a packet and why, without the way there: the last lines of the full form."""
    page = Page()
    _fact(page, "packet", f"{trace.packet}{_kind(trace.packet)}", width, tail=f"(from: {trace.source})")
    _ending(page, trace, trace.branches[0], width)
    _reasons(page, trace, trace.branches[0], width)
    return page


def _kind(packet: Packet) -> str:
    """Whether the packet opens a connection, or else its flags."""
    if packet.protocol == "tcp" and packet.flags != "SYN":
        return f"  {packet.flags}"
    return "  new" if packet.icmp is None else ""


def _arrive(sections: list[_Section], packet: Packet, sport_range: tuple[int, int] | None = None) -> None:
    """The arrival at the last hop.

    For a pod or a client it takes the place of the routing line, which says no more than that.
    """
    if not sections:
        return
    hop, rows = sections[-1]
    if hop.kind in ("pod", "internet"):
        rows[:] = [row for row in rows if row.place != "routing"]
    rows.append(Row("delivered", str(packet), style="good"))
    if sport_range is not None:
        low, high = sport_range
        text = f"any free one of {low}-{high}; {packet.sport} stands for it"
        rows.append(Row("source port", text, detail=True))


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


def _add_sections(page: Page, sections: list[_Section], columns: _Columns) -> None:
    """A section for each hop; a circle that the packet runs in is shown once, and its turns are counted."""
    shown = [(hop_title(hop), rows) for hop, rows in sections]
    place = 0
    while place < len(shown):
        length, turns = _circle(shown, place)
        for title, rows in shown[place : place + length]:
            _add_section(page, title, rows, columns)
        if turns:
            page.gap()
            page.add(f"... and the same {turns} times more")
        place += length * (turns + 1)


def _circle(shown: list[tuple[tuple[str, str], list[Row]]], place: int) -> tuple[int, int]:
    """How many hops from `place` on come again right behind themselves, and how often; (1, 0) if none do."""
    for length in range(1, (len(shown) - place) // 3 + 1):
        turn = shown[place : place + length]
        turns = 0
        while shown[place + length * (turns + 1) : place + length * (turns + 2)] == turn:
            turns += 1
        if turns >= _LEAST_TURNS:
            return length, turns
    return 1, 0


def _add_section(page: Page, title: tuple[str, str], rows: list[Row], columns: _Columns) -> None:
    name, behind = title
    page.gap()
    page.add(Span(name, "head"), f"  {behind}" if behind else "")
    for row in rows:
        _lay_out(page, row, columns)


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


def _ending(page: Page, trace: Trace, branch: Branch, width: int) -> None:
    """The verdict, its chance, the class of packets that share it, and the branches that might have been."""
    style = "good" if branch.disposition in ("delivered", "delivered-to-host") else "bad"
    _fact(page, "verdict", verdict_words(trace, branch), width, style, tail=f"[{branch.reason}]")
    if branch.client_sees != "answered":
        _fact(page, "client", f"sees {client_words(branch.client_sees)}", width)
    if branch.probability != 1:
        kernel = branch.probability_kernel
        exact = "" if kernel == branch.probability else f"; the kernel's 31 bits make it {kernel}"
        _fact(page, "chance", f"{branch.probability}{exact}", width)
    alike = class_of(branch)
    if alike is not None and (words := alike.words()):
        _fact(page, "class", f"{words}: the same rules", width)
    others = [one for one in trace.branches if one is not branch]
    for other in others[:_OTHERS_SHOWN]:
        _fact(page, "also", other_branch(other), width)
    if len(others) > _OTHERS_SHOWN:
        rest = others[_OTHERS_SHOWN:]
        _fact(page, "also", f"{sum(one.probability for one in rest)} -> {len(rest)} more", width)


def _reasons(page: Page, trace: Trace, branch: Branch, width: int) -> None:
    """The rule that was hoped for, why it went as it did, and what the answer rests on."""
    if branch.nearest is not None:
        _nearest(page, branch.nearest, width)
    for advice in branch.advice:
        _fact(page, "why", advice.why, width, tail=f"(kproxysim explain {advice.code})")
        if advice.help:
            _fact(page, "help", advice.help, width)
    for assumption in trace.assumptions:
        _fact(page, "assumed", assumption, width)
    for note in trace.notes:
        _fact(page, "note", note, width)


def _nearest(page: Page, nearest: Nearest, width: int) -> None:
    made_by = maker(nearest.missed.rule, nearest.missed.meaning)
    _fact(page, "nearest", nearest.at.replace(":rule:", ":"), width, tail=made_by)
    miss = next((one for one in nearest.missed.conditions() if not one.held), None)
    if miss is not None:
        hope = "; it would match the packet as dialled" if nearest.as_dialled else ""
        held = f"{nearest.held} of {nearest.total} conditions hold"
        _fact(page, "", f"{held}; {miss_text(miss)}{hope}", width)


def _fact(page: Page, label: str, text: str, width: int, style: str = "", tail: str = "") -> None:
    """A label and its sentence, broken below itself where it is long; `tail` stays in one piece."""
    first, *rest = wrapped(text, width - _LABEL, tail)
    page.add(Span(filled(label, _LABEL), "label"), Span(first, style))
    for line in rest:
        page.add(" " * _LABEL + line)
