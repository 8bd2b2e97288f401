"""`-m conntrack` and `-m state`:

what conntrack says of the packet. Source: net/netfilter/xt_conntrack.c, xt_state.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, RuleSyntaxError, Surroundings
from kproxysim.netfilter.conntrack import CtState, Status
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb

__all__ = ["EXTENSIONS", "StateMatch"]

_SAVED_ORDER = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")


@dataclass(frozen=True, slots=True)
class StateMatch:
    """`--ctstate` or `--state`: one of the states; SNAT and DNAT ask what translation the connection has."""

    field: ClassVar[str] = "ctstate"
    states: frozenset[str]
    negated: bool = False
    option: str = "ctstate"

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return bool(self.states.intersection(_states(skb))) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + self._text()
        return Condition("ctstate", wanted, ",".join(_states(skb)), self.holds(skb, host))

    def _text(self) -> str:
        return ",".join(state for state in _SAVED_ORDER if state in self.states)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--{self.option} {self._text()}"


def _states(skb: Skb) -> tuple[str, ...]:
    flow = skb.flow
    if flow is None:
        return (CtState.UNTRACKED,)
    if flow.connection is None:
        return (flow.state,)
    status = flow.connection.status
    translated = tuple(
        name for name, bit in (("SNAT", Status.SRC_NAT), ("DNAT", Status.DST_NAT)) if status & bit
    )
    return (flow.state, *translated)


def _builder(name: str, option: str, known: frozenset[str]) -> Extension:
    def build(given: list[Given], family: Family) -> StateMatch:
        if len(given) != 1:
            raise RuleSyntaxError(f"-m {name} takes exactly one --{option} here")
        states = frozenset(given[0].value.upper().split(","))
        if not states <= known:
            raise RuleSyntaxError(f"unknown state {min(states - known)!r}", given[0].value)
        return StateMatch(states, given[0].negated, option)

    return Extension(name, build, {f"--{option}": (option, 1)})


EXTENSIONS = (
    _builder("conntrack", "ctstate", frozenset(_SAVED_ORDER)),
    _builder("state", "state", frozenset(_SAVED_ORDER) - {"SNAT", "DNAT"}),
)
