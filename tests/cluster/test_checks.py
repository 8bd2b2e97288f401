"""What the API server would refuse today is a warning, what has no effect a note: by code and field.

Each row changes one thing in objects that nothing is wrong with. The rules are those of ValidateService,
ValidateServiceClusterIPsRelatedFields, ValidateLoadBalancerStatus and ValidateNode in
pkg/apis/core/validation/validation.go and of pkg/apis/discovery/validation/validation.go.
"""

from copy import deepcopy
from typing import Any

import pytest

from kproxysim.cluster import Cluster
from kproxysim.errors import InputError, Severity

NODE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-a"},
    "spec": {"podCIDR": "10.44.0.0/24", "podCIDRs": ["10.44.0.0/24", "fd00:44::/64"]},
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.128.0.12"},
            {"type": "InternalIP", "address": "fd00:128::12"},
            {"type": "Hostname", "address": "node-a"},
        ]
    },
}

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.10",
        "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
    },
}

SLICE: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    "endpoints": [{"addresses": ["10.44.0.5"], "nodeName": "node-a"}],
}

Change = dict[str, Any]


def changed(manifest: Any, change: Change) -> Any:
    """A manifest with some fields set, by path (`spec.ports.0.nodePort`); None removes."""
    manifest = deepcopy(manifest)
    for path, value in change.items():
        *way, last = path.split("/")
        place = manifest
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if value is None:
            place.pop(last, None)
        elif isinstance(place, list):
            place.insert(int(last), value)
        else:
            place[last] = value
    return manifest


def findings(*manifests: dict[str, Any], strict: bool = False) -> list[tuple[str, str]]:
    cluster = Cluster.load(list(manifests), strict=strict)
    return [(finding.code, finding.path) for finding in cluster.findings]


def test_nothing_is_wrong_with_these() -> None:
    assert findings(NODE, SERVICE, SLICE, strict=True) == []


NODE_PORT = {"spec/type": "NodePort", "spec/ports/0/nodePort": 30080}
LOAD_BALANCER = {"spec/type": "LoadBalancer", "spec/ports/0/nodePort": 30080}
SECOND_PORT = {"name": "https", "port": 443}
PORT = "spec.ports[0]"
INGRESS = "status/loadBalancer/ingress"
IP0 = "status.loadBalancer.ingress[0]"

