"""Laws that compare: the same call in another cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from kproxysim.cluster import Cluster, Service
from kproxysim.cluster.addresses import parse_ip
from kproxysim.network import Trace, World
from kproxysim.packet import Address
from kproxysim.testing.call import Situation, again
from kproxysim.testing.invariants.narrowing import SERVED, TO_SERVICES
from kproxysim.testing.invariants.seen import seen
from kproxysim.testing.law import Broken, Examined, Law
from kproxysim.testing.meaning.mirror import mirrored
from kproxysim.testing.meaning.visits import gathered

__all__ = ["COMPARING", "UNKEPT", "outcome", "told"]

Outcome = dict[tuple[Any, ...], Any]


def outcome(trace: Trace) -> Outcome:
    """What becomes of a packet, with the fraction of each way; the order of ways means nothing."""
    found: Outcome = {}
    for branch in trace:
        way = (
            branch.disposition,
            branch.reason,
            str(branch.packet),
            branch.client_sees,
            branch.source,
            tuple(hop.where for hop in branch.hops),
        )
        found[way] = found.get(way, 0) + branch.probability
    return found


def told(found: Outcome) -> str:
    """The same, for people."""
    return "; ".join(
        f"{share} {way[0]} ({way[1]}) {way[2]}, the caller sees {way[3]}" for way, share in found.items()
    )


def _compared(situation: Situation, cluster: Cluster, change: str) -> Iterator[Broken | None]:
    other = again(situation.world, rules=situation.rules, cluster=cluster)
    then = outcome(Situation(other, situation.call).trace)
    now = outcome(situation.trace)
    if now == then:
        yield None
    else:
        yield Broken(f"{change} it ends otherwise: {told(then)}")


def _order(situation: Situation) -> Examined:
    if any(
        len(owed.serving) > 1 or not all(one.certain for one in owed.serving)
        for _, _, owed in seen(situation)
    ):
        return
    cluster = situation.world.cluster
    if len(cluster.services) + len(cluster.endpoint_slices) + len(cluster.nodes) < 2:
        return
    backwards = Cluster(cluster.nodes, cluster.services[::-1], cluster.endpoint_slices[::-1])
    yield from _compared(situation, backwards, "with the same objects in another order")


def _others(situation: Situation) -> Examined:
    """One of the Services that are not named is enough: each will be drawn sometime."""
    for service in situation.world.cluster.services:
        if not _is_named(service, situation):
            yield from _without(situation, service)
            return


def _taken(situation: Situation) -> Examined:
    """As `_others`, for a Service that is named only since one of its external IPs is somebody else's
    address.
    """
    owners = _owners(situation.world)
    for service in situation.world.cluster.services:
        taken = {
            address
            for address in map(parse_ip, service.spec.external_ips)
            if owners.get(address, service.key) != service.key
        }
        if taken and not _is_named(service, situation, but=taken):
            yield from _without(situation, service)
            return


def _without(situation: Situation, service: Service) -> Examined:
    cluster = situation.world.cluster
    rest = Cluster(
        cluster.nodes,
        [one for one in cluster.services if one is not service],
        [
            piece
            for piece in cluster.endpoint_slices
            if (piece.metadata.namespace, piece.service_name)
            != (service.metadata.namespace, service.metadata.name)
        ],
    )
    yield from _compared(situation, rest, f"without Service {service.key}, which this packet does not name,")


def _is_named(service: Service, situation: Situation, but: Iterable[Address] = ()) -> bool:
    """Is any address that the packet ever had one of the Service's, or a port one of its node ports?"""
    own = {*map(parse_ip, (*service.spec.external_ips, *_vips(service)))}
    own |= {parse_ip(text) for text in service.spec.cluster_ips if text != "None"}
    own -= set(but)
    node_ports = {port.node_port for port in service.spec.ports} | {service.spec.health_check_node_port}
    for group in gathered(situation.trace):
        came = group[0].came
        if came.dst in own or came.dport in node_ports - {0}:
            return True
    dialled = situation.trace.packet
    return dialled.dst in own or dialled.dport in node_ports - {0}


