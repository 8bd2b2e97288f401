"""The IPv4 half of a world, with IPv6 addresses in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.network import Edge, World
from kproxysim.network.who import parse_target
from kproxysim.packet import format_endpoint
from kproxysim.testing.call import Call, Situation, again

__all__ = ["mirrored"]

_PRIVATE = tuple(map(parse_cidr, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def mirrored(world: World, call: Call) -> Situation | None:
    """The same call with IPv6 addresses; None where there is no such thing.

    Calls to loopback addresses, node ports there, and filters of the way back are IPv4's own; a call may be
    IPv6 already; and a sender with several addresses may choose another one by the rules of IPv6. Facts about
    interfaces and routes are not carried over: with them, None.
    """
    address, port, protocol = parse_target(call.to)
    if address.version == 6 or address.is_loopback or any(map(_is_special, world.facts.values())):
        return None
    config = world.config or KubeProxyConfiguration()
    if any(parse_cidr(text).is_loopback for text in config.node_port_addresses if text != "primary"):
        return None
    other = again(
        world,
        cluster=Cluster(
            [_node(one) for one in world.cluster.nodes],
            [_service(one) for one in world.cluster.services],
            [_slice(one) for one in world.cluster.endpoint_slices if one.address_type == "IPv4"],
        ),
        edge=_edge(world.edge),
        pods=[replace(pod, ips=tuple(_ips(pod.ips))) for pod in world.pods],
        clients={name: _ip(str(one)) for name, one in world.clients.items() if one.version == 4},
        config=_config(config),
    )
    kind, _, who = call.source.partition("/")
    source = f"internet/{_ip(who)}" if kind == "internet" else call.source
    to = f"{format_endpoint(_ip(str(address)), port)}/{protocol}"
    same = Call(source, to, call.via)
    if str(other.packet(source, to).src) != _ip(str(world.packet(call.source, call.to).src)):
        return None
    return Situation(other, same)


def _is_special(facts: NodeFacts) -> bool:
    filtered = any(name.endswith("rp_filter") and value != "0" for name, value in facts.sysctls.items())
    return filtered or any((facts.interfaces, facts.routes, facts.node_ips, facts.existing_nat))


def _ip(text: str) -> str:
    """10.128.0.11 is fd64::a80:b; a public address stays a public one."""
    address = parse_ip(text)
    assert isinstance(address, IPv4Address)
    private = any(address in network for network in _PRIVATE)
    base = int(IPv6Address("fd64::" if private else "2001:db8:64::"))
    return str(ip_address(base + int(address)))


def _ips(texts: Iterable[str]) -> list[str]:
    return [_ip(text) for text in texts if ":" not in text]


def _cidr(text: str) -> str:
    network = parse_cidr(text.strip())
    if network.prefixlen == 0:
        return "::/0"
    return str(parse_cidr(f"{_ip(str(network.network_address))}/{network.prefixlen + 96}"))


def _cidrs(texts: Iterable[str]) -> list[str]:
    return [_cidr(text) for text in texts if ":" not in text]


def _as_written(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return found


def _node(node: Node) -> Node:
    data = _as_written(node)
    cidrs = _cidrs(node.spec.pod_cidrs)
    data["spec"] = {**data.get("spec", {}), "podCIDRs": cidrs}
    data["spec"].pop("podCIDR", None)
    data["status"] = {
        "addresses": [
            {
                "type": one.type,
                "address": _ip(one.address) if one.type in ("InternalIP", "ExternalIP") else one.address,
            }
            for one in node.status.addresses
            if one.type not in ("InternalIP", "ExternalIP") or ":" not in one.address
        ]
    }
    return Node.model_validate(data)


def _service(service: Service) -> Service:
    data = _as_written(service)
    spec = data.get("spec", {})
    if service.spec.cluster_ips and not service.spec.is_headless:
        own = _ips(service.spec.cluster_ips)
        spec |= {"clusterIPs": own, "clusterIP": own[0] if own else "", "ipFamilies": ["IPv6"] if own else []}
    elif service.spec.is_headless:
        spec["ipFamilies"] = ["IPv6"]
    if service.spec.external_ips:
        spec["externalIPs"] = _ips(service.spec.external_ips)
    if service.spec.load_balancer_source_ranges:
        spec["loadBalancerSourceRanges"] = _cidrs(service.spec.load_balancer_source_ranges)
    ingress = [
        {**_as_written(one), **({"ip": _ip(one.ip)} if one.ip else {})}
        for one in service.status.load_balancer.ingress
        if ":" not in one.ip
    ]
    if ingress or data.get("status"):
        data["status"] = {"loadBalancer": {"ingress": ingress}}
    return Service.model_validate(data)


def _slice(piece: EndpointSlice) -> EndpointSlice:
    data = _as_written(piece)
    for entry, endpoint in zip(data.get("endpoints", ()), piece.endpoints, strict=True):
        entry["addresses"] = _ips(endpoint.addresses)
    return EndpointSlice.model_validate({**data, "addressType": "IPv6"})


def _edge(edge: Edge) -> Edge:
    firewall = edge.firewall
    if firewall is not None:
        firewall = tuple(
            replace(one, source=one.source if one.source == "0.0.0.0/0" else _cidr(one.source))
            for one in firewall
            if ":" not in one.source
        )
    return Edge(
        edge.kind,
        _pairs(edge.one_to_one),
        firewall,
        {_route(text): node for text, node in edge.routes.items() if ":" not in text},
        {6: _ip(edge.gateway[4])} if 4 in edge.gateway else {},
    )


def _pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    return {_ip(public): _ip(internal) for public, internal in pairs.items() if ":" not in public}


def _route(text: str) -> str:
    return _cidr(text) if "/" in text else _ip(text)


def _config(config: KubeProxyConfiguration) -> KubeProxyConfiguration:
    data = _as_written(config)
    if config.cluster_cidr:
        data["clusterCIDR"] = ",".join(_cidrs(config.cluster_cidr.split(",")))
    given = config.node_port_addresses
    if given and given != ("primary",):
        data["nodePortAddresses"] = _cidrs(given)
    bound = parse_ip(config.bind_address)
    if bound.version == 4:
        data["bindAddress"] = "::" if bound.is_unspecified else _ip(config.bind_address)
    else:
        del data["bindAddress"]
    return KubeProxyConfiguration.model_validate(data)
