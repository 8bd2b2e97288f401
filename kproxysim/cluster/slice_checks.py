"""What the API server would refuse in an EndpointSlice or a Node today though kube-proxy would act on it.

After `ValidateEndpointSlice` in pkg/apis/discovery/validation/validation.go and `ValidateNode` in
pkg/apis/core/validation/validation.go, kubernetes 1.30 to 1.36. An endpoint's address that is none is an
error: it depends on the slice's address type, so the model of an endpoint can't judge it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.cluster.findings import Finding, as_found
from kproxysim.cluster.models import Endpoint, EndpointSlice, Node
from kproxysim.cluster.names import (
    cidr_fault,
    domain_fault,
    ip_fault,
    label_fault,
    special_address_fault,
    subdomain_fault,
)
from kproxysim.cluster.paths import Path

__all__ = ["check_endpoint_slice", "check_node"]

HEADLESS_LABEL = "service.kubernetes.io/headless"

MAX_ENDPOINTS = 1000
MAX_PORTS = 20_000
MAX_ADDRESSES = 100
MAX_HINTS = 8


def check_endpoint_slice(piece: EndpointSlice) -> Iterator[Finding]:
    """Errors (KPS104), warnings (KPS2xx) and notes (KPS3xx) about one slice, in the order of its fields."""
    fault = subdomain_fault(piece.metadata.name)
    if fault:
        yield Finding("KPS217", f"the name {fault}", ("metadata", "name"), as_found(piece.metadata.name))
    if piece.address_type == "FQDN":
        message = "kube-proxy does not serve endpoints that are host names: it passes this slice over"
        yield Finding("KPS304", message, ("addressType",), '"FQDN"')
    elif HEADLESS_LABEL in piece.metadata.labels:
        message = "this slice belongs to a headless Service: kube-proxy does not watch it"
        yield Finding("KPS306", message, ("metadata", "labels", HEADLESS_LABEL))
    elif not piece.service_name:
        yield Finding(
            "KPS302",
            "this slice names no Service: kube-proxy passes it over",
            ("metadata", "labels"),
            help="the label kubernetes.io/service-name names it",
        )
    yield from _check_ports(piece)
    if len(piece.endpoints) > MAX_ENDPOINTS:
        message = f"a slice holds at most {MAX_ENDPOINTS} endpoints, and this one has {len(piece.endpoints)}"
        yield Finding("KPS218", message, ("endpoints",))
    for number, endpoint in enumerate(piece.endpoints):
        path: Path = ("endpoints", number)
        yield from _check_addresses(endpoint, piece.address_type, (*path, "addresses"))
        yield from _check_names(endpoint, path)


def _check_ports(piece: EndpointSlice) -> Iterator[Finding]:
    if len(piece.ports) > MAX_PORTS:
        message = f"a slice holds at most {MAX_PORTS} ports, and this one has {len(piece.ports)}"
        yield Finding("KPS218", message, ("ports",))
    names: set[str] = set()
    for number, port in enumerate(piece.ports):
        path: Path = ("ports", number)
        fault = label_fault(port.name) if port.name else ""
        if fault:
            yield Finding("KPS217", f"the port's name {fault}", (*path, "name"), as_found(port.name))
        if port.name in names:
            yield Finding("KPS220", "two ports of this slice have one name", path, as_found(port.name))
        if not port.port:
            yield Finding("KPS310", "a port without a number: kube-proxy passes it over", path)
        names.add(port.name)


def _check_addresses(endpoint: Endpoint, kind: str, path: Path) -> Iterator[Finding]:
    if not endpoint.addresses:
        yield Finding("KPS218", "an endpoint has at least one address", path)
    elif len(endpoint.addresses) > MAX_ADDRESSES:
        message = (
            f"an endpoint has at most {MAX_ADDRESSES} addresses, and this one has {len(endpoint.addresses)}"
        )
        yield Finding("KPS218", message, path)
    for number, text in enumerate(endpoint.addresses):
        where = (*path, number)
        if kind == "FQDN":
            fault = domain_fault(text)
            if fault:
                yield Finding("KPS219", f"this host name {fault}", where, as_found(text))
            continue
        try:
            address = parse_ip(text)
        except ValueError as error:
            yield Finding("KPS104", str(error), where, as_found(text), "write it as 10.0.0.1 or fd00::1")
            continue
        if kind != f"IPv{address.version}":
            message = f"this address is IPv{address.version}, and the slice's addressType says {kind}"
            yield Finding("KPS219", message, where, as_found(text))
        fault = ip_fault(text)
        if fault:
            yield Finding("KPS203", f"this address {fault}", where, as_found(text), f"write {address}")
        fault = special_address_fault(text)
        if fault:
            yield Finding("KPS211", f"an endpoint can't have this address: it {fault}", where, as_found(text))


def _check_names(endpoint: Endpoint, path: Path) -> Iterator[Finding]:
    if endpoint.node_name is not None and subdomain_fault(endpoint.node_name):
        message = f"the node's name {subdomain_fault(endpoint.node_name)}"
        yield Finding("KPS217", message, (*path, "nodeName"), as_found(endpoint.node_name))
    if endpoint.hostname is not None and label_fault(endpoint.hostname):
        message = f"the host name {label_fault(endpoint.hostname)}"
        yield Finding("KPS217", message, (*path, "hostname"), as_found(endpoint.hostname))
    if not (endpoint.hints.for_zones or endpoint.hints.for_nodes):
        return
    for field, hints in (("forZones", endpoint.hints.for_zones), ("forNodes", endpoint.hints.for_nodes)):
        where = (*path, "hints", field)
        if len(hints) > MAX_HINTS:
            message = f"an endpoint has at most {MAX_HINTS} hints of a kind, and this one has {len(hints)}"
            yield Finding("KPS225", message, where)
        if len({hint.name for hint in hints}) != len(hints):
            yield Finding("KPS225", "a hint stands twice", where)


def check_node(node: Node) -> Iterator[Finding]:
    """Warnings (KPS2xx) about one Node, in the order of its fields."""
    fault = subdomain_fault(node.name)
    if fault:
        yield Finding("KPS217", f"the name {fault}", ("metadata", "name"), as_found(node.name))
    written = "podCIDRs" if "pod_cidrs" in node.spec.model_fields_set else "podCIDR"
    for number, text in enumerate(node.spec.pod_cidrs):
        fault = cidr_fault(text)
        if fault:
            path: Path = ("spec", "podCIDRs", number) if written == "podCIDRs" else ("spec", "podCIDR")
            yield Finding("KPS204", f"this prefix {fault}", path, as_found(text), f"write {parse_cidr(text)}")
    versions = [parse_cidr(text).version for text in node.spec.pod_cidrs]
    if len(versions) != len(set(versions)):
        yield Finding("KPS221", "a node has at most one pod CIDR of each family", ("spec", written))
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(node.status.addresses):
        if (entry.type, entry.address) in seen:
            message = "this address of the node stands twice"
            yield Finding("KPS222", message, ("status", "addresses", number), as_found(entry.address))
        seen.add((entry.type, entry.address))
