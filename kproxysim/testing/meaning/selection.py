"""Which endpoints of a Service's port may serve at a node.

Sources: Kubernetes documentation, "EndpointSlices", "Service Internal Traffic Policy", "Virtual IPs and
Service Proxies" (traffic policies, terminating endpoints), "Topology Aware Routing"; `CategorizeEndpoints` in
pkg/proxy/topology.go where those are silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kproxysim.cluster import Cluster, Service, ServicePort
from kproxysim.cluster.addresses import parse_ip
from kproxysim.packet import Address
from kproxysim.testing.meaning.settings import Proxy

__all__ = ["Choice", "End", "choice_of", "has_hints"]

SERVICE_NAME = "kubernetes.io/service-name"
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
HEADLESS = "service.kubernetes.io/headless"
HINTS_ANNOTATION = "service.kubernetes.io/topology-aware-hints"
MODE_ANNOTATION = "service.kubernetes.io/topology-mode"

End = tuple[Address, int]
"""An endpoint's address and target port."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An entry of a slice for one port."""

    end: End
    node: str
    ready: bool
    draining: bool
    zones: frozenset[str]
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Choice:
    """Endpoints of one port at one node: under policy Cluster, under policy Local.

    `usable`: is there one anywhere that could serve? `certain`: is there no doubt? Where one endpoint stands
    in two entries that say different things, which one counts is kube-proxy's own affair; `possible` are all
    that serve by some entry.
    """

    cluster: frozenset[End]
    local: frozenset[End]
    usable: bool
    certain: bool
    possible: frozenset[End]


def choice_of(proxy: Proxy, service: Service, port: ServicePort) -> Choice:
    """Ready endpoints, those that hints name for this node; terminating ones that serve, if there are no
    others.
    """
    entries = list(_entries(proxy, service, port))
    by_end: dict[End, list[_Candidate]] = {}
    for entry in entries:
        by_end.setdefault(entry.end, []).append(entry)
    certain = all(len(set(same)) == 1 for same in by_end.values())
    found = [same[0] for same in by_end.values()]
    ready = [one for one in found if one.ready]
    draining = [one for one in found if one.draining] if proxy.has("ProxyTerminatingEndpoints") else []
    everywhere = _hinted(proxy, service, ready) or ready or draining
    here = [one for one in ready if one.node == proxy.name] or [
        one for one in draining if one.node == proxy.name
    ]
    possible = _ends(one for one in entries if one.ready or one.draining)
    return Choice(_ends(everywhere), _ends(here), bool(ready or draining), certain, possible)


def _ends(candidates: Iterable[_Candidate]) -> frozenset[End]:
    return frozenset(one.end for one in candidates)


def _entries(proxy: Proxy, service: Service, port: ServicePort) -> Iterable[_Candidate]:
    for piece in proxy.world.cluster.endpoint_slices:
        labels = piece.metadata.labels
        if (
            piece.metadata.namespace != service.metadata.namespace
            or HEADLESS in labels
            or PROXY_NAME in labels
        ):
            continue
        if labels.get(SERVICE_NAME) != service.metadata.name or piece.address_type != f"IPv{proxy.version}":
            continue
        numbers = [
            one.port
            for one in piece.ports
            if (one.name, one.protocol) == (port.name, port.protocol) and one.port
        ]
        for endpoint in piece.endpoints:
            for number in numbers:
                if not endpoint.addresses:
                    continue
                conditions = endpoint.conditions
                is_ready = conditions.ready is not False
                yield _Candidate(
                    (parse_ip(endpoint.addresses[0]), number),
                    endpoint.node_name or "",
                    is_ready,
                    not is_ready and conditions.serving is not False and conditions.terminating is True,
                    frozenset(hint.name for hint in endpoint.hints.for_zones),
                    frozenset(hint.name for hint in endpoint.hints.for_nodes),
                )


def _hinted(proxy: Proxy, service: Service, ready: list[_Candidate]) -> list[_Candidate]:
    """Those that hints keep for this node or else its zone. Hints count if every ready endpoint has them."""
    if not ready:
        return []
    if proxy.has("PreferSameTrafficDistribution") and all(one.nodes for one in ready):
        near = [one for one in ready if proxy.name in one.nodes]
        if near:
            return near
    if proxy.zone and _zones_count(proxy, service) and all(one.zones for one in ready):
        return [one for one in ready if proxy.zone in one.zones]
    return []


def _zones_count(proxy: Proxy, service: Service) -> bool:
    """Do zone hints count for this Service? From 1.31 on always, before if an annotation asks for them."""
    if not proxy.has("TopologyAwareHints"):
        return False
    if proxy.has("ServiceTrafficDistribution"):
        return True
    annotations = service.metadata.annotations
    if proxy.minor < 27:
        return annotations.get(HINTS_ANNOTATION, "") in ("Auto", "auto")
    asked = annotations.get(HINTS_ANNOTATION, annotations.get(MODE_ANNOTATION, ""))
    return asked not in ("", "Disabled", "disabled")


def has_hints(cluster: Cluster, service: Service) -> bool:
    """Does a slice of the Service say near whom an endpoint is?"""
    return any(
        endpoint.hints.for_zones or endpoint.hints.for_nodes
        for piece in cluster.endpoint_slices
        if piece.metadata.namespace == service.metadata.namespace
        and piece.metadata.labels.get(SERVICE_NAME) == service.metadata.name
        for endpoint in piece.endpoints
    )
