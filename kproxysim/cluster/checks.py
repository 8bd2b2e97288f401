"""All that is said about a cluster as a whole: each object by itself, and objects beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kproxysim.cluster.findings import Finding, Subject, as_found
from kproxysim.cluster.models import CLUSTER_IP_NONE, EndpointSlice, Node, Service
from kproxysim.cluster.paths import Path
from kproxysim.cluster.service_checks import check_service
from kproxysim.cluster.slice_checks import HEADLESS_LABEL, check_endpoint_slice, check_node
from kproxysim.values import dataclass

__all__ = ["Item", "check_all", "without_copies"]

Model = Node | Service | EndpointSlice


@dataclass(frozen=True, slots=True)
class Item:
    """An object and where it was written."""

    subject: Subject
    model: Model


def without_copies(items: Iterable[Item]) -> tuple[list[Item], list[tuple[Subject, Finding]]]:
    """Each object once, and what is to be said about those that are there twice.

    The same text twice is a note (KPS308), as overlapping dumps hold it; two different objects of one name
    are an error (KPS114), since nothing tells which one is meant.
    """
    first: dict[tuple[type, str, str], Item] = {}
    findings: list[tuple[Subject, Finding]] = []
    for item in items:
        metadata = item.model.metadata
        key = (type(item.model), metadata.namespace, metadata.name)
        other = first.setdefault(key, item)
        if other is item:
            continue
        title = item.subject.title
        if other.model == item.model:
            finding = Finding(
                "KPS308", f"{title} is here a second time, the same as before", ("metadata", "name")
            )
        else:
            message = f"{title} is here a second time, and differs"
            finding = Finding("KPS114", message, ("metadata", "name"), help="keep the one that you mean")
        findings.append((item.subject, finding))
    return list(first.values()), findings


def check_all(items: Sequence[Item]) -> Iterator[tuple[Subject, Finding]]:
    """Errors, warnings and notes about the objects of one cluster."""
    services: dict[str, tuple[Subject, Service]] = {}
    slices: list[tuple[Subject, EndpointSlice]] = []
    nodes: list[Node] = []
    for item in items:
        model = item.model
        if isinstance(model, Service):
            services[model.key] = (item.subject, model)
            found = check_service(model)
        elif isinstance(model, EndpointSlice):
            slices.append((item.subject, model))
            found = check_endpoint_slice(model)
        else:
            nodes.append(model)
            found = check_node(model)
        for finding in found:
            yield item.subject, finding
    yield from _check_claims(services.values())
    yield from _check_pods(slices, {address for node in nodes for address in node.addresses("InternalIP")})
    yield from _check_slices(slices, {key: service for key, (_, service) in services.items()})


def _check_claims(services: Iterable[tuple[Subject, Service]]) -> Iterator[tuple[Subject, Finding]]:
    """Node ports and cluster IPs come from one pool for all Services: the API server gives each to one of
    them.

    `portallocator` and `ipallocator` in pkg/registry/core/service; a node port counts for all protocols at
    once.
    """
    ports: dict[int, str] = {}
    addresses: dict[str, str] = {}
    for subject, service in services:
        spec = service.spec
        own: list[tuple[Path, int]] = [
            (("ports", number, "nodePort"), port.node_port) for number, port in enumerate(spec.ports)
        ]
        own.append((("healthCheckNodePort",), spec.health_check_node_port))
        for path, number in own:
            owner = ports.setdefault(number, service.key) if number else service.key
            if owner != service.key:
                message = f"node port {number} is already that of Service {owner}"
                yield subject, Finding("KPS201", message, ("spec", *path), as_found(number))
        for text in dict.fromkeys((spec.cluster_ip, *spec.cluster_ips)):
            owner = addresses.setdefault(text, service.key)
            if text and text != CLUSTER_IP_NONE and owner != service.key:
                message = f"cluster IP {text} is already that of Service {owner}"
                yield subject, Finding("KPS229", message, ("spec", "clusterIP"), as_found(text))


def _check_pods(
    slices: Iterable[tuple[Subject, EndpointSlice]], of_nodes: set[str]
) -> Iterator[tuple[Subject, Finding]]:
    """Two pods with one address, not their node's. One that serves no more may have lost its own already."""
    owners: dict[str, tuple[str, str]] = {}
    for subject, piece in slices:
        for number, endpoint in enumerate(piece.endpoints):
            pod, addresses = endpoint.target_ref, endpoint.addresses
            if pod is None or pod.kind != "Pod" or not addresses or addresses[0] in of_nodes:
                continue
            if endpoint.conditions.serving is False:
                continue
            key = (pod.namespace or piece.metadata.namespace, pod.name)
            owner = owners.setdefault(addresses[0], key)
            if owner != key:
                message = f"{addresses[0]} is already the address of pod {'/'.join(owner)}"
                path: Path = ("endpoints", number, "addresses", 0)
                yield subject, Finding("KPS235", message, path, as_found(addresses[0]))


def _check_slices(
    slices: Iterable[tuple[Subject, EndpointSlice]], services: dict[str, Service]
) -> Iterator[tuple[Subject, Finding]]:
    """Slices that no rule comes of, since they do not meet a Service or a port of it."""
    for subject, piece in slices:
        if not piece.service_name or piece.address_type == "FQDN" or HEADLESS_LABEL in piece.metadata.labels:
            continue
        service = services.get(f"{piece.metadata.namespace}/{piece.service_name}")
        if service is None:
            message = f"there is no Service {piece.metadata.namespace}/{piece.service_name} for this slice"
            path = ("metadata", "labels", "kubernetes.io/service-name")
            yield subject, Finding("KPS301", message, path, as_found(piece.service_name))
            continue
        if service.spec.is_headless or service.spec.type == "ExternalName":
            continue
        known = {(port.name, port.protocol) for port in service.spec.ports}
        for number, port in enumerate(piece.ports):
            if port.port and (port.name, port.protocol) not in known:
                name = f"{port.name}/{port.protocol}" if port.name else f"without a name/{port.protocol}"
                message = f"Service {service.key} has no port {name}: no rule uses this one"
                yield subject, Finding("KPS309", message, ("ports", number, "name"), as_found(port.name))
