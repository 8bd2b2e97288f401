"""The laws of Service routing, as objects.

    from kproxysim.testing.invariants import ALL_LAWS, LAWS, check_laws

`ALL_LAWS` are those that kube-proxy keeps, `LAWS` the same by name. `UNKEPT` are laws that one would wish for
and that kube-proxy breaks by design.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.testing.call import Situation
from kproxysim.testing.invariants.comparing import COMPARING, UNKEPT
from kproxysim.testing.invariants.serving import SERVING
from kproxysim.testing.invariants.source import SOURCE
from kproxysim.testing.law import Law, LawBroken, Violation

__all__ = ["ALL_LAWS", "LAWS", "UNKEPT", "Law", "LawBroken", "Violation", "check_laws"]

ALL_LAWS: tuple[Law, ...] = (*SERVING, *SOURCE, *COMPARING)
LAWS: dict[str, Law] = {law.name: law for law in ALL_LAWS}


def check_laws(situation: Situation, laws: Iterable[Law] = ALL_LAWS) -> None:
    """Hold a situation to laws. Raises LawBroken, an AssertionError, with all that are broken."""
    violations = [one for one in (law.check(situation) for law in laws) if one is not None]
    if violations:
        raise LawBroken(violations)
