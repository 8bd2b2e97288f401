"""How a packet's way ended, in words: the verdict, what the client sees, what else might have been."""

from __future__ import annotations

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Hop, Reply, Trace
from kproxysim.packet import format_endpoint

__all__ = [
    "changes",
    "client_words",
    "hop_title",
    "other_branch",
    "reached_words",
    "reply_words",
    "verdict_words",
]

_CLIENT_SEES = {
    "answered": "its answer",
    "refused": "connection refused, at once",
    "timeout": "silence, until it gives up (timeout)",
    "reset": "connection reset",
    "net-unreachable": "network is unreachable",
    "host-unreachable": "no route to host",
    "protocol-unreachable": "protocol not available",
    "prohibited": "permission denied",
    "invalid-argument": "invalid argument: send() itself fails",
    "not-permitted": "operation not permitted: send() itself fails",
    "unknown": "not known: something decided that is not modelled",
}


def client_words(seen: str) -> str:
    """What the client's program notices."""
    return _CLIENT_SEES.get(seen, seen)


def reached_words(branch: Branch) -> str:
    """Who took the packet: the pod's name, else its address and port."""
    reached = branch.delivered_to
    if reached is None:
        return branch.packet.destination
    return reached.pod or format_endpoint(reached.ip, reached.port)


def verdict_words(trace: Trace, branch: Branch) -> str:
    """How it ended, in one sentence."""
    packet, last = branch.packet, branch.hops[-1] if branch.hops else None
    where = last.where if last is not None else "the sender"
    port = f"{packet.protocol}/{packet.dport}" if packet.dport is not None else packet.protocol
    if branch.disposition == "delivered":
        return f"delivered to {reached_words(branch)}; {_source_words(trace, branch, 'the pod')}"
    if branch.disposition == "delivered-to-host":
        return f"delivered to a process of {where} on {port}; {_source_words(trace, branch, 'it')}"
    if branch.disposition == "refused":
        return f"refused: nothing listens on {where}:{packet.dport}"
    if branch.disposition == "filtered":
        return f"filtered at the edge of the cloud: {_last_action(branch)}"
    if branch.disposition in ("dropped", "rejected"):
        return f"{branch.disposition} on {where} by {_decider(last)}"
    if branch.disposition == "unmodelled":
        return f"unmodelled: {branch.detail or 'something unknown'} decides on {where}, and is not known here"
    if branch.disposition == "martian":
        return f"dropped on {where} as martian" + (f": {branch.detail}" if branch.detail else "")
    if branch.disposition == "no-route":
        return f"no route on {where} to {packet.dst}"
    return f"unreachable: {_last_action(branch) or f'nobody has {packet.dst}'}"


def _source_words(trace: Trace, branch: Branch, who: str) -> str:
    if branch.packet.src == trace.packet.src:
        return f"{who} sees the client's own address, {branch.packet.src}"
    return f"{who} sees {branch.packet.src}, not the client's {trace.packet.src}"


def _last_action(branch: Branch) -> str:
    for _, step in reversed(list(branch.steps())):
        if isinstance(step, Event):
            return step.action + (f": {step.detail}" if step.detail else "")
    return ""


def _decider(hop: Hop | None) -> str:
    """The last rule or policy of a hop, or what else stopped the packet there."""
    for step in reversed(hop.steps if hop is not None else []):
        if isinstance(step, Walked):
            if step.rule is None:
                return f"the policy of {step.table}:{step.chain}"
            return f"{step.table}:{step.chain}:{step.number}"
        return step.action
    return "the host"


def other_branch(branch: Branch) -> str:
    """Another way that it may go: `1/2 -> default/echo-2 10.44.1.7:8080 on node-b, source 10.128.0.12`."""
    if branch.delivered_to is None or branch.disposition != "delivered":
        where = f" on {branch.hops[-1].where}" if branch.hops else ""
        return f"{branch.probability} -> {branch.disposition}{where}"
    reached = branch.delivered_to
    named = f"{reached.pod} " if reached.pod else ""
    node = f" on {reached.node}" if reached.node else ""
    endpoint = format_endpoint(reached.ip, reached.port)
    return f"{branch.probability} -> {named}{endpoint}{node}, source {branch.packet.src}"


def changes(step: Event) -> str:
    """The addresses that an event rewrote, old -> new: `src 203.0.113.7 -> 10.44.0.1`; a port only with its
    address or if it changed.
    """
    old, new = step.before.packet, step.after.packet
    parts = []
    if (old.src, old.sport) != (new.src, new.sport):
        parts.append(_side("src", old.src, old.sport, new.src, new.sport))
    if (old.dst, old.dport) != (new.dst, new.dport):
        parts.append(_side("dst", old.dst, old.dport, new.dst, new.dport))
    return ", ".join(parts)


def _side(name: str, old: object, old_port: int | None, new: object, new_port: int | None) -> str:
    if old_port == new_port:
        return f"{name} {old} -> {new}"
    return f"{name} {format_endpoint(str(old), old_port)} -> {format_endpoint(str(new), new_port)}"


def reply_words(branch: Branch, reply: Reply) -> str:
    """`3 rewrites, 0 nat rules read: pod -> 10.128.0.12:80 -> 198.51.100.12:80 -> client`: what the answer's
    source becomes.
    """
    events = [step for hop in reply.hops for step in hop.steps if isinstance(step, Event) and changes(step)]
    rules = sum(
        1
        for hop in reply.hops
        for step in hop.steps
        if isinstance(step, Walked) and step.table == "nat" and step.rule is not None
    )
    sources = [
        step.after.packet.source for step in events if step.before.packet.source != step.after.packet.source
    ]
    way = " -> ".join((_speaker(branch), *dict.fromkeys(sources), "client"))
    counted = f"{_number(len(events), 'rewrite')}, {_number(rules, 'nat rule')} read"
    if reply.disposition == "delivered":
        return f"{counted}: {way}"
    return f"{counted}: {way}, but {reply.disposition} ({reply.reason})"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _speaker(branch: Branch) -> str:
    """Who answers: the pod, or the host where the packet's way ended."""
    last = branch.hops[-1] if branch.hops else None
    if last is None:
        return "sender"
    return last.where if last.kind == "node" else last.kind


def hop_title(hop: Hop) -> tuple[str, str]:
    """A hop's name and what stands behind it: ("node-a", "in eth0"), ("cloud", "gce")."""
    device = f"in {hop.device}" if hop.device else ""
    if hop.kind == "edge":
        return ("cloud" if hop.where == "gce" else "edge"), hop.where
    if hop.kind == "node":
        return hop.where, device
    return f"{hop.kind} {hop.where}", device
