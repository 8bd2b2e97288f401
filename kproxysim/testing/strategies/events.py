"""What may happen to a drawn world: one event at a time, aimed at what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kproxysim.cluster import EndpointSlice, Service
from kproxysim.cluster.changes import title_of
from kproxysim.scenario.write import plain_fields
from kproxysim.testing.strategies.calls import draw_call, possible_calls
from kproxysim.testing.strategies.choosing import Draw, number, one_in, pick
from kproxysim.testing.strategies.objects import CONDITIONS
from kproxysim.testing.timeline import Ending, KubeProxyEvent, Table, Timeline

__all__ = ["EVENTS", "WAITS", "happen", "possible_events"]

WAITS = (1, 20, 31, 150, 3600, 11000, 90000)
"""Seconds: below and above how long tables and lists remember, and how often kube-proxies look."""

_OF_KUBE_PROXIES: tuple[KubeProxyEvent, ...] = ("sync", "lag", "restart", "stop")
_ENDS: tuple[Ending, ...] = ("fin", "rst", "silence")

Event = Callable[[Draw, Timeline], None]


def _open(draw: Draw, timeline: Timeline) -> None:
    calls = possible_calls(timeline.world, ("service",))
    if calls is not None:
        timeline.open(draw_call(draw, calls), number(draw, 0, 3))


def _send(draw: Draw, timeline: Timeline) -> None:
    timeline.send(pick(draw, list(timeline.connections)), number(draw, 0, 3))


def _reply(draw: Draw, timeline: Timeline) -> None:
    timeline.reply(pick(draw, _served(timeline)), number(draw, 0, 3))


def _close(draw: Draw, timeline: Timeline) -> None:
    name = pick(draw, _served(timeline))
    timeline.close(name, pick(draw, _ENDS), number(draw, 0, 3))


def _served(timeline: Timeline) -> list[str]:
    hosts = timeline.world.topology.hosts
    return [
        name for name, one in timeline.connections.items() if one.arrived is not None and one.server in hosts
    ]


def _change_service(draw: Draw, timeline: Timeline) -> None:
    """One of the policies becomes the other one."""
    service = pick(draw, _changeable(timeline))
    data = plain_fields(service)
    spec: dict[str, Any] = data["spec"]
    outside = service.spec.type != "ClusterIP" or bool(service.spec.external_ips)
    fields = ("internalTrafficPolicy", "sessionAffinity", "externalTrafficPolicy")
    field = pick(draw, fields if outside else fields[:2])
    if field == "sessionAffinity":
        sticky = service.spec.session_affinity == "ClientIP"
        spec[field] = "None" if sticky else "ClientIP"
        spec.pop("sessionAffinityConfig", None)
    else:
        spec[field] = "Cluster" if spec.get(field) == "Local" else "Local"
    spec.pop("healthCheckNodePort", None)
    if service.spec.type == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
        spec["healthCheckNodePort"] = 31800 + timeline.world.cluster.services.index(service)
    timeline.apply(Service.model_validate(data))


def _changeable(timeline: Timeline) -> list[Service]:
    return [
        one
        for one in timeline.world.cluster.services
        if one.spec.type != "ExternalName" and not one.spec.is_headless
    ]


def _change_endpoints(draw: Draw, timeline: Timeline) -> None:
    """An endpoint of a slice becomes ready or not, goes, or another one comes."""
    piece = pick(draw, timeline.world.cluster.endpoint_slices)
    data = plain_fields(piece)
    entries = list(data.get("endpoints") or ())
    own = [one["addresses"] for one in entries]
    others = [
        one
        for other in timeline.start.cluster.endpoint_slices
        if other.address_type == piece.address_type
        for one in plain_fields(other).get("endpoints") or ()
        if one["addresses"] not in own
    ]
    if others and (not entries or one_in(draw, 3)):
        entries.append({**pick(draw, others), "conditions": {"ready": True}})
    elif entries:
        place = number(draw, 0, len(entries) - 1)
        if one_in(draw, 2):
            del entries[place]
        else:
            entries[place] = {**entries[place], "conditions": pick(draw, CONDITIONS)}
    timeline.apply(EndpointSlice.model_validate({**data, "endpoints": entries}))


def _delete(draw: Draw, timeline: Timeline) -> None:
    timeline.delete(title_of(pick(draw, _objects(timeline))))


def _objects(timeline: Timeline) -> tuple[Service | EndpointSlice, ...]:
    cluster = timeline.world.cluster
    return cluster.endpoint_slices + cluster.services


def _bring_back(draw: Draw, timeline: Timeline) -> None:
    """An object is again as it was at the start."""
    timeline.apply(pick(draw, _changed(timeline)))


def _changed(timeline: Timeline) -> list[Service | EndpointSlice]:
    now = {title_of(one): one for one in _objects(timeline)}
    cluster = timeline.start.cluster
    then: tuple[Service | EndpointSlice, ...] = cluster.services + cluster.endpoint_slices
    return [one for one in then if now.get(title_of(one)) != one]


def _end_pod(draw: Draw, timeline: Timeline) -> None:
    timeline.delete(f"Pod {pick(draw, timeline.world.pods).key}")


def _kube_proxy(draw: Draw, timeline: Timeline) -> None:
    running = timeline.running
    away = [node.name for node in timeline.world.cluster.nodes if node.name not in running]
    if away and one_in(draw, 2):
        timeline.kube_proxy("start", pick(draw, away))
    elif running:
        timeline.kube_proxy(pick(draw, _OF_KUBE_PROXIES), pick(draw, running))


def _flush(draw: Draw, timeline: Timeline) -> None:
    tables: tuple[Table, ...] = ("conntrack", "rules")
    timeline.flush(pick(draw, tables), pick(draw, timeline.world.cluster.nodes).name)


def _reboot(draw: Draw, timeline: Timeline) -> None:
    timeline.reboot(pick(draw, timeline.world.cluster.nodes).name)


def _wait(draw: Draw, timeline: Timeline) -> None:
    timeline.wait(pick(draw, WAITS))


def _always(_timeline: Timeline) -> bool:
    return True


_EVENTS: dict[str, tuple[Event, Callable[[Timeline], object]]] = {
    "open": (_open, _always),
    "send": (_send, lambda timeline: timeline.connections),
    "reply": (_reply, _served),
    "close": (_close, _served),
    "change Service": (_change_service, _changeable),
    "change endpoints": (_change_endpoints, lambda timeline: timeline.world.cluster.endpoint_slices),
    "delete": (_delete, _objects),
    "bring back": (_bring_back, _changed),
    "end pod": (_end_pod, lambda timeline: timeline.world.pods),
    "kube-proxy": (_kube_proxy, lambda timeline: not timeline.start.given_rules),
    "flush": (_flush, _always),
    "reboot": (_reboot, lambda timeline: not timeline.start.given_rules),
    "wait": (_wait, _always),
}

EVENTS = tuple(_EVENTS)
"""What may happen: on connections, to objects, to kube-proxies and nodes, and time."""


def possible_events(timeline: Timeline, wanted: tuple[str, ...] = EVENTS) -> tuple[str, ...]:
    """Those that can happen now."""
    return tuple(event for event in wanted if _EVENTS[event][1](timeline))


def happen(draw: Draw, timeline: Timeline, event: str) -> None:
    """Let one of the possible events happen; what of it, is drawn."""
    _EVENTS[event][0](draw, timeline)
