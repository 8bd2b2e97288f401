"""Clusters, the settings of their kube-proxies, and what is known of their nodes."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.testing.strategies.addresses import CLUSTER_CIDR
from kproxysim.testing.strategies.arguments import (
    Range,
    check_flag,
    check_flags,
    check_range,
    one_or_many,
)
from kproxysim.testing.strategies.choosing import number, one_in, pick
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
    versions = _VERSIONS[pick(draw, scope.families)]
    nodes = number(draw, *scope.nodes)
    zones = one_in(draw, 2) if scope.hints else False
    count = number(draw, *scope.services)
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
    versions = _VERSIONS[pick(draw, families)]
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
    `masquerade_all` and `localhost_node_ports` are the values that these settings may have, one that stands
    twice twice as often; `masquerade_bits` the least and the highest bit. `node_port_addresses`: may node
    ports be limited to some addresses? `conntrack`: may tcpBeLiberal be set? Raises InvalidArgument for an
    argument that is none of these.
    """
    modes = one_or_many("detect_local", detect_local, DETECT_LOCAL)
    bits = check_range("masquerade_bits", masquerade_bits, 0, 31)
    given = one_or_many("families", families, FAMILIES)
    return _configurations(
        modes,
        given,
        check_flags("masquerade_all", masquerade_all),
        bits,
        check_flags("localhost_node_ports", localhost_node_ports),
        limits=check_flag("node_port_addresses", node_port_addresses),
        conntrack=check_flag("conntrack", conntrack),
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
    versions = _VERSIONS[pick(draw, families)]
    mode = pick(draw, modes)
    found: dict[str, Any] = {}
    if mode == "ClusterCIDR":
        found["clusterCIDR"] = ",".join(CLUSTER_CIDR[version] for version in versions)
    elif mode != "none":
        found["detectLocalMode"] = mode
        if mode == "InterfaceNamePrefix":
            found["detectLocal"] = {"interfaceNamePrefix": pick(draw, ("veth", "cbr"))}
        elif mode == "BridgeInterface":
            found["detectLocal"] = {"bridgeInterface": "cbr0"}
    iptables = _draw_iptables(draw, masquerade_all, bits, localhost)
    if iptables:
        found["iptables"] = iptables
    if limits:
        found["nodePortAddresses"] = pick(draw, _LIMITS)
    if conntrack and one_in(draw, 6):
        found["conntrack"] = {"tcpBeLiberal": True}
    return KubeProxyConfiguration.model_validate(found)


def _draw_iptables(
    draw: st.DrawFn, masquerade_all: tuple[bool, ...], bits: tuple[int, int], localhost: tuple[bool, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if pick(draw, masquerade_all):
        found["masqueradeAll"] = True
    usual = bits[0] <= 14 <= bits[1]
    bit = pick(draw, (14, 14, 14, *dict.fromkeys(bits))) if usual else number(draw, *bits)
    if bit != 14:
        found["masqueradeBit"] = bit
    if not pick(draw, localhost):
        found["localhostNodePorts"] = False
    return found


def facts(
    *, reverse_path: Collection[str] = ("0", "1", "2"), listening: bool = True
) -> st.SearchStrategy[NodeFacts]:
    """What the API does not know of a node: a filter for the way back, processes on ports that Services may
    take, what iptables and the kernel can do, whether kubelet runs.

    `reverse_path` are values of sysctl rp_filter; `listening`: may processes of the node listen there?
    """
    values = one_or_many("reverse_path", reverse_path, ("0", "1", "2"))
    return _facts((*values[:1] * 4, *values[1:]), listening=check_flag("listening", listening))


@st.composite
def _facts(draw: st.DrawFn, reverse_path: tuple[str, ...], *, listening: bool) -> NodeFacts:
    value = pick(draw, reverse_path)
    sockets = listening and one_in(draw, 2)
    return _known(value, pick(draw, _COUNTERS), listening=sockets, odd=pick(draw, _ODD))


_COUNTERS = ((), (), ("ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts"))
_ODD = ("", "", "", "", "kubelet", "iptablesRandomFully")
"""What is not there now and then."""


@cache
def _known(reverse_path: str, counters: tuple[str, ...], *, listening: bool, odd: str) -> NodeFacts:
    found: dict[str, Any] = {odd: False} if odd else {}
    if reverse_path != "0":
        found["sysctls"] = {"net.ipv4.conf.all.rp_filter": reverse_path}
    if listening:
        found["listening"] = ["tcp/22", "tcp/80", "udp/53", "tcp/30000"]
    if counters:
        found["nfacctCounters"] = list(counters)
    return NodeFacts.model_validate(found)
