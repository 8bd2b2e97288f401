"""Which nodes take a load balancer's address: what a cloud's health checks would find.

A balancer spreads over nodes that answer the health check: all of them under policy Cluster, those with a
ready endpoint of their own under policy Local (pkg/proxy/healthcheck/service_health.go). Where two Services
share an address, a node that answers for one of them takes it.
"""

from __future__ import annotations

from kproxysim.cluster import Cluster, Service
from kproxysim.cluster.addresses import parse_ip
from kproxysim.packet import Address

__all__ = ["balanced_addresses"]

_SERVICE_LABEL = "kubernetes.io/service-name"


def balanced_addresses(cluster: Cluster) -> dict[Address, tuple[str, ...]]:
    """Each address of `status.loadBalancer.ingress` with the nodes that take it, in the order of the Node
    objects.
    """
    found: dict[Address, set[str]] = {}
    for service in cluster.services:
        for entry in service.status.load_balancer.ingress:
            if entry.ip and entry.ip_mode != "Proxy":
                found.setdefault(parse_ip(entry.ip), set()).update(_takers(cluster, service))
    return {
        address: tuple(node.name for node in cluster.nodes if node.name in names)
        for address, names in found.items()
    }


def _takers(cluster: Cluster, service: Service) -> set[str]:
    if service.spec.external_traffic_policy != "Local":
        return {node.name for node in cluster.nodes}
    return {
        endpoint.node_name
        for piece in cluster.endpoint_slices
        if piece.metadata.namespace == service.metadata.namespace
        and (piece.metadata.labels or {}).get(_SERVICE_LABEL) == service.metadata.name
        for endpoint in piece.endpoints
        if endpoint.node_name and endpoint.conditions.ready is not False
    }
