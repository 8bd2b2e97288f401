"""Laws about time: affinity, connections that live on, and what kube-proxies make of a history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from kproxysim.cluster import Service
from kproxysim.cluster.addresses import parse_ip
from kproxysim.cluster.models import EndpointConditions
from kproxysim.network import Branch, Exchange, World
from kproxysim.packet import Address, Packet
from kproxysim.testing.call import NEW_PORT, Call, Situation, again
from kproxysim.testing.invariants.comparing import outcome, told
from kproxysim.testing.invariants.narrowing import SERVED, TO_SERVICES
from kproxysim.testing.invariants.seen import end_text, seen
from kproxysim.testing.law import Broken, Examined, Law, TimeLaw
from kproxysim.testing.meaning.promise import Promise
from kproxysim.testing.meaning.selection import SERVICE_NAME, End
from kproxysim.testing.meaning.settings import minor_of
from kproxysim.testing.meaning.visits import visits
from kproxysim.testing.timeline import Moment, Timeline

__all__ = ["AFFINITY", "HISTORY", "LASTING"]

# affinity


def _sticks(situation: Situation) -> Examined:
    for node, promise in _sticky(situation):
        timeout = _timeout(promise)
        for place, (world, end) in enumerate(_opened(situation, node, promise)):
            for later in (0,) if place else (0, timeout - 1):
                found = _dealt(world, situation.call, node, promise, later)
                if set(found) == {end}:
                    yield None
                else:
                    yield Broken(
                        f"{node} handed the client of {promise.claim} to {end_text([end])}, and "
                        f"{later} s later "
                        f"hands its next connection to {end_text(found)}, though they are to stick together "
                        f"for {timeout} s"
                    )


def _ends(situation: Situation) -> Examined:
    for node, promise in _sticky(situation):
        later = _timeout(promise) + 1
        for world, _ in list(_opened(situation, node, promise))[:1]:
            found = _dealt(world, situation.call, node, promise, later)
            wanted = dict.fromkeys(promise.ends, Fraction(1, len(promise.ends)))
            if found == wanted:
                yield None
            else:
                shares = ", ".join(f"{share} to {end_text([end])}" for end, share in found.items())
                yield Broken(
                    f"{later} s after the client's connection {node} deals the next one to {promise.claim} "
                    f"unevenly: {shares or 'to nobody'}"
                )


def _sticky(situation: Situation) -> Iterator[tuple[str, Promise]]:
    """The first node that hands the packet on, where it is to remember whom it handed it to."""
    if situation.timeline is not None or situation.trace.packet.protocol not in ("tcp", "udp"):
        return
    for proxy, group, owed in seen(situation):
        promise = owed.only
        if promise is None or not any(visit.translated for visit in group):
            continue
        if promise.claim.service.spec.session_affinity == "ClientIP" and len(promise.ends) > 1:
            yield proxy.name, promise
        return


def _timeout(promise: Promise) -> int:
    return promise.claim.service.spec.session_affinity_config.client_ip.timeout_seconds or 10800


def _opened(situation: Situation, node: str, promise: Promise) -> Iterator[tuple[World, End]]:
    """The worlds that may be after the call, each with the endpoint that the node handed it to."""
    call = situation.call

    def opened(world: World) -> Exchange:
        return world.open(source=call.source, to=call.to, via=call.via)

    def futures() -> list[tuple[World, End]]:
        return [
            (future.world, end)
            for future in situation.world.futures(opened)
            if future.result.trace is not None
            and (end := _handed(future.result.trace.branches[0], node, promise)) is not None
        ]

    yield from situation.known(("opened", node), futures)


def _dealt(world: World, call: Call, node: str, promise: Promise, later: int) -> dict[End, Fraction]:
    """To whom the node hands the next connection of the same client, and each one's share."""
    after = world.fork()
    if later:
        after.advance(later)
    first = after.packet(call.source, call.to)
    packet = replace(first, sport=NEW_PORT)
    found: dict[End, Fraction] = {}
    for branch in after.send(packet, call.source, via=call.via):
        end = _handed(branch, node, promise)
        if end is not None:
            found[end] = found.get(end, Fraction(0)) + branch.probability
    return found


