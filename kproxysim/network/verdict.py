"""From a journey to a branch of a trace: how it ended, why, who took it, what the client sees.

What a client sees follows icmp_err_convert (net/ipv4/icmp.c), tcp_v4_err, and what was measured for each kind
of REJECT: UDP from the host itself fails with EPERM, TCP from the host itself is refused at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kproxysim.cluster import Cluster
from kproxysim.kubeproxy.comments import Remark, read_comment
from kproxysim.netfilter.events import Event, Outcome
from kproxysim.netfilter.matches.comment import CommentMatch
from kproxysim.netfilter.skb import Owner
from kproxysim.netfilter.syntax import Parsed
from kproxysim.netfilter.targets.nat import MasqueradeTarget, NatTarget
from kproxysim.netfilter.walk import Walked
from kproxysim.network.advice import advise
from kproxysim.network.edge import Edge
from kproxysim.network.journey import End, Journey, Leg
from kproxysim.network.nearest import find_nearest
from kproxysim.network.pods import Pod
from kproxysim.network.session import Session
from kproxysim.network.speech import is_reset
from kproxysim.network.topology import Topology
from kproxysim.network.trace import Branch, Hop, Nearest, Reached, Reply
from kproxysim.network.who import Sender
from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = ["Call", "Followed", "branch_of", "follow", "hoped_for", "remark_of"]

_ICMP_SEEN = {
    (4, 3, 0): "net-unreachable",
    (4, 3, 1): "host-unreachable",
    (4, 3, 2): "protocol-unreachable",
    (4, 3, 3): "refused",
    (4, 3, 9): "net-unreachable",
    (4, 3, 10): "host-unreachable",
    (4, 3, 13): "host-unreachable",
    (4, 11, 0): "host-unreachable",
    (6, 1, 0): "net-unreachable",
    (6, 1, 1): "prohibited",
    (6, 1, 3): "host-unreachable",
    (6, 1, 4): "refused",
    (6, 1, 5): "prohibited",
    (6, 1, 6): "prohibited",
    (6, 3, 0): "host-unreachable",
}
"""Family, type and code of an ICMP error to what connect() or recv() says."""

_REFUSED_AT_HOME = {
    "unreachable": "host-unreachable",
    "prohibit": "prohibited",
    "blackhole": "invalid-argument",
    "loopback": "invalid-argument",
}
"""What connect() says where a route refuses, by its kind (`fib_props` in net/ipv4/fib_semantics.c)."""

_TRIES_AGAIN = ("tcp", "sctp")
"""Protocols that do not tell connect() of what becomes of a packet: they send it again, and wait
(`tcp_transmit_skb`, `sctp_packet_transmit`).
"""

_AFTER_OUTPUT = ("no-route-after-dnat", "loopback-source-leaves")
"""What a packet may come to that is routed again after OUTPUT translated it."""

_DISPOSITIONS = {
    "dropped": "dropped",
    "rejected": "rejected",
    "martian": "martian",
    "no-route": "no-route",
    "unreachable": "unreachable",
    "unmodelled": "unmodelled",
    "filtered": "filtered",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One packet to be sent, and the world it is sent in.

    `session` is the connection that it belongs to, if that is established; then `towards_client` says which
    way it goes. `owner` is whose socket sends it, if somebody said so. `answered`: does the process that gets
    it say something?
    """

    packet: Packet
    sender: Sender
    topology: Topology
    cluster: Cluster
    edge: Edge
    pods: tuple[Pod, ...]
    mark: int = 0
    owner: Owner | None = None
    session: Session | None = None
    towards_client: bool = False
    answered: bool = True

    def assumptions(self, branch: Branch) -> Iterator[str]:
        """What this branch takes for granted because nobody said it."""
        from_outside = self.sender.host.startswith("internet/")
        if from_outside and self.edge.firewall is None and any(hop.kind == "edge" for hop in branch.hops):
            yield "the cloud's firewall is not given; it is taken as open"
        if branch.reason == "egress-refuses-source":
            sender = next((hop.where for hop in reversed(branch.hops) if hop.kind == "node"), "the node")
            agents = "no ip-masq-agent, no pod network"
            yield f"nothing but kube-proxy ({agents}) masquerades what leaves {sender}"
        if branch.detail == "tcp-reset" and branch.hops:
            last = branch.hops[-1]
            placed = self.topology.hosts.get(f"node/{last.where}")
            device = None if placed is None else placed.host.routing.interfaces.get(last.device)
            if device is not None and device.is_bridge is None:
                yield f"{device.name} of {last.where} is taken for no bridge: a reset passes its rules"
        if branch.disposition == "refused" and branch.hops and branch.hops[-1].kind == "node":
            socket = f"{branch.packet.protocol}/{branch.packet.dport}"
            yield f"no process of {branch.hops[-1].where} is known to listen on {socket}"


