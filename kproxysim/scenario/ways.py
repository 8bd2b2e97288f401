"""Ways that things went, side by side: each a world of its own with its chance; and their packets as one
trace.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from kproxysim.network import Branch, Exchange, Hop, Session, Trace, World
from kproxysim.scenario.check import receiver_name
from kproxysim.values import dataclass

__all__ = ["Stand", "Way", "combined", "stand_of"]


class Stand(NamedTuple):
    """How something stands: a connection, as `Session.state` says it, or a packet, as its client sees it.

    `detail`: who serves it; or, where nobody does, why not, as a code.
    """

    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """One way that all steps so far went.

    `connections` are those of the scenario by name, as they were last seen, closed ones included; `stands` is
    how they stand; `ports` are all source ports that clients used so far.
    """

    probability: Fraction
    probability_kernel: Fraction
    world: World
    connections: Mapping[str, Session]
    stands: Mapping[str, Stand]
    ports: frozenset[int] = frozenset()

    def with_exchange(self, name: str, exchange: Exchange) -> Way:
        """The same way after something happened on a connection; one without a name is not followed."""
        session = exchange.session
        sport = session.packet.sport
        ports = self.ports if sport is None else self.ports | {sport}
        if not name:
            return replace(self, ports=ports)
        stand = self.stands.get(name, Stand(""))
        if exchange.trace is not None:
            stand = stand_of(exchange.trace[0])
        served = receiver_name(session.served) if session.served is not None else ""
        stand = Stand(session.state, {"open": served, "closed": ""}.get(session.state, stand.detail))
        return replace(
            self,
            connections={**self.connections, name: session},
            stands={**self.stands, name: stand},
            ports=ports,
        )


def stand_of(branch: Branch) -> Stand:
    """How one way of a packet ended."""
    if branch.client_sees == "answered" and branch.delivered_to is not None:
        return Stand(branch.client_sees, receiver_name(branch.delivered_to))
    if branch.delivered_to is not None and branch.reply is not None:
        return Stand(branch.client_sees, branch.reply.reason)
    return Stand(branch.client_sees, branch.reason)


def combined(traces: Iterable[tuple[Way, Trace]]) -> Trace:
    """What became of one packet in all ways together. Branches that took the same road to the same end are
    one, shown as the first of them.
    """
    pairs = list(traces)
    if len(pairs) == 1 and pairs[0][0].probability == 1:
        return pairs[0][1]
    found: dict[Hashable, Branch] = {}
    for way, trace in pairs:
        for branch in trace:
            one = replace(
                branch,
                probability=way.probability * branch.probability,
                probability_kernel=way.probability_kernel * branch.probability_kernel,
            )
            key = _road(one)
            same = found.get(key)
            found[key] = one if same is None else _joined(same, one)
    first = pairs[0][1]
    return replace(
        first,
        branches=tuple(found.values()),
        assumptions=tuple(dict.fromkeys(text for _, trace in pairs for text in trace.assumptions)),
        notes=tuple(dict.fromkeys(text for _, trace in pairs for text in trace.notes)),
    )


def _joined(one: Branch, other: Branch) -> Branch:
    return replace(
        one,
        probability=one.probability + other.probability,
        probability_kernel=one.probability_kernel + other.probability_kernel,
    )


def _road(branch: Branch) -> Hashable:
    """The places that a packet and its answer came by, and how it ended."""
    reply = branch.reply
    back = () if reply is None else (reply.disposition, reply.reason, _places(reply.hops))
    reached = branch.delivered_to
    who = None if reached is None else (reached.ip, reached.port, reached.node)
    ends = (branch.disposition, branch.reason, branch.detail, branch.client_sees, branch.source)
    return ends, who, _places(branch.hops), back


def _places(hops: Iterable[Hop]) -> Hashable:
    return tuple((hop.where, tuple(step.at for step in hop.steps)) for hop in hops)
