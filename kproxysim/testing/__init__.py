"""For other people's tests: strategies that draw clusters and calls, and the laws of Service routing.

    from hypothesis import given
    from kproxysim.testing import check_laws
    from kproxysim.testing.strategies import situations

    @given(situations())
    def test_the_laws_of_service_routing(situation):
        check_laws(situation)

Needs `kproxysim[testing]`. A name is loaded when it is first asked for, so that pytest, which loads the
plugin of this room in every run, loads nothing else of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kproxysim.lazy import loaded_when_asked

if TYPE_CHECKING:
    from kproxysim.testing.call import Call, Maker, Situation
    from kproxysim.testing.invariants import ALL_LAWS, LAWS, TIME_LAWS, UNKEPT, check_laws, check_timeline
    from kproxysim.testing.law import Law, LawBroken, TimeLaw, Violation
    from kproxysim.testing.machine import ClusterMachine
    from kproxysim.testing.timeline import Moment, Timeline

__all__ = [
    "ALL_LAWS",
    "LAWS",
    "TIME_LAWS",
    "UNKEPT",
    "Call",
    "ClusterMachine",
    "Law",
    "LawBroken",
    "Maker",
    "Moment",
    "Situation",
    "TimeLaw",
    "Timeline",
    "Violation",
    "check_laws",
    "check_timeline",
]

_HOMES = {
    "kproxysim.testing.call": ("Call", "Maker", "Situation"),
    "kproxysim.testing.invariants": (
        "ALL_LAWS",
        "LAWS",
        "TIME_LAWS",
        "UNKEPT",
        "check_laws",
        "check_timeline",
    ),
    "kproxysim.testing.law": ("Law", "LawBroken", "TimeLaw", "Violation"),
    "kproxysim.testing.machine": ("ClusterMachine",),
    "kproxysim.testing.timeline": ("Moment", "Timeline"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:
    __getattr__ = loaded_when_asked(__name__, _HOME_OF)
