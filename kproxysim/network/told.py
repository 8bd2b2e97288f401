"""A trace told of one packet as it happened to another that goes the same way.

Nothing is walked. What reads a told trace reads the other's record with this packet's own addresses and
ports in it, and that is put together when it is read: a long run looks into few of its traces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, Self

from kproxysim.later import FilledLater
from kproxysim.netfilter.events import Event
from kproxysim.netfilter.renaming import Mold, Renaming, Varying
from kproxysim.netfilter.walk import Walked
from kproxysim.network.advice import advise
from kproxysim.network.trace import Advice, Branch, Hop, Nearest, Reached, Reply, Trace
from kproxysim.network.verdict import Call, hoped_for
from kproxysim.packet import Address, Packet

__all__ = ["Precedent"]


class Precedent:
    """A packet that was walked, and its trace. `via` is as for `World.send`."""

    __slots__ = ("_varying", "call", "origins", "packet", "trace", "via")

    def __init__(self, call: Call, via: str | None, trace: Trace) -> None:
        self.call = call
        self.via = via
        self.packet = call.packet
        self.trace = trace
        self._varying = Varying(frozenset(), frozenset(), frozenset())
        self.origins: tuple[_Origin, ...] = ()

    def speaks_for(self, same_address: Callable[[int], bool], same_port: Callable[[int], bool]) -> None:
        """Others are told what happened to this packet; some of its addresses and ports are theirs too."""
        packet, guest = self.packet, self.call.sender.guest
        own = {int(packet.src), int(packet.dst)} | (set() if guest is None else {int(guest)})
        self._varying = varying = Varying(
            frozenset(address for address in own if not same_address(address)),
            frozenset(
                port for port in (packet.sport, packet.dport) if port is not None and not same_port(port)
            ),
            frozenset(() if guest is None else _names(guest)),
        )
        self.origins = tuple(
            _Origin(
                branch,
                _Way(branch.hops, varying),
                _Way(() if branch.reply is None else branch.reply.hops, varying),
            )
            for branch in self.trace.branches
        )

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
        mine, varying = self.packet, self._varying
        addresses: dict[int, int] = {}
        ports: dict[int, int] = {}
        names: dict[str, str] = {}
        for own, other in ((mine.src, packet.src), (mine.dst, packet.dst)):
            if int(own) in varying.addresses:
                addresses[int(own)] = int(other)
        for port, another in ((mine.sport, packet.sport), (mine.dport, packet.dport)):
            if port in varying.ports:
                assert another is not None
                ports[port] = another
        before = self.call.sender.guest
        if before is not None and guest is not None:
            addresses[int(before)] = int(guest)
            names = dict(zip(_names(before), _names(guest), strict=True))
        return Renaming(addresses, ports, names)


def _names(guest: Address) -> tuple[str, str]:
    """How a host is called that somebody on the internet has."""
    text = str(guest)
    return text, f"internet/{text}"


class _Way:
    """The hops of a recorded way, ready to be told of many packets."""

    __slots__ = ("_cuts", "_hops", "_mold", "_varying")

    def __init__(self, hops: tuple[Hop, ...], varying: Varying) -> None:
        self._hops = hops
        self._varying = varying
        self._mold: Mold | None = None
        self._cuts: list[tuple[str, str, str, slice]] = []

    def told(self, renaming: Renaming) -> tuple[Hop, ...]:
        """The hops of a packet that went the same way."""
        mold = self._mold or self._cast()
        steps = renaming.steps(mold)
        found = []
        for where, kind, device, own in self._cuts:
            hop: Hop = _new_hop(Hop)
            hop.where = renaming.name(where) if kind == "internet" else where
            hop.kind = kind
            hop.device = device
            hop.steps = steps[own]
            found.append(hop)
        return tuple(found)

    def _cast(self) -> Mold:
        """All steps in one mold, and which are of which hop."""
        steps: list[Walked | Event] = []
        for hop in self._hops:
            own = slice(len(steps), len(steps) + len(hop.steps))
            self._cuts.append((hop.where, hop.kind, hop.device, own))
            steps += hop.steps
        self._mold = Mold.of(steps, self._varying)
        return self._mold


_new_hop = object.__new__


class _Origin(NamedTuple):
    """A branch that was recorded, and its hops there and back."""

    branch: Branch
    there: _Way
    back: _Way


class _Telling(NamedTuple):
    """Of which packet it is told."""

    sent: Packet
    renaming: Renaming
    call: Call


class _Told(FilledLater):
    """A part of a told trace."""

    __slots__ = ()
    origin: _Origin
    telling: _Telling

    @classmethod
    def of(cls, origin: _Origin, telling: _Telling) -> Self:
        told = object.__new__(cls)
        put = object.__setattr__
        put(told, "origin", origin)
        put(told, "telling", telling)
        return told


class _ToldReply(_Told, Reply):
    __slots__ = ("origin", "telling")

    @property
    def _like(self) -> Reply:
        assert self.origin.branch.reply is not None
        return self.origin.branch.reply

    def _make_disposition(self) -> str:
        return self._like.disposition

    def _make_reason(self) -> str:
        return self._like.reason

    def _make_packet(self) -> Packet:
        return self.telling.renaming.packet(self._like.packet)

    def _make_hops(self) -> tuple[Hop, ...]:
        return self.origin.back.told(self.telling.renaming)


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


class _ToldBranch(_Told, Branch):
    __slots__ = ("origin", "telling")

    def __getattr__(self, name: str) -> Any:
        if name in _OF_THE_CLASS:
            return getattr(self.origin.branch, name)
        return FilledLater.__getattr__(self, name)

    def _make_packet(self) -> Packet:
        return self.telling.renaming.packet(self.origin.branch.packet)

    def _make_hops(self) -> tuple[Hop, ...]:
        return self.origin.there.told(self.telling.renaming)

    def _make_delivered_to(self) -> Reached | None:
        reached = self.origin.branch.delivered_to
        if reached is None:
            return None
        return replace(reached, ip=str(self.packet.dst), port=self.packet.dport)

    def _make_reply(self) -> Reply | None:
        return None if self.origin.branch.reply is None else _ToldReply.of(self.origin, self.telling)

    def _make_nearest(self) -> Nearest | None:
        return hoped_for(self.telling.sent, self.hops, self.delivered_to)

    def _make_advice(self) -> tuple[Advice, ...]:
        return advise(self.telling.sent, self.telling.call.edge, self)


class _ToldTrace(FilledLater, Trace):
    __slots__ = ("guest", "precedent")
    guest: Address | None
    precedent: Precedent

    def _make_branches(self) -> tuple[Branch, ...]:
        known = self.precedent
        telling = _Telling(self.packet, known.renaming(self.packet, self.guest), known.call)
        return tuple([_ToldBranch.of(origin, telling) for origin in known.origins])

    def _make_assumptions(self) -> tuple[str, ...]:
        assumed = self.precedent.call.assumptions
        return tuple(dict.fromkeys(text for branch in self.branches for text in assumed(branch)))

    def _make_notes(self) -> tuple[str, ...]:
        return self.precedent.trace.notes
