"""Cluster: the objects that kube-proxy watches, all of one moment."""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.cluster.models import EndpointSlice, Node, Service

__all__ = ["Cluster"]


class Cluster:
    """Nodes, Services and EndpointSlices in the order in which they were given."""

    __slots__ = ("endpoint_slices", "nodes", "services")

    def __init__(
        self,
        nodes: Iterable[Node] = (),
        services: Iterable[Service] = (),
        endpoint_slices: Iterable[EndpointSlice] = (),
    ) -> None:
        self.nodes: tuple[Node, ...] = tuple(nodes)
        self.services: tuple[Service, ...] = tuple(services)
        self.endpoint_slices: tuple[EndpointSlice, ...] = tuple(endpoint_slices)
