"""What the Kubernetes API does not know of a node."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from kproxysim.cluster import Cluster, NodeFacts
from kproxysim.cluster.addresses import parse_cidr
from kproxysim.testing.strategies.addresses import FOREIGN, gateway, internal_prefix, secondary
from kproxysim.testing.strategies.arguments import check_flag, one_or_many
from kproxysim.testing.strategies.choosing import Draw, one_in, pick

__all__ = ["Known", "draw_facts", "facts"]


@dataclass(frozen=True, slots=True)
class Known:
    """The arguments of `facts`, checked. `reverse_path`: the more often a value is there, the more often it
    is drawn.
    """

    reverse_path: tuple[str, ...] = ("0", "0", "1", "2")
    listening: bool = True
    interfaces: bool = True
    routes: bool = True
    oddities: bool = True


ANY = Known()
"""Nothing is narrowed."""


def facts(
    cluster: Cluster | None = None,
    node: str = "",
    *,
    reverse_path: Collection[str] = ("0", "1", "2"),
    listening: bool = True,
    interfaces: bool = True,
    routes: bool = True,
    oddities: bool = True,
) -> st.SearchStrategy[NodeFacts]:
    """What the API does not know of a node: a filter for the way back, processes on ports that Services may
    take, what iptables and the kernel can do, whether kubelet runs, what an earlier kube-proxy has left; and
    of a `node` of a `cluster` its addresses, the devices that they are on, and its routes.

    `reverse_path` are values of sysctl rp_filter; `listening`: may processes of the node listen there?
    `interfaces`, `routes`: may these be other ones than a Node's addresses suggest? Routes always lead to all
    other nodes and their pods. `oddities`: may it be an old iptables, a kernel that counts or tracks whatever
    rules say, a node without kubelet, one with chains of an earlier kube-proxy? Raises InvalidArgument for an
    argument that is none of these.
    """
    if cluster is not None and all(one.name != node for one in cluster.nodes):
        names = ", ".join(repr(one.name) for one in cluster.nodes)
        raise InvalidArgument(f"node={node!r} is not in the cluster; its nodes are {names}")
    values = one_or_many("reverse_path", reverse_path, ("0", "1", "2"))
    known = Known(
        (*values[:1] * 2, *values[1:]),
        listening=check_flag("listening", listening),
        interfaces=check_flag("interfaces", interfaces),
        routes=check_flag("routes", routes),
        oddities=check_flag("oddities", oddities),
    )
    return _facts(cluster, node, known)


@st.composite
def _facts(draw: st.DrawFn, cluster: Cluster | None, node: str, known: Known) -> NodeFacts:
    return draw_facts(draw, cluster, node, known)


def draw_facts(draw: Draw, cluster: Cluster | None, node: str, known: Known = ANY) -> NodeFacts:
    """Facts of a node; without a cluster none that name its addresses."""
    if not one_in(draw, 2):
        return NodeFacts()
    value = pick(draw, known.reverse_path)
    sockets = known.listening and one_in(draw, 2)
    counters = pick(draw, _COUNTERS) if known.oddities else ()
    odd = pick(draw, _ODD) if known.oddities else ""
    if cluster is None:
        return _without_addresses(value, counters, listening=sockets, odd=odd)
    devices = pick(draw, _DEVICES) if known.interfaces else ""
    ways = pick(draw, _WAYS) if known.routes else ""
    plain = _without_addresses(value, counters, listening=sockets, odd=odd if odd != "nodeIPs" else "")
    found: dict[str, Any] = {}
    if devices:
        found["interfaces"] = _interfaces(cluster, node, devices)
    if ways:
        found["routes"] = _routes(cluster, node, ways)
    if odd == "nodeIPs":
        found["nodeIPs"] = cluster.node(node).addresses("ExternalIP")
    if not found:
        return plain
    return NodeFacts.model_validate({**plain.model_dump(by_alias=True, exclude_unset=True), **found})


_COUNTERS = ((), ("ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts"))
_ODD = ("", "", "", "kubelet", "iptablesRandomFully", "conntrack", "existingNat", "nodeIPs")
"""What is not there now and then, or is."""
_SAID = {
    "kubelet": False,
    "iptablesRandomFully": False,
    "conntrack": True,
    "existingNat": "*nat\n:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]\nCOMMIT\n",
}
_DEVICES = ("", "", "one", "two", "more")
_WAYS = ("", "", "usual", "local")


@cache
def _without_addresses(
    reverse_path: str, counters: tuple[str, ...], *, listening: bool, odd: str
) -> NodeFacts:
    found: dict[str, Any] = {odd: _SAID[odd]} if odd in _SAID else {}
    if reverse_path != "0":
        found["sysctls"] = {"net.ipv4.conf.all.rp_filter": reverse_path}
    if listening:
        found["listening"] = ["tcp/22", "tcp/80", "udp/53", "tcp/30000"]
    if counters:
        found["nfacctCounters"] = list(counters)
    return NodeFacts.model_validate(found)


def _interfaces(cluster: Cluster, node: str, devices: str) -> dict[str, list[str]]:
    """Its addresses on a device with their network, the public ones on one of their own ("two"), or one
    "more" that no Node names, and one that nobody else has on `lo`.
    """
    one = cluster.node(node)
    own = one.addresses("InternalIP")
    found = {"eth0": [f"{text}/{internal_prefix(text)}" for text in own]}
    if devices == "two":
        found["eth1"] = [
            f"{text}/{parse_cidr(f'{text}/0').max_prefixlen}" for text in one.addresses("ExternalIP")
        ]
    if devices == "more":
        found["eth0"] += [f"{secondary(text)}/{internal_prefix(text)}" for text in own]
        found["lo"] = ["127.0.0.1/8", "::1/128"]
        found["lo"] += [f"{FOREIGN[version][1]}/{width}" for version, width in _spoken(own)]
    return found


def _spoken(own: Collection[str]) -> list[tuple[int, int]]:
    """The families of these addresses, and how long their addresses are."""
    return [
        (version, width)
        for version, width in ((4, 32), (6, 128))
        if any((":" in one) == (version == 6) for one in own)
    ]


def _routes(cluster: Cluster, node: str, ways: str) -> list[str]:
    """To the other nodes and their pods, and everywhere else; "local": and to itself with an address that no
    device has.
    """
    own = cluster.node(node).addresses("InternalIP")
    found = []
    for version, width in _spoken(own):
        for other in cluster.nodes:
            hop = next(
                (text for text in other.addresses("InternalIP") if (":" in text) == (version == 6)), ""
            )
            if other.name == node or not hop:
                continue
            found.append(f"{hop} dev eth0")
            found += [
                f"{prefix} via {hop} dev eth0"
                for prefix in other.spec.pod_cidrs
                if (":" in prefix) == (version == 6)
            ]
        if ways == "local":
            found.append(f"local {FOREIGN[version][0]}/{width} dev lo")
        found.append(f"default via {gateway(version)} dev eth0")
    return found
