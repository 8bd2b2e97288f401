"""Connection tracking: one entry a connection, found by the tuple of either direction.

Sources: nf_conntrack_core.c (`nf_conntrack_in`, `nf_ct_resolve_clash`), nf_conntrack_proto_tcp.c for which
packets may open a connection. An entry enters the table at the end of its first packet's way (`confirm`); a
packet that is dropped before leaves none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kproxysim.values import dataclass

__all__ = ["Connection", "Conntrack", "CtState", "Flow", "Status", "Tuple"]


class Tuple(NamedTuple):
    """One direction of a connection.

    Ports are negative where the protocol has none. The id of a ping is not modelled.
    """

    protocol: str
    src: int
    sport: int
    dst: int
    dport: int

    def inverse(self) -> Tuple:
        """The tuple of a packet that answers this one, nothing translated."""
        return Tuple(self.protocol, self.dst, self.dport, self.src, self.sport)


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
    CONFIRMED = 128


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry. `reply` is the tuple that answers will carry when they arrive, so it holds what NAT decided.

    `free_ports` is the range from which the kernel would draw the source port where it does not keep it
    (`--random-fully`, or a clash): (lowest, highest), None where the port is known.
    """

    number: int
    original: Tuple
    reply: Tuple
    status: int = 0
    mark: int = 0
    free_ports: tuple[int, int] | None = None


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


class Conntrack:
    """The table of one host."""

    __slots__ = ("_by_tuple", "_entries", "_next")

    def __init__(self) -> None:
        self._entries: dict[int, Connection] = {}
        self._by_tuple: dict[Tuple, tuple[int, bool]] = {}
        self._next = 1

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> tuple[Connection, ...]:
        """All confirmed entries, oldest first."""
        return tuple(self._entries.values())

    def fork(self) -> Conntrack:
        """An independent copy."""
        copy = Conntrack()
        copy._entries = dict(self._entries)
        copy._by_tuple = dict(self._by_tuple)
        copy._next = self._next
        return copy

    def find(self, key: Tuple) -> tuple[Connection, bool] | None:
        """The entry one of whose directions is `key`, and whether that is the answering direction."""
        found = self._by_tuple.get(key)
        return None if found is None else (self._entries[found[0]], found[1])

    def is_taken(self, reply: Tuple, number: int) -> bool:
        """Is an answer with this tuple already claimed by another connection (`nf_nat_used_tuple`)?"""
        found = self._by_tuple.get(reply)
        return found is not None and found[0] != number

    def open(self, key: Tuple) -> Connection:
        """A new entry, not yet confirmed: it is in no table until `confirm`."""
        number = self._next
        self._next += 1
        return Connection(number, key, key.inverse())

    def confirm(self, connection: Connection) -> Connection:
        """Put an entry into the table, or put its changed form there."""
        if not connection.status & Status.CONFIRMED:
            connection = replace(connection, status=connection.status | Status.CONFIRMED)
        self._entries[connection.number] = connection
        self._by_tuple[connection.original] = (connection.number, False)
        self._by_tuple[connection.reply] = (connection.number, True)
        return connection

    def seen_reply(self, connection: Connection) -> Connection:
        """Mark that an answer came by."""
        changed = replace(connection, status=connection.status | Status.SEEN_REPLY)
        self._entries[changed.number] = changed
        return changed

    def update(self, connection: Connection) -> None:
        """Put the changed form of an entry into the table, if it is in there."""
        if connection.number in self._entries:
            self._entries[connection.number] = connection

    def is_gone(self, connection: Connection) -> bool:
        """Was this entry in the table once, and is no more?"""
        return bool(connection.status & Status.CONFIRMED) and connection.number not in self._entries

    def delete(self, connection: Connection) -> None:
        """Remove an entry (`conntrack -D`)."""
        gone = self._entries.pop(connection.number)
        self._by_tuple.pop(gone.original, None)
        self._by_tuple.pop(gone.reply, None)
