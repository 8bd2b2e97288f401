"""One packet's addresses and ports in the place of another's that went the same way.

What was recorded of a packet holds for every other packet that is told apart from it nowhere (see `atoms`),
with that packet's own values. Values are replaced wherever they stand, for what belongs to the packet alone
can be told from what rules and routes gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

from kproxysim.later import FilledLater
from kproxysim.netfilter.conntrack import Connection, Flow, Tuple
from kproxysim.netfilter.events import Ends, Event, Happening, OfDestination, ends_text, rewrite_text
from kproxysim.netfilter.skb import Skb, to_address, written
from kproxysim.netfilter.walk import Met, Walked
from kproxysim.packet import Packet

__all__ = ["Mold", "Renaming", "Varying"]


class Varying(NamedTuple):
    """What differs among packets that go the same way, as one of them has it."""

    addresses: frozenset[int]
    ports: frozenset[int]
    names: frozenset[str]

    def settled(self, one: Happening) -> Happening:
        """What happened; its sentence is text if it is the same of all packets."""
        said, before, after = one.said, one.before, one.after
        if isinstance(said, str):
            return one
        if isinstance(said, OfDestination):
            varies = before.dst in self.addresses or said.host in self.names
        elif said is rewrite_text:
            sides = (
                ((before.src, before.sport), (after.src, after.sport)),
                (
                    (before.dst, before.dport),
                    (after.dst, after.dport),
                ),
            )
            varies = any(self._has(*old) or self._has(*new) for old, new in sides if old != new)
        else:
            varies = any(
                self._has(skb.src, skb.sport) or self._has(skb.dst, skb.dport) for skb in (before, after)
            )
        return one if varies else one._replace(said=Event(one).action)

    def _has(self, address: int, port: int) -> bool:
        return address in self.addresses or port in self.ports


class Mold(NamedTuple):
    """What happened to a packet, as what others that go the same way are told of is made: the type of each
    step, and what was recorded.
    """

    types: list[type[Walked | Event]]
    recorded: list[Met | Happening]

    @classmethod
    def of(cls, steps: Sequence[Walked | Event], varying: Varying) -> Mold:
        """Of the steps of a packet that was walked."""
        recorded = [
            step.recorded if isinstance(step, Walked) else varying.settled(step.recorded) for step in steps
        ]
        return cls([type(step) for step in steps], recorded)


class Renaming:
    """What to put in the place of what: addresses, ports, and names of hosts that are made of an address.

    What is one and the same thing before is so afterwards.
    """

    __slots__ = ("_addresses", "_flows", "_names", "_ports", "_skbs")

    def __init__(
        self, addresses: Mapping[int, int], ports: Mapping[int, int], names: Mapping[str, str]
    ) -> None:
        self._addresses = addresses
        self._ports = ports
        self._names = names
        self._skbs: dict[int, tuple[Skb, Skb]] = {}
        self._flows: dict[int, Flow] = {}

    def name(self, name: str) -> str:
        """A host's name or label."""
        return self._names.get(name, name)

    def sentence(self, said: OfDestination | Callable[[Skb, Skb], str], before: Skb, after: Skb) -> str:
        """What `said` makes of this packet."""
        addresses = self._addresses
        if isinstance(said, OfDestination):
            lead, tail, host = said
            to = written(addresses.get(before.dst, before.dst), before.family)
            return f"{lead}{to}{tail}{self._names.get(host, host)}"
        if said is not rewrite_text:
            return said(self.header(before), self.header(after))
        return ends_text(self._ends(before), self._ends(after), before.family)

    def _ends(self, skb: Skb) -> Ends:
        addresses, ports = self._addresses, self._ports
        src, dst, sport, dport = skb[2:6]
        return (
            addresses.get(src, src),
            addresses.get(dst, dst),
            ports.get(sport, sport),
            ports.get(dport, dport),
        )

    def packet(self, packet: Packet) -> Packet:
        """A packet on the wire, the one inside an ICMP error included."""
        addresses, ports = self._addresses, self._ports
        src, dst = int(packet.src), int(packet.dst)
        return Packet(
            packet.protocol,
            to_address(addresses.get(src, src), packet.family),
            to_address(addresses.get(dst, dst), packet.family),
            None if packet.sport is None else ports.get(packet.sport, packet.sport),
            None if packet.dport is None else ports.get(packet.dport, packet.dport),
            packet.flags,
            packet.icmp,
            None if packet.inner is None else self.packet(packet.inner),
            packet.in_window,
            packet.ttl,
            packet.echo_id,
        )

    def skb(self, skb: Skb) -> Skb:
        """A packet inside a host, with its connection."""
        found = self._skbs.get(id(skb))
        if found is None:
            header = self.header(skb)
            flow = skb.flow
            made = header if flow is None else header.with_flow(self._flow(flow))
            found = self._skbs[id(skb)] = skb, made  # kept with it: an id is told again of what came later
        return found[1]

    def header(self, skb: Skb) -> Skb:
        """A packet inside a host, without its connection."""
        addresses, ports = self._addresses, self._ports
        (
            family, protocol, src, dst, sport, dport, flags, icmp, inner, mark, iif, oif, _, owner,
            in_window, ttl,
        ) = skb  # fmt: skip
        return _as_skb(
            (
                family,
                protocol,
                addresses.get(src, src),
                addresses.get(dst, dst),
                ports.get(sport, sport),
                ports.get(dport, dport),
                flags,
                icmp,
                None if inner is None else self.packet(inner),
                mark,
                iif,
                oif,
                None,
                owner,
                in_window,
                ttl,
            )
        )

    def steps(self, mold: Mold) -> list[Walked | Event]:
        """What happened to this packet."""
        return list(map(_new, mold.types, zip(mold.recorded, repeat(self))))

    def _flow(self, flow: Flow) -> Flow:
        made = self._flows.get(id(flow))
        if made is None:
            made = self._flows[id(flow)] = _RenamedFlow(flow, self)
        return made

    def connection(self, connection: Connection) -> Connection:
        """An entry, both directions of it."""
        original, reply = self._tuple(connection.original), self._tuple(connection.reply)
        return connection._replace(original=original, reply=reply)

    def _tuple(self, one: Tuple) -> Tuple:
        addresses, ports = self._addresses, self._ports
        protocol, src, sport, dst, dport, family = one
        return Tuple(
            protocol,
            addresses.get(src, src),
            ports.get(sport, sport),
            addresses.get(dst, dst),
            ports.get(dport, dport),
            family,
        )


class _RenamedFlow(FilledLater, Flow):
    __slots__ = ("like", "renaming")
    like: Flow
    renaming: Renaming

    def __init__(self, like: Flow, renaming: Renaming) -> None:
        put = object.__setattr__
        put(self, "like", like)
        put(self, "renaming", renaming)

    def _make_state(self) -> str:
        return self.like.state

    def _make_is_reply(self) -> bool:
        return self.like.is_reply

    def _make_connection(self) -> Connection | None:
        connection = self.like.connection
        return None if connection is None else self.renaming.connection(connection)


# The quickest way to make a named tuple of a tuple: a trace has dozens of them for each branch.
_new: Callable[[type[Walked | Event], tuple[object, ...]], Walked | Event] = tuple.__new__
_as_skb: Callable[[tuple[object, ...]], Skb] = partial(tuple.__new__, Skb)
