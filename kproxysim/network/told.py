"""A trace told of one packet as it happened to another that goes the same way.

Nothing is walked. What reads a told trace reads the other's record with this packet's own addresses and
ports in it, and that is put together when it is read: a long run looks into few of its traces.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kproxysim.later import FilledLater
from kproxysim.netfilter.events import Event
from kproxysim.netfilter.renaming import Renaming
from kproxysim.netfilter.walk import Walked
from kproxysim.network.advice import advise
from kproxysim.network.trace import Advice, Branch, Hop, Nearest, Reached, Reply, Trace
from kproxysim.network.verdict import Call, hoped_for
from kproxysim.packet import Address, Packet

__all__ = ["Precedent"]


class Precedent:
    """A packet that was walked, and its trace. `via` is as for `World.send`."""

    __slots__ = ("call", "packet", "trace", "via")

    def __init__(self, call: Call, via: str | None, trace: Trace) -> None:
        self.call = call
        self.via = via
        self.packet = call.packet
        self.trace = trace

    def told_of(self, packet: Packet, guest: Address | None) -> Trace:
        """The trace of another packet that no host tells apart from this one."""
        told = object.__new__(_ToldTrace)
        put = object.__setattr__
        put(told, "packet", packet)
        put(told, "source", self.trace.source)
        put(told, "precedent", self)
        put(told, "guest", guest)
        return told

    def renaming(self, packet: Packet, guest: Address | None) -> Renaming:
        """What to put in the place of this packet's addresses and ports."""
        mine = self.packet
        addresses = {int(mine.src): int(packet.src), int(mine.dst): int(packet.dst)}
        ports = {
            own: other
            for own, other in ((mine.sport, packet.sport), (mine.dport, packet.dport))
            if own is not None and other is not None
        }
        names: dict[str, str] = {}
        before = self.call.sender.guest
        if before is not None and guest is not None:
            addresses[int(before)] = int(guest)
            names = {str(before): str(guest), f"internet/{before}": f"internet/{guest}"}
        return Renaming(addresses, ports, names)


class _ToldHop(FilledLater, Hop):
    __slots__ = ("like", "renaming")
    like: Hop
    renaming: Renaming

    @classmethod
    def of(cls, like: Hop, renaming: Renaming) -> Hop:
        told = object.__new__(cls)
        told.where = renaming.name(like.where) if like.kind == "internet" else like.where
        told.kind = like.kind
        told.device = like.device
        told.like = like
        told.renaming = renaming
        return told

    def _make_steps(self) -> list[Walked | Event]:
        return self.renaming.steps(self.like.steps)


class _ToldReply(FilledLater, Reply):
    __slots__ = ("like", "renaming")
    like: Reply
    renaming: Renaming

    @classmethod
    def of(cls, like: Reply, renaming: Renaming) -> Reply:
        told = object.__new__(cls)
        put = object.__setattr__
        put(told, "disposition", like.disposition)
        put(told, "reason", like.reason)
        put(told, "like", like)
        put(told, "renaming", renaming)
        return told

    def _make_packet(self) -> Packet:
        return self.renaming.packet(self.like.packet)

    def _make_hops(self) -> tuple[Hop, ...]:
        return tuple([_ToldHop.of(hop, self.renaming) for hop in self.like.hops])


_OF_THE_CLASS = frozenset(
    (
        "probability",
        "probability_kernel",
        "disposition",
        "reason",
        "client_sees",
        "source",
        "detail",
        "sport_range",
    )
)
"""What is the same for every packet that goes this way."""


class _ToldBranch(FilledLater, Branch):
    __slots__ = ("call", "like", "renaming", "sent")
    call: Call
    like: Branch
    renaming: Renaming
    sent: Packet

    @classmethod
    def of(cls, like: Branch, call: Call, renaming: Renaming, sent: Packet) -> Branch:
        told = object.__new__(cls)
        put = object.__setattr__
        put(told, "call", call)
        put(told, "like", like)
        put(told, "renaming", renaming)
        put(told, "sent", sent)
        return told

    def __getattr__(self, name: str) -> Any:
        return getattr(self.like, name) if name in _OF_THE_CLASS else FilledLater.__getattr__(self, name)

    def _make_packet(self) -> Packet:
        return self.renaming.packet(self.like.packet)

    def _make_hops(self) -> tuple[Hop, ...]:
        return tuple([_ToldHop.of(hop, self.renaming) for hop in self.like.hops])

    def _make_delivered_to(self) -> Reached | None:
        reached = self.like.delivered_to
        if reached is None:
            return None
        return replace(reached, ip=str(self.packet.dst), port=self.packet.dport)

    def _make_reply(self) -> Reply | None:
        return None if self.like.reply is None else _ToldReply.of(self.like.reply, self.renaming)

    def _make_nearest(self) -> Nearest | None:
        return hoped_for(self.sent, self.hops, self.delivered_to)

    def _make_advice(self) -> tuple[Advice, ...]:
        return advise(self.sent, self.call.edge, self)


class _ToldTrace(FilledLater, Trace):
    __slots__ = ("guest", "precedent")
    guest: Address | None
    precedent: Precedent

    def _make_branches(self) -> tuple[Branch, ...]:
        known = self.precedent
        renaming = known.renaming(self.packet, self.guest)
        branches = known.trace.branches
        return tuple([_ToldBranch.of(branch, known.call, renaming, self.packet) for branch in branches])

    def _make_assumptions(self) -> tuple[str, ...]:
        assumed = self.precedent.call.assumptions
        return tuple(dict.fromkeys(text for branch in self.branches for text in assumed(branch)))

    def _make_notes(self) -> tuple[str, ...]:
        return self.precedent.trace.notes