SERVICES: list[tuple[Change, list[tuple[str, str]]]] = [
    # names
    (
        {"metadata/name": "Web"},
        [("KPS217", "metadata.name"), ("KPS301", 'metadata.labels["kubernetes.io/service-name"]')],
    ),
    (
        {"metadata/name": "1web"},
        [("KPS217", "metadata.name"), ("KPS301", 'metadata.labels["kubernetes.io/service-name"]')],
    ),
    (
        {"metadata/name": "a" * 64},
        [("KPS217", "metadata.name"), ("KPS301", 'metadata.labels["kubernetes.io/service-name"]')],
    ),
    (
        {"metadata/namespace": "Default"},
        [("KPS217", "metadata.namespace"), ("KPS301", 'metadata.labels["kubernetes.io/service-name"]')],
    ),
    ({"spec/ports/0/name": "HTTP"}, [("KPS217", f"{PORT}.name"), ("KPS309", "ports[0].name")]),
    ({"spec/ports/0/appProtocol": "kubernetes.io/h2c"}, []),
    ({"spec/ports/0/appProtocol": "a b"}, [("KPS217", f"{PORT}.appProtocol")]),
    # ports
    ({"spec/ports": []}, [("KPS216", "spec.ports"), ("KPS309", "ports[0].name")]),
    ({"spec/ports/1": SECOND_PORT}, []),
    ({"spec/ports/1": {"port": 443}}, [("KPS206", "spec.ports[1].name")]),
    ({"spec/ports/1": {"name": "http", "port": 443}}, [("KPS205", "spec.ports[1].name")]),
    ({"spec/ports/1": {"name": "dns", "port": 80, "protocol": "UDP"}}, []),
    ({"spec/ports/1": {"name": "other", "port": 80}}, [("KPS207", "spec.ports[1].port")]),
    ({"spec/ports/0/targetPort": "http"}, []),
    ({"spec/ports/0/targetPort": "8080"}, [("KPS230", f"{PORT}.targetPort")]),
    ({"spec/ports/0/targetPort": "http--alt"}, [("KPS230", f"{PORT}.targetPort")]),
    ({"spec/ports/0/targetPort": "sixteen-letters-"}, [("KPS230", f"{PORT}.targetPort")]),
    # node ports
    (NODE_PORT, []),
    ({"spec/ports/0/nodePort": 30080}, [("KPS202", f"{PORT}.nodePort")]),
    ({"spec/type": "NodePort"}, [("KPS226", PORT)]),
    ({"spec/type": "LoadBalancer"}, [("KPS226", PORT)]),
    ({"spec/type": "LoadBalancer", "spec/allocateLoadBalancerNodePorts": False}, []),
    (
        {**NODE_PORT, "spec/ports/1": {**SECOND_PORT, "nodePort": 30080}},
        [("KPS201", "spec.ports[1].nodePort")],
    ),
    ({**NODE_PORT, "spec/ports/1": {**SECOND_PORT, "protocol": "UDP", "nodePort": 30080}}, []),
    ({**LOAD_BALANCER, "spec/ports/0/port": 10250}, [("KPS224", f"{PORT}.port")]),
    # cluster IPs and families
    ({"spec/clusterIP": None}, [("KPS226", "spec")]),
    ({"spec/clusterIPs": ["10.96.0.10"]}, []),
    ({"spec/clusterIPs": ["10.96.0.11"]}, [("KPS208", "spec.clusterIPs[0]")]),
    ({"spec/clusterIP": None, "spec/clusterIPs": ["10.96.0.10"]}, [("KPS208", "spec.clusterIPs")]),
    ({"spec/clusterIPs": ["10.96.0.10", "fd00::10"]}, []),
    ({"spec/clusterIPs": ["10.96.0.10", "10.96.0.11"]}, [("KPS208", "spec.clusterIPs")]),
    ({"spec/clusterIPs": ["10.96.0.10", "None"]}, [("KPS208", "spec.clusterIPs")]),
    ({"spec/ipFamilies": ["IPv4"]}, []),
    ({"spec/ipFamilies": ["IPv6"]}, [("KPS208", "spec.clusterIP")]),
    ({"spec/ipFamilies": ["IPv4", "IPv4"]}, [("KPS208", "spec.ipFamilies")]),
    ({"spec/clusterIP": "010.96.0.10"}, [("KPS203", "spec.clusterIP")]),
    ({"spec/clusterIP": "::ffff:10.96.0.10"}, [("KPS203", "spec.clusterIP")]),
    # headless, ExternalName
    ({"spec/clusterIP": "None"}, [("KPS305", "spec.clusterIP")]),
    ({"spec/clusterIP": "None", "spec/ports": []}, [("KPS305", "spec.clusterIP")]),
    ({**NODE_PORT, "spec/clusterIP": "None"}, [("KPS215", "spec.clusterIP"), ("KPS305", "spec.clusterIP")]),
    (
        {"spec/type": "ExternalName", "spec/clusterIP": None, "spec/externalName": "db.example.net."},
        [("KPS305", "spec.type")],
    ),
    (
        {"spec/type": "ExternalName", "spec/clusterIP": None},
        [("KPS214", "spec.externalName"), ("KPS305", "spec.type")],
    ),
    (
        {"spec/type": "ExternalName", "spec/externalName": "db.example.net", "spec/ipFamilies": ["IPv4"]},
        [("KPS214", "spec.clusterIP"), ("KPS214", "spec.ipFamilies"), ("KPS305", "spec.type")],
    ),
    (
        {"metadata/labels": {"service.kubernetes.io/service-proxy-name": "x"}},
        [("KPS305", 'metadata.labels["service.kubernetes.io/service-proxy-name"]')],
    ),
    # external IPs
    ({"spec/externalIPs": ["198.51.100.12"]}, []),
    ({"spec/externalIPs": ["198.051.100.012"]}, [("KPS203", "spec.externalIPs[0]")]),
    ({"spec/externalIPs": ["127.0.0.1"]}, [("KPS211", "spec.externalIPs[0]")]),
    ({"spec/externalIPs": ["0.0.0.0"]}, [("KPS211", "spec.externalIPs[0]")]),  # noqa: S104 - not bound
    ({"spec/externalIPs": ["169.254.1.1"]}, [("KPS211", "spec.externalIPs[0]")]),
    ({"spec/externalIPs": ["224.0.0.1"]}, [("KPS211", "spec.externalIPs[0]")]),
    ({"spec/externalIPs": ["239.0.0.1"]}, []),
    ({"spec/externalIPs": ["2001:db8::7"]}, [("KPS303", "spec.externalIPs[0]")]),
    ({"spec/clusterIPs": ["10.96.0.10", "fd00::10"], "spec/externalIPs": ["2001:DB8:0::7"]}, []),
    (
        {"spec/clusterIPs": ["10.96.0.10", "fd00::10"], "spec/externalIPs": ["fe80::1"]},
        [("KPS211", "spec.externalIPs[0]")],
    ),
    # policies
    ({"spec/externalTrafficPolicy": "Local"}, [("KPS209", "spec.externalTrafficPolicy")]),
    ({"spec/externalTrafficPolicy": "Local", "spec/externalIPs": ["198.51.100.12"]}, []),
    ({**NODE_PORT, "spec/externalTrafficPolicy": "Local"}, []),
    ({**LOAD_BALANCER, "spec/externalTrafficPolicy": "Local"}, [("KPS226", "spec")]),
    ({**LOAD_BALANCER, "spec/externalTrafficPolicy": "Local", "spec/healthCheckNodePort": 32000}, []),
    (
        {**NODE_PORT, "spec/externalTrafficPolicy": "Local", "spec/healthCheckNodePort": 32000},
        [("KPS210", "spec.healthCheckNodePort")],
    ),
    ({**LOAD_BALANCER, "spec/healthCheckNodePort": 32000}, [("KPS210", "spec.healthCheckNodePort")]),
    ({"spec/sessionAffinity": "ClientIP"}, []),
    ({"spec/sessionAffinity": "ClientIP", "spec/sessionAffinityConfig/clientIP/timeoutSeconds": 86400}, []),
    (
        {"spec/sessionAffinity": "ClientIP", "spec/sessionAffinityConfig/clientIP/timeoutSeconds": 86401},
        [("KPS213", "spec.sessionAffinityConfig.clientIP.timeoutSeconds")],
    ),
    (
        {"spec/sessionAffinity": "ClientIP", "spec/sessionAffinityConfig/clientIP/timeoutSeconds": 0},
        [("KPS213", "spec.sessionAffinityConfig.clientIP.timeoutSeconds")],
    ),
    ({"spec/trafficDistribution": "PreferSameNode"}, []),
    ({"spec/trafficDistribution": "PreferLocal"}, [("KPS227", "spec.trafficDistribution")]),
    (
        {
            "metadata/annotations": {
                "service.kubernetes.io/topology-mode": "Auto",
                "service.kubernetes.io/topology-aware-hints": "auto",
            }
        },
        [("KPS228", 'metadata.annotations["service.kubernetes.io/topology-mode"]')],
    ),
    # load balancers
    ({**LOAD_BALANCER, "spec/loadBalancerSourceRanges": ["192.0.2.0/24", " 198.51.100.7/32 "]}, []),
    ({"spec/loadBalancerSourceRanges": ["192.0.2.0/24"]}, [("KPS212", "spec.loadBalancerSourceRanges")]),
    (
        {**LOAD_BALANCER, "spec/loadBalancerSourceRanges": ["192.0.2.7/24"]},
        [("KPS204", "spec.loadBalancerSourceRanges[0]")],
    ),
    (
        {**LOAD_BALANCER, "spec/loadBalancerSourceRanges": ["192.0.2.0/024"]},
        [("KPS204", "spec.loadBalancerSourceRanges[0]")],
    ),
    (
        {**LOAD_BALANCER, "spec/loadBalancerSourceRanges": ["2001:db8::/32"]},
        [("KPS303", "spec.loadBalancerSourceRanges[0]")],
    ),
    ({"spec/loadBalancerClass": "x"}, [("KPS212", "spec.loadBalancerClass")]),
    ({**LOAD_BALANCER, "spec/loadBalancerClass": "example.com/internal"}, []),
    ({**LOAD_BALANCER, "spec/loadBalancerClass": "/internal"}, [("KPS217", "spec.loadBalancerClass")]),
    ({"spec/allocateLoadBalancerNodePorts": True}, [("KPS212", "spec.allocateLoadBalancerNodePorts")]),
    (
        {
            **LOAD_BALANCER,
            "metadata/annotations": {
                "service.beta.kubernetes.io/load-balancer-source-ranges": "192.0.2.0/24"
            },
        },
        [("KPS311", 'metadata.annotations["service.beta.kubernetes.io/load-balancer-source-ranges"]')],
    ),
    (
        {**LOAD_BALANCER, INGRESS: [{"ip": "203.0.113.10", "ipMode": "VIP"}, {"hostname": "lb.example.net"}]},
        [],
    ),
    ({INGRESS: [{"ip": "203.0.113.10"}]}, [("KPS223", "status.loadBalancer.ingress")]),
    ({**LOAD_BALANCER, INGRESS: [{"ip": "203.0.113.010"}]}, [("KPS203", f"{IP0}.ip")]),
    ({**LOAD_BALANCER, INGRESS: [{"ip": "2001:db8::10"}]}, [("KPS303", f"{IP0}.ip")]),
    (
        {**LOAD_BALANCER, INGRESS: [{"hostname": "lb.example.net", "ipMode": "Proxy"}]},
        [("KPS223", f"{IP0}.ipMode")],
    ),
    ({**LOAD_BALANCER, INGRESS: [{"hostname": "203.0.113.10"}]}, [("KPS223", f"{IP0}.hostname")]),
    ({**LOAD_BALANCER, INGRESS: [{"hostname": "LB"}]}, [("KPS223", f"{IP0}.hostname")]),
]


