"""Clusters to be built twice, as a World and as namespaces, and packets to be sent through both.

Addresses come from small pools, so that Services, nodes and packets meet: an external IP is often a node's address, a packet is often for a
Service, a node port often dialled where it is not served.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, NodeFacts, Service
from kproxysim.kubeproxy import SUPPORTED
from kproxysim.network import Allow, Edge, Pod, World
from kproxysim.network.topology import POD_NETWORKS
from kproxysim.testing import Call
from kproxysim.testing.strategies.addresses import (
    BALANCED,
    CLUSTER_CIDR,
    FOREIGN,
    cluster_ip,
    internal,
    pod,
    public,
)
from kproxysim.testing.strategies.addresses import CLIENTS as ALL_CLIENTS
from kproxysim.testing.strategies.objects import make_node

CLIENTS = {version: clients[0] for version, clients in ALL_CLIENTS.items()}
TARGET, DNS, CLOSED = 8080, 5353, 81


@dataclass(frozen=True)
class Drawn:
    """A World and what is to be sent in it."""

    world: World
    calls: tuple[Call, ...]


@st.composite
def _service(draw: st.DrawFn, number: int, nodes: int, versions: tuple[int, ...]) -> Service:
    """Any Service whose rules a packet can tell apart from those of another."""
    kind = draw(st.sampled_from(("ClusterIP", "NodePort", "LoadBalancer")))
    own = draw(st.sampled_from([versions, versions[:1]]))
    external = [
        address
        for version in own
        for address in (
            *(internal(one, version) for one in range(nodes)),
            public(0, version),
            *FOREIGN[version],
        )
    ]
    ports = [
        {
            "name": f"{protocol}{port}",
            "port": port,
            "protocol": protocol.upper(),
            "targetPort": TARGET if protocol == "tcp" else DNS,
            "nodePort": 30000 + 10 * number + place if kind != "ClusterIP" else 0,
        }
        for place, (protocol, port) in enumerate(
            draw(st.sampled_from(((("tcp", 80),), (("tcp", 80), ("udp", 53)))))
        )
    ]
    spec: dict[str, Any] = {
        "type": kind,
        "clusterIPs": [cluster_ip(number, version) for version in own],
        "ports": ports,
        "externalIPs": draw(st.lists(st.sampled_from(external), max_size=2, unique=True)),
        "internalTrafficPolicy": draw(st.sampled_from(("Cluster", "Cluster", "Local"))),
        "sessionAffinity": draw(st.sampled_from(("None", "None", "ClientIP"))),
    }
    if kind != "ClusterIP":
        spec["externalTrafficPolicy"] = draw(st.sampled_from(("Cluster", "Local")))
    status: dict[str, Any] = {}
    if kind == "LoadBalancer":
        ingress = [{"ip": draw(st.sampled_from(BALANCED[version]))} for version in own]
        status = {"loadBalancer": {"ingress": ingress}}
        spec["loadBalancerSourceRanges"] = draw(
            st.sampled_from(([], [], [f"{CLIENTS[own[0]]}/{32 if own[0] == 4 else 128}"], ["198.18.0.0/15"]))
        )
    return Service.model_validate({"metadata": {"name": f"s{number}"}, "spec": spec, "status": status})


CONDITIONS: tuple[dict[str, bool], ...] = (
    {},
    {},
    {},
    {"ready": False, "serving": True, "terminating": True},
    {"ready": False, "serving": False},
)


@st.composite
def _slices(draw: st.DrawFn, service: Service, pods: list[Pod], nodes: int) -> list[EndpointSlice]:
    """Endpoints of a Service, one slice a family; now and then one of them is a process in a node's own network."""
    chosen = draw(st.lists(st.sampled_from(pods), max_size=3, unique=True)) if pods else []
    states = [draw(st.sampled_from(CONDITIONS)) for _ in chosen]
    host = draw(st.sampled_from((None, None, None, *range(nodes))))
    found = []
    for family in service.spec.ip_families:
        version = int(family[-1])
        endpoints: list[dict[str, Any]] = [
            {
                "addresses": [address],
                "nodeName": pod.node,
                "conditions": state,
                "targetRef": {"kind": "Pod", "namespace": pod.namespace, "name": pod.name},
            }
            for pod, state in zip(chosen, states, strict=True)
            for address in pod.ips
            if (":" in address) == (version == 6)
        ]
        if host is not None:
            endpoints.append({"addresses": [internal(host, version)], "nodeName": f"n{host}"})
        name = service.metadata.name
        ports = [
            {"name": port.name, "protocol": port.protocol, "port": port.target_port}
            for port in service.spec.ports
        ]
        labels = {"kubernetes.io/service-name": name}
        found.append(
            EndpointSlice.model_validate(
                {
                    "metadata": {"name": f"{name}-{version}", "labels": labels},
                    "addressType": family,
                    "ports": ports,
                    "endpoints": endpoints,
                }
            )
        )
    return found


