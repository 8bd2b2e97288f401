"""What a drawn cluster may hold: the arguments of `clusters`, checked once and handed on as one value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from hypothesis.errors import InvalidArgument

from kproxysim.testing.strategies.arguments import Range, check_flag, check_many, check_range, one_or_many

__all__ = [
    "AFFINITIES",
    "ENDPOINT_STATES",
    "EXTERNAL_IPS",
    "FAMILIES",
    "INGRESS",
    "POLICIES",
    "PROTOCOLS",
    "TYPES",
    "VERSIONS_OF",
    "Layout",
    "Scope",
    "scope_of",
]

TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "headless", "ExternalName")
FAMILIES = ("ipv4", "ipv6", "dual")
VERSIONS_OF = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}
PROTOCOLS = ("TCP", "UDP", "SCTP")
POLICIES = ("Cluster", "Local")
AFFINITIES = ("None", "ClientIP")
EXTERNAL_IPS = ("internal", "public", "foreign", "taken")
INGRESS = ("VIP", "Proxy", "hostname", "shared")
ENDPOINT_STATES = ("ready", "unsaid", "not ready", "draining", "terminated")

Layout = tuple[tuple[str, str, int, int], ...]
"""The ports of a Service, each as name, protocol, number, target."""

_LAYOUTS: tuple[Layout, ...] = (
    (("", "TCP", 80, 8080),),
    (("http", "TCP", 80, 80),),
    (("", "UDP", 53, 5353),),
    (("http", "TCP", 80, 8080), ("dns", "UDP", 53, 5353)),
    (("", "SCTP", 80, 9090),),
    (("dns-tcp", "TCP", 53, 8080), ("dns", "UDP", 53, 5353)),
    (("sip", "SCTP", 80, 9090), ("http", "TCP", 80, 8080)),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """See `kproxysim.testing.strategies.clusters` for the fields. `layouts` are the ports that Services may
    have.
    """

    nodes: tuple[int, int]
    services: tuple[int, int]
    endpoints: tuple[int, int]
    families: tuple[str, ...]
    types: tuple[str, ...]
    layouts: tuple[Layout, ...]
    external_policies: tuple[str, ...]
    internal_policies: tuple[str, ...]
    affinities: tuple[str, ...]
    external_ips: tuple[str, ...]
    ingress: tuple[str, ...]
    source_ranges: bool
    endpoint_states: tuple[str, ...]
    host_endpoints: bool
    hints: bool
    oddities: bool


def scope_of(
    *,
    nodes: Range,
    services: Range,
    endpoints: Range,
    families: Collection[str],
    types: Collection[str],
    protocols: Collection[Literal["TCP", "UDP", "SCTP"]] | Collection[str],
    external_policies: Collection[str],
    internal_policies: Collection[str],
    affinities: Collection[str],
    external_ips: Collection[str],
    ingress: Collection[str],
    source_ranges: bool,
    endpoint_states: Collection[str],
    host_endpoints: bool,
    hints: bool,
    oddities: bool,
) -> Scope:
    """The arguments checked. Raises InvalidArgument for the first that is wrong."""
    wanted = one_or_many("protocols", protocols, PROTOCOLS)
    layouts = tuple(layout for layout in _LAYOUTS if all(port[1] in wanted for port in layout))
    kinds = one_or_many("types", types, TYPES)
    ingress_kinds = check_many("ingress", ingress, INGRESS)
    if ingress_kinds == ("shared",):
        raise InvalidArgument(
            "ingress=('shared',) shares nothing: write ingress=('VIP', 'shared'), as the address that "
            "two Services share is a VIP"
        )
    return Scope(
        nodes=check_range("nodes", nodes, 1, 9),
        services=check_range("services", services, 0, 9),
        endpoints=check_range("endpoints", endpoints, 0, 8),
        families=one_or_many("families", families, FAMILIES),
        types=kinds,
        layouts=layouts,
        external_policies=one_or_many("external_policies", external_policies, POLICIES),
        internal_policies=one_or_many("internal_policies", internal_policies, POLICIES),
        affinities=one_or_many("affinities", affinities, AFFINITIES),
        external_ips=check_many("external_ips", external_ips, EXTERNAL_IPS),
        ingress=ingress_kinds,
        source_ranges=check_flag("source_ranges", source_ranges),
        endpoint_states=one_or_many("endpoint_states", endpoint_states, ENDPOINT_STATES),
        host_endpoints=check_flag("host_endpoints", host_endpoints),
        hints=check_flag("hints", hints),
        oddities=check_flag("oddities", oddities),
    )