@pytest.mark.parametrize("change, wanted", SERVICES, ids=[str(sorted(change)) for change, _ in SERVICES])
def test_a_service(change: Change, wanted: list[tuple[str, str]]) -> None:
    assert findings(NODE, changed(SERVICE, change), SLICE) == wanted


ADDRESS = "endpoints[0].addresses[0]"

SLICES: list[tuple[Change, list[tuple[str, str]]]] = [
    ({"metadata/name": "Web-1"}, [("KPS217", "metadata.name")]),
    ({"metadata/name": "web.1"}, []),
    ({"metadata/name": "a" * 254}, [("KPS217", "metadata.name")]),
    ({"metadata/labels": {}}, [("KPS302", "metadata.labels")]),
    (
        {"metadata/labels": {"kubernetes.io/service-name": "gone"}},
        [("KPS301", 'metadata.labels["kubernetes.io/service-name"]')],
    ),
    ({"metadata/namespace": "other"}, [("KPS301", 'metadata.labels["kubernetes.io/service-name"]')]),
    ({"addressType": "FQDN", "endpoints": [{"addresses": ["db.example.net"]}]}, [("KPS304", "addressType")]),
    (
        {"addressType": "FQDN", "endpoints": [{"addresses": ["db"]}]},
        [("KPS304", "addressType"), ("KPS219", ADDRESS)],
    ),
    ({"addressType": "IPv6"}, [("KPS219", ADDRESS)]),
    ({"addressType": "IPv6", "endpoints": [{"addresses": ["fd00::5"]}]}, []),
    ({"endpoints/0/addresses": ["010.44.0.5"]}, [("KPS203", ADDRESS)]),
    ({"endpoints/0/addresses": ["127.0.0.1"]}, [("KPS211", ADDRESS)]),
    ({"endpoints/0/addresses": []}, [("KPS218", "endpoints[0].addresses")]),
    ({"endpoints/0/addresses": ["10.44.0.5"] * 101}, [("KPS218", "endpoints[0].addresses")]),
    ({"endpoints": [{"addresses": ["10.44.0.5"]}] * 1001}, [("KPS218", "endpoints")]),
    ({"endpoints": []}, []),
    ({"endpoints/0/nodeName": "Node"}, [("KPS217", "endpoints[0].nodeName")]),
    ({"endpoints/0/hostname": "a.b"}, [("KPS217", "endpoints[0].hostname")]),
    (
        {"endpoints/0/hints": {"forZones": [{"name": "a"}, {"name": "a"}]}},
        [("KPS225", "endpoints[0].hints.forZones")],
    ),
    (
        {"endpoints/0/hints": {"forNodes": [{"name": str(n)} for n in range(9)]}},
        [("KPS225", "endpoints[0].hints.forNodes")],
    ),
    ({"endpoints/0/hints": {"forZones": [{"name": "a"}], "forNodes": [{"name": "a"}]}}, []),
    ({"ports/0/port": None}, [("KPS310", "ports[0]")]),
    ({"ports/0/port": 0}, [("KPS310", "ports[0]")]),
    ({"ports/0/name": "web"}, [("KPS309", "ports[0].name")]),
    ({"ports/0/name": None}, [("KPS309", "ports[0].name")]),
    ({"ports/0/protocol": "UDP"}, [("KPS309", "ports[0].name")]),
    ({"ports/0/name": "Web"}, [("KPS217", "ports[0].name"), ("KPS309", "ports[0].name")]),
    ({"ports/1": {"name": "http", "port": 9090}}, [("KPS220", "ports[1]")]),
]


