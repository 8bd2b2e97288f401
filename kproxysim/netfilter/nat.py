"""Address translation: what a connection's first packet is given, and what every later packet gets from it.

Sources: net/netfilter/nf_nat_core.c (`nf_nat_setup_info`, `get_unique_tuple`, `nf_nat_packet`,
`nf_nat_icmp_reply_translation` in nf_nat_proto.c). Source ports were measured: below 512 stays in 1-511, 512
to 1023 in 600-1023, above in 1024-65535.
"""

from __future__ import annotations

from typing import NamedTuple

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.conntrack import Connection, Conntrack, Status, Tuple
from kproxysim.netfilter.skb import Skb, to_address
from kproxysim.packet import Packet

__all__ = [
    "DESTINATION",
    "HOOK_SIDE",
    "SOURCE",
    "Wanted",
    "bind",
    "cut_ports",
    "is_bound",
    "port_class",
    "translate",
]

SOURCE = "source"
DESTINATION = "destination"

HOOK_SIDE = {"PREROUTING": DESTINATION, "OUTPUT": DESTINATION, "INPUT": SOURCE, "POSTROUTING": SOURCE}
"""Which side nat changes at each hook for packets in a connection's original direction."""

_ATTEMPTS = 128
"""Ports of a range that the kernel tries."""

_IDS = 1 << 16

_NAT_BIT: dict[str, int] = {SOURCE: Status.SRC_NAT, DESTINATION: Status.DST_NAT}
_DONE_BIT: dict[str, int] = {SOURCE: Status.SRC_NAT_DONE, DESTINATION: Status.DST_NAT_DONE}


def is_bound(connection: Connection, side: str) -> bool:
    """Has nat decided this side of the connection already, even if to leave it as it is?"""
    return bool(connection.status & _DONE_BIT[side])


def port_class(port: int) -> tuple[int, int]:
    """The ports among which the kernel looks for another source port."""
    if port < 512:
        return 1, 511
    if port < 1024:
        return 600, 1023
    return 1024, 65535


def cut_ports(cuts: Cuts) -> None:
    """The ports at which `port_class` changes, and those that it begins a search with."""
    for first in (0, 512, 1024):
        low, high = port_class(first)
        cuts.port(low)
        cuts.ports(first, high)


class Wanted(NamedTuple):
    """What a rule asks of one side of a connection; None leaves what it is.

    `ports` is an inclusive range; with `base` the port that was dialled counts from there into it. `address`
    is what was picked for it of the addresses up to `last` from `first`; without these it is the only one.
    `masquerades`: it is the target MASQUERADE that asks.
    """

    address: int | None = None
    ports: tuple[int, int] | None = None
    random: bool = False
    base: int | None = None
    first: int | None = None
    last: int | None = None
    masquerades: bool = False


_NOTHING = Wanted()


def bind(table: Conntrack, connection: Connection, side: str, asked: Wanted | None = None) -> Connection:
    """Decide one side of a connection by what a rule asks for.

    A source port that would clash with another connection's answers is changed even where no rule asks for
    it. Where the kernel would draw the port, the entry's `free_ports` is the range it draws from and the port
    shown is the one kept, or the lowest free one: where nothing else would change, not its own.
    """
    asked = asked or _NOTHING
    current = connection.reply.inverse()
    free_ports = connection.free_ports
    if side == DESTINATION:
        wanted = _destination(table, connection, current, asked)
    else:
        wanted, free_ports = _kept_source(table, connection, current, asked) or _source(
            table, connection, current, asked.address, asked.ports, asked.random
        )
    status = connection.status | _DONE_BIT[side] | (Status.MASQUERADED if asked.masquerades else 0)
    if wanted != current:
        status |= _NAT_BIT[side]
    return connection._replace(reply=wanted.inverse(), status=status, free_ports=free_ports)


def _destination(table: Conntrack, connection: Connection, current: Tuple, asked: Wanted) -> Tuple:
    """A port in the range is kept if it is free; else the first free one from the range's begin (or from
    where `base` points) is taken (`nf_nat_l4proto_unique_tuple`).
    """
    wanted = current if asked.address is None else current._replace(dst=asked.address)
    if asked.ports is None or current.dport < 0:
        return _with_free_id(table, connection, wanted)
    low, high = asked.ports
    if low == high and asked.base is None:
        return wanted._replace(dport=low)
    if asked.base is None and low <= current.dport <= high and not _clashes(table, connection, wanted):
        return wanted
    size = high - low + 1
    # The kernel counts in 16 bits: a port below the base is one far above it.
    first = 0 if asked.base is None else (current.dport - asked.base) & 0xFFFF
    for step in range(min(size, _ATTEMPTS)):
        other = wanted._replace(dport=low + ((first + step) & 0xFFFF) % size)
        if not _clashes(table, connection, other):
            return other
    return wanted._replace(dport=low + first % size)