@st.composite
def _edge(draw: st.DrawFn, nodes: int, versions: tuple[int, ...]) -> Edge:
    kind = draw(st.sampled_from(("gce", "nat", "routed")))
    names = [f"n{number}" for number in range(nodes)]
    firewall = draw(
        st.sampled_from(
            (None, None, (), (Allow("tcp", 80, 80), Allow("tcp", 30000, 32767), Allow("udp", 1, 65535)))
        )
    )
    routes = {
        foreign[0]: draw(st.sampled_from(names))
        for version, foreign in FOREIGN.items()
        if version in versions
    }
    pairs = {
        public(number, version): internal(number, version) for number in range(nodes) for version in versions
    }
    return Edge(kind, {} if kind == "routed" else pairs, firewall, routes if draw(st.booleans()) else {})


@st.composite
def _configuration(draw: st.DrawFn, versions: tuple[int, ...], pod_network: str) -> KubeProxyConfiguration:
    whole = ",".join(CLUSTER_CIDR[version] for version in versions)
    prefix = "cbr" if pod_network == "bridge" else "veth"
    local: dict[str, Any] = draw(
        st.sampled_from(
            (
                {"clusterCIDR": whole},
                {"clusterCIDR": whole},
                {},
                {"detectLocalMode": "NodeCIDR"},
                {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": prefix}},
            )
        )
    )
    ports = draw(st.sampled_from(([], [], ["10.128.0.0/24", "fd00:128::/64"])))
    masquerade = {"masqueradeAll": draw(st.sampled_from((False, False, False, True)))}
    return KubeProxyConfiguration.model_validate(
        {**local, "nodePortAddresses": ports, "iptables": masquerade}
    )


@st.composite
def _facts(draw: st.DrawFn) -> NodeFacts:
    """A filter for the way back, and a process on a port that a Service may take."""
    filtered = draw(st.sampled_from(("0", "0", "0", "1", "2")))
    listening = draw(st.sampled_from((("tcp/22",), ("tcp/22", "tcp/80", "udp/53"))))
    return NodeFacts.model_validate(
        {"sysctls": {"net.ipv4.conf.all.rp_filter": filtered}, "listening": listening}
    )


@st.composite
def clusters(draw: st.DrawFn, calls: int = 16) -> Drawn:
    """A cluster of one to three nodes, and packets."""
    versions = draw(st.sampled_from(((4,), (4,), (6,), (4, 6))))
    nodes = draw(st.integers(1, 3))
    pod_network = draw(st.sampled_from(POD_NETWORKS))
    pods = [
        Pod(
            "default",
            f"p{node}{number}",
            f"n{node}",
            tuple(pod(node, number, version) for version in versions),
            (f"tcp/{TARGET}", f"udp/{DNS}"),
        )
        for node in range(nodes)
        for number in range(draw(st.integers(1, 2)))
    ]
    services = [draw(_service(number, nodes, versions)) for number in range(draw(st.integers(1, 4)))]
    slices = [piece for service in services for piece in draw(_slices(service, pods, nodes))]
    world = World(
        Cluster([make_node(number, versions, "") for number in range(nodes)], services, slices),
        edge=draw(_edge(nodes, versions)),
        pods=pods,
        facts={f"n{number}": draw(_facts()) for number in range(nodes)},
        config=draw(_configuration(versions, pod_network)),
        version=draw(st.sampled_from(SUPPORTED)),
        pod_network=pod_network,
    )
    places = _places(services, pods, nodes, versions)
    senders = [*(f"node/n{number}" for number in range(nodes)), *(f"pod/{pod.key}" for pod in pods)]
    return Drawn(world, tuple(draw(_call(places, senders, nodes)) for _ in range(calls)))


def _places(
    services: list[Service], pods: list[Pod], nodes: int, versions: tuple[int, ...]
) -> list[tuple[int, str, str]]:
    """Where packets go: family, address, "port/protocol". Every port of a Service at every address that could be its own."""
    found = []
    for version in versions:
        own = [internal(number, version) for number in range(nodes)] + [
            public(number, version) for number in range(nodes)
        ]
        for service in services:
            addresses = [*service.spec.cluster_ips, *service.spec.external_ips]
            addresses += [one.ip for one in service.status.load_balancer.ingress]
            mine = [address for address in addresses if (":" in address) == (version == 6)]
            for port in service.spec.ports:
                protocol = port.protocol.lower()
                found += [(version, address, f"{port.port}/{protocol}") for address in (*mine, *mine, own[0])]
                if port.node_port:
                    at = [*own, *mine, "127.0.0.1" if version == 4 else "::1"]
                    found += [(version, address, f"{port.node_port}/{protocol}") for address in at]
        ends = [address for pod in pods for address in pod.ips if (":" in address) == (version == 6)]
        found += [(version, address, f"{TARGET}/tcp") for address in ends]
        nowhere = FOREIGN[version][-1]
        found += [(version, address, f"{CLOSED}/tcp") for address in (*ends[:1], own[0], own[-1], nowhere)]
        found += [(version, pod(0, 99, version), "80/tcp"), (version, nowhere, "53/udp")]
    return found


@st.composite
def _call(draw: st.DrawFn, places: list[tuple[int, str, str]], senders: list[str], nodes: int) -> Call:
    version, address, port = draw(st.sampled_from(places))
    sender = draw(st.sampled_from((*(f"internet/{CLIENTS[version]}",) * max(1, len(senders) // 2), *senders)))
    host = f"[{address}]" if version == 6 else address
    return Call(sender, f"{host}:{port}", f"n{draw(st.integers(0, nodes - 1))}")