@pytest.mark.parametrize("change, wanted", SLICES, ids=[str(sorted(change)) for change, _ in SLICES])
def test_an_endpoint_slice(change: Change, wanted: list[tuple[str, str]]) -> None:
    assert findings(NODE, SERVICE, changed(SLICE, change)) == wanted


def test_a_slice_of_too_many_ports() -> None:
    ports = [{"name": f"p{number}", "port": 1} for number in range(20_001)]
    assert findings(changed(SLICE, {"ports": ports}))[0] == ("KPS218", "ports")


def test_a_headless_slice() -> None:
    labels = {**SLICE["metadata"]["labels"], "service.kubernetes.io/headless": ""}
    headless = changed(SERVICE, {"spec/clusterIP": "None"})
    assert findings(headless, changed(SLICE, {"metadata/labels": labels})) == [
        ("KPS305", "spec.clusterIP"),
        ("KPS306", 'metadata.labels["service.kubernetes.io/headless"]'),
    ]


NODES: list[tuple[Change, list[tuple[str, str]]]] = [
    ({"metadata/name": "Node_A"}, [("KPS217", "metadata.name")]),
    ({"metadata/name": "node-a.example.com"}, []),
    ({"spec/podCIDR": "10.44.0.1/24", "spec/podCIDRs": None}, [("KPS204", "spec.podCIDR")]),
    ({"spec/podCIDR": "10.44.0.1/24", "spec/podCIDRs": ["10.44.0.1/24"]}, [("KPS204", "spec.podCIDRs[0]")]),
    ({"spec/podCIDRs": ["10.44.0.0/24", "10.44.1.0/24"]}, [("KPS221", "spec.podCIDRs")]),
    ({"spec/podCIDRs": ["10.44.0.0/24", "10.44.0.0/24"]}, [("KPS221", "spec.podCIDRs")]),
    ({"spec/podCIDRs": ["10.44.0.0/24", "fd00::/64", "fd01::/64"]}, [("KPS221", "spec.podCIDRs")]),
    (
        {"status/addresses/3": {"type": "InternalIP", "address": "10.128.0.12"}},
        [("KPS222", "status.addresses[3]")],
    ),
    ({"status/addresses/3": {"type": "ExternalIP", "address": "10.128.0.12"}}, []),
]


