"""The API server's defaults, and what is kept as it was written."""

from typing import Any

import pytest
from pydantic import ValidationError

from kproxysim.cluster import EndpointSlice, Node, Service
from kproxysim.cluster.base import kubernetes_name


def service(**spec: Any) -> Service:
    return Service.model_validate({"metadata": {"name": "web"}, "spec": spec})


# field of the spec: what is written, what it means
SERVICE_DEFAULTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # SetDefaults_Service, pkg/apis/core/v1/defaults.go
    ({}, {"type": "ClusterIP", "session_affinity": "None", "internal_traffic_policy": "Cluster"}),
    ({"type": ""}, {"type": "ClusterIP"}),
    ({"type": None}, {"type": "ClusterIP"}),
    ({}, {"external_traffic_policy": None}),
    ({"externalTrafficPolicy": ""}, {"external_traffic_policy": None}),
    ({"externalIPs": ["192.0.2.1"]}, {"external_traffic_policy": "Cluster"}),
    ({"type": "NodePort"}, {"external_traffic_policy": "Cluster"}),
    ({"type": "LoadBalancer"}, {"external_traffic_policy": "Cluster"}),
    ({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}, {"external_traffic_policy": "Local"}),
    ({"type": "LoadBalancer"}, {"allocate_load_balancer_node_ports": True}),
    (
        {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False},
        {"allocate_load_balancer_node_ports": False},
    ),
    ({"type": "NodePort"}, {"allocate_load_balancer_node_ports": None}),
    ({"type": "ExternalName", "externalName": "x.example"}, {"internal_traffic_policy": None}),
    ({"sessionAffinity": ""}, {"session_affinity": "None"}),
    # defaultOnRead, pkg/registry/core/service/storage/storage.go
    ({"clusterIP": "10.0.0.1"}, {"cluster_ips": ("10.0.0.1",), "ip_families": ("IPv4",)}),
    ({"clusterIP": "fd00::1"}, {"cluster_ips": ("fd00::1",), "ip_families": ("IPv6",)}),
    ({"clusterIP": "::ffff:10.0.0.1"}, {"ip_families": ("IPv4",)}),
    ({"clusterIPs": ["fd00::1", "10.0.0.1"]}, {"cluster_ip": "fd00::1", "ip_families": ("IPv6", "IPv4")}),
    ({"clusterIP": "None"}, {"cluster_ips": ("None",), "ip_families": ()}),
    ({"clusterIP": ""}, {"cluster_ips": (), "ip_families": ()}),
    ({"clusterIP": "10.0.0.1", "ipFamilies": ["IPv6"]}, {"ip_families": ("IPv6",)}),
    # Go's null is its zero value
    (
        {"externalIPs": None, "ports": None, "selector": None},
        {"external_ips": (), "ports": (), "selector": {}},
    ),
]


@pytest.mark.parametrize("written, meant", SERVICE_DEFAULTS)
def test_defaults_of_a_service(written: dict[str, Any], meant: dict[str, Any]) -> None:
    spec = service(**written).spec
    assert {field: getattr(spec, field) for field in meant} == meant


@pytest.mark.parametrize(
    "written, meant",
    [
        ({"port": 80}, {"name": "", "protocol": "TCP", "target_port": 80, "node_port": 0}),
        ({"port": 80, "protocol": ""}, {"protocol": "TCP"}),
        ({"port": 80, "targetPort": 0}, {"target_port": 80}),
        ({"port": 80, "targetPort": ""}, {"target_port": 80}),
        ({"port": 80, "targetPort": 8080}, {"target_port": 8080}),
        ({"port": 80, "targetPort": "http"}, {"target_port": "http"}),
        ({"port": 80, "targetPort": "8080"}, {"target_port": "8080"}),
        ({"port": 80, "nodePort": None}, {"node_port": 0}),
    ],
)
def test_defaults_of_a_port(written: dict[str, Any], meant: dict[str, Any]) -> None:
    (port,) = service(ports=[written]).spec.ports
    assert {field: getattr(port, field) for field in meant} == meant


@pytest.mark.parametrize(
    "config, seconds",
    [
        (None, 10800),
        ({}, 10800),
        ({"clientIP": None}, 10800),
        ({"clientIP": {"timeoutSeconds": None}}, 10800),
        ({"clientIP": {"timeoutSeconds": 60}}, 60),
    ],
)
def test_a_client_stays_three_hours(config: object, seconds: int) -> None:
    spec = service(sessionAffinity="ClientIP", sessionAffinityConfig=config).spec
    assert spec.session_affinity_config.client_ip.timeout_seconds == seconds


def test_what_the_user_wrote_is_told_from_defaults() -> None:
    spec = service(clusterIP="10.0.0.1").spec
    assert spec.cluster_ips == ("10.0.0.1",)
    assert spec.model_fields_set == {"cluster_ip"}


def test_addresses_stay_as_typed() -> None:
    spec = service(
        externalIPs=["010.0.0.1", "2001:DB8:0::7"], loadBalancerSourceRanges=[" 192.0.2.5/24 "]
    ).spec
    assert spec.external_ips == ("010.0.0.1", "2001:DB8:0::7")
    assert spec.load_balancer_source_ranges == (" 192.0.2.5/24 ",)


