"""From a Service to the facts about its ports that rules are made of, for one family.

Source: `newBaseServiceInfo` and `serviceToServiceMap` in pkg/proxy/serviceport.go and servicechangetracker.go
(up to 1.28 pkg/proxy/service.go), `GetClusterIPByFamily` and `ShouldSkipService` in pkg/proxy/util/utils.go,
and pkg/api/v1/service/util.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import NamedTuple

from kproxysim.cluster import Service
from kproxysim.cluster.addresses import parse_cidr
from kproxysim.kubeproxy.addresses import (
    as_typed,
    canonical_cidr,
    canonical_ip,
    family_of_cidr,
    family_of_ip,
)
from kproxysim.kubeproxy.names import port_hash, service_port_name
from kproxysim.kubeproxy.settings import Settings
from kproxysim.kubeproxy.watched import is_watched
from kproxysim.values import dataclass

__all__ = ["PortKey", "ServiceName", "ServicePort", "read_service"]


class ServiceName(NamedTuple):
    """Sorts as service ports are written: by namespace first."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class PortKey(NamedTuple):
    """What tells the ports of one Service apart, and binds them to the ports of its slices."""

    name: str
    protocol: str


@dataclass(slots=True)
class ServicePort:
    """One port of one Service, as rules of one family see it. Two are equal if they make the same rules.

    Nobody changes one; it is not frozen because that would make its many fields cost four times as much.

    - `name` is `namespace/service:port`; `protocol` and the names of chains follow from it.
    - Addresses and ranges are text, as printed. The `_fields` beside them are the paths in the Service where
      they stand.
    - `node_port` and `health_check_node_port` are 0 for none, `affinity_seconds` is None without affinity.
    - `external_policy_local`, `internal_policy_local`: do only local endpoints serve traffic from outside, to
      the cluster IP?
    - `externally_accessible`: is there any way in but the cluster IP?
    - `allows_zone_hints`: may endpoints be chosen by zone hints, if they have them?
    """

    service: ServiceName
    key: PortKey
    name: str
    protocol: str
    hash: str
    cluster_ip: str
    port: int
    node_port: int
    external_ips: tuple[str, ...]
    load_balancer_ips: tuple[str, ...]
    source_ranges: tuple[str, ...]
    external_policy_local: bool
    internal_policy_local: bool
    externally_accessible: bool
    health_check_node_port: int
    affinity_seconds: int | None
    allows_zone_hints: bool
    index: int = field(compare=False)
    cluster_ip_field: str = field(compare=False)
    external_ip_fields: tuple[str, ...] = field(compare=False)
    load_balancer_ip_fields: tuple[str, ...] = field(compare=False)
    source_range_fields: tuple[str, ...] = field(compare=False)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Is any traffic served by all endpoints? Under both Local policies pods and the node still are."""
        return not self.internal_policy_local or self.externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        """Is any traffic served by local endpoints only?"""
        return self.internal_policy_local or (self.external_policy_local and self.externally_accessible)

    @property
    def shown_port(self) -> str:
        """The port's name, or its number where it has none."""
        return self.key.name or str(self.port)


@dataclass(frozen=True, slots=True)
class _Placed:
    """Texts of a list that belong to the family, and the paths where they stand."""

    texts: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


_NOTHING = _Placed()


def read_service(service: Service, settings: Settings) -> dict[PortKey, ServicePort]:
    """The service ports that kube-proxy writes rules for: none if the Service is not its business.

    Of two ports with one name and protocol the last one counts.
    """
    cluster_ip, cluster_ip_field = _cluster_ip(service, settings)
    if not cluster_ip:
        return {}
    spec = service.spec
    external_ips = _external_ips(service, settings) if spec.external_ips else _NOTHING
    vips = _load_balancer_ips(service, settings) if service.status.load_balancer.ingress else _NOTHING
    ranges = _source_ranges(service, settings) if spec.load_balancer_source_ranges else _NOTHING
    accessible = bool(external_ips.texts or vips.texts)
    external_local = _external_policy_local(service, settings)
    health_check = spec.health_check_node_port if spec.type == "LoadBalancer" and external_local else 0
    internal_local = spec.internal_traffic_policy == "Local" and settings.has("ServiceInternalTrafficPolicy")
    affinity = (
        spec.session_affinity_config.client_ip.timeout_seconds
        if spec.session_affinity == "ClientIP"
        else None
    )
    hints = _allows_zone_hints(service, settings)
    if not settings.has("AllowServiceExternalIPs"):
        # The list reads as empty, but what was derived from it above goes on counting it: recorded 1.36.3.
        external_ips = _NOTHING
    owner = ServiceName(service.metadata.namespace, service.metadata.name)
    found = {}
    for index, port in enumerate(spec.ports):
        key = PortKey(port.name, port.protocol)
        name = service_port_name(owner.namespace, owner.name, port.name)
        protocol = port.protocol.lower()
        found[key] = ServicePort(
            owner,
            key,
            name,
            protocol,
            port_hash(name, protocol),
            cluster_ip,
            port.port,
            port.node_port,
            external_ips.texts,
            vips.texts,
            ranges.texts,
            external_local,
            internal_local,
            accessible or port.node_port != 0,
            health_check,
            affinity,
            hints,
            index,
            cluster_ip_field,
            external_ips.fields,
            vips.fields,
            ranges.fields,
        )
    return found