@pytest.mark.parametrize("change, wanted", NODES, ids=[str(sorted(change)) for change, _ in NODES])
def test_a_node(change: Change, wanted: list[tuple[str, str]]) -> None:
    assert findings(changed(NODE, change), SERVICE, SLICE) == wanted


OTHER = {"metadata/name": "other", "spec/clusterIP": "10.96.0.11"}

PAIRS: list[tuple[str, Change, Change, list[tuple[str, str]]]] = [
    (
        "a node port for all protocols",
        NODE_PORT,
        {**OTHER, **NODE_PORT, "spec/ports/0/protocol": "UDP"},
        [("KPS201", f"{PORT}.nodePort")],
    ),
    (
        "a health check port",
        NODE_PORT,
        {
            **OTHER,
            **LOAD_BALANCER,
            "spec/ports/0/nodePort": 30081,
            "spec/externalTrafficPolicy": "Local",
            "spec/healthCheckNodePort": 30080,
        },
        [("KPS201", "spec.healthCheckNodePort")],
    ),
    ("a cluster IP", {}, {"metadata/name": "other"}, [("KPS229", "spec.clusterIP")]),
    ("another node port", NODE_PORT, {**OTHER, "spec/type": "NodePort", "spec/ports/0/nodePort": 30081}, []),
    (
        "two headless",
        {"spec/clusterIP": "None"},
        {**OTHER, "spec/clusterIP": "None"},
        [("KPS305", "spec.clusterIP")] * 2,
    ),
]


