"""What two ends of a connection say to each other, packet by packet.

TCP and SCTP as RFC 9293 and RFC 9260 have it, nothing lost and nothing sent again: hands are shaken, data is
answered, both ends close. Other protocols send one packet and get one back. Each function follows the
first packet and its answer as `World.send` does (that is the branch), then lets the ends say the rest.
"""

from __future__ import annotations

from dataclasses import replace

from kproxysim.network.journey import Journey, Leg
from kproxysim.network.session import Session, socket_of, taking
from kproxysim.network.speech import SPEECH, saying
from kproxysim.network.trace import Branch
from kproxysim.network.verdict import Call, Followed, follow
from kproxysim.packet import Packet

__all__ = ["answer_back", "close_by", "open_session", "reset_by", "send_more"]


def open_session(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """The client calls. `session` holds what is known before."""
    packet = call.packet
    speech = SPEECH.get(packet.protocol)
    if speech is None:
        _connect(journey, session.host, packet)
        return send_more(call, journey, session)
    followed = follow(call, journey)
    branch = followed.branch
    session = _served(session, followed)
    if branch.client_sees == "answered" and branch.reply and branch.reply.packet.flags == speech.opened:
        _connect(journey, session.host, packet)
        journey.calls.settle()
        leg = _client_says(journey, session, speech.confirmed)
        # a bare ACK is a stranger's to whoever listens, until now
        if leg.end.outcome.kind == "deliver" and journey.reaction(leg.end) in ("accept", "reset"):
            journey.state(leg.end.host).connect(taking(leg.end.outcome.skb))
            journey.accept(leg.end)
        return branch, replace(session, state="open")
    if branch.client_sees == "answered":  # the server has an old connection of this port, and says so
        journey.calls.settle()
        _take_reset(journey, _client_says(journey, session, "RST"))
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
    speech = SPEECH.get(session.protocol)
    if seen == "open" and speech and branch.reply and branch.reply.packet.flags == speech.data:
        journey.calls.settle()
        _client_says(journey, session, speech.taken)
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
    """One end closes, the other does the same."""
    followed = follow(call, journey)
    branch, host = followed.branch, call.sender.host
    _disconnect(journey, host, call.packet)
    if branch.client_sees == "answered":
        journey.state(followed.end.host).disconnect(taking(followed.end.outcome.skb))
        journey.calls.settle()
        last = saying(call.packet, SPEECH[session.protocol].last)
        journey.send(host, last, mark=call.mark, owner=call.owner)
        return branch, replace(session, state="closed")
    _reset_strangers(journey, followed)
    return branch, replace(session, state=branch.client_sees)


def reset_by(call: Call, journey: Journey, session: Session) -> tuple[Branch, Session]:
    """One end breaks the connection off."""
    _disconnect(journey, call.sender.host, call.packet)
    branch = follow(call, journey).branch
    told = branch.delivered_to is not None or not call.towards_client
    return branch, replace(session, state="reset" if told else session.state)


def _client_says(journey: Journey, session: Session, words: str) -> Leg:
    packet = saying(session.packet, words)
    return journey.send(session.host, packet, mark=session.mark, owner=session.owner)


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
    """An answer that comes to somebody who never called its sender is answered by RST or ABORT."""
    back = followed.back
    if back is None or back.outcome.kind != "deliver" or followed.branch.reply is None:
        return
    skb = back.outcome.skb
    if skb.protocol not in SPEECH or followed.branch.reply.disposition == "delivered":
        return
    if journey.reaction(back) in ("refuse", "reset"):
        journey.calls.settle()
        _take_reset(journey, journey.refuse(back.host, skb))


def _take_reset(journey: Journey, leg: Leg | None) -> None:
    if leg is not None and leg.end.outcome.kind == "deliver" and journey.reaction(leg.end) == "known":
        journey.accept(leg.end)


def _connect(journey: Journey, host: str, packet: Packet) -> None:
    socket = socket_of(packet)
    if socket is not None:
        journey.state(host).connect(socket)


def _disconnect(journey: Journey, host: str, packet: Packet) -> None:
    socket = socket_of(packet)
    if socket is not None:
        journey.state(host).disconnect(socket)
