"""Nodes, Services and EndpointSlices as hypothesis draws them: always such as the API server would take."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from kproxysim.cluster import EndpointSlice, Node, Service
from kproxysim.testing.strategies.addresses import (
    BALANCED,
    FOREIGN,
    SOURCE_RANGES,
    cluster_ip,
    internal,
    node_cidr,
    pod,
    public,
)
from kproxysim.testing.strategies.choosing import how_many, one_in, pick, some
from kproxysim.testing.strategies.choosing import number as draw_number
from kproxysim.testing.strategies.scope import Scope

__all__ = ["CONDITIONS", "PODS_A_NODE", "TARGETS", "draw_service", "draw_slices", "make_node", "pod_name"]

PODS_A_NODE = 2
"""Pods that endpoints may be, on each node."""

TARGETS = ("tcp/8080", "tcp/80", "udp/5353", "sctp/9090")
"""What every such pod listens on."""

ZONE = "topology.kubernetes.io/zone"
_ASKED = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")
"""What asks for hints: before 1.31 they counted with one of these only, before 1.27 with the latter."""
HEADLESS = "service.kubernetes.io/headless"
SERVICE_NAME = "kubernetes.io/service-name"
HEALTH_CHECK_PORTS = 31900
NODE_PORTS = 30000
NOBODYS_ENDPOINT = {4: "10.45.0.99", 6: "fd00:45::99"}
"""An endpoint's address that no pod has: what is left of a pod, or written by hand."""

_SERVED = ("ClusterIP", "NodePort", "LoadBalancer")
_HINTED = ("no", "no", "no", "zones", "nodes", "both", "some")

_STATES: dict[str, dict[str, bool]] = {
    "ready": {"ready": True},
    "unsaid": {},
    "not ready": {"ready": False, "serving": False},
    "draining": {"ready": False, "serving": True, "terminating": True},
    "terminated": {"ready": False, "serving": False, "terminating": True},
}


CONDITIONS = tuple(_STATES.values())
"""The conditions that an endpoint may have."""


def pod_name(node: int, number: int) -> str:
    """The name of a node's n-th pod."""
    return f"p{node}{number}"


@cache
def make_node(number: int, versions: tuple[int, ...], zone: str) -> Node:
    """Node `n0`, `n1` and so on; `zone` is empty for none."""
    kinds = (("InternalIP", internal), ("ExternalIP", public))
    return Node.model_validate(
        {
            "metadata": {"name": f"n{number}", **({"labels": {ZONE: zone}} if zone else {})},
            "spec": {"podCIDRs": [node_cidr(number, version) for version in versions]},
            "status": {
                "addresses": [
                    {"type": kind, "address": make(number, version)}
                    for version in versions
                    for kind, make in kinds
                ]
            },
        }
    )


def draw_service(
    draw: st.DrawFn, scope: Scope, number: int, nodes: int, services: int, versions: tuple[int, ...]
) -> Service:
    """Service `s0`, `s1` and so on. `versions` are the families of the cluster, `services` how many there
    are.
    """
    served = tuple(one for one in scope.types if one in _SERVED)
    kind = pick(draw, (*served * 3, *scope.types))
    name: dict[str, Any] = {"name": f"s{number}", "namespace": "default"}
    if kind == "ExternalName":
        return Service.model_validate(
            {"metadata": name, "spec": {"type": kind, "externalName": "example.org"}}
        )
    layout = pick(draw, scope.layouts)
    own = pick(draw, _families(versions))
    spec: dict[str, Any] = {
        "type": "ClusterIP" if kind == "headless" else kind,
        "clusterIP": cluster_ip(number, own[0]),
        "clusterIPs": [cluster_ip(number, version) for version in own],
        "ipFamilies": [f"IPv{version}" for version in own],
        "ports": [
            {"name": word, "protocol": protocol, "port": port, "targetPort": target}
            if word
            else {"protocol": protocol, "port": port, "targetPort": target}
            for word, protocol, port, target in layout
        ],
    }
    if kind == "headless":
        spec |= {"clusterIP": "None", "clusterIPs": ["None"]}
        return Service.model_validate({"metadata": name, "spec": spec})
    if scope.hints and one_in(draw, 3):
        name["annotations"] = {pick(draw, _ASKED): "Auto"}
    if pick(draw, scope.internal_policies) == "Local":
        spec["internalTrafficPolicy"] = "Local"
    if pick(draw, scope.affinities) == "ClientIP":
        spec["sessionAffinity"] = "ClientIP"
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": pick(draw, (10800, 60, 60, 1))}}
    external = _draw_external_ips(draw, scope, number, nodes, services, own)
    if external:
        spec["externalIPs"] = external
    status = _draw_balancer(draw, scope, number, spec, own) if kind == "LoadBalancer" else {}
    if kind == "NodePort" or (kind == "LoadBalancer" and "allocateLoadBalancerNodePorts" not in spec):
        for place, port in enumerate(spec["ports"]):
            port["nodePort"] = NODE_PORTS + 10 * number + place
    if (kind != "ClusterIP" or external) and pick(draw, scope.external_policies) == "Local":
        spec["externalTrafficPolicy"] = "Local"
        if kind == "LoadBalancer":
            spec["healthCheckNodePort"] = HEALTH_CHECK_PORTS + number
    return Service.model_validate({"metadata": name, "spec": spec, **({"status": status} if status else {})})


