"""Worlds: clusters with an edge before them, and pods that call."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.kubeproxy import SUPPORTED
from kproxysim.network import Allow, Edge, Pod, World
from kproxysim.network.edge import EDGE_KINDS, public_addresses
from kproxysim.network.pods import pods_of
from kproxysim.network.topology import POD_NETWORKS
from kproxysim.testing.strategies.arguments import check_flag, drawn_from, one_or_many
from kproxysim.testing.strategies.choosing import one_in, pick
from kproxysim.testing.strategies.clusters import clusters as any_cluster
from kproxysim.testing.strategies.configurations import configurations as any_configuration
from kproxysim.testing.strategies.configurations import draw_configuration
from kproxysim.testing.strategies.facts import draw_facts
from kproxysim.testing.strategies.facts import facts as any_facts
from kproxysim.testing.strategies.objects import PODS_A_NODE, TARGETS

__all__ = ["edges", "worlds"]

_OPENINGS = (Allow("tcp", 80, 80), Allow("tcp", 30000, 32767), Allow("udp", 1, 65535))


def edges(
    cluster: Cluster, *, kinds: Collection[str] = tuple(EDGE_KINDS), firewall: bool = True
) -> SearchStrategy[Edge]:
    """The edges that a cluster may have.

    Of each kind, open or with a firewall, with routes for external IPs that nobody has. `firewall`: may there
    be one that keeps anything out?
    """
    return _edges(
        cluster, one_or_many("kinds", kinds, tuple(EDGE_KINDS)), firewall=check_flag("firewall", firewall)
    )


@st.composite
def _edges(draw: st.DrawFn, cluster: Cluster, kinds: tuple[str, ...], *, firewall: bool) -> Edge:
    return _draw_edge(draw, cluster, kinds, firewall=firewall)


def _draw_edge(draw: st.DrawFn, cluster: Cluster, kinds: tuple[str, ...], *, firewall: bool) -> Edge:
    kind = pick(draw, kinds)
    openings: tuple[tuple[Allow, ...] | None, ...] = (None, None, None, None, None, _OPENINGS, ())
    closed = pick(draw, openings) if firewall else None
    taken = {entry.address for node in cluster.nodes for entry in node.status.addresses}
    foreign = dict.fromkeys(
        address
        for service in cluster.services
        for address in service.spec.external_ips
        if address not in taken
    )
    routes = {}
    for address in foreign:
        version = parse_ip(address).version
        able = [
            node.name
            for node in cluster.nodes
            if any(parse_ip(text).version == version for text in node.addresses("InternalIP"))
        ]
        is_routed = one_in(draw, 2)
        if able and is_routed:
            routes[address] = pick(draw, able)
    pairs = public_addresses(cluster) if EDGE_KINDS[kind].translates else {}
    return Edge(kind, pairs, closed, routes)


def worlds(
    clusters: SearchStrategy[Cluster] | Cluster | None = None,
    *,
    edge_kinds: Collection[str] = tuple(EDGE_KINDS),
    firewall: bool = True,
    versions: Collection[str] = SUPPORTED,
    pod_networks: Collection[str] = POD_NETWORKS,
    configurations: SearchStrategy[KubeProxyConfiguration] | KubeProxyConfiguration | None = None,
    facts: SearchStrategy[NodeFacts] | NodeFacts | None = None,
) -> SearchStrategy[World]:
    """Worlds: a cluster, any edge before it, on each node one more pod that can call.

    - `clusters`: one, or a strategy that makes them; by default `clusters()`.
    - `edge_kinds`, `firewall`: see `edges`. `pod_networks`: how pods are attached, see `kproxysim.World`.
    - `versions`: of kube-proxy; `configurations`, `facts`: its settings and what is known of the nodes. By
      default settings are such as the version takes, and facts such as fit the node.

    Raises InvalidArgument for an argument that is none of these.
    """
    return _worlds(
        drawn_from("clusters", clusters, Cluster, any_cluster),
        one_or_many("edge_kinds", edge_kinds, tuple(EDGE_KINDS)),
        check_flag("firewall", firewall),
        one_or_many("versions", versions, SUPPORTED),
        one_or_many("pod_networks", pod_networks, POD_NETWORKS),
        None
        if configurations is None
        else drawn_from("configurations", configurations, KubeProxyConfiguration, any_configuration),
        None if facts is None else drawn_from("facts", facts, NodeFacts, any_facts),
    )


@st.composite
def _worlds(
    draw: st.DrawFn,
    clusters: SearchStrategy[Cluster],
    kinds: tuple[str, ...],
    firewall: bool,
    versions: tuple[str, ...],
    pod_networks: tuple[str, ...],
    configurations: SearchStrategy[KubeProxyConfiguration] | None,
    facts: SearchStrategy[NodeFacts] | None,
) -> World:
    cluster = draw(clusters)
    edge = _draw_edge(draw, cluster, kinds, firewall=firewall)
    # The newest first: shrinking leads there.
    version = pick(draw, versions[::-1])
    config = draw_configuration(draw, (version,)) if configurations is None else draw(configurations)
    pod_network = pick(draw, pod_networks)
    # Last, since there are as many as nodes: with one node less nothing else is another one.
    known = {
        node.name: draw_facts(draw, cluster, node.name) if facts is None else draw(facts)
        for node in cluster.nodes
    }
    return World(
        cluster,
        edge=edge,
        pods=_callers(cluster),
        facts={name: one for name, one in known.items() if one.model_fields_set},
        config=config,
        version=version,
        pod_network=pod_network,
    )


def _callers(cluster: Cluster) -> list[Pod]:
    """On each node a pod that is behind no Service, and listens where endpoints would."""
    taken = {address for one in pods_of(cluster) for address in one.ips}
    found = []
    for node in cluster.nodes:
        networks = [parse_cidr(text) for text in node.spec.pod_cidrs]
        ips = [
            str(network[10 + PODS_A_NODE]) for network in networks if network.num_addresses > 10 + PODS_A_NODE
        ]
        free = tuple(text for text in ips if text not in taken)
        if free:
            found.append(Pod("default", f"caller-{node.name}", node.name, free, TARGETS))
    return found
