"""Long runs of rules passed over, made short: of thousands, the few that came nearest to matching and the
count of those between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kproxysim.netfilter.condition import Unmodelled
from kproxysim.netfilter.walk import Missed
from kproxysim.network.nearest import distance
from kproxysim.report.conditions import failed_fields
from kproxysim.values import dataclass

__all__ = ["Mass", "condense"]

_ALL_SHOWN = 12
"""A run of so many rules is shown as it is."""
_NEAREST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Mass:
    """Rules passed over one after the other: the numbers of the first and the last, how many, and by which
    fields they failed.
    """

    first: int
    last: int
    count: int
    fields: str

    @classmethod
    def of(cls, missed: Sequence[Missed]) -> Mass:
        """All of them."""
        return cls(missed[0].number, missed[-1].number, len(missed), failed_fields(missed))


def condense(missed: Sequence[Missed], kept: Collection[int] = ()) -> Iterator[Missed | Mass]:
    """The rules in order, all of a short run; of a long one those that came nearest, and those whose number
    is in `kept`, with what lies between them as masses.

    Nearest is what has fewest conditions that failed, then what was closest in address and port, then what
    stands last.
    """
    if len(missed) <= _ALL_SHOWN:
        yield from missed
        return
    ranked = sorted(missed, key=_rank)
    shown = {one.number for one in ranked[:_NEAREST_SHOWN]} | set(kept)
    between: list[Missed] = []
    for one in missed:
        if one.number in shown:
            yield from _mass(between)
            between = []
            yield one
        else:
            between.append(one)
    yield from _mass(between)


def _mass(between: list[Missed]) -> Iterator[Missed | Mass]:
    if len(between) == 1:
        yield between[0]
    elif between:
        yield Mass.of(between)


def _rank(one: Missed) -> tuple[int, int, int]:
    return _failed(one), distance(one), -one.number


def _failed(one: Missed) -> int:
    """How many of a rule's matches the packet fails; what is not known to hold does not."""
    if one.noted:
        return sum(not condition.held for condition in one.noted)
    failed = 0
    for match in one.meaning.checks:
        try:
            failed += not match.holds(one.skb, one.host)
        except Unmodelled:
            failed += 1
    return failed
