"""What laws look at: each node that a packet passed, with what it owed the packet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from kproxysim.packet import format_endpoint
from kproxysim.testing.call import Situation
from kproxysim.testing.meaning.promise import Owed, owed
from kproxysim.testing.meaning.selection import End
from kproxysim.testing.meaning.settings import Proxy
from kproxysim.testing.meaning.visits import Visit, gathered

__all__ = ["Seen", "end_text", "ended_by_routing", "reaching", "seen"]

Seen = tuple[Proxy, list[Visit], Owed]
"""A node's kube-proxy, the visits there that chance has not told apart when the packet came, and what it
owes.
"""


def seen(situation: Situation) -> list[Seen]:
    """Each node that the packet came to, in any branch."""
    return situation.known("nodes seen", lambda: list(_seen(situation)))


def _seen(situation: Situation) -> Iterator[Seen]:
    world = situation.world
    nodes = {node.name: node for node in world.cluster.nodes}
    for group in gathered(situation.trace):
        first = group[0]
        proxy = Proxy(world, nodes[first.node], first.came.family)
        yield proxy, group, owed(proxy, first)


def ended_by_routing(visit: Visit) -> bool:
    """Did the packet end at this node for reasons that Services have no part in?

    Sources that may not be (martians, the reverse-path filter), no route, no forwarding, a next hop that
    nobody answers for.
    """
    return visit.ends_here and visit.branch.disposition in ("martian", "no-route", "unreachable")


def reaching(situation: Situation, group: list[Visit], owed: Owed) -> dict[str, Any]:
    """What a scenario would expect: each endpoint has its share. Nothing where this node sees a part of the
    packets only, or somebody does not listen.
    """
    pods = situation.world.pods
    sockets = {(address, socket) for pod in pods for address in pod.ips for socket in pod.listening}
    protocol = group[0].came.protocol
    listening = all((str(address), f"{protocol}/{port}") in sockets for address, port in owed.ends)
    whole = sum((visit.branch.probability for visit in group), Fraction(0)) == 1
    if owed.only is None or not (listening and whole):
        return {}
    ends = sorted(format_endpoint(*end) for end in owed.ends)
    return {"reaches": ends if len(ends) > 1 else ends[0]}


def end_text(ends: Iterable[End]) -> str:
    """Addresses and ports, for people."""
    return ", ".join(sorted(format_endpoint(*end) for end in ends)) or "none"
