"""A small cluster for tests: two nodes, two pods behind each Service, addresses from the documentation ranges."""

from typing import Any

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, Service
from kproxysim.network import Edge, World

BOTH = (("10.44.0.5", "node-a", "echo-1"), ("10.44.1.7", "node-b", "echo-2"))
CONFIG = KubeProxyConfiguration.model_validate({"clusterCIDR": "10.44.0.0/14"})


def node(name: str, internal: str, external: str, pods: str, provider: str = "gce://project/zone/vm") -> Node:
    return Node.model_validate(
        {
            "metadata": {"name": name},
            "spec": {"podCIDR": pods, "podCIDRs": [pods], "providerID": provider},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": internal},
                    {"type": "ExternalIP", "address": external},
                ]
            },
        }
    )


def service(name: str, cluster_ip: str, *, node_port: int = 0, ingress: str = "", **spec: Any) -> Service:
    port: dict[str, Any] = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    if node_port:
        port["nodePort"] = node_port
    return Service.model_validate(
        {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "ports": [port], **spec},
            "status": {"loadBalancer": {"ingress": [{"ip": ingress}]}} if ingress else {},
        }
    )


def endpoints(name: str, *of: tuple[str, str, str]) -> EndpointSlice:
    return EndpointSlice.model_validate(
        {
            "metadata": {
                "name": f"{name}-x",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [address],
                    "nodeName": where,
                    "targetRef": {"kind": "Pod", "namespace": "default", "name": pod},
                }
                for address, where, pod in of
            ],
        }
    )


def world(
    *services: Service, only: tuple[tuple[str, str, str], ...] = BOTH, edge: Edge | None = None, **more: Any
) -> World:
    """A World with these Services, each with the endpoints `only`."""
    cluster = Cluster(
        [
            node("node-a", "10.128.0.12", "198.51.100.12", "10.44.0.0/24"),
            node("node-b", "10.128.0.13", "198.51.100.13", "10.44.1.0/24"),
        ],
        services,
        [endpoints(one.metadata.name, *only) for one in services if only],
    )
    return World(cluster, edge=edge, config=CONFIG, **more)
