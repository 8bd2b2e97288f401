"""The table of connections: one entry a connection, found by the tuple of either direction.

Source: nf_conntrack_core.c (`__nf_conntrack_confirm`, `nf_ct_gc_expired`). An entry enters the table at the
end of its first packet's way (`confirm`); a packet that is dropped before leaves none. What packets make of
entries is in `tracking`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from kproxysim.netfilter.overlay import Overlay
from kproxysim.netfilter.tcp_states import Memory
from kproxysim.values import dataclass

__all__ = ["ICMP_TYPES", "Connection", "Conntrack", "CtState", "Flow", "Status", "Tuple"]

ICMP_TYPES = -(1 << 17)
"""Counted down from here a port of a tuple is an ICMP type, above it the id of a packet (`Skb.sport`)."""

_FIRST_SWEEP = 64
"""Entries above which a table looks for expired ones."""


class Tuple(NamedTuple):
    """One direction of a connection.

    Ports are negative where the protocol has none. Of ICMP the type is the port of the side that is asked,
    the id that of the side that asks. `family` is 4 or 6.
    """

    protocol: str
    src: int
    sport: int
    dst: int
    dport: int
    family: int = 4

    def inverse(self) -> Tuple:
        """The tuple of a packet that answers this one, nothing translated."""
        return Tuple(self.protocol, self.dst, self.dport, self.src, self.sport, self.family)

    @property
    def echo_id(self) -> int:
        """Of ICMP: the id, as `Skb.sport` has it."""
        return self.sport if self.sport > ICMP_TYPES else self.dport


class CtState:
    """States as `-m conntrack --ctstate` names them."""

    NEW = "NEW"
    ESTABLISHED = "ESTABLISHED"
    RELATED = "RELATED"
    INVALID = "INVALID"
    UNTRACKED = "UNTRACKED"


class Status:
    """Bits of an entry (linux/netfilter/nf_conntrack_common.h, the ones that decide something here).

    Plain integers: an IntFlag makes each `&` twenty times as slow.
    """

    SEEN_REPLY = 1
    SRC_NAT = 2
    DST_NAT = 4
    SRC_NAT_DONE = 8
    DST_NAT_DONE = 16
    ASSURED = 64
    CONFIRMED = 128
    MASQUERADED = 1 << 16
    """No bit of the kernel's: it keeps the device that MASQUERADE saw (`masq_index`) beside the entry."""


class Connection(NamedTuple):
    """One entry. `reply` is the tuple that answers will carry when they arrive, so it holds what NAT decided.

    `free_ports` is the range from which the kernel would draw the source port where it does not keep it
    (`--random-fully`, or a clash): (lowest, highest), None where the port is known. `opened` is when the
    first packet came, `expires` when the entry is over unless another comes, in seconds on the host's clock.
    `state` is the state of TCP or SCTP as `conntrack -L` prints it, "" for other protocols; `tcp` is what
    the kernel remembers of a TCP connection beside it.
    """

    number: int
    original: Tuple
    reply: Tuple
    status: int = 0
    mark: int = 0
    free_ports: tuple[int, int] | None = None
    opened: float = 0.0
    expires: float = inf
    state: str = ""
    tcp: Memory = Memory()


@dataclass(frozen=True, slots=True)
class Flow:
    """What a packet knows of its connection: the entry, the state, and the direction it goes in.

    `connection` is None for INVALID and UNTRACKED packets.
    """

    state: str
    connection: Connection | None = None
    is_reply: bool = False

    def updated(self, connection: Connection) -> Flow:
        """The same packet's view after the entry changed."""
        return Flow(self.state, connection, self.is_reply)


_Source = tuple[str, int, int, int]
"""Protocol, address, port and family of whoever opens a connection."""


def _source_of(key: Tuple) -> _Source:
    return key.protocol, key.src, key.sport, key.family


