"""Which pods there are, by what EndpointSlices say of them."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster, Node
from kproxysim.network import Pod, World
from kproxysim.network.pods import pods_of
from tests.network.small import endpoints, service

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


class TestAddressesFromTheCloud:
    """EKS: the VPC hands out the pods' addresses, and Nodes have no podCIDR."""

    @staticmethod
    def made() -> World:
        nodes = []
        for name, internal, external in (
            ("a", "10.0.0.10", "198.51.100.1"),
            ("b", "10.0.1.11", "198.51.100.2"),
        ):
            addresses = [
                {"type": "InternalIP", "address": internal},
                {"type": "ExternalIP", "address": external},
            ]
            spec = {"providerID": f"aws:///eu-west-1{name}/i-0{name}"}
            nodes.append(
                Node.model_validate(
                    {"metadata": {"name": name}, "spec": spec, "status": {"addresses": addresses}}
                )
            )
        of = (("10.0.0.100", "a", "near"), ("10.0.1.100", "b", "far"))
        shop = service("shop", "172.20.0.9", type="NodePort", node_port=30080)
        return World(Cluster(nodes, [shop], [endpoints("shop", *of)]))

    @pytest.mark.parametrize("cloud, edge", [("aws", "nat"), ("azure", "nat"), ("kind", "routed")])
    def test_the_cloud_is_told_by_its_nodes(self, cloud: str, edge: str) -> None:
        node = {"metadata": {"name": "a"}, "spec": {"providerID": f"{cloud}:///a"}}
        assert World(Cluster([Node.model_validate(node)])).edge.kind == edge

    @pytest.mark.parametrize("source", ["internet/203.0.113.7", "node/a", "pod/default/near"])
    def test_pods_of_other_nodes_are_reached_and_answer(self, source: str) -> None:
        world = self.made()
        to = "198.51.100.1:30080" if source.startswith("internet") else "172.20.0.9:80"
        ways = world.send(world.packet(source, to), source).branches
        assert {(str(one.packet.dst), one.client_sees) for one in ways} == {
            ("10.0.0.100", "answered"),
            ("10.0.1.100", "answered"),
        }

    def test_public_addresses_are_translated_before_the_node(self) -> None:
        world = self.made()
        assert world.edge.kind == "nat"
        ways = world.send(world.packet("internet/203.0.113.7", "198.51.100.1:30080")).branches
        assert all(way.hops[0].steps[0].at == "edge:one-to-one nat" for way in ways)
