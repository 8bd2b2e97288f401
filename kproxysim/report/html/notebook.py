"""What a notebook shows of a trace, a hop or a step: pieces of a page, without any program."""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Hop, Trace
from kproxysim.report.actions import action_words, draw_words, passed_words
from kproxysim.report.conditions import conditions_text
from kproxysim.report.endings import changes, hop_title, other_branch
from kproxysim.report.facts import opening
from kproxysim.report.html.account import account, hop_rows
from kproxysim.report.html.document import style
from kproxysim.report.html.elements import Child, Element, element
from kproxysim.report.names import chains_of, maker, short_names
from kproxysim.report.rows import Row, RowWriter

__all__ = ["html_of"]

_STYLES = ("colours.css", "account.css", "notebook.css")
_MOST_WAYS = 8


def html_of(value: object) -> str | None:
    """A piece of HTML that names itself nothing outside, or None for what has no other look than its repr."""
    if isinstance(value, Trace):
        return _output(_trace(value))
    if isinstance(value, Hop):
        return _output(_hop(value))
    if isinstance(value, Walked | Event):
        return _output(hop_rows(_rows(value)))
    return None


def _output(*content: Child) -> str:
    return str(
        element(
            "div",
            element("style", style(_STYLES)),
            element("div", content, class_="account"),
            class_="kproxysim output",
        )
    )


def _trace(trace: Trace) -> Iterator[Element]:
    """The packet, and each way folded but the first."""
    shown = trace.branches[:_MOST_WAYS]
    short = short_names(chains_of(hop for one in shown for hop in one.hops))
    said = opening(trace)
    yield element("p", element("strong", said.text), " ", said.tail)
    for number, branch in enumerate(shown):
        yield element(
            "details",
            element("summary", other_branch(branch)),
            *account(trace, branch, RowWriter(short)),
            open=number == 0,
        )
    rest = trace.branches[_MOST_WAYS:]
    if rest:
        yield element("p", f"{sum(one.probability for one in rest)} -> {len(rest)} more")


def _hop(hop: Hop) -> Element:
    name, behind = hop_title(hop)
    rows = RowWriter(short_names(chains_of([hop]))).rows(hop)
    head = element("h5", name, " ", element("small", behind))
    return element("section", head, hop_rows(rows), class_=f"hop {hop.kind}")


def _rows(step: Walked | Event) -> Iterator[Row]:
    """One step by itself: where it was, what it did, and why."""
    if isinstance(step, Event):
        yield Row(step.at, changes(step) or step.action, step.detail)
        return
    if step.missed:
        yield Row("passed over", passed_words(step.missed), detail=True)
    made_by = maker(step.rule, step.meaning) if step.rule is not None and step.meaning is not None else ""
    yield Row(step.at, action_words(step), draw_words(step) or made_by)
    asked = conditions_text(step.conditions())
    if asked:
        yield Row("matched", asked, detail=True)
