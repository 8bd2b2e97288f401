"""Node, Service and EndpointSlice, nested as Kubernetes nests them, with the API server's defaults filled in.

Only the fields that kube-proxy, the way of a packet or a check of the API server looks at; others are passed
over. Addresses stay text as typed, since older kube-proxies print them so; `kproxysim.cluster.addresses`
reads them. A field's absence is kept where kube-proxy tells it from a value (the conditions of an endpoint),
and `model_fields_set` always says what the user wrote himself.

Sources of the defaults: `SetDefaults_Service` in pkg/apis/core/v1/defaults.go, `SetDefaults_EndpointPort` in
pkg/apis/discovery/v1/defaults.go, the conversion of `NodeSpec` in pkg/apis/core/v1/conversion.go and
`defaultOnRead` in pkg/registry/core/service/storage/storage.go, kubernetes 1.30 to 1.36.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator, model_validator

from kproxysim.cluster.addresses import parse_ip
from kproxysim.cluster.base import (
    CidrOrEmpty,
    CidrText,
    Flag,
    IpOrEmpty,
    IpText,
    KubernetesModel,
    NameOrEmpty,
    NameText,
    Number,
    PaddedCidrText,
    Port,
    PortOrNone,
    check_ip,
    empty_means,
    refused,
)

__all__ = [
    "CLUSTER_IP_NONE",
    "ClientIPConfig",
    "Endpoint",
    "EndpointConditions",
    "EndpointHints",
    "EndpointPort",
    "EndpointSlice",
    "Hint",
    "LoadBalancerIngress",
    "LoadBalancerStatus",
    "Node",
    "NodeAddress",
    "NodeMeta",
    "NodeSpec",
    "NodeStatus",
    "ObjectMeta",
    "Service",
    "ServicePort",
    "ServiceSpec",
    "ServiceStatus",
    "SessionAffinityConfig",
    "TargetRef",
]

CLUSTER_IP_NONE = "None"
"""What `spec.clusterIP` says in a headless Service."""

_SHOWN = 64
_IP_ADDRESS_TYPES = ("InternalIP", "ExternalIP")

_Protocol = Annotated[Literal["TCP", "UDP", "SCTP"], empty_means("TCP")]
_Policy = Annotated[Literal["Cluster", "Local"] | None, empty_means(None)]
_Family = Literal["IPv4", "IPv6"]
_FamilyPolicy = Annotated[
    Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None, empty_means(None)
]


def _fill(model: BaseModel, field: str, value: object) -> None:
    """Set a default that depends on other fields. `model_fields_set` keeps saying what the user wrote."""
    object.__setattr__(model, field, value)


def _check_cluster_ip(text: str) -> str:
    if text != CLUSTER_IP_NONE:
        try:
            parse_ip(text)
        except ValueError:
            reason = (
                f'{text[:_SHOWN]!r} is no IP address, nor is it "{CLUSTER_IP_NONE}" for a headless Service'
            )
            raise refused("ip_address", reason) from None
    return text


_ClusterIP = Annotated[str, AfterValidator(_check_cluster_ip)]
_ClusterIPOrEmpty = Annotated[str, AfterValidator(lambda text: text and _check_cluster_ip(text))]


class ObjectMeta(KubernetesModel):
    """metadata of a namespaced object. A missing namespace is `default`, as kubectl has it."""

    name: NameText
    namespace: Annotated[NameText, empty_means("default")] = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    uid: str = ""


class NodeMeta(ObjectMeta):
    """metadata of a Node, which lives in no namespace."""

    namespace: str = ""


class NodeAddress(KubernetesModel):
    """One of the addresses under which a node is known: type InternalIP, ExternalIP, Hostname and so on."""

    type: str
    address: str

    @field_validator("address")
    @classmethod
    def _is_address_where_type_says_so(cls, address: str, info: ValidationInfo) -> str:
        if info.data.get("type") in _IP_ADDRESS_TYPES:
            check_ip(address)
        return address


class NodeSpec(KubernetesModel):
    """`pod_cidr` and `pod_cidrs` follow each other: the first of the list is the single one."""

    pod_cidr: CidrOrEmpty = ""
    pod_cidrs: tuple[CidrText, ...] = ()
    provider_id: str = ""

    @model_validator(mode="after")
    def _pod_cidrs_from_each_other(self) -> Self:
        if self.pod_cidr and self.pod_cidrs[:1] != (self.pod_cidr,):
            _fill(self, "pod_cidrs", (self.pod_cidr,))
        elif self.pod_cidrs and not self.pod_cidr:
            _fill(self, "pod_cidr", self.pod_cidrs[0])
        return self


class NodeStatus(KubernetesModel):
    """The part of a Node's status that says where it is."""

    addresses: tuple[NodeAddress, ...] = ()


