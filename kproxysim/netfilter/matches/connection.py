"""`-m conntrack` and `-m state`: what conntrack says of the packet.

Sources: net/netfilter/xt_conntrack.c (`conntrack_mt`), xt_state.c. A rule with only a state is a
`StateMatch`, one with other options a `ConntrackMatch`.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts, no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    RuleSyntaxError,
    Surroundings,
)
from kproxysim.netfilter.conntrack import CtState, Status
from kproxysim.netfilter.matches.flow import FLOW_OPTIONS, FlowPart, build_part
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "ConntrackMatch", "StateMatch"]

_SAVED_ORDER = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
_READ_ORDER = ("INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "SNAT", "DNAT")


@dataclass(frozen=True, slots=True)
class StateMatch:
    """`--ctstate` or `--state`: one of the states; SNAT and DNAT ask what translation the connection has."""

    field: ClassVar[str] = "ctstate"
    states: frozenset[str]
    negated: bool = False
    option: str = "ctstate"
    cut = no_cut

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
    """The packet's state, and the translations of its connection. What conntrack has not seen yet (table raw)
    or could not place is INVALID.
    """
    flow = skb.flow
    if flow is None:
        return (CtState.INVALID,)
    if flow.connection is None:
        return (flow.state,)
    status = flow.connection.status
    translated = tuple(
        name for name, bit in (("SNAT", Status.SRC_NAT), ("DNAT", Status.DST_NAT)) if status & bit
    )
    return (flow.state, *translated)


@dataclass(frozen=True, slots=True)
class ConntrackMatch:
    """A state, if any, and what else is asked of the connection, in the kernel's order.

    A packet without a connection is judged by its state alone; without a state to ask for it fails.
    """

    field: ClassVar[str] = "conntrack"
    state: StateMatch | None
    parts: tuple[FlowPart, ...]

    @property
    def may_be_unknown(self) -> bool:
        """Is there an option that is not always known?"""
        return any(part.may_be_unknown for part in self.parts)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if self.state is not None and not self.state.holds(skb, host):
            return False
        if skb.flow is None or skb.flow.connection is None:
            return self.state is not None
        return all(part.holds(skb, host) for part in self.parts)

    def cut(self, cuts: Cuts) -> bool:
        """What its options ask for."""
        return all(part.cut(cuts) for part in self.parts)

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return self.conditions(skb, host)[0]

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Each option on its own."""
        found = [] if self.state is None else [self.state.condition(skb, host)]
        if skb.flow is None or skb.flow.connection is None:
            return found or [Condition("connection", "any", "none", False)]
        return found + [part.condition(skb, host) for part in self.parts]

    def save(self) -> str:
        parts = [self.state.save()] if self.state is not None else []
        return " ".join(parts + [part.save() for part in self.parts])


def _parse_state(given: Given, option: str) -> StateMatch:
    """A list of states; each may be cut short, the first that begins so is meant (`conntrack_ps_state`)."""
    known = _READ_ORDER if option == "ctstate" else _READ_ORDER[:5]
    states: set[str] = set()
    for word in given.value.upper().split(","):
        meant = next((name for name in known if word and name.startswith(word)), None)
        if meant is None:
            raise RuleSyntaxError(f"unknown state {word!r}", given.value)
        states.add(meant)
    return StateMatch(frozenset(states), given.negated, option)


def _build(given: list[Given], family: Family) -> StateMatch | ConntrackMatch:
    state: StateMatch | None = None
    parts: list[FlowPart] = []
    for option in given:
        if option.option == "ctstate":
            state = _parse_state(option, "ctstate")
        else:
            parts.append(build_part(option, family))
    if state is None and not parts:
        raise RuleSyntaxError("-m conntrack needs at least one option")
    if not parts:
        assert state is not None
        return state
    order = list(FLOW_OPTIONS)
    return ConntrackMatch(state, tuple(sorted(parts, key=lambda part: order.index(part.option))))


def _build_state(given: list[Given], family: Family) -> StateMatch:
    if not given:
        raise RuleSyntaxError("-m state needs --state")
    return _parse_state(given[0], "state")


EXTENSIONS = (
    Extension(
        "conntrack",
        _build,
        {"--ctstate": Option("ctstate", 1, True)}
        | {f"--{name}": Option(name, 1, name != "ctdir") for name in FLOW_OPTIONS},
        modelled="partly",
        note="`--ctexpire` is unmodelled before the entry is confirmed (a first packet), and where a tick "
        "of the clock decides: `--ctexpire 30` of an entry that has just got its 30 seconds",
        source="net/netfilter/xt_conntrack.c",
    ),
    Extension(
        "state", _build_state, {"--state": Option("state", 1, True)}, source="net/netfilter/xt_state.c"
    ),
)
