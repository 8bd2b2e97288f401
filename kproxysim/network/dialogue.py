"""What two ends of a connection say to each other, packet by packet.

TCP as RFC 9293 has it, nothing lost and nothing sent again: an open is SYN, SYN-ACK and ACK, data is answered
by data, both ends close with FIN. Other protocols send one packet and get one back. Each function follows the
first packet and its answer as `World.send` does (that is the branch), then lets the ends say the rest.
"""

from __future__ import annotations

from dataclasses import replace

from kproxysim.network.journey import Journey, Leg
from kproxysim.network.session import Session, socket_of, taking
from kproxysim.network.trace import Branch
from kproxysim.network.verdict import Call, Followed, follow
from kproxysim.packet import Packet

__all__ = ["answer_back", "close_by", "open_session", "reset_by", "send_more"]


def open_session(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """The client calls. `session` holds what is known before."""
    packet = call.packet
    if packet.protocol != "tcp":
        _connect(journey, session.host, packet)
        return send_more(call, journey, session)
    followed = follow(call, journey)
    branch = followed.branch
    session = _served(session, followed)
    if branch.client_sees == "answered" and branch.reply is not None and "SYN" in branch.reply.packet.flags:
        _connect(journey, session.host, packet)
        journey.calls.settle()
        leg = journey.send(session.host, _flagged(packet, "ACK"))
        if leg.end.outcome.kind == "deliver" and journey.reaction(leg.end) == "reset":  # it listens
            journey.state(leg.end.host).connect(taking(leg.end.outcome.skb))
        return branch, replace(session, state="open")
    if branch.client_sees == "answered":  # the server has an old connection of this port, and says so
        journey.calls.settle()
        _take_reset(journey, journey.send(session.host, _flagged(packet, "RST")))
        return branch, replace(session, state="timeout")
    _reset_strangers(journey, followed)
    return branch, replace(session, state=branch.client_sees)


def send_more(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """The client sends: data, or whatever its protocol's packets carry."""
    followed = follow(call, journey)
    branch = followed.branch
    session = _served(session, followed)
    seen = branch.client_sees
    if seen == "answered" or (not call.answered and branch.delivered_to is not None and seen == "timeout"):
        seen = "open"
    if seen == "open" and branch.reply is not None and "PSH" in branch.reply.packet.flags:
        journey.calls.settle()
        journey.send(session.host, _flagged(session.packet, "ACK"))
    if seen == "reset":
        _disconnect(journey, session.host, session.packet)
    _reset_strangers(journey, followed)
    return branch, replace(session, state=seen)


def answer_back(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """The server sends on its own."""
    followed = follow(call, journey)
    branch = followed.branch
    if branch.client_sees == "reset":
        _disconnect(journey, session.server, call.packet)
    if branch.delivered_to is not None:
        return branch, replace(session, state="open")
    return branch, replace(session, state="reset" if branch.client_sees == "reset" else "timeout")


def close_by(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """One end closes with FIN, the other does the same."""
    followed = follow(call, journey)
    branch, host = followed.branch, call.sender.host
    _disconnect(journey, host, call.packet)
    if branch.client_sees == "answered":
        journey.state(followed.end.host).disconnect(taking(followed.end.outcome.skb))
        journey.calls.settle()
        journey.send(host, _flagged(call.packet, "ACK"))
        return branch, replace(session, state="closed")
    _reset_strangers(journey, followed)
    return branch, replace(session, state=branch.client_sees)


def reset_by(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """One end ends the connection with RST."""
    _disconnect(journey, call.sender.host, call.packet)
    branch = follow(call, journey).branch
    told = branch.delivered_to is not None or not call.towards_client
    return branch, replace(session, state="reset" if told else session.state)


def _served(session: Session, followed: Followed) -> Session:
    branch = followed.branch
    if branch.delivered_to is None:
        return session
    return replace(
        session,
        served=branch.delivered_to,
        server=followed.end.host,
        arrived=branch.packet,
        source_seen=branch.source,
    )


def _reset_strangers(journey: Journey, followed: Followed) -> None:
    """A TCP answer that comes to somebody who never called its sender is answered by RST."""
    back = followed.back
    if back is None or back.outcome.kind != "deliver" or followed.branch.reply is None:
        return
    skb = back.outcome.skb
    if skb.protocol != "tcp" or followed.branch.reply.disposition == "delivered":
        return
    if journey.reaction(back) in ("refuse", "reset"):
        journey.calls.settle()
        _take_reset(journey, journey.refuse(back.host, skb))


def _take_reset(journey: Journey, leg: Leg | None) -> None:
    if leg is not None and leg.end.outcome.kind == "deliver" and journey.reaction(leg.end) == "known":
        journey.accept(leg.end)


def _flagged(packet: Packet, flags: str) -> Packet:
    return Packet(packet.protocol, packet.src, packet.dst, packet.sport, packet.dport, flags)


def _connect(journey: Journey, host: str, packet: Packet) -> None:
    socket = socket_of(packet)
    if socket is not None:
        journey.state(host).connect(socket)


def _disconnect(journey: Journey, host: str, packet: Packet) -> None:
    socket = socket_of(packet)
    if socket is not None:
        journey.state(host).disconnect(socket)
