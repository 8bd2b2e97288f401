"""Small worlds for the tests of reports: the article's two set-ups in one cluster, and ways to bend it."""

from __future__ import annotations

from typing import Any

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, Service
from kproxysim.network import Edge, World
from kproxysim.network.trace import Trace

INTERNAL = {"node-a": "10.128.0.12", "node-b": "10.128.0.13"}
PUBLIC = {"node-a": "198.51.100.12", "node-b": "198.51.100.13"}
POD_CIDR = {"node-a": "10.44.0.0/24", "node-b": "10.44.1.0/24"}
PODS = (("echo-1", "10.44.0.5", "node-a"), ("echo-2", "10.44.1.7", "node-b"))


def node(name: str) -> Node:
    addresses = [
        {"type": "InternalIP", "address": INTERNAL[name]},
        {"type": "ExternalIP", "address": PUBLIC[name]},
    ]
    spec = {
        "providerID": f"gce://project/zone/{name}",
        "podCIDR": POD_CIDR[name],
        "podCIDRs": [POD_CIDR[name]],
    }
    return Node.model_validate({"metadata": {"name": name}, "spec": spec, "status": {"addresses": addresses}})


def service(name: str, cluster_ip: str, *, port: str = "http", **spec: Any) -> Service:
    ports = [{"name": port, "protocol": "TCP", "port": 80, "targetPort": 8080, **spec.pop("port_fields", {})}]
    common = {
        "clusterIP": cluster_ip,
        "clusterIPs": [cluster_ip],
        "selector": {"app": "echo"},
        "ports": ports,
    }
    status = spec.pop("status", {})
    return Service.model_validate(
        {"metadata": {"namespace": "default", "name": name}, "spec": {**common, **spec}, "status": status}
    )


def slice_of(
    name: str, pods: tuple[tuple[str, str, str], ...] = PODS, *, port: str = "http"
) -> EndpointSlice:
    endpoints = [
        {
            "addresses": [address],
            "nodeName": on,
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "namespace": "default", "name": pod},
        }
        for pod, address, on in pods
    ]
    return EndpointSlice.model_validate(
        {
            "metadata": {
                "namespace": "default",
                "name": f"{name}-x7k2p",
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": port, "protocol": "TCP", "port": 8080}],
            "endpoints": endpoints,
        }
    )


def article(
    external_ip: str = INTERNAL["node-a"],
    pods: tuple[tuple[str, str, str], ...] = PODS,
    edge: Edge | None = None,
    **np_spec: Any,
) -> World:
    """Both of the article's Services: echo-ext with an external IP, echo-np with node port 30080, the same pods."""
    services = [
        service("echo-ext", "10.48.3.7", externalIPs=[external_ip]),
        service("echo-np", "10.48.3.8", type="NodePort", port_fields={"nodePort": 30080}, **np_spec),
    ]
    slices = [slice_of("echo-ext", pods), slice_of("echo-np", pods)] if pods else []
    cluster = Cluster([node("node-a"), node("node-b")], services, slices)
    config = KubeProxyConfiguration.model_validate({"clusterCIDR": "10.44.0.0/14"})
    return World(cluster, edge=edge, config=config, clients={"browser": "203.0.113.7"}, version="1.30")


def guarded() -> World:
    """A load balancer that lets one range in, with affinity of clients to pods."""
    balanced = service(
        "echo-lb",
        "10.48.3.9",
        type="LoadBalancer",
        sessionAffinity="ClientIP",
        loadBalancerSourceRanges=["192.0.2.0/24"],
        port_fields={"nodePort": 30090},
        status={"loadBalancer": {"ingress": [{"ip": "198.51.100.200"}]}},
    )
    cluster = Cluster([node("node-a"), node("node-b")], [balanced], [slice_of("echo-lb")])
    return World(cluster, clients={"browser": "203.0.113.7"}, version="1.30")


def sent(world: World, to: str, source: str = "browser", **how: Any) -> Trace:
    return world.send(world.packet(source, to), source, **how)