@dataclass(frozen=True, slots=True)
class Followed:
    """A packet followed to its `end`, and its answer to the end of its way `back`, if there was one."""

    branch: Branch
    end: End
    back: End | None


def branch_of(call: Call, journey: Journey) -> Branch:
    """Run the packet once, and its answer, and put what happened into words and codes."""
    return follow(call, journey).branch


def follow(call: Call, journey: Journey) -> Followed:
    """The same with the ends of both ways."""
    leg = journey.send(call.sender.host, call.packet, mark=call.mark, owner=call.owner)
    outcome, host = leg.end.outcome, leg.end.host
    reached: Reached | None = None
    back: Leg | None = None
    disposition, reaction = _DISPOSITIONS.get(outcome.kind, ""), ""
    if outcome.kind == "deliver":
        skb = outcome.skb
        reaction = journey.reaction(leg.end)
        if reaction in ("accept", "known"):
            reached = _reached(call, leg)
            known_host = reached.kind == "process" and not call.towards_client
            disposition = "delivered-to-host" if known_host else "delivered"
            back = journey.accept(leg.end, answered=call.answered)
        elif reaction in ("drop", "ignore"):
            disposition = "dropped"
        else:
            disposition = "refused"
            back = journey.refuse(host, skb)
    elif outcome.answer is not None:
        back = journey.answer(host, outcome.answer)
    reply = None if back is None else _reply(call, back)
    chance = journey.chance
    final = outcome.skb
    branch = Branch(
        probability=chance.meant,
        probability_kernel=chance.kernel,
        disposition=disposition,
        reason=_reason(call, disposition, outcome, leg, reached, reaction),
        packet=final.packet,
        hops=leg.hops,
        client_sees=_client_sees(call, leg, reached, reply),
        source=_source(call, leg),
        delivered_to=reached,
        reply=reply,
        nearest=hoped_for(call.packet, leg.hops, reached),
        detail=outcome.detail,
        sport_range=_sport_range(leg),
    )
    branch = replace(branch, advice=advise(call.packet, call.edge, branch))
    return Followed(branch, leg.end, None if back is None else back.end)


def hoped_for(sent: Packet, hops: Iterable[Hop], reached: Reached | None) -> Nearest | None:
    """The rule that the sender hoped for; None for a packet that a Service's endpoint got."""
    if reached is not None and reached.kind == "endpoint":
        return None
    return find_nearest(sent, hops)


def remark_of(meaning: Parsed) -> Remark | None:
    """What kube-proxy's comment on a rule says, None for a rule that it did not write or left without one."""
    for _, match in meaning.extensions:
        if isinstance(match, CommentMatch):
            return read_comment(match.text)
    return None


def _rules(leg: Leg) -> Iterator[tuple[Hop, Walked]]:
    for hop in leg.hops:
        for step in hop.steps:
            if isinstance(step, Walked) and step.position.rule is not None:
                yield hop, step


def _service(leg: Leg) -> str:
    """The Service whose rules chose the endpoint: "namespace/name:port", as kube-proxy names it."""
    last = ""
    for _, step in _rules(leg):
        assert step.rule is not None
        assert step.meaning is not None
        if isinstance(step.meaning.target, NatTarget) and step.meaning.target.name == "DNAT":
            remark = remark_of(step.meaning)
            origin = step.rule.origin
            if remark is not None and remark.service:
                last = remark.service
            elif origin is not None and origin.object.startswith("Service "):
                port = f":{origin.port}" if origin.port and not origin.port.isdigit() else ""
                last = origin.object.removeprefix("Service ") + port
    return last


def _reached(call: Call, leg: Leg) -> Reached:
    host, skb = leg.end.host, leg.end.outcome.skb
    placed = call.topology.hosts[host]
    service = _service(leg)
    packet = skb.packet
    port = packet.dport
    served = None if call.session is None or call.towards_client else call.session.served
    if served is not None and (served.ip, served.port) == (str(packet.dst), port) and not service:
        return served
    if placed.kind == "pod":
        node = next((pod.node for pod in call.pods if pod.key == placed.label), "")
        return Reached("endpoint" if service else "pod", str(packet.dst), port, node, placed.label, service)
    node = placed.label if placed.kind == "node" else ""
    if service:
        pod = next(
            (
                pod.key
                for pod in call.pods
                if pod.host_network and pod.node == node and f"{packet.protocol}/{port}" in pod.listening
            ),
            "",
        )
        return Reached("endpoint", str(packet.dst), port, node, pod, service)
    return Reached("process", str(packet.dst), port, node)


