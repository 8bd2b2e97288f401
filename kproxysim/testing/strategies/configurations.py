"""The settings of kube-proxies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import KubeProxyConfiguration
from kproxysim.kubeproxy import SUPPORTED
from kproxysim.kubeproxy.gates import GATES
from kproxysim.testing.strategies.addresses import CLUSTER_CIDR, internal
from kproxysim.testing.strategies.arguments import (
    Range,
    check_flag,
    check_flags,
    check_range,
    one_or_many,
)
from kproxysim.testing.strategies.choosing import Draw, number, one_in, pick
from kproxysim.testing.strategies.scope import FAMILIES, VERSIONS_OF

__all__ = ["ANY", "DETECT_LOCAL", "Wanted", "configurations", "draw_configuration"]

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
"""Values of nodePortAddresses, without the word that only newer versions know."""

_PRIMARY_CAME = 31


@dataclass(frozen=True, slots=True)
class Wanted:
    """The arguments of `configurations`, checked."""

    families: tuple[str, ...] = ("dual",)
    modes: tuple[str, ...] = DETECT_LOCAL
    masquerade_all: tuple[bool, ...] = (False, False, False, True)
    bits: tuple[int, int] = (0, 31)
    localhost: tuple[bool, ...] = (True, True, False)
    limits: bool = True
    conntrack: bool = True
    bind_address: bool = True
    feature_gates: bool = True


ANY = Wanted()
"""Nothing is narrowed."""


def configurations(
    *,
    versions: Collection[str] = SUPPORTED,
    families: Collection[str] = ANY.families,
    detect_local: Collection[str] = ANY.modes,
    masquerade_all: Collection[bool] = ANY.masquerade_all,
    masquerade_bits: Range = ANY.bits,
    node_port_addresses: bool = True,
    localhost_node_ports: Collection[bool] = ANY.localhost,
    conntrack: bool = True,
    bind_address: bool = True,
    feature_gates: bool = True,
) -> st.SearchStrategy[KubeProxyConfiguration]:
    """Settings of kube-proxy that change its rules.

    `versions`: which of them have to take the settings. `detect_local` are the modes of `DETECT_LOCAL`;
    `families` those for which a cluster CIDR is given. `masquerade_all` and `localhost_node_ports` are the
    values that these settings may have, one that stands twice twice as often; `masquerade_bits` the least and
    the highest bit. `node_port_addresses`: may node ports be limited to some addresses? `conntrack`: may
    tcpBeLiberal be set? `bind_address`: may it be an address of a node? `feature_gates`: may one that all of
    the `versions` let go be turned, or a group of them? Raises InvalidArgument for an argument that is none
    of these.
    """
    known = one_or_many("versions", versions, SUPPORTED)
    wanted = Wanted(
        families=one_or_many("families", families, FAMILIES),
        modes=one_or_many("detect_local", detect_local, DETECT_LOCAL),
        masquerade_all=check_flags("masquerade_all", masquerade_all),
        bits=check_range("masquerade_bits", masquerade_bits, 0, 31),
        localhost=check_flags("localhost_node_ports", localhost_node_ports),
        limits=check_flag("node_port_addresses", node_port_addresses),
        conntrack=check_flag("conntrack", conntrack),
        bind_address=check_flag("bind_address", bind_address),
        feature_gates=check_flag("feature_gates", feature_gates),
    )
    return _configurations(known, wanted)


@st.composite
def _configurations(draw: st.DrawFn, versions: tuple[str, ...], wanted: Wanted) -> KubeProxyConfiguration:
    return draw_configuration(draw, versions, wanted)


def draw_configuration(draw: Draw, versions: tuple[str, ...], wanted: Wanted = ANY) -> KubeProxyConfiguration:
    """One that all of these versions take."""
    families = VERSIONS_OF[pick(draw, wanted.families)]
    mode = pick(draw, wanted.modes)
    found: dict[str, Any] = {}
    if mode == "ClusterCIDR":
        found["clusterCIDR"] = ",".join(CLUSTER_CIDR[version] for version in families)
    elif mode != "none":
        found["detectLocalMode"] = mode
        if mode == "InterfaceNamePrefix":
            found["detectLocal"] = {"interfaceNamePrefix": pick(draw, ("veth", "cbr"))}
        elif mode == "BridgeInterface":
            found["detectLocal"] = {"bridgeInterface": "cbr0"}
    iptables = _draw_iptables(draw, wanted)
    if iptables:
        found["iptables"] = iptables
    if wanted.limits:
        found["nodePortAddresses"] = pick(draw, _limits(versions))
    if wanted.conntrack and one_in(draw, 6):
        found["conntrack"] = {"tcpBeLiberal": True}
    if wanted.bind_address and one_in(draw, 6):
        found["bindAddress"] = pick(draw, [internal(0, version) for version in families])
    if wanted.feature_gates and one_in(draw, 6):
        name, value = pick(draw, _turned(versions))
        found["featureGates"] = {name: value}
    return KubeProxyConfiguration.model_validate(found)


def _draw_iptables(draw: Draw, wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if pick(draw, wanted.masquerade_all):
        found["masqueradeAll"] = True
    bits = wanted.bits
    usual = bits[0] <= 14 <= bits[1]
    bit = pick(draw, (14, 14, 14, *dict.fromkeys(bits))) if usual else number(draw, *bits)
    if bit != 14:
        found["masqueradeBit"] = bit
    if not pick(draw, wanted.localhost):
        found["localhostNodePorts"] = False
    return found


def _minors(versions: tuple[str, ...]) -> list[int]:
    return [int(version.partition(".")[2]) for version in versions]


@cache
def _limits(versions: tuple[str, ...]) -> tuple[list[str], ...]:
    return (*_LIMITS, ["primary"]) if min(_minors(versions)) >= _PRIMARY_CAME else _LIMITS


@cache
def _turned(versions: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """What may be said of gates, where it is not what they are without: of the groups, and of those that all
    of these versions let go.
    """
    found = [("AllAlpha", True), ("AllBeta", False)]
    for gate in GATES:
        stages = [gate.stage(minor) if gate.is_known(minor) else None for minor in _minors(versions)]
        free = [stage for stage in stages if stage is not None and not stage.locked]
        if len(free) == len(stages):
            found += [(gate.name, value) for value in sorted({not stage.enabled for stage in free})]
    return tuple(found)