def _handed(branch: Branch, node: str, promise: Promise) -> End | None:
    """The endpoint that a node handed it to, which may be what was dialled; None if to nobody."""
    for visit in visits(branch):
        end = (visit.went.dst, visit.went.dport or 0)
        if visit.node == node and (visit.translated or end in promise.ends):
            return end
    return None


# connections that live on

_REMEMBERED = {"tcp": 86400, "udp": 30}
"""Seconds that an entry stays without a packet: an established TCP connection's as kube-proxy sets it, that
of a UDP conversation with few packets as the kernel does.
"""


def _stay(timeline: Timeline) -> Examined:
    moment = timeline.moments[-1]
    now, before = moment.exchange, _before(timeline)
    if moment.verb != "send" or now is None or before is None or before.exchange is None:
        return
    was, session = before.exchange.session, now.session
    if was.served is None or session.served is None or was.state != "open":
        return
    age = moment.world.now - before.world.now
    if was.protocol not in _REMEMBERED or age >= _REMEMBERED[was.protocol]:
        return
    if _forgotten(timeline, moment.connection) or now.trace is None or now.trace[0].delivered_to is None:
        return
    if session.served == was.served:
        yield None
    else:
        yield Broken(
            f"{moment.connection} was served by {was.served}, and {age:g} s later its data comes to "
            f"{session.served}"
        )


def _before(timeline: Timeline) -> Moment | None:
    """The last thing that happened on the connection of the last moment."""
    name = timeline.moments[-1].connection
    return next((one for one in timeline.moments[-2::-1] if one.connection == name), None)


def _forgotten(timeline: Timeline, name: str) -> bool:
    """Has a node lost entries since the connection was opened, or one of its ends gone?"""
    opened = next(number for number, one in enumerate(timeline.moments) if one.step.get("open") == name)
    for moment in timeline.moments[opened:]:
        if moment.verb == "flush" and moment.step["flush"] == "conntrack":
            return True
        if moment.verb == "delete" and moment.step["delete"].startswith(("Node ", "Pod ")):
            return True
        if any(report.deleted for report in moment.reports):
            return True
    return False


def _gone(timeline: Timeline) -> Examined:
    moment = timeline.moments[-1]
    if moment.verb != "send" or moment.exchange is None or moment.exchange.trace is None:
        return
    if moment.exchange.session.protocol != "udp" or timeline.behind:
        return
    for visit in visits(moment.exchange.trace[0]):
        serving = _endpoints(timeline.world, visit.came) if visit.translated else set()
        if not serving:
            continue
        if visit.went.dst in serving:
            yield None
        else:
            yield Broken(
                f"{visit.node} hands data of {moment.connection} to {visit.went.destination}, which is no "
                f"serving endpoint of {visit.came.destination} any more"
            )


def _endpoints(world: World, dialled: Packet) -> set[Address]:
    """All addresses that the slices of the Service name that was dialled and that may serve at some node,
    ready or terminating; none where there is no telling.
    """
    cluster = world.cluster
    claimed = [
        service.key
        for service in cluster.services
        for port in service.spec.ports
        if port.protocol == "UDP"
        and (
            port.node_port == dialled.dport
            or (port.port == dialled.dport and str(dialled.dst) in _addresses(service))
        )
    ]
    return (
        {
            parse_ip(address)
            for piece in cluster.endpoint_slices
            if [f"{piece.metadata.namespace}/{piece.metadata.labels.get(SERVICE_NAME)}"] == claimed
            for endpoint in piece.endpoints
            if minor_of(world) < _READS_THE_TABLE or _may_serve(endpoint.conditions)
            for address in endpoint.addresses
        }
        if len(claimed) == 1
        else set()
    )


_READS_THE_TABLE = 32
"""Before, kube-proxy went by endpoints that are named no more, not by those that are named as not serving."""


def _may_serve(conditions: EndpointConditions) -> bool:
    return conditions.ready is not False or bool(conditions.serving)


def _addresses(service: Service) -> tuple[str, ...]:
    balanced = (one.ip for one in service.status.load_balancer.ingress if one.ip_mode != "Proxy")
    return (*service.spec.cluster_ips, *service.spec.external_ips, *balanced)


