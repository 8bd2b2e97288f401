"""Clusters for laws about text: few names and few addresses, so that things meet.

Unlike those of `kproxysim.testing.strategies` they need not be such as an API server takes: two Services have one
node port, an endpoint stands twice, conditions contradict each other.
"""

from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import Cluster, EndpointSlice, Node, NodeFacts, Service
from kproxysim.kubeproxy import SUPPORTED
from kproxysim.testing import strategies

NODES = ("n1", "n2")
ZONES = ("a", "b")
# No spellings that are not canonical: kube-proxy up to 1.29 writes them as typed, and iptables refuses some.
OUTSIDE = ("192.0.2.1", "192.0.2.2", "10.128.0.2", "2001:db8::1")
RANGES = ("10.128.0.0/24", "203.0.113.0/25", " 198.51.100.0/24", "0.0.0.0/0", "fd00::/8")
PODS = {
    "IPv4": ("10.4.1.1", "10.4.1.10", "10.4.2.1", "10.4.2.2"),
    "IPv6": ("fd00:4::1", "fd00:4::10", "fd00:4::2"),
}
PROTOCOLS = ("TCP", "UDP", "SCTP")

versions = st.sampled_from(SUPPORTED)
families = st.sampled_from(("ipv4", "ipv6"))
facts = st.builds(
    NodeFacts,
    kubelet=st.booleans(),
    iptables_random_fully=st.booleans(),
    nfacct_counters=st.sampled_from(
        (
            (),
            ("ct_state_invalid_dropped_pkts",),
            ("ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts"),
        )
    ),
)
configurations = strategies.configurations(
    families=("ipv4", "dual"), masquerade_all=(False, True), localhost_node_ports=(True, False)
)


@st.composite
def services(draw: st.DrawFn, index: int) -> Service:
    """A Service that has a name and cluster IPs of its own, and anything else by chance."""
    dual = draw(st.booleans())
    kind = draw(st.sampled_from(("ClusterIP", "NodePort", "LoadBalancer")))
    ports: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 2))):
        port = {"name": f"p{number}", "port": 80 + number, "protocol": draw(st.sampled_from(PROTOCOLS))}
        if kind != "ClusterIP" and draw(st.booleans()):
            port["nodePort"] = draw(st.integers(30000, 30002))
        ports.append(port)
    local = st.sampled_from(("Cluster", "Local"))
    ips = [f"10.8.0.{index + 1}", f"fd00:8::{index + 1}"]
    spec = {
        "type": kind,
        "clusterIP": ips[0],
        "clusterIPs": ips if dual else ips[:1],
        "ipFamilies": ["IPv4", "IPv6"] if dual else ["IPv4"],
        "ports": ports,
        "externalIPs": draw(st.lists(st.sampled_from(OUTSIDE), max_size=2)),
        "internalTrafficPolicy": draw(local),
        "externalTrafficPolicy": draw(local),
        "sessionAffinity": draw(st.sampled_from(("None", "ClientIP"))),
        "healthCheckNodePort": draw(st.sampled_from((0, 32000))),
        "loadBalancerSourceRanges": draw(st.lists(st.sampled_from(RANGES), max_size=2)),
    }
    ingress = [
        {"ip": ip, "ipMode": mode}
        for ip, mode in draw(
            st.lists(st.tuples(st.sampled_from(OUTSIDE), st.sampled_from(("VIP", "Proxy"))), max_size=2)
        )
    ]
    metadata = {
        "name": f"s{index}",
        "namespace": draw(st.sampled_from(("a", "b"))),
        "annotations": draw(st.sampled_from(({}, {"service.kubernetes.io/topology-mode": "Auto"}))),
    }
    return Service.model_validate(
        {"metadata": metadata, "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}}
    )


@st.composite
def slices(draw: st.DrawFn, service: Service, index: int) -> EndpointSlice:
    """A slice of a Service's endpoints, for all of its ports."""
    family = draw(st.sampled_from(("IPv4", "IPv6")))
    name = service.metadata.name
    entries = []
    for address in draw(st.lists(st.sampled_from(PODS[family]), max_size=3)):
        entry: dict[str, Any] = {"addresses": [address]}
        entry["nodeName"] = draw(st.sampled_from(NODES))
        entry["conditions"] = {
            condition: draw(st.booleans()) for condition in ("ready", "serving", "terminating")
        }
        if draw(st.booleans()):
            entry["hints"] = {
                "forZones": [{"name": draw(st.sampled_from(ZONES))}],
                "forNodes": [{"name": draw(st.sampled_from(NODES))}],
            }
        entries.append(entry)
    return EndpointSlice.model_validate(
        {
            "metadata": {
                "name": f"{name}-{index}",
                "namespace": service.metadata.namespace,
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": family,
            "ports": [
                {"name": port.name, "protocol": port.protocol, "port": 8080 + number}
                for number, port in enumerate(service.spec.ports)
            ],
            "endpoints": entries,
        }
    )


def nodes() -> list[Node]:
    return [
        Node.model_validate(
            {
                "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
                "status": {"addresses": [{"type": "InternalIP", "address": f"10.128.0.{number}"}]},
            }
        )
        for number, (name, zone) in enumerate(zip(NODES, ZONES, strict=True), 2)
    ]


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    owners = [draw(services(index)) for index in range(draw(st.integers(0, 3)))]
    found = [draw(slices(owner, index)) for owner in owners for index in range(draw(st.integers(0, 2)))]
    return Cluster(nodes(), owners, found)