def _cluster_ip(service: Service, settings: Settings) -> tuple[str, str]:
    """The cluster IP of the family as printed, and its place; "" if kube-proxy passes the Service over."""
    spec = service.spec
    if (
        not spec.cluster_ip
        or spec.is_headless
        or spec.type == "ExternalName"
        or not is_watched(service.metadata.labels)
    ):
        return "", ""
    wanted = "IPv4" if settings.family == "ipv4" else "IPv6"
    for index, family in enumerate(spec.ip_families):
        if family == wanted and index < len(spec.cluster_ips):
            path = f"spec.clusterIPs[{index}]" if index else "spec.clusterIP"
            return canonical_ip(spec.cluster_ips[index]), path
    if not spec.ip_families and family_of_ip(spec.cluster_ip) == settings.family:
        return canonical_ip(spec.cluster_ip), "spec.clusterIP"
    return "", ""


def _external_policy_local(service: Service, settings: Settings) -> bool:
    spec = service.spec
    if spec.external_traffic_policy != "Local":
        return False
    if spec.type == "ClusterIP":
        return bool(spec.external_ips) and settings.behaviour.local_policy_on_cluster_ip_type
    return spec.type in ("NodePort", "LoadBalancer")


def _allows_zone_hints(service: Service, settings: Settings) -> bool:
    if not settings.has("TopologyAwareHints"):
        return False
    if settings.has("ServiceTrafficDistribution"):
        return True
    how = settings.behaviour
    annotations = service.metadata.annotations
    value = next((annotations[name] for name in how.hint_annotations if name in annotations), "")
    if how.hint_annotation_must_say_auto:
        return value in ("Auto", "auto")
    return value not in ("", "Disabled", "disabled")


def _external_ips(service: Service, settings: Settings) -> _Placed:
    printed = canonical_ip if settings.behaviour.canonical_service_addresses else as_typed
    return _of_family(service.spec.external_ips, "spec.externalIPs[{}]", family_of_ip, printed, settings)


def _load_balancer_ips(service: Service, settings: Settings) -> _Placed:
    """Addresses that the load balancer leaves in the packet. With ipMode Proxy, it sends packets to the
    node's own.
    """
    printed = canonical_ip if settings.behaviour.canonical_service_addresses else as_typed
    minds_mode = settings.has("LoadBalancerIPMode")
    texts = tuple(
        "" if minds_mode and entry.ip_mode == "Proxy" else entry.ip
        for entry in service.status.load_balancer.ingress
    )
    return _of_family(texts, "status.loadBalancer.ingress[{}].ip", family_of_ip, printed, settings)


def _source_ranges(service: Service, settings: Settings) -> _Placed:
    how = settings.behaviour
    printed = canonical_cidr if how.canonical_service_addresses else as_typed
    texts = tuple(text.strip() for text in service.spec.load_balancer_source_ranges)
    ranges = _of_family(texts, "spec.loadBalancerSourceRanges[{}]", family_of_cidr, printed, settings)
    if how.zero_range_opens and any(parse_cidr(text).prefixlen == 0 for text in ranges.texts):
        return _NOTHING
    return ranges


def _of_family(
    texts: tuple[str, ...],
    path: str,
    family_of: Callable[[str], str],
    printed: Callable[[str], str],
    settings: Settings,
) -> _Placed:
    """Those that Go can read and that are of the family, in their order, duplicates kept."""
    found: list[str] = []
    fields: list[str] = []
    for index, text in enumerate(texts):
        try:
            if not text or family_of(text) != settings.family:
                continue
        except ValueError:
            continue
        found.append(printed(text))
        fields.append(path.format(index))
    return _Placed(tuple(found), tuple(fields))