# histories


def _history(situation: Situation) -> Examined:
    timeline = situation.timeline
    if timeline is None or timeline.behind or situation.world.given_rules:
        return
    services = list(_all_services(timeline))
    if any(one.spec.session_affinity == "ClientIP" for one in services):
        return
    if str(situation.packet.dst) in {
        one.ip for each in services for one in each.status.load_balancer.ingress
    }:
        return
    now = outcome(situation.trace)
    then = outcome(replace(situation, world=again(situation.world)).trace)
    if now == then:
        yield None
    else:
        yield Broken(f"in a cluster that has always been like this it ends otherwise: {told(then)}")


def _all_services(timeline: Timeline) -> Iterator[Service]:
    yield from timeline.start.cluster.services
    for moment in timeline.moments:
        yield from moment.world.cluster.services


_PROXIER = "pkg/proxy/iptables/proxier.go"
_SPOKEN = ("open", "send", "reply")
_CHANGES = ("change Service", "change endpoints", "delete")
_FROM_OPEN_TO_SEND: dict[str, Any] = {"first": ("open",), "last": ("send",), "steps": (0, 4)}
_STICKY = {**SERVED, "endpoints": (2, 3), "affinities": ("ClientIP",)}

AFFINITY = (
    Law(
        "affinity-sticks",
        "Under sessionAffinity ClientIP the next connection of a client, by the same node and within the "
        "timeout, goes to the endpoint of the last one.",
        f"the rcheck and set rules of `recent` in {_PROXIER}; net/netfilter/xt_recent.c",
        _sticks,
        condition="while the node's list has room: it holds 100 clients of an endpoint and forgets the "
        "oldest; each node has lists of its own, and they go with its kernel",
        scenario="scenarios/affinity-over-time.yaml",
        clusters=_STICKY,
        calls=TO_SERVICES,
    ),
    Law(
        "affinity-ends",
        "Under sessionAffinity ClientIP a client that opened no connection for longer than the timeout is "
        "dealt out anew, to each endpoint as likely as to another.",
        f"`--seconds` of `recent` in {_PROXIER}: only the first packet of a connection counts",
        _ends,
        scenario="scenarios/affinity-over-time.yaml",
        clusters=_STICKY,
        calls=TO_SERVICES,
    ),
)

LASTING = (
    TimeLaw(
        "connections-stay",
        "What is sent on an open connection comes to the endpoint that its first packet was handed to, "
        "whatever becomes of Services, slices and rules in between.",
        "nat rules see the first packet of a connection only (nf_nat_core.c)",
        _stay,
        condition="while the nodes on its way remember it: not after conntrack -F, a reboot, or a silence "
        "longer than their timeouts; kube-proxy deletes entries of UDP",
        scenario="scenarios/conntrack-flush.yaml",
        clusters=SERVED,
        timelines={
            "events": (*_SPOKEN, *_CHANGES, "bring back", "kube-proxy", "flush", "wait"),
            **_FROM_OPEN_TO_SEND,
        },
    ),
    TimeLaw(
        "udp-leaves-the-gone",
        "Once every kube-proxy has its news, nothing that is sent on a UDP conversation comes to an address "
        "that is no serving endpoint of the Service any more, if the Service has others.",
        "pkg/proxy/conntrack/cleanup.go",
        _gone,
        condition="not before kube-proxy's sync, and not for other protocols: entries of TCP and SCTP stay; "
        "up to 1.31 not as long as a slice names the address, serving or not",
        scenario="scenarios/stale-udp-entry.yaml",
        clusters={**SERVED, "endpoints": (2, 3), "protocols": ("UDP",)},
        timelines={"events": (*_SPOKEN, *_CHANGES, "end pod"), **_FROM_OPEN_TO_SEND},
    ),
)

HISTORY = Law(
    "history-means-nothing",
    "Once every kube-proxy has its news, a new connection goes as in a cluster that has always been as it is "
    "now.",
    f"syncProxyRules in {_PROXIER} writes what changed, and its outcome is that of a full sync",
    _history,
    condition="but for what a list of `recent` remembers of its client, and for a load balancer's address, "
    "which leads to other nodes when the balancer has asked them for their health",
)
