"""Which pods there are, by what EndpointSlices say of them."""

from typing import Any

from kproxysim.cluster import Cluster
from kproxysim.network import Pod
from kproxysim.network.pods import pods_of

WEB = {"kind": "Pod", "name": "web-0", "namespace": "shop"}


def piece(name: str, kind: str, *endpoints: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "shop"},
        "addressType": kind,
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": list(endpoints),
    }


def test_addresses_of_both_families_come_together_by_the_pods_name() -> None:
    cluster = Cluster.load(
        [
            piece("a", "IPv4", {"addresses": ["10.44.0.5"], "targetRef": WEB}),
            piece("b", "IPv6", {"addresses": ["fd00::5"], "targetRef": WEB, "nodeName": "a"}),
            piece("c", "IPv4", {"addresses": ["10.44.0.5"], "targetRef": {**WEB, "namespace": "other"}}),
            piece(
                "d", "IPv4", {"addresses": ["10.44.0.7"], "targetRef": {"name": "web-1"}}, {"addresses": []}
            ),
        ]
    )
    assert pods_of(cluster) == (
        Pod("other", "web-0", "", ("10.44.0.5",), ("tcp/8080",)),
        Pod("shop", "web-0", "a", ("10.44.0.5", "fd00::5"), ("tcp/8080",)),
        Pod("shop", "web-1", "", ("10.44.0.7",), ("tcp/8080",)),
    )


def test_an_endpoint_without_a_pod_is_called_by_its_address_and_names_are_none() -> None:
    cluster = Cluster.load(
        [
            piece("a", "IPv4", {"addresses": ["10.44.0.6"], "nodeName": "b"}),
            piece("b", "FQDN", {"addresses": ["db.example.net"]}),
        ]
    )
    assert pods_of(cluster) == (Pod("shop", "10.44.0.6", "b", ("10.44.0.6",), ("tcp/8080",)),)
