"""One branch written out as a document: a section for each hop, a line for each thing that mattered, and what
came of it. It needs no program, so it is what is printed and what a notebook shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kproxysim.network.trace import Branch, Trace
from kproxysim.report.circles import circles
from kproxysim.report.facts import Fact, answer, ending, reasons
from kproxysim.report.html.elements import Child, Element, element
from kproxysim.report.rows import Row, RowWriter
from kproxysim.report.sections import Section, way_back, way_out

__all__ = ["account", "facts_list", "hop_rows", "toned"]


def toned(base: str, tone: str) -> str:
    """Classes of an element: what it is, and the style of `page` that it has."""
    return f"{base} {tone}" if tone else base


def account(trace: Trace, branch: Branch, writer: RowWriter) -> list[Element]:
    """The way out, its end in sentences, and the way of the answer."""
    found = [
        element("div", _hops(way_out(branch, writer)), class_="hops"),
        facts_list([*ending(trace, branch), *answer(branch), *reasons(trace, branch)]),
    ]
    if branch.reply is not None and branch.reply.hops:
        found.append(element("h4", "answer"))
        found.append(element("div", _hops(way_back(branch.reply, writer)), class_="hops"))
    return found


def _hops(sections: Sequence[Section]) -> Iterator[Element]:
    for group, turns in circles(sections):
        for section in group:
            head = element("h5", section.name, " ", element("small", section.behind))
            yield element("section", head, hop_rows(section.rows), class_=f"hop {section.kind}")
        if turns:
            yield element("p", f"... and the same {turns} times more", class_="again")


def hop_rows(rows: Iterable[Row]) -> Element:
    """The rows of a hop as a list."""
    return element("ul", (_row(row) for row in rows), class_="rows")


def _row(row: Row) -> Element:
    parts: list[Child] = [element("span", row.place, class_="place"), " "]
    parts.append(element("span", row.action, class_="action"))
    if row.remark:
        parts += [" ", element("span", row.remark, class_="remark")]
    return element("li", parts, class_=toned("detail" if row.detail else "fact", row.style))


def facts_list(facts: Iterable[Fact]) -> Element:
    """Facts with their labels; those without one go on below the one above."""
    items: list[Element] = []
    for fact in facts:
        if fact.label:
            items.append(element("dt", fact.label))
        tail = element("span", fact.tail, class_="tail") if fact.tail else None
        items.append(element("dd", fact.text, " " if tail else None, tail, class_=fact.style or None))
    return element("dl", items, class_="facts")
