"""The laws of Service routing, as objects.

    from kproxysim.testing.invariants import ALL_LAWS, LAWS, check_laws

`ALL_LAWS` are those that kube-proxy keeps, `LAWS` the same by name. `UNKEPT` are laws that one would wish for
and that kube-proxy breaks by design. `TIME_LAWS` are about what happens one after the other, in a `Timeline`.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.testing.call import Call, Situation
from kproxysim.testing.invariants.comparing import COMPARING, UNKEPT
from kproxysim.testing.invariants.elsewhere import ELSEWHERE
from kproxysim.testing.invariants.lasting import AFFINITY, HISTORY, LASTING
from kproxysim.testing.invariants.serving import SERVING
from kproxysim.testing.invariants.source import SOURCE
from kproxysim.testing.law import Law, LawBroken, TimeLaw, Violation
from kproxysim.testing.timeline import Timeline

__all__ = [
    "ALL_LAWS",
    "ANYTIME",
    "LAWS",
    "TIME_LAWS",
    "UNKEPT",
    "Law",
    "LawBroken",
    "TimeLaw",
    "Violation",
    "check_laws",
    "check_timeline",
]

ALL_LAWS: tuple[Law, ...] = (*SERVING, *SOURCE, *AFFINITY, *ELSEWHERE, *COMPARING)
TIME_LAWS: tuple[TimeLaw, ...] = LASTING
LAWS: dict[str, Law] = {law.name: law for law in ALL_LAWS}

ANYTIME: tuple[Law, ...] = tuple(
    LAWS[name]
    for name in (
        "fractions-add-up",
        "answer-from-the-dialled-address",
        "mark-stays-home",
        "protocol-and-family-stay",
    )
)
"""Laws that hold whatever kube-proxies have heard of."""


def check_laws(situation: Situation, laws: Iterable[Law] = ALL_LAWS) -> None:
    """Hold a situation to laws. Raises LawBroken, an AssertionError, with all that are broken."""
    __tracebackhide__ = True
    violations = [one for one in (law.check(situation) for law in laws) if one is not None]
    if violations:
        raise LawBroken(violations)


def check_timeline(
    timeline: Timeline, calls: Iterable[Call] = (), laws: Iterable[TimeLaw] = TIME_LAWS
) -> None:
    """Hold the last thing that happened in a time line to laws, and the calls of now to those of situations.

    As long as some node's tables are not what its kube-proxy would write, only those in `ANYTIME` count.
    Raises LawBroken.
    """
    __tracebackhide__ = True
    violations = [one for one in (law.check(timeline) for law in laws) if one is not None]
    if violations:
        raise LawBroken(violations)
    for call in calls:
        situation = Situation(timeline.world.fork(), call, timeline=timeline)
        check_laws(situation, ANYTIME if timeline.behind else (*ALL_LAWS, HISTORY))