def _vips(service: Service) -> list[str]:
    return [one.ip for one in service.status.load_balancer.ingress if one.ip]


def _owners(world: World) -> dict[Address, str]:
    """Addresses that somebody has by right: nodes, pods, cluster IPs."""
    found: dict[Address, str] = {}
    for node in world.cluster.nodes:
        for entry in node.status.addresses:
            if entry.type in ("InternalIP", "ExternalIP"):
                found[parse_ip(entry.address)] = f"node {node.name}"
    for pod in world.pods:
        found |= {parse_ip(text): f"pod {pod.key}" for text in pod.ips}
    for service in world.cluster.services:
        found |= {parse_ip(text): service.key for text in service.spec.cluster_ips if text != "None"}
    return found


def _mirror(situation: Situation) -> Examined:
    other = mirrored(situation.world, situation.call)
    if other is None or any(branch.reason == "own-address-as-source" for branch in situation.trace):
        return
    if situation.rules is not None:
        other = replace(other, world=again(other.world, rules=situation.rules))
    now, then = _without_addresses(situation.trace), _without_addresses(other.trace)
    if now == then:
        yield None
    else:
        yield Broken(
            f"with IPv6 addresses in place of IPv4 it ends otherwise: {_short(then)} instead of {_short(now)}"
        )


def _short(found: Outcome) -> str:
    return "; ".join(f"{share} {' '.join(map(str, way[:5]))}" for way, share in found.items())


def _without_addresses(trace: Trace) -> Outcome:
    found: Outcome = {}
    for branch in trace:
        reached = branch.delivered_to
        seen_by_client = branch.client_sees if branch.client_sees in ("answered", "timeout") else "an error"
        way = (
            branch.disposition,
            seen_by_client,
            branch.source,
            "" if reached is None else reached.pod or reached.node,
            branch.packet.dport,
            tuple((hop.kind, hop.where if hop.kind in ("node", "pod") else "") for hop in branch.hops),
        )
        found[way] = found.get(way, 0) + branch.probability
    return found


_PROXIER = "pkg/proxy/iptables/proxier.go"

COMPARING = (
    Law(
        "order-means-nothing",
        "The same cluster means the same, in whatever order its objects are listed.",
        f"maps of Services and endpoints in {_PROXIER} have no order",
        _order,
        condition="not for an address and port that two Services claim: nobody says which of them has it",
        scenario="scenarios/threads/k8s-69599-two-owners.yaml",
        compares=True,
        clusters={**SERVED, "services": (2, 3)},
        calls=TO_SERVICES,
    ),
    Law(
        "other-services-mean-nothing",
        "Adding a Service changes nothing for packets that do not name it.",
        "Kubernetes documentation, Service: an address and port belong to one Service",
        _others,
        condition="an external IP names whatever it says: see nobodys-address-is-taken",
        scenario="scenarios/hijacking.yaml",
        compares=True,
        clusters={**SERVED, "services": (2, 3)},
        calls=TO_SERVICES,
    ),
    Law(
        "families-mirror",
        "IPv6 does what IPv4 does.",
        f"one {_PROXIER} for each family",
        _mirror,
        condition="but for loopback addresses (IPv6 has no route_localnet, and no node ports there), "
        "the address that a sender with several chooses, the reverse-path filter and the drop of what comes "
        "from a host's own address, which IPv6 has not, and the kind of error that a caller sees",
        compares=True,
        clusters={**SERVED, "families": ("ipv4",)},
        calls=TO_SERVICES,
    ),
)

UNKEPT = (
    Law(
        "nobodys-address-is-taken",
        "Adding a Service changes nothing for packets to an address that is somebody else's: a node's, a "
        "pod's, another Service's.",
        "CVE-2020-8554; KEP-2200 (DenyServiceExternalIPs), KEP-5707",
        _taken,
        condition="kube-proxy does not keep this law: spec.externalIPs may name any address, and takes it",
        scenario="scenarios/hijacking.yaml",
        compares=True,
        clusters={**SERVED, "external_ips": ("internal", "taken")},
        calls=TO_SERVICES,
    ),
)