class Node(KubernetesModel):
    """A v1 Node: its name, labels (zone), pod CIDRs, provider and addresses."""

    metadata: NodeMeta
    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return self.metadata.name

    def addresses(self, kind: str) -> tuple[str, ...]:
        """The node's addresses of one type (`InternalIP`, `ExternalIP`), as typed, in their order."""
        return tuple(entry.address for entry in self.status.addresses if entry.type == kind)


class ServicePort(KubernetesModel):
    """One port of a Service. `target_port` is that of the API: kube-proxy itself reads endpoint ports from
    slices.

    `node_port` 0 means none. A missing or zero `target_port` is `port`.
    """

    name: NameOrEmpty = ""
    protocol: _Protocol = "TCP"
    port: Port
    target_port: Annotated[int, Field(strict=True, ge=0, le=65535)] | str = 0
    node_port: PortOrNone = 0
    app_protocol: str | None = None

    @model_validator(mode="after")
    def _target_port_from_port(self) -> Self:
        if self.target_port in (0, ""):
            _fill(self, "target_port", self.port)
        return self


class ClientIPConfig(KubernetesModel):
    """How long a client stays with its endpoint, in seconds; the API server's default is three hours."""

    timeout_seconds: Number = 10800


class SessionAffinityConfig(KubernetesModel):
    """Means something only where `session_affinity` is ClientIP."""

    client_ip: ClientIPConfig = Field(default_factory=ClientIPConfig)


class ServiceSpec(KubernetesModel):
    """What the user asks for. Tuples keep the order of the manifest; kube-proxy writes its rules in it.

    `cluster_ip` and `cluster_ips` are filled from each other, `ip_families` from the cluster IPs.
    `external_traffic_policy` is None on a Service that is not external and says nothing,
    `internal_traffic_policy` on one of type ExternalName, `allocate_load_balancer_node_ports` on one that is
    no LoadBalancer: there the API server sets no default. `session_affinity_config` is always there, for the
    reader's comfort, where the API server has it with ClientIP only.
    """

    type: Annotated[
        Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"], empty_means("ClusterIP")
    ] = "ClusterIP"
    cluster_ip: _ClusterIPOrEmpty = ""
    cluster_ips: tuple[_ClusterIP, ...] = ()
    ip_families: tuple[_Family, ...] = ()
    ip_family_policy: _FamilyPolicy = None
    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] = Field(default_factory=dict)
    external_ips: tuple[IpText, ...] = ()
    external_traffic_policy: _Policy = None
    internal_traffic_policy: _Policy = None
    session_affinity: Annotated[Literal["None", "ClientIP"], empty_means("None")] = "None"
    session_affinity_config: SessionAffinityConfig = Field(default_factory=SessionAffinityConfig)
    load_balancer_ip: str = ""
    load_balancer_source_ranges: tuple[PaddedCidrText, ...] = ()
    load_balancer_class: str | None = None
    allocate_load_balancer_node_ports: Flag | None = None
    health_check_node_port: PortOrNone = 0
    publish_not_ready_addresses: Flag = False
    external_name: str = ""
    traffic_distribution: str | None = None

    @property
    def is_external(self) -> bool:
        """Is the Service meant to be reached from outside (`ExternallyAccessible` in
        pkg/api/v1/service/util.go)?
        """
        return self.type in ("NodePort", "LoadBalancer") or (
            self.type == "ClusterIP" and bool(self.external_ips)
        )

    @property
    def is_headless(self) -> bool:
        """Has the Service asked for no cluster IP?"""
        return self.cluster_ip == CLUSTER_IP_NONE

    @model_validator(mode="after")
    def _defaults(self) -> Self:
        self._default_addresses()
        if self.external_traffic_policy is None and self.is_external:
            _fill(self, "external_traffic_policy", "Cluster")
        if self.internal_traffic_policy is None and self.type != "ExternalName":
            _fill(self, "internal_traffic_policy", "Cluster")
        if self.allocate_load_balancer_node_ports is None and self.type == "LoadBalancer":
            _fill(self, "allocate_load_balancer_node_ports", value=True)
        return self

    def _default_addresses(self) -> None:
        if self.cluster_ip and not self.cluster_ips:
            _fill(self, "cluster_ips", (self.cluster_ip,))
        elif self.cluster_ips and not self.cluster_ip:
            _fill(self, "cluster_ip", self.cluster_ips[0])
        if not self.ip_families and self.cluster_ips and not self.is_headless and self.type != "ExternalName":
            given = (parse_ip(text).version for text in self.cluster_ips if text != CLUSTER_IP_NONE)
            _fill(self, "ip_families", tuple(f"IPv{version}" for version in given))