def _reason(
    call: Call, disposition: str, outcome: Outcome, leg: Leg, reached: Reached | None, reaction: str
) -> str:
    if call.towards_client and reaction:
        return "answer-arrived" if disposition == "delivered" else "reply-from-stranger"
    if disposition == "delivered":
        return (
            "served-by-endpoint" if reached is not None and reached.kind == "endpoint" else "dialled-directly"
        )
    if disposition == "delivered-to-host":
        return "no-rule-matched"
    if reaction == "ignore":
        return "broadcast-not-forwarded"
    if reaction in ("drop", "reset"):
        return "no-such-connection"
    if disposition == "refused":
        return "endpoint-does-not-listen" if _service(leg) else "no-rule-matched"
    if outcome.kind in ("dropped", "rejected"):
        last = next((step for _, step in reversed(list(_rules(leg))) if step.at == outcome.at), None)
        if last is not None and last.rule is not None and last.meaning is not None:
            remark = remark_of(last.meaning)
            if remark is not None and remark.reason:
                return remark.reason
            if any(match.save() == "--ctstate INVALID" for _, match in last.meaning.extensions):
                return "invalid-state"
    return outcome.reason or outcome.kind


def _source(call: Call, leg: Leg) -> str:
    final = leg.end.outcome.skb.packet
    if final.src == call.packet.src:
        return "kept"
    if call.session is not None and not call.towards_client:
        return call.session.source_seen  # no rule was asked again
    masqueraded = any(
        step.meaning is not None and isinstance(step.meaning.target, MasqueradeTarget)
        for _, step in _rules(leg)
    )
    return "masqueraded" if masqueraded else "changed"


def _sport_range(leg: Leg) -> tuple[int, int] | None:
    for hop in reversed(leg.hops):
        for step in reversed(hop.steps):
            flow = step.after.flow
            if flow is not None and flow.connection is not None and flow.connection.free_ports is not None:
                return flow.connection.free_ports
    return None


def _is_answer(call: Call, packet: Packet) -> bool:
    """Does this packet belong to the connection that the client opened?"""
    sent = call.packet
    if packet.inner is not None:
        inner = packet.inner
        return (inner.protocol, inner.source, inner.destination) == (
            sent.protocol,
            sent.source,
            sent.destination,
        )
    return (packet.protocol, packet.source, packet.destination) == (
        sent.protocol,
        sent.destination,
        sent.source,
    )


def _reply(call: Call, back: Leg) -> Reply:
    outcome, host = back.end.outcome, back.end.host
    packet = outcome.skb.packet
    if outcome.kind == "deliver":
        if host == call.sender.host and _is_answer(call, packet):
            return Reply("delivered", "answer-arrived", packet, back.hops)
        return Reply("refused", "reply-from-stranger", packet, back.hops)
    return Reply(
        _DISPOSITIONS.get(outcome.kind, outcome.kind), outcome.reason or outcome.kind, packet, back.hops
    )


def _client_sees(call: Call, leg: Leg, reached: Reached | None, reply: Reply | None) -> str:
    outcome = leg.end.outcome
    if outcome.kind == "unmodelled" or (reply is not None and reply.disposition == "unmodelled"):
        return "unknown"
    if leg.end.host == call.sender.host:
        if outcome.reason == "no-route-from-here":
            kind = outcome.detail
            if kind == "broadcast" and call.packet.protocol != "tcp":
                return "prohibited"
            return _REFUSED_AT_HOME.get(kind, "net-unreachable")
        is_told = call.packet.protocol not in _TRIES_AGAIN
        if outcome.reason in _AFTER_OUTPUT and is_told:
            return _REFUSED_AT_HOME.get(outcome.detail, "net-unreachable")
        on_its_way_out = _base_of(leg) in (":OUTPUT:", ":POSTROUTING:")  # send() waits for both
        if on_its_way_out and outcome.kind in ("dropped", "rejected") and is_told:
            return "not-permitted"
    if is_reset(call.packet) and reached is not None:
        return "reset"
    if reply is None or reply.disposition != "delivered":
        return "timeout"
    packet = reply.packet
    if packet.inner is not None and packet.icmp is not None:
        return _ICMP_SEEN.get((packet.family, *packet.icmp), "timeout")
    if is_reset(packet):
        return "refused" if call.session is None else "reset"
    return "answered" if reached is not None else "timeout"


def _base_of(leg: Leg) -> str:
    """The hook at which the last table walk began, as ":HOOK:"."""
    hook = ""
    for hop in leg.hops[-1:]:
        for step in hop.steps:
            if isinstance(step, Walked) and step.chain in (
                "PREROUTING",
                "INPUT",
                "FORWARD",
                "OUTPUT",
                "POSTROUTING",
            ):
                hook = f":{step.chain}:"
            elif isinstance(step, Event) and step.at == "routing":
                hook = "" if "lo" in step.action and "comes back" in step.action else hook
    return hook
