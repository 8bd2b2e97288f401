"""Does a step come to what was expected of it: its packet, its connection, the entries in tables?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.scenario.check import Check, Failure, failures_of, spread_failure
from kproxysim.scenario.entries import ALL, AT_LEAST_ONE, Wanted, count
from kproxysim.scenario.expectation import Outcome
from kproxysim.scenario.moment import Moment
from kproxysim.scenario.step_form import StepExpectation

__all__ = ["check_moment"]

_MOST_SHOWN = 3


def check_moment(
    moment: Moment,
    expectation: StepExpectation,
    written: Mapping[str, Any],
    chains: Mapping[str, Collection[str]],
    edge: str,
) -> Check:
    """Hold what is expected of a step against what came of it; `written` is the expectation as the file has
    it, `chains` and `edge` as for `failures_of`.
    """
    failures = list(_failures(moment, expectation, chains, edge))
    return Check(moment.packet, written, tuple(failures), moment.trace, moment.number, moment.event)


def _failures(
    moment: Moment, expectation: StepExpectation, chains: Mapping[str, Collection[str]], edge: str
) -> Iterator[Failure]:
    if moment.trace is not None:
        yield from failures_of(expectation, moment.trace, chains, edge)
    else:
        for field in sorted(expectation.model_fields_set & Outcome.model_fields.keys()):
            yield Failure(field, str(getattr(expectation, field)), "no packet: it ended in silence")
    if expectation.connection is not None:
        got: dict[str, Fraction] = {}
        for way in moment.ways:
            state = way.stands[moment.step.connection].state
            got[state] = got.get(state, Fraction(0)) + way.probability
        yield from spread_failure("connection", expectation.connection, got)
    for node, wanted in (expectation.conntrack or {}).items():
        yield from _table(moment, node, wanted)


def _table(moment: Moment, node: str, wanted: Sequence[Wanted]) -> Iterator[Failure]:
    """The first of the ways in which a table is not as it should be; all of them are to be so."""
    tables = [conntrack_list(way.world.conntrack(node), way.world.now).splitlines() for way in moment.ways]
    for one in wanted:
        odd = next((lines for lines in tables if not one.holds(lines)), None)
        if odd is not None:
            yield Failure("conntrack", f"{one} on {node}", _found(one, odd))


def _found(wanted: Wanted, lines: Sequence[str]) -> str:
    number = count(wanted.pattern, lines)
    if wanted.number != AT_LEAST_ONE and wanted.pattern != ALL:
        return f"{number}"
    shown = "; ".join(" ".join(line.split()) for line in lines[:_MOST_SHOWN])
    more = f" and {len(lines) - _MOST_SHOWN} more" if len(lines) > _MOST_SHOWN else ""
    return f"{shown}{more}" if lines else "an empty table"