def _families(versions: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    if len(versions) == 1:
        return (versions,)
    return (versions, versions[:1], versions[1:], versions[::-1])


def _draw_external_ips(
    draw: st.DrawFn, scope: Scope, number: int, nodes: int, services: int, own: tuple[int, ...]
) -> list[str]:
    pools = {
        "internal": [internal(one, version) for version in own for one in range(nodes)],
        "public": [public(one, version) for version in own for one in range(nodes)],
        "foreign": [address for version in own for address in FOREIGN[version]],
        "taken": [
            address
            for version in own
            for address in (cluster_ip((number + 1) % max(services, 1), version), pod(0, 0, version))
            if address != cluster_ip(number, version)
        ],
    }
    return some(draw, [address for kind in scope.external_ips for address in pools[kind]], 0, 2)


def _draw_balancer(
    draw: st.DrawFn, scope: Scope, number: int, spec: dict[str, Any], own: tuple[int, ...]
) -> dict[str, Any]:
    """The balancer's address in status, and what spec says of it."""
    if one_in(draw, 4):
        spec["allocateLoadBalancerNodePorts"] = False
    if scope.source_ranges:
        ranges = [prefix for version in own for prefix in SOURCE_RANGES[version]]
        given = some(draw, ranges, 0, 2)
        if given:
            spec["loadBalancerSourceRanges"] = given
    kinds = (*scope.ingress, "none") if scope.ingress else ("none",)
    kind = pick(draw, kinds)
    if kind == "none":
        return {}
    if kind == "hostname":
        return {"loadBalancer": {"ingress": [{"hostname": f"lb{number}.example.org"}]}}
    place = 0 if kind == "shared" else min(number, 1)
    ingress = [{"ip": BALANCED[version][place]} for version in own]
    if kind == "Proxy":
        ingress = [{**one, "ipMode": "Proxy"} for one in ingress]
    return {"loadBalancer": {"ingress": ingress}}


def draw_slices(draw: st.DrawFn, scope: Scope, service: Service, nodes: int) -> list[EndpointSlice]:
    """The EndpointSlices of a Service, the same endpoints in each family."""
    if service.spec.type == "ExternalName":
        return []
    number = int(service.metadata.name[1:])
    entries = _draw_endpoints(draw, scope, nodes)
    parts = [entries]
    odd = draw_number(draw, 0, 5) if scope.oddities else 0
    if odd == 4 and len(entries) > 1:
        parts = [entries[:1], entries[1:]]
    elif odd == 5 and entries:
        # The same endpoint in two slices: it is moving from one to the other.
        parts = [entries, [{**entries[0], "conditions": {"ready": True}}]]
    found = []
    for family in service.spec.ip_families:
        for place, part in enumerate(parts):
            found.append(_slice(service, number, family, place, part, shifted=odd == 4 and place == 1))
    return found


def _draw_endpoints(draw: st.DrawFn, scope: Scope, nodes: int) -> list[dict[str, Any]]:
    """Entries with their addresses still by family, under "addresses"."""
    versions = (4, 6)
    least, most = scope.endpoints
    places = [(node, number) for node in range(nodes) for number in range(PODS_A_NODE)]
    count = how_many(draw, min(least, len(places)), min(most, len(places)))
    chosen = some(draw, places, count, count)
    hinted = pick(draw, _HINTED) if scope.hints else "no"
    entries: list[dict[str, Any]] = []
    for place, (node, number) in enumerate(chosen):
        state = pick(draw, (*scope.endpoint_states[:1] * 2, *scope.endpoint_states[1:]))
        entry: dict[str, Any] = {
            "addresses": {version: pod(node, number, version) for version in versions},
            "nodeName": f"n{node}",
            "conditions": _STATES[state],
            "targetRef": {"kind": "Pod", "namespace": "default", "name": pod_name(node, number)},
        }
        hints = {}
        if hinted in ("zones", "both") or (hinted == "some" and place == 0):
            hints["forZones"] = [{"name": pick(draw, "ab")}]
        if hinted in ("nodes", "both"):
            hints["forNodes"] = [{"name": f"n{draw_number(draw, 0, nodes - 1)}"}]
        if hints:
            entry["hints"] = hints
        entries.append(entry)
    if scope.host_endpoints and one_in(draw, 5):
        node = draw_number(draw, 0, nodes - 1)
        addresses = {version: internal(node, version) for version in versions}
        entries.append({"addresses": addresses, "nodeName": f"n{node}", "conditions": {"ready": True}})
    if scope.oddities and one_in(draw, 10):
        entries.append({"addresses": NOBODYS_ENDPOINT, "conditions": {"ready": True}})
    return entries


def _slice(
    service: Service, number: int, family: str, place: int, entries: list[dict[str, Any]], *, shifted: bool
) -> EndpointSlice:
    """A slice; one that is `shifted` has a target port of its own, as pods of another version would."""
    version = int(family[-1])
    labels = {SERVICE_NAME: service.metadata.name, **({HEADLESS: ""} if service.spec.is_headless else {})}
    return EndpointSlice.model_validate(
        {
            "metadata": {"name": f"s{number}-v{version}-{place}", "namespace": "default", "labels": labels},
            "addressType": family,
            "ports": [
                {
                    "protocol": port.protocol,
                    "port": int(port.target_port) + (1000 if shifted else 0),
                    **({"name": port.name} if port.name else {}),
                }
                for port in service.spec.ports
            ],
            "endpoints": [{**entry, "addresses": [entry["addresses"][version]]} for entry in entries],
        }
    )
