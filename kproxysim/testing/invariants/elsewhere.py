"""Laws that compare two calls in one world: by another address, at another node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from ipaddress import ip_address

from kproxysim.cluster.addresses import parse_ip
from kproxysim.network import Trace
from kproxysim.packet import Address, format_endpoint
from kproxysim.testing.call import Call, Situation
from kproxysim.testing.invariants.narrowing import SERVED, TO_SERVICES
from kproxysim.testing.invariants.seen import seen
from kproxysim.testing.law import Broken, Examined, Law
from kproxysim.testing.meaning.promise import CLUSTER_IP, EXTERNAL_IP, NODE_PORT, Claim
from kproxysim.testing.meaning.selection import End, has_hints
from kproxysim.testing.meaning.visits import Visit, gathered

__all__ = ["ELSEWHERE"]


def _node_port(situation: Situation) -> Examined:
    call = situation.call
    for proxy, group, owed in seen(situation):
        promise = owed.only
        if promise is None or promise.claim.by != EXTERNAL_IP or group[0].number > 2:
            continue
        node_port = promise.claim.port.node_port
        if (
            not node_port
            or not proxy.has_node_ports_at(group[0].came.dst)
            or situation.trace.packet.sport == 0
        ):
            continue
        dialled = format_endpoint(situation.trace.packet.dst, node_port)
        other = Call(call.source, f"{dialled}/{promise.claim.port.protocol.lower()}", call.via)
        if any(branch.disposition == "filtered" for branch in situation.send(other)):
            return
        same_host = [
            {(str(visit.went.dst), visit.went.dport, str(visit.went.src)) for visit in visits}
            for visits in (group, *_as_far(situation.send(other), group[0]))
        ]
        if len(same_host) < 2:
            return
        if same_host[0] == same_host[1]:
            yield None
        else:
            yield Broken(
                f"dialled at {other.to}, the node port of the same Service, {group[0].node} hands it to "
                f"{sorted(same_host[1])} instead of {sorted(same_host[0])}"
            )
        return


def _as_far(trace: Trace, visit: Visit) -> Iterator[list[Visit]]:
    """The visit of the same node after the same others."""
    for group in gathered(trace):
        if (group[0].node, group[0].before) == (visit.node, visit.before):
            yield group
            return


def _alike(situation: Situation) -> Examined:
    """One of the other nodes is enough: each will be drawn sometime."""
    here = _handed(situation)
    if here is None or not _counts_everywhere(situation, here[1]):
        return
    group, claim = here
    at = _dialled_at(situation, group[0].node) if claim.by == NODE_PORT else _called_from(situation)
    for call in at:
        there = _handed(replace(situation, call=call))
        if there is None:
            continue
        now, then = _shares(group), _shares(there[0])
        if now == then:
            yield None
        else:
            yield Broken(
                f"{group[0].node} deals {claim} out as {_told(now)}, and if {call}, {there[0][0].node} does "
                f"as {_told(then)}"
            )
        return


def _handed(situation: Situation) -> tuple[list[Visit], Claim] | None:
    """The visits of the one node that hands the packet on, and for what it does."""
    if situation.endless:
        return None
    found = [
        (group, owed.only) for _, group, owed in seen(situation) if any(visit.translated for visit in group)
    ]
    if len(found) != 1 or found[0][1] is None:
        return None
    return found[0][0], found[0][1].claim


def _counts_everywhere(situation: Situation, claim: Claim) -> bool:
    """Does nothing keep the traffic near, and nothing send it where it went before?"""
    if claim.by not in (CLUSTER_IP, NODE_PORT) or claim.external_local or claim.internal_local:
        return False
    if has_hints(situation.world.cluster, claim.service):
        return False
    return situation.timeline is None or claim.service.spec.session_affinity != "ClientIP"


def _dialled_at(situation: Situation, node: str) -> Iterator[Call]:
    """The same node port at the other nodes' address of the same kind."""
    call, packet = situation.call, situation.packet
    nodes = {one.name: one for one in situation.world.cluster.nodes}
    kinds = [one.type for one in nodes[node].status.addresses if _is(one.address, packet.dst)]
    for other in nodes.values():
        for text in other.addresses(kinds[0]) if kinds and other.name != node else ():
            address = parse_ip(text)
            if address.version == packet.dst.version:
                yield replace(call, to=f"{format_endpoint(address, packet.dport)}/{packet.protocol}")


def _called_from(situation: Situation) -> Iterator[Call]:
    """The same cluster IP, by a pod of another node or by that node, as the caller is a pod or a node."""
    world, call = situation.world, situation.call
    version = situation.packet.dst.version
    kind, _, name = call.source.partition("/")
    if kind == "node":
        for other, own in world.topology.node_addresses.items():
            if other != name and version in own:
                yield replace(call, source=f"node/{other}")
    if kind == "pod":
        homes = {pod.key: pod.node for pod in world.pods}
        for pod in world.pods:
            can_call = f"pod/{pod.key}" in world.topology.hosts and any(
                ip_address(text).version == version for text in pod.ips
            )
            if can_call and pod.node != homes.get(name):
                yield replace(call, source=f"pod/{pod.key}")


def _is(text: str, address: Address) -> bool:
    try:
        return parse_ip(text) == address
    except ValueError:
        return False  # a Hostname


def _shares(group: list[Visit]) -> dict[End, Fraction]:
    whole = sum((visit.branch.probability for visit in group), Fraction(0))
    found: dict[End, Fraction] = {}
    for visit in group:
        end = (visit.went.dst, visit.went.dport or 0)
        found[end] = found.get(end, Fraction(0)) + visit.branch.probability / whole
    return found


def _told(shares: dict[End, Fraction]) -> str:
    return ", ".join(f"{share} to {format_endpoint(*end)}" for end, share in sorted(shares.items(), key=str))


_PROXIER = "pkg/proxy/iptables/proxier.go"

ELSEWHERE = (
    Law(
        "node-port-is-external-ip",
        "An external IP that is an address of the node, and a node port of the same Service at that address, "
        "lead to the same endpoints with the same source.",
        f"both jump to the port's KUBE-EXT chain in {_PROXIER}",
        _node_port,
        scenario="scenarios/nodeport-vs-externalip.yaml",
        clusters={
            **SERVED,
            "types": ("NodePort", "LoadBalancer"),
            "external_ips": ("internal",),
            "host_endpoints": False,
        },
        calls={**TO_SERVICES, "addresses": ("external IP",)},
    ),
    Law(
        "every-node-alike",
        "Which node is dialled at its node port, and from which node a cluster IP is called, makes no "
        "difference to who is reached.",
        "Kubernetes documentation, Service, type NodePort; CategorizeEndpoints in pkg/proxy/topology.go",
        _alike,
        condition="under policy Cluster, without hints that keep traffic near, and where nodePortAddresses "
        "let both nodes serve",
        scenario="scenarios/traffic-policy-local.yaml",
        clusters={
            **SERVED,
            "nodes": (2, 3),
            "external_policies": ("Cluster",),
            "internal_policies": ("Cluster",),
            "hints": False,
        },
        calls={**TO_SERVICES, "addresses": ("cluster IP", "node port")},
    ),
)