def _clashes(table: Conntrack, connection: Connection, wanted: Tuple) -> bool:
    return table.is_taken(wanted.inverse(), connection.number)


def _kept_source(
    table: Conntrack, connection: Connection, current: Tuple, asked: Wanted
) -> tuple[Tuple, tuple[int, int] | None] | None:
    """The source that a connection is given before any other is looked for: its own if a rule's range has it,
    else the one that its client's address and port have on another connection already
    (`find_appropriate_src`). None if a port is to be drawn, or if there is none that is free.
    """
    if asked.address is None or asked.random:
        return None
    first = asked.address if asked.first is None else asked.first
    last = asked.address if asked.last is None else asked.last

    def fits(src: int, sport: int) -> bool:
        low, high = asked.ports or (sport, sport)
        return first <= src <= last and low <= sport <= high

    found: Tuple | None = None
    free_ports: tuple[int, int] | None = None
    if fits(current.src, current.sport):
        found = current
    else:
        for other in table.of_source(current):
            if fits(other.reply.dst, other.reply.dport):
                found = current._replace(src=other.reply.dst, sport=other.reply.dport)
                free_ports = other.free_ports
                break
    return None if found is None or _clashes(table, connection, found) else (found, free_ports)


def _source(
    table: Conntrack,
    connection: Connection,
    current: Tuple,
    address: int | None,
    ports: tuple[int, int] | None,
    random: bool,
) -> tuple[Tuple, tuple[int, int] | None]:
    wanted = current._replace(src=current.src if address is None else address)
    if current.sport < 0:
        return _with_free_id(table, connection, wanted, random=random), None
    low, high = ports if ports is not None else port_class(current.sport)
    fits = low <= current.sport <= high or ports is None
    if fits and _is_free(table, connection, wanted, random=random):
        return wanted, (low, high) if random else None
    for port in range(low, high + 1):
        other = wanted._replace(sport=port)
        if _is_free(table, connection, other, random=True):
            return other, (low, high)
    return wanted, (low, high)


def _is_free(table: Conntrack, connection: Connection, wanted: Tuple, *, random: bool) -> bool:
    """May answers to `wanted` be this connection's? What is drawn at `random` is nearly never what is there
    already, in any place: the connection's own, or another's.
    """
    if _clashes(table, connection, wanted):
        return False
    return not random or (wanted != connection.original and table.find(wanted) is None)


def _with_free_id(table: Conntrack, connection: Connection, wanted: Tuple, *, random: bool = False) -> Tuple:
    """A ping whose answers another ping claims gets another id, whichever side is decided."""
    if wanted.protocol not in ("icmp", "ipv6-icmp"):
        return wanted
    if _is_free(table, connection, wanted, random=random):
        return wanted
    drawn = (wanted._replace(sport=-1 - number) for number in range(_IDS))
    return next((one for one in drawn if _is_free(table, connection, one, random=True)), wanted)


def translate(skb: Skb, hook: str) -> Skb:
    """The packet after nat at this hook:

    addresses as its connection says, by direction. ICMP errors are translated inside as well.
    """
    flow = skb.flow
    if flow is None or flow.connection is None:
        return skb
    side = HOOK_SIDE[hook]
    bit = _NAT_BIT[side]
    if flow.is_reply:
        bit = Status.SRC_NAT if bit == Status.DST_NAT else Status.DST_NAT
    if not flow.connection.status & bit:
        return skb
    connection = flow.connection
    opposite = connection.original if flow.is_reply else connection.reply
    target = opposite.inverse()
    if skb.inner is not None:
        skb = skb.with_inner(_inner(skb.inner, opposite, DESTINATION if side == SOURCE else SOURCE))
        sport, dport = skb.sport, skb.dport
    elif skb.icmp is not None:
        sport, dport = target.echo_id, skb.dport
        skb = skb if sport == skb.sport else skb.with_source(skb.src, sport)
    else:
        sport, dport = target.sport, target.dport
    if side == SOURCE:
        return skb if (skb.src, skb.sport) == (target.src, sport) else skb.with_source(target.src, sport)
    return skb if (skb.dst, skb.dport) == (target.dst, dport) else skb.with_destination(target.dst, dport)


def _inner(packet: Packet, like: Tuple, side: str) -> Packet:
    src, sport, dst, dport = packet.src, packet.sport, packet.dst, packet.dport
    if side == SOURCE:
        src, sport = to_address(like.src, packet.family), None if sport is None else like.sport
    else:
        dst, dport = to_address(like.dst, packet.family), None if dport is None else like.dport
    echo_id = 0 if packet.icmp is None else -1 - like.echo_id
    return Packet(packet.protocol, src, dst, sport, dport, packet.flags, packet.icmp, echo_id=echo_id)
