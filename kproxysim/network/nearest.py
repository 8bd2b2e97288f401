"""Why not: of the rules that a packet passed, the one that its sender hoped for.

That is the rule that would have matched the packet as it was dialled, had nothing rewritten it on the way;
where there is none, the rule that misses by one condition only; of several such rules the one whose address,
and then whose port, comes closest. Rules that dispatch by Service are looked at, since nobody hopes for a
masquerade rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kproxysim.netfilter.condition import Condition
from kproxysim.netfilter.matches.header import PrefixMatch
from kproxysim.netfilter.matches.ports import PortMatch, PortsMatch
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.network.trace import Hop, Nearest
from kproxysim.packet import Packet

__all__ = ["distance", "find_nearest"]

_DISPATCHING = ("KUBE-SERVICES", "KUBE-NODEPORTS")
_Rank = tuple[bool, int, int, int]

_NAMING = ("src", "dst", "sport", "dport", "protocol")


def find_nearest(sent: Packet, hops: Iterable[Hop]) -> Nearest | None:
    """The rule that `sent` missed by least on its way.

    None if no rule came near, or if the packet did come into a Service's chains: what stopped it is said.
    """
    hops = tuple(hops)
    if any(_dispatched(step) for hop in hops for step in hop.steps):
        return None
    best: tuple[_Rank, Nearest] | None = None
    for order, (step, missed) in enumerate(_missed(hops)):
        found = _judge(sent, step, missed)
        if found is None:
            continue
        rank = (not found.as_dialled, found.total - found.held, distance(missed), order)
        if best is None or rank < best[0]:
            best = (rank, found)
    return None if best is None else best[1]


def distance(missed: Missed) -> int:
    """How far a packet's destination is from the rule's, in bits: of the address where they differ, of the
    distance between the ports else.

    A wrong port weighs as much as an address in another /30 at least: who has the port right, and an address
    nearby, meant that rule.
    """
    skb = missed.skb
    for match in (*missed.meaning.header, *(match for _, match in missed.meaning.extensions)):
        if isinstance(match, PrefixMatch) and match.side == "dst" and not match.holds(skb, missed.host):
            return ((skb.dst ^ match.network) & match.mask).bit_length()
        if isinstance(match, PortsMatch):
            steps = sum(abs(part.low - skb.dport) for part in match.parts if isinstance(part, PortMatch))
            if steps:
                return steps.bit_length() + 2
    return 0


def _dispatched(step: object) -> bool:
    """Did a rule hand the packet to a Service?"""
    if not isinstance(step, Walked) or step.meaning is None or step.chain not in _DISPATCHING:
        return False
    target = step.meaning.target
    return step.table == "nat" and isinstance(target, Jump) and target.chain not in _DISPATCHING


def _missed(hops: Iterable[Hop]) -> Iterator[tuple[Walked, Missed]]:
    for hop in hops:
        for step in hop.steps:
            if isinstance(step, Walked) and step.table == "nat" and step.chain in _DISPATCHING:
                for missed in step.missed:
                    yield step, missed


def _judge(sent: Packet, step: Walked, missed: Missed) -> Nearest | None:
    target = missed.meaning.target
    if not isinstance(target, Jump) or target.chain in _DISPATCHING:
        return None
    conditions = _unique(missed.conditions())
    failed = [condition for condition in conditions if not condition.held]
    dialled = Skb.of(sent, iif=missed.skb.iif, oif=missed.skb.oif)
    as_dialled = all(
        condition.held
        for condition in missed.meaning.conditions(dialled, missed.host)
        if condition.field in _NAMING
    )
    if not failed or (len(failed) > 1 and not as_dialled):
        return None
    if not as_dialled and (failed[0].field not in _NAMING or len(conditions) < 2):
        return None
    return Nearest(
        missed=missed,
        at=f"{step.table}:{step.chain}:rule:{missed.number}",
        origin=missed.rule.origin,
        held=len(conditions) - len(failed),
        total=len(conditions),
        field=failed[0].field,
        wanted=failed[0].wanted,
        had=failed[0].had,
        as_dialled=as_dialled,
    )


def _unique(conditions: list[Condition]) -> list[Condition]:
    """Each condition once: `-p tcp -m tcp` asks for the protocol twice."""
    return list({(one.field, one.wanted): one for one in conditions}.values())
