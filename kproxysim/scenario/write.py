"""A world and a packet as a scenario file: what happened somewhere, to be replayed anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import yaml
from pydantic import BaseModel

from kproxysim.cluster import EndpointSlice, Node, Service
from kproxysim.network import Allow, World
from kproxysim.network.pods import pods_of
from kproxysim.scenario_mark import SCENARIO

__all__ = ["manifest_of", "manifests_of", "plain_fields", "scenario_text"]

_VERSIONS = {"Node": "v1", "Service": "v1", "EndpointSlice": "discovery.k8s.io/v1"}
_RULES = {"ipv4": "rules", "ipv6": "rules6"}


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: text of several lines as a block."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def scenario_text(
    world: World,
    packets: Mapping[str, Mapping[str, Any]],
    *,
    about: str,
    teaches: str = "",
    expect: Iterable[Mapping[str, Any]] = (),
    steps: Iterable[Mapping[str, Any]] = (),
) -> str:
    """The scenario of a world as it is laid out now, and of packets in it.

    `packets`, `expect` and `steps` are as the file has them. Objects, edge, pods, clients, facts, settings
    and rules that were given are written; what hosts remember is not: connections, lists, and rules that were
    changed by hand. The same world gives the same text.
    """
    edge = world.edge
    cloud: dict[str, Any] = {"kind": edge.kind}
    if edge.firewall is not None:
        cloud["firewall"] = [_opening(one) for one in edge.firewall]
    if edge.traits.translates:
        cloud["oneToOne"] = dict(edge.one_to_one)
    further = {
        "routes": dict(edge.routes),
        "gateway": list(edge.gateway.values()),
        "outside": list(edge.outside.values()),
    }
    cloud |= {name: value for name, value in further.items() if value}
    kube_proxy: dict[str, Any] = {}
    if world.version is not None:
        kube_proxy["version"] = world.version
    if world.config is not None:
        kube_proxy["config"] = plain_fields(world.config)
    document: dict[str, Any] = {"kind": SCENARIO, "scenario": 1, "about": about}
    document |= {"teaches": teaches} if teaches else {}
    document |= {"cloud": cloud, "kubeProxy": kube_proxy, "podNetwork": world.pod_network}
    document |= {"nodes": _nodes(world), "manifests": manifests_of(world), "pods": _pods(world)}
    document |= {"clients": {name: str(address) for name, address in world.clients.items()}}
    document |= {"packets": {name: dict(form) for name, form in packets.items()}}
    document |= {"expect": [dict(one) for one in expect], "steps": [dict(one) for one in steps]}
    kept = {name: value for name, value in document.items() if value not in ({}, [])}
    text: str = yaml.dump(kept, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def manifests_of(world: World) -> list[dict[str, Any]]:
    """The objects of a world's cluster, with what was said of them and no more."""
    cluster = world.cluster
    objects: tuple[Node | Service | EndpointSlice, ...] = (
        cluster.nodes + cluster.services + cluster.endpoint_slices
    )
    return [manifest_of(one) for one in objects]


def manifest_of(model: Node | Service | EndpointSlice) -> dict[str, Any]:
    """An object as a manifest has it, with what was said of it and no more."""
    kind = type(model).__name__
    return {"apiVersion": _VERSIONS[kind], "kind": kind, **plain_fields(model)}


def plain_fields(model: BaseModel) -> dict[str, Any]:
    """The fields of a model that were given, as its file has them."""
    found: dict[str, Any] = _plain(model.model_dump(by_alias=True, exclude_unset=True))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)}us"
    return value


def _nodes(world: World) -> dict[str, Any]:
    """What no Node object holds."""
    found: dict[str, dict[str, Any]] = {}
    for node in world.cluster.nodes:
        facts = world.facts.get(node.name)
        form = plain_fields(facts) if facts is not None else {}
        for ruleset in world.given_rules.get(node.name, ()):
            form.setdefault(_RULES[ruleset.family], ruleset.to_save())
        if form:
            found[node.name] = form
    return found


def _pods(world: World) -> dict[str, Any]:
    """The pods that the EndpointSlices do not tell of, or not all of."""
    named = set(pods_of(world.cluster))
    found: dict[str, dict[str, Any]] = {}
    for pod in world.pods:
        if pod in named:
            continue
        form: dict[str, Any] = {"node": pod.node, "ip": list(pod.ips), "listening": list(pod.listening)}
        found[pod.key] = form | ({"hostNetwork": True} if pod.host_network else {})
    return found


def _opening(allow: Allow) -> str:
    text = f"{allow.protocol}/{allow.low}-{allow.high}"
    return text if allow.source == "0.0.0.0/0" else f"{text} from {allow.source}"