@pytest.mark.parametrize(
    "first, second, wanted", [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS]
)
def test_what_two_services_claim(first: Change, second: Change, wanted: list[tuple[str, str]]) -> None:
    assert findings(changed(SERVICE, first), changed(SERVICE, second)) == wanted


@pytest.mark.parametrize(
    "first, second, wanted",
    [
        ({}, {}, [("KPS235", ADDRESS)]),
        ({}, {"endpoints/0/addresses": ["10.44.0.6"]}, []),
        ({}, {"endpoints/0/targetRef/name": "web-a"}, []),
        ({"endpoints/0/conditions": {"serving": False}}, {}, []),
        (
            {"endpoints/0/addresses": ["10.128.0.12"]},
            {"endpoints/0/addresses": ["10.128.0.12"]},
            [],
        ),
    ],
    ids=[
        "two pods",
        "an address each",
        "one pod, two slices",
        "it serves no more",
        "on their node's network",
    ],
)
def test_two_pods_with_one_address(first: Change, second: Change, wanted: list[tuple[str, str]]) -> None:
    pods = ({"endpoints/0/targetRef": {"kind": "Pod", "name": f"web-{letter}"}} for letter in "ab")
    one, other = (changed(SLICE, each) for each in pods)
    found = findings(
        NODE, SERVICE, changed(one, first), changed(changed(other, {"metadata/name": "web-2"}), second)
    )
    assert found == wanted


def test_an_address_that_is_none_is_an_error_in_a_slice_too() -> None:
    with pytest.raises(InputError) as raised:
        findings(NODE, SERVICE, changed(SLICE, {"endpoints/0/addresses": ["10.44.0.500"]}))
    (error,) = raised.value.diagnostics
    assert (error.code, error.path, error.found) == ("KPS104", ADDRESS, '"10.44.0.500"')
    assert error.notes == ("in EndpointSlice default/web-1",)


def test_a_warning_is_an_error_when_strict() -> None:
    manifest = changed(SERVICE, {"spec/ports/0/nodePort": 30080})
    (warning,) = Cluster.load([manifest]).findings
    assert warning.severity is Severity.WARNING
    with pytest.raises(InputError) as raised:
        Cluster.load([manifest], strict=True)
    (error,) = raised.value.diagnostics
    assert (error.code, error.severity) == ("KPS202", Severity.ERROR)


def test_a_note_stays_a_note_when_strict() -> None:
    (note,) = Cluster.load([changed(SERVICE, {"spec/clusterIP": "None"})], strict=True).findings
    assert (note.code, note.severity) == ("KPS305", Severity.NOTE)


def test_the_right_spelling_is_told() -> None:
    (warning,) = Cluster.load([changed(SERVICE, {"spec/externalIPs": ["::ffff:198.51.100.12"]})]).findings
    assert warning.message == "this address is an IPv4-mapped IPv6 address"
    assert (warning.found, warning.help) == ('"::ffff:198.51.100.12"', "write 198.51.100.12")
