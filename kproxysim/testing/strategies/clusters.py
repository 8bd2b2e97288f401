"""Clusters: nodes, Services of every kind, EndpointSlices in every state."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import Cluster, EndpointSlice, Node, Service
from kproxysim.testing.strategies.arguments import Range, one_or_many
from kproxysim.testing.strategies.choosing import how_many, number, one_in, pick
from kproxysim.testing.strategies.objects import draw_service, draw_slices, make_node
from kproxysim.testing.strategies.scope import (
    AFFINITIES,
    ENDPOINT_STATES,
    EXTERNAL_IPS,
    FAMILIES,
    INGRESS,
    POLICIES,
    PROTOCOLS,
    TYPES,
    VERSIONS_OF,
    Scope,
    scope_of,
)

__all__ = ["clusters", "endpoint_slices", "nodes", "services"]


def clusters(
    *,
    nodes: Range = (1, 3),
    services: Range = (0, 3),
    endpoints: Range = (0, 3),
    families: Collection[str] = FAMILIES,
    types: Collection[str] = TYPES,
    protocols: Collection[str] = PROTOCOLS,
    external_policies: Collection[str] = POLICIES,
    internal_policies: Collection[str] = POLICIES,
    affinities: Collection[str] = AFFINITIES,
    external_ips: Collection[str] = EXTERNAL_IPS,
    ingress: Collection[str] = INGRESS,
    source_ranges: bool = True,
    endpoint_states: Collection[str] = ENDPOINT_STATES,
    host_endpoints: bool = True,
    hints: bool = True,
    oddities: bool = True,
) -> st.SearchStrategy[Cluster]:
    """Clusters that an API server would take: nodes, Services of every kind, EndpointSlices in every state.

    Every argument narrows. `nodes`, `services` and `endpoints` (of one Service) are a number or the least and
    the most. The others say what may occur:

    - `families`: the cluster's own, "ipv4", "ipv6" or "dual"; Services of a dual one have either or both.
    - `types`: of Services; "headless" is a ClusterIP without one.
    - `protocols`, `external_policies`, `internal_policies`, `affinities`: as in a Service.
    - `external_ips`: whose addresses `spec.externalIPs` may name: "internal" and "public" are a node's own,
      "foreign" nobody's, "taken" another Service's cluster IP or a pod's. An empty list: no external IPs.
    - `ingress`: what a load balancer's status may say: a "VIP", a "Proxy" address, a "hostname", or a VIP
      that is "shared" with the first Service. `source_ranges`: may there be any?
    - `endpoint_states`: "ready", "unsaid" (no conditions), "not ready", "draining" (terminating and still
      serving), "terminated".
    - `host_endpoints`: may an endpoint be a process in a node's own network?
    - `hints`: may endpoints have hints for zones and nodes?
    - `oddities`: an endpoint in two slices, slices with other target ports, an address that no pod has.

    Addresses follow the rules of `kproxysim.testing.strategies.addresses`. Raises InvalidArgument for an
    argument that is none of these.
    """
    return _clusters(
        scope_of(
            nodes=nodes,
            services=services,
            endpoints=endpoints,
            families=families,
            types=types,
            protocols=protocols,
            external_policies=external_policies,
            internal_policies=internal_policies,
            affinities=affinities,
            external_ips=external_ips,
            ingress=ingress,
            source_ranges=source_ranges,
            endpoint_states=endpoint_states,
            host_endpoints=host_endpoints,
            hints=hints,
            oddities=oddities,
        )
    )


@st.composite
def _clusters(draw: st.DrawFn, scope: Scope) -> Cluster:
    versions = VERSIONS_OF[pick(draw, scope.families)]
    nodes = number(draw, *scope.nodes)
    zones = one_in(draw, 2) if scope.hints else False
    count = how_many(draw, *scope.services)
    services = [draw_service(draw, scope, place, nodes, count, versions) for place in range(count)]
    slices = [piece for service in services for piece in draw_slices(draw, scope, service, nodes)]
    return Cluster(
        [make_node(place, versions, "ab"[place % 2] if zones else "") for place in range(nodes)],
        services,
        slices,
    )


def nodes(*, families: Collection[str] = FAMILIES) -> st.SearchStrategy[Node]:
    """One Node of a drawn cluster: an internal and a public address a family, pod CIDRs, perhaps a zone."""
    return _nodes(one_or_many("families", families, FAMILIES))


@st.composite
def _nodes(draw: st.DrawFn, families: tuple[str, ...]) -> Node:
    versions = VERSIONS_OF[pick(draw, families)]
    return make_node(number(draw, 0, 2), versions, pick(draw, ("", "a", "b")))


def services(**narrow: Any) -> st.SearchStrategy[Service]:
    """One Service of a drawn cluster. The arguments are those of `clusters` that are about Services."""
    return clusters(**{**narrow, "services": 1}).map(lambda cluster: cluster.services[0])


def endpoint_slices(**narrow: Any) -> st.SearchStrategy[EndpointSlice]:
    """One EndpointSlice of a drawn cluster. The arguments are those of `clusters`."""
    types = narrow.pop("types", tuple(kind for kind in TYPES if kind != "ExternalName"))
    return clusters(**{**narrow, "services": 1, "types": types}).flatmap(
        lambda cluster: st.sampled_from(cluster.endpoint_slices)
    )
