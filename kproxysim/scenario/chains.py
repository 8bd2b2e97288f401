"""Chains by role and Service: what `KUBE-EXT-JNAUE2DZ25YGAW2B` is called in a scenario.

kube-proxy's names are hashes of what they are for, so they can be worked out from the cluster, for its own
rules as well as for a real node's dump.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.cluster import Cluster, EndpointSlice, Service
from kproxysim.cluster.addresses import parse_ip
from kproxysim.kubeproxy.names import endpoint_chain, port_hash, service_port_name
from kproxysim.packet import format_endpoint

__all__ = ["ENDPOINT_ROLE", "PORT_ROLES", "chain_names"]

PORT_ROLES = ("KUBE-SVC", "KUBE-SVL", "KUBE-EXT", "KUBE-FW")
"""Roles of a Service port's chains: all endpoints, local ones, traffic from outside, source ranges."""

ENDPOINT_ROLE = "KUBE-SEP"
"""The role of the chain that one endpoint of a Service's port has."""


def _service_ports(cluster: Cluster) -> Iterator[tuple[str, str, Service]]:
    """Each port of each Service as kube-proxy names it (`default/echo:http`), with its protocol."""
    for service in cluster.services:
        for port in service.spec.ports:
            meta = service.metadata
            yield service_port_name(meta.namespace, meta.name, port.name), port.protocol.lower(), service


def chain_names(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """The names that a scenario may use for each chain of a Service or an endpoint.

    An endpoint's chain goes by its address and by its pod: `KUBE-SEP default/echo:http default/echo-1`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, protocol, service in _service_ports(cluster):
        tail = port_hash(name, protocol)
        found.update({f"{role}-{tail}": (f"{role} {name}",) for role in PORT_ROLES})
        for piece in cluster.endpoint_slices:
            if (piece.metadata.namespace, piece.service_name) != (
                service.metadata.namespace,
                service.metadata.name,
            ):
                continue
            for endpoint, who in _endpoints(piece, name.partition(":")[2]):
                called = tuple(f"{ENDPOINT_ROLE} {name} {one}" for one in (endpoint, who) if one)
                found[endpoint_chain(name, protocol, endpoint)] = called
    return found


def _endpoints(piece: EndpointSlice, port_name: str) -> Iterator[tuple[str, str]]:
    """Each endpoint at one port as (`address:port`, pod)."""
    if piece.address_type == "FQDN":
        return
    for port in piece.ports:
        if port.name != port_name or not port.port:
            continue
        for endpoint in piece.endpoints:
            target = endpoint.target_ref
            pod = (
                f"{target.namespace or piece.metadata.namespace}/{target.name}"
                if target and target.name
                else ""
            )
            for text in endpoint.addresses[:1]:
                yield format_endpoint(parse_ip(text), port.port), pod