class LoadBalancerIngress(KubernetesModel):
    """One address that a load balancer answers at. Without `ip_mode` it is a VIP to kube-proxy."""

    ip: IpOrEmpty = ""
    hostname: str = ""
    ip_mode: Annotated[Literal["VIP", "Proxy"] | None, empty_means(None)] = None


class LoadBalancerStatus(KubernetesModel):
    """Addresses of the load balancer, in the order in which kube-proxy writes their rules."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(KubernetesModel):
    """What the cloud's controller wrote back."""

    load_balancer: LoadBalancerStatus = Field(default_factory=LoadBalancerStatus)


class Service(KubernetesModel):
    """A v1 Service."""

    metadata: ObjectMeta
    spec: ServiceSpec = Field(default_factory=ServiceSpec)
    status: ServiceStatus = Field(default_factory=ServiceStatus)

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"


class EndpointPort(KubernetesModel):
    """One port of a slice. Without `port` there is nothing to send a packet to, and kube-proxy passes it
    over.
    """

    name: NameOrEmpty = ""
    port: PortOrNone | None = None
    protocol: _Protocol = "TCP"


class EndpointConditions(KubernetesModel):
    """None where the slice does not say; kube-proxy reads that as ready, serving and not terminating."""

    ready: Flag | None = None
    serving: Flag | None = None
    terminating: Flag | None = None


class Hint(KubernetesModel):
    """A zone or a node that an endpoint should serve."""

    name: str = ""


class EndpointHints(KubernetesModel):
    """Whom an endpoint should serve, if the EndpointSlice controller was asked to say so."""

    for_zones: tuple[Hint, ...] = ()
    for_nodes: tuple[Hint, ...] = ()


class TargetRef(KubernetesModel):
    """The object behind an endpoint, a Pod as a rule."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class Endpoint(KubernetesModel):
    """One endpoint. kube-proxy looks at the first of its `addresses` only."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = Field(default_factory=EndpointConditions)
    node_name: str | None = None
    zone: str | None = None
    hints: EndpointHints = Field(default_factory=EndpointHints)
    target_ref: TargetRef | None = None
    hostname: str | None = None


class EndpointSlice(KubernetesModel):
    """A discovery.k8s.io/v1 EndpointSlice; its Service is named by the label `kubernetes.io/service-name`."""

    metadata: ObjectMeta
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    ports: tuple[EndpointPort, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def service_name(self) -> str:
        """The Service's name, in the slice's own namespace; "" for a slice that belongs to none."""
        return self.metadata.labels.get("kubernetes.io/service-name", "")