class Conntrack:
    """The table of one host. `clock` is the time in seconds; what expired before is not found any more.

    Expired entries are taken out when they are met, and all of them whenever the table has doubled since
    that was last done: it holds no more than twice what was alive then. `nf_conntrack_max` is not modelled.
    """

    __slots__ = ("_by_source", "_by_tuple", "_count", "_entries", "_next", "_sweep_at", "clock")

    def __init__(self) -> None:
        self._entries: Overlay[int, Connection] = Overlay()
        self._by_tuple: Overlay[Tuple, tuple[int, bool]] = Overlay()
        self._by_source: Overlay[_Source, tuple[int, ...]] = Overlay()
        self._count = 0
        self._next = 1
        self._sweep_at = _FIRST_SWEEP
        self.clock = 0.0

    def __len__(self) -> int:
        """How many entries it holds, expired ones that nobody has met among them."""
        return self._count

    def entries(self) -> tuple[Connection, ...]:
        """All entries that are alive, oldest first."""
        return tuple(one for one in self._entries.to_dict().values() if one.expires > self.clock)

    def fork(self) -> Conntrack:
        """An independent copy, made without walking over the entries."""
        copy = Conntrack()
        copy.absorb(self)
        return copy

    def absorb(self, other: Conntrack) -> None:
        """Become what `other` is: a fork whose changes have come true."""
        self._entries = other._entries.fork()
        self._by_tuple = other._by_tuple.fork()
        self._by_source = other._by_source.fork()
        self._count, self._next, self._sweep_at = other._count, other._next, other._sweep_at
        self.clock = other.clock

    def find(self, key: Tuple) -> tuple[Connection, bool] | None:
        """The entry one of whose directions is `key`, and whether that is the answering direction."""
        found = self._by_tuple.get(key)
        if found is None:
            return None
        connection = self._entries.get(found[0])
        assert connection is not None
        if connection.expires <= self.clock:
            self.delete(connection)
            return None
        return connection, found[1]

    def is_taken(self, reply: Tuple, number: int) -> bool:
        """Is an answer with this tuple already claimed by another connection (`nf_nat_used_tuple`)?"""
        found = self.find(reply)
        return found is not None and found[0].number != number

    def of_source(self, key: Tuple) -> Iterator[Connection]:
        """The entries that were opened from the source of `key`, its port included, the newest first
        (`nf_nat_bysource`).
        """
        for number in self._by_source.get(_source_of(key)) or ():
            connection = self._entries.get(number)
            if connection is not None and connection.expires > self.clock:
                yield connection

    def open(self, key: Tuple) -> Connection:
        """A new entry, not yet confirmed: it is in no table until `confirm`."""
        number = self._next
        self._next += 1
        return Connection(number, key, key.inverse(), opened=self.clock)

    def confirm(self, connection: Connection) -> Connection:
        """Put a new entry into the table."""
        connection = connection._replace(status=connection.status | Status.CONFIRMED)
        self._count += 1
        self._entries[connection.number] = connection
        self._by_tuple[connection.original] = (connection.number, False)
        self._by_tuple[connection.reply] = (connection.number, True)
        source = _source_of(connection.original)
        self._by_source[source] = (connection.number, *(self._by_source.get(source) or ()))
        if self._count > self._sweep_at:
            self._sweep()
        return connection

    def update(self, connection: Connection) -> None:
        """Put the changed form of an entry into the table, if it is in there."""
        if connection.number in self._entries:
            self._entries[connection.number] = connection

    def delete(self, connection: Connection) -> None:
        """Remove an entry, if it is in there (`conntrack -D`)."""
        gone = self._entries.pop(connection.number)
        if gone is None:
            return
        self._count -= 1
        source = _source_of(gone.original)
        left = tuple(number for number in self._by_source.get(source) or () if number != gone.number)
        if left:
            self._by_source[source] = left
        else:
            self._by_source.pop(source)
        for key in (gone.original, gone.reply):
            found = self._by_tuple.get(key)
            if found is not None and found[0] == gone.number:
                self._by_tuple.pop(key)

    def flush(self) -> None:
        """Remove all entries (`conntrack -F`)."""
        self._entries.clear()
        self._by_tuple.clear()
        self._by_source.clear()
        self._count = 0

    def _sweep(self) -> None:
        for connection in self._entries.to_dict().values():
            if connection.expires <= self.clock:
                self.delete(connection)
        self._sweep_at = max(_FIRST_SWEEP, 2 * self._count)
