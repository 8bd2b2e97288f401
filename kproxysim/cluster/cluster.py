"""Cluster: the objects that kube-proxy watches, all of one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kproxysim.cluster.models import EndpointSlice, Node, Service
from kproxysim.errors import Diagnostic, InputError

if TYPE_CHECKING:
    from kproxysim.cluster.load import SourceLike

__all__ = ["Cluster"]


@dataclass(frozen=True, slots=True, init=False)
class Cluster:
    """Nodes, Services and EndpointSlices, each in the order in which they were given.

    `findings` are the warnings and notes about them, `passed_over` the number of objects of other kinds in
    the input, by kind, `unknown_fields` that of fields that Kubernetes does not know, by kind and path. Made
    from models, a cluster is checked like one that is read: errors raise InputError.
    """

    nodes: tuple[Node, ...]
    services: tuple[Service, ...]
    endpoint_slices: tuple[EndpointSlice, ...]
    findings: tuple[Diagnostic, ...] = field(repr=False, compare=False)
    passed_over: Mapping[str, int] = field(repr=False, compare=False)
    unknown_fields: Mapping[str, int] = field(repr=False, compare=False)

    def __init__(
        self,
        nodes: Iterable[Node] = (),
        services: Iterable[Service] = (),
        endpoint_slices: Iterable[EndpointSlice] = (),
        *,
        findings: Iterable[Diagnostic] | None = None,
        passed_over: Mapping[str, int] | None = None,
        unknown_fields: Mapping[str, int] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "nodes", tuple(nodes))
        put(self, "services", tuple(services))
        put(self, "endpoint_slices", tuple(endpoint_slices))
        put(self, "findings", tuple(_check(self) if findings is None else findings))
        put(self, "passed_over", dict(passed_over or {}))
        put(self, "unknown_fields", dict(unknown_fields or {}))

    @classmethod
    def load(cls, source: SourceLike, *, strict: bool = False) -> Cluster:
        """Read a cluster from manifests, exactly as kubectl prints them.

        `source` is a path, a folder (its YAML and JSON files, and those of the folders in it), `-` for
        standard input, a manifest as a mapping, or a list of any of these. v1 List, several documents in one
        file and JSON are all read. With `strict`, what today's API server would refuse is an error.

        Raises InputError with everything that is wrong with all of the inputs, in their order.
        """
        from kproxysim.cluster.load import load_cluster  # noqa: PLC0415 - a cluster of models needs no reader

        return load_cluster(source, strict=strict)

    def node(self, name: str) -> Node:
        """The Node of this name. Raises InputError (KPS115) that names those there are."""
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes[:_SHOWN])
        more = f" and {len(self.nodes) - _SHOWN} more" if len(self.nodes) > _SHOWN else ""
        hint = f"known nodes: {known}{more}" if known else "there is no Node in the input"
        raise InputError.of("KPS115", f"there is no node {name!r}", found=name, help=hint)


_SHOWN = 10


def _check(cluster: Cluster) -> list[Diagnostic]:
    from kproxysim.cluster.checks import Item, check_all, without_copies  # noqa: PLC0415 - they know this module
    from kproxysim.cluster.findings import Subject, diagnose, errors_among  # noqa: PLC0415
    from kproxysim.cluster.located import Document  # noqa: PLC0415

    nowhere = Document({})
    items = [
        *(Item(Subject(nowhere, (), f"Node {node.name}"), node) for node in cluster.nodes),
        *(Item(Subject(nowhere, (), f"Service {service.key}"), service) for service in cluster.services),
        *(
            Item(Subject(nowhere, (), f"EndpointSlice {piece.key}"), piece)
            for piece in cluster.endpoint_slices
        ),
    ]
    kept, about_copies = without_copies(items)
    diagnostics = diagnose([*about_copies, *check_all(kept)])
    errors = errors_among(diagnostics)
    if errors:
        raise InputError(errors)
    return diagnostics
