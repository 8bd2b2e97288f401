"""Small objects for tables: what a test does not say is ordinary."""

from typing import Any

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.kubeproxy.settings import Settings, settings_for
from kproxysim.netfilter.script import Family

ZONE = "topology.kubernetes.io/zone"


def node(name: str = "n1", zone: str = "a", **spec: Any) -> Node:
    return Node.model_validate(
        {
            "metadata": {"name": name, "labels": {ZONE: zone} if zone else {}},
            "spec": spec,
            "status": {"addresses": [{"type": "InternalIP", "address": "10.128.0.2"}]},
        }
    )


def service(name: str = "web", namespace: str = "default", **spec: Any) -> Service:
    """A Service with one TCP port, http, 80. Other things of `metadata` and `status` go in as such."""
    metadata = {"name": name, "namespace": namespace, **spec.pop("metadata", {})}
    status = spec.pop("status", {})
    spec = {"clusterIP": "10.8.0.1", "ports": [{"name": "http", "port": 80}], **spec}
    return Service.model_validate({"metadata": metadata, "spec": spec, "status": status})


def endpoints(
    *entries: Any,
    name: str = "web-1",
    owner: str = "web",
    ports: list[dict[str, Any]] | None = None,
    family: str = "IPv4",
    labels: dict[str, str] | None = None,
) -> EndpointSlice:
    """A slice of Service default/web. An entry is an address, or a mapping with more of the endpoint."""
    return EndpointSlice.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": owner, **(labels or {})},
            },
            "addressType": family,
            "ports": [{"name": "http", "port": 8080}] if ports is None else ports,
            "endpoints": [endpoint(entry) for entry in entries],
        }
    )


def endpoint(entry: Any) -> dict[str, Any]:
    """`{"ip": ..., "ready": False, "zones": ["a"], "nodeName": ...}` as the API writes it."""
    if isinstance(entry, str):
        return {"addresses": [entry]}
    rest = dict(entry)
    made: dict[str, Any] = {"addresses": [rest.pop("ip")]}
    if conditions := {key: rest.pop(key) for key in ("ready", "serving", "terminating") if key in rest}:
        made["conditions"] = conditions
    hints = {}
    for key, field in (("zones", "forZones"), ("nodes", "forNodes")):
        if key in rest:
            hints[field] = [{"name": name} for name in rest.pop(key)]
    return {**made, **rest, **({"hints": hints} if hints else {})}


def settings(
    version: str | None = None,
    family: Family = "ipv4",
    *,
    config: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    own: Node | None = None,
) -> Settings:
    mine = node() if own is None else own
    return settings_for(
        Cluster([mine]),
        mine.name,
        family,
        version,
        config=KubeProxyConfiguration.model_validate(config or {}),
        facts=NodeFacts.model_validate(facts or {}),
    )
