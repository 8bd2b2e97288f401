"""Clusters, the settings of their kube-proxies, and what is known of their nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.testing.strategies.addresses import CLUSTER_CIDR
from kproxysim.testing.strategies.arguments import Range, check_range, one_or_many
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
    Scope,
    scope_of,
)

__all__ = ["DETECT_LOCAL", "clusters", "configurations", "endpoint_slices", "facts", "nodes", "services"]

DETECT_LOCAL = ("ClusterCIDR", "none", "NodeCIDR", "InterfaceNamePrefix", "BridgeInterface")
"""How kube-proxy may know a pod's packet; "none" is ClusterCIDR without a prefix: it does not."""

_LIMITS: tuple[list[str], ...] = (
    [],
    [],
    [],
    ["10.128.0.0/24", "fd00:128::/64"],
    ["127.0.0.0/8"],
    ["10.128.0.12/32"],
    ["198.51.100.0/24"],
)
"""Values of nodePortAddresses."""

_VERSIONS = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}


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
    versions = _VERSIONS[draw(st.sampled_from(scope.families))]
    nodes = draw(st.integers(*scope.nodes))
    zones = draw(st.booleans()) if scope.hints else False
    count = draw(st.integers(*scope.services))
    services = [draw_service(draw, scope, number, nodes, count, versions) for number in range(count)]
    slices = [piece for service in services for piece in draw_slices(draw, scope, service, nodes)]
    return Cluster(
        [make_node(number, versions, "ab"[number % 2] if zones else "") for number in range(nodes)],
        services,
        slices,
    )


@st.composite
def nodes(draw: st.DrawFn, *, families: Collection[str] = FAMILIES) -> Node:
    """One Node of a drawn cluster: an internal and a public address a family, pod CIDRs, perhaps a zone."""
    versions = _VERSIONS[draw(st.sampled_from(one_or_many("families", families, FAMILIES)))]
    return make_node(draw(st.integers(0, 2)), versions, draw(st.sampled_from(("", "a", "b"))))


def services(**narrow: Any) -> st.SearchStrategy[Service]:
    """One Service of a drawn cluster. The arguments are those of `clusters` that are about Services."""
    return clusters(**{**narrow, "services": 1}).map(lambda cluster: cluster.services[0])


def endpoint_slices(**narrow: Any) -> st.SearchStrategy[EndpointSlice]:
    """One EndpointSlice of a drawn cluster. The arguments are those of `clusters`."""
    types = narrow.pop("types", tuple(kind for kind in TYPES if kind != "ExternalName"))
    return clusters(**{**narrow, "services": 1, "types": types}).flatmap(
        lambda cluster: st.sampled_from(cluster.endpoint_slices)
    )


def configurations(
    *,
    families: Collection[str] = ("dual",),
    detect_local: Collection[str] = DETECT_LOCAL,
    masquerade_all: Collection[bool] = (False, False, False, True),
    masquerade_bits: Range = (0, 31),
    node_port_addresses: bool = True,
    localhost_node_ports: Collection[bool] = (True, True, False),
    conntrack: bool = True,
) -> st.SearchStrategy[KubeProxyConfiguration]:
    """Settings of kube-proxy that change its rules.

    `detect_local` are the modes of `DETECT_LOCAL`; `families` those for which a cluster CIDR is given.
    `node_port_addresses`: may node ports be limited to some addresses? `conntrack`: may tcpBeLiberal be set?
    """
    modes = one_or_many("detect_local", detect_local, DETECT_LOCAL)
    bits = check_range("masquerade_bits", masquerade_bits, 0, 31)
    given = one_or_many("families", families, FAMILIES)
    return _configurations(
        modes,
        given,
        tuple(masquerade_all),
        bits,
        tuple(localhost_node_ports),
        limits=node_port_addresses,
        conntrack=conntrack,
    )


@st.composite
def _configurations(
    draw: st.DrawFn,
    modes: tuple[str, ...],
    families: tuple[str, ...],
    masquerade_all: tuple[bool, ...],
    bits: tuple[int, int],
    localhost: tuple[bool, ...],
    *,
    limits: bool,
    conntrack: bool,
) -> KubeProxyConfiguration:
    versions = _VERSIONS[draw(st.sampled_from(families))]
    mode = draw(st.sampled_from(modes))
    found: dict[str, Any] = {}
    if mode == "ClusterCIDR":
        found["clusterCIDR"] = ",".join(CLUSTER_CIDR[version] for version in versions)
    elif mode != "none":
        found["detectLocalMode"] = mode
        if mode == "InterfaceNamePrefix":
            found["detectLocal"] = {"interfaceNamePrefix": draw(st.sampled_from(("veth", "cbr")))}
        elif mode == "BridgeInterface":
            found["detectLocal"] = {"bridgeInterface": "cbr0"}
    iptables = _draw_iptables(draw, masquerade_all, bits, localhost)
    if iptables:
        found["iptables"] = iptables
    if limits:
        found["nodePortAddresses"] = draw(st.sampled_from(_LIMITS))
    if conntrack and draw(st.integers(0, 5)) == 5:
        found["conntrack"] = {"tcpBeLiberal": True}
    return KubeProxyConfiguration.model_validate(found)


def _draw_iptables(
    draw: st.DrawFn, masquerade_all: tuple[bool, ...], bits: tuple[int, int], localhost: tuple[bool, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.sampled_from(masquerade_all)):
        found["masqueradeAll"] = True
    if bits[0] <= 14 <= bits[1]:
        bit = draw(st.sampled_from((14, 14, 14, *dict.fromkeys(bits))))
    else:
        bit = draw(st.integers(*bits))
    if bit != 14:
        found["masqueradeBit"] = bit
    if not draw(st.sampled_from(localhost)):
        found["localhostNodePorts"] = False
    return found


@st.composite
def facts(
    draw: st.DrawFn, *, reverse_path: Collection[str] = ("0", "1", "2"), listening: bool = True
) -> NodeFacts:
    """What the API does not know of a node: a filter for the way back, processes on ports that Services may
    take.

    `reverse_path` are values of sysctl rp_filter; `listening`: may processes of the node listen there?
    """
    found: dict[str, Any] = {}
    values = one_or_many("reverse_path", reverse_path, ("0", "1", "2"))
    value = draw(st.sampled_from((*values[:1] * 4, *values[1:])))
    if value != "0":
        found["sysctls"] = {"net.ipv4.conf.all.rp_filter": value}
    if listening and draw(st.booleans()):
        found["listening"] = ["tcp/22", "tcp/80", "udp/53", "tcp/30000"]
    kubelet = draw(st.sampled_from((True, True, True, False)))
    if not kubelet:
        found["kubelet"] = False
    return NodeFacts.model_validate(found)