def test_conditions_that_are_not_said_stay_unsaid() -> None:
    piece = EndpointSlice.model_validate(
        {
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"port": 80}, {"name": None, "protocol": None}],
            "endpoints": [
                {"addresses": ["10.0.0.1"]},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
            ],
        }
    )
    first, second = (endpoint.conditions for endpoint in piece.endpoints)
    assert (first.ready, first.serving, first.terminating) == (None, None, None)
    assert (second.ready, second.serving, second.terminating) == (False, None, None)
    # SetDefaults_EndpointPort, pkg/apis/discovery/v1/defaults.go
    assert [(port.name, port.port, port.protocol) for port in piece.ports] == [
        ("", 80, "TCP"),
        ("", None, "TCP"),
    ]
    assert (piece.key, piece.service_name) == ("default/web-1", "web")


def test_a_slice_of_nulls() -> None:
    """`kubectl get -o yaml` prints empty lists of a slice as null."""
    piece = EndpointSlice.model_validate(
        {"metadata": {"name": "a"}, "addressType": "IPv4", "ports": None, "endpoints": None}
    )
    assert (piece.ports, piece.endpoints) == ((), ())


@pytest.mark.parametrize(
    "written, single, several",
    [
        ({"podCIDR": "10.1.0.0/24"}, "10.1.0.0/24", ("10.1.0.0/24",)),
        ({"podCIDRs": ["10.1.0.0/24", "fd00::/64"]}, "10.1.0.0/24", ("10.1.0.0/24", "fd00::/64")),
        # Convert_v1_NodeSpec_To_core_NodeSpec, pkg/apis/core/v1/conversion.go: the single one wins.
        ({"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.2.0.0/24"]}, "10.1.0.0/24", ("10.1.0.0/24",)),
        ({}, "", ()),
    ],
)
def test_pod_cidrs(written: dict[str, Any], single: str, several: tuple[str, ...]) -> None:
    node = Node.model_validate({"metadata": {"name": "a"}, "spec": written})
    assert (node.spec.pod_cidr, node.spec.pod_cidrs) == (single, several)


def test_addresses_of_a_node_by_type() -> None:
    node = Node.model_validate(
        {
            "metadata": {"name": "node-a"},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "10.0.0.1"},
                    {"type": "Hostname", "address": "node-a"},
                    {"type": "InternalIP", "address": "fd00::1"},
                ]
            },
        }
    )
    assert node.name == "node-a"
    assert node.addresses("InternalIP") == ("10.0.0.1", "fd00::1")
    assert node.addresses("ExternalIP") == ()


# What can't be understood, whoever wrote it
NOT_UNDERSTOOD: list[dict[str, Any]] = [
    {"externalIPs": ["10.0.0.300"]},
    {"externalIPs": ["example.com"]},
    {"externalIPs": [None]},
    {"externalIPs": "10.0.0.1"},
    {"clusterIP": "none"},
    {"clusterIPs": [""]},
    {"type": "nodeport"},
    {"externalTrafficPolicy": "local"},
    {"sessionAffinity": "clientIP"},
    {"ipFamilies": ["ipv4"]},
    {"ports": [{}]},
    {"ports": [{"port": 0}]},
    {"ports": [{"port": 70000}]},
    {"ports": [{"port": "80"}]},
    {"ports": [{"port": True}]},
    {"ports": [{"port": 80, "protocol": "tcp"}]},
    {"ports": [{"port": 80, "nodePort": 65536}]},
    {"ports": [{"port": 80, "targetPort": 65536}]},
    {"ports": [{"port": 80, "targetPort": 1.5}]},
    {"ports": [{"port": 80, "name": 'a" -j DROP'}]},
    {"loadBalancerSourceRanges": ["10.0.0.0"]},
    {"publishNotReadyAddresses": "yes"},
    {"selector": {"a": 1}},
]


@pytest.mark.parametrize("spec", NOT_UNDERSTOOD)
def test_what_can_not_be_understood(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        service(**spec)


@pytest.mark.parametrize(
    "metadata", [{}, {"name": ""}, {"name": None}, {"name": 5}, {"name": "a b"}, {"name": "a\nb"}]
)
def test_an_object_needs_a_name(metadata: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Service.model_validate({"metadata": metadata})


def test_python_names_work_too() -> None:
    by_alias = service(clusterIP="10.0.0.1", ports=[{"port": 80, "targetPort": 8080}])
    by_name = Service.model_validate(
        {
            "metadata": {"name": "web"},
            "spec": {"cluster_ip": "10.0.0.1", "ports": [{"port": 80, "target_port": 8080}]},
        }
    )
    assert by_alias == by_name


@pytest.mark.parametrize(
    "field, name",
    [
        ("type", "type"),
        ("cluster_ips", "clusterIPs"),
        ("ip_families", "ipFamilies"),
        ("client_ip", "clientIP"),
        ("pod_cidr", "podCIDR"),
        ("provider_id", "providerID"),
        ("load_balancer_source_ranges", "loadBalancerSourceRanges"),
        ("tcp_be_liberal", "tcpBeLiberal"),
    ],
)
def test_names_of_fields(field: str, name: str) -> None:
    assert kubernetes_name(field) == name
