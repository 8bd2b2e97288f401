"""Pods: where they run, what addresses they have, what they listen on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kproxysim.cluster import Cluster, EndpointSlice
from kproxysim.cluster.addresses import parse_ip
from kproxysim.values import dataclass

__all__ = ["Pod", "brought_by", "pods_of"]


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod. `node` is empty where nobody says; `listening` holds sockets such as "tcp/8080".

    A `host_network` pod has its node's address and no network of its own.
    """

    namespace: str
    name: str
    node: str
    ips: tuple[str, ...]
    listening: tuple[str, ...] = ()
    host_network: bool = False

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


def pods_of(cluster: Cluster, others: Iterable[Pod] = ()) -> tuple[Pod, ...]:
    """The pods behind the endpoints of a cluster, joined with `others` of the same name; in stable order.

    Each listens on the ports that its EndpointSlices name, since an endpoint is a promise of just that. An
    endpoint without targetRef is called by its address.
    """
    node_addresses = {
        str(parse_ip(entry.address))
        for node in cluster.nodes
        for entry in node.status.addresses
        if entry.type in ("InternalIP", "ExternalIP")
    }
    found: dict[str, Pod] = {pod.key: _as_printed(pod) for pod in others}
    for piece in cluster.endpoint_slices:
        if piece.address_type not in ("IPv4", "IPv6"):
            continue
        sockets = tuple(f"{port.protocol.lower()}/{port.port}" for port in piece.ports if port.port)
        for endpoint in piece.endpoints:
            if not endpoint.addresses:
                continue
            address = str(parse_ip(endpoint.addresses[0]))
            reference = endpoint.target_ref
            namespace = (reference.namespace if reference else "") or piece.metadata.namespace
            name = (reference.name if reference and reference.kind in ("", "Pod") else "") or address
            known = found.get(f"{namespace}/{name}")
            found[f"{namespace}/{name}"] = Pod(
                namespace,
                name,
                (known.node if known else "") or endpoint.node_name or "",
                _joined(known.ips if known else (), (address,)),
                _joined(known.listening if known else (), sockets),
                address in node_addresses or bool(known and known.host_network),
            )
    return tuple(found[key] for key in sorted(found))


def brought_by(
    slices: Iterable[EndpointSlice], cluster: Cluster, pods: Iterable[Pod], removed: Iterable[tuple[str, str]]
) -> tuple[Pod, ...]:
    """The pods after EndpointSlices were applied: those of before, and those that the slices name.

    A pod that is named with another address than before is a new one: it has that address. Pods that were
    `removed`, by name and address, do not come back by being named still.
    """
    gone = set(removed)
    found = {pod.key: pod for pod in pods}
    for pod in pods_of(Cluster(cluster.nodes, (), slices, findings=())):
        ips = tuple(address for address in pod.ips if (pod.key, address) not in gone)
        if not ips:
            continue
        known = found.get(pod.key)
        if known is not None:
            families = {parse_ip(address).version for address in ips}
            kept = tuple(address for address in known.ips if parse_ip(address).version not in families)
            found[pod.key] = replace(
                pod,
                node=pod.node or known.node,
                ips=_joined(kept, ips),
                listening=_joined(known.listening, pod.listening),
                host_network=pod.host_network or known.host_network,
            )
        else:
            found[pod.key] = replace(pod, ips=ips)
    return tuple(found[key] for key in sorted(found))


def _as_printed(pod: Pod) -> Pod:
    """The same pod, its addresses in the one spelling by which they are compared."""
    return replace(pod, ips=tuple(dict.fromkeys(str(parse_ip(text)) for text in pod.ips)))


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return (*first, *(item for item in second if item not in first))
