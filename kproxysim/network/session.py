"""Connections as their clients know them: who called whom, who served, how it stands."""

from __future__ import annotations

from kproxysim.errors import InputError
from kproxysim.netfilter.overlay import Overlay
from kproxysim.netfilter.skb import Owner, Skb
from kproxysim.netfilter.state import Session as Socket
from kproxysim.network.trace import Reached, Trace
from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = ["CLIENT_PORTS", "FIRST_PORT", "Exchange", "Session", "Sessions", "socket_of", "taking"]

CLIENT_PORTS = range(32768, 61000)
"""Linux's default range of ports for clients (net.ipv4.ip_local_port_range)."""

FIRST_PORT = 51514
"""The source port of a packet for which nobody names one, and where counting begins."""


@dataclass(frozen=True, slots=True)
class Session:
    """One connection, or one UDP socket's conversation, as it stands after an event.

    - `number` tells it from all others of its world; `packet` is its first packet, as dialled.
    - `host` is the client's name in the topology, `source` how a trace calls it.
    - `state` is what the client was told last: "open", "closed", "reset", "refused", "timeout" or another
      word of `Branch.client_sees`. A connection may be used as long as its client has the socket, which is
      gone once it was refused, reset or closed. A timeout closes nothing.
    - `opened`: when, in seconds since the start.
    - `served`: who took the last packet that arrived, `server` the name of that host, `arrived` the first
      packet as it came there; nobody yet: None, "" and None. `source_seen` is `Branch.source` of it.
    - `mark` is what the client's socket marks its packets with, `owner` whose socket it is.
    """

    number: int
    packet: Packet
    host: str
    source: str
    state: str
    opened: float
    served: Reached | None = None
    server: str = ""
    arrived: Packet | None = None
    source_seen: str = "kept"
    mark: int = 0
    owner: Owner | None = None

    @property
    def protocol(self) -> str:
        """tcp, udp and so on."""
        return self.packet.protocol


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an event did: the connection as it stands now, and the trace of the event's first packet with its
    answer; None where an end fell silent without a packet.
    """

    session: Session
    trace: Trace | None


def socket_of(packet: Packet, *, arriving: bool = False) -> Socket | None:
    """The socket that sends a packet, or that takes an `arriving` one; None for protocols without ports."""
    if packet.sport is None or packet.dport is None:
        return None
    own = (int(packet.src), packet.sport)
    other = (int(packet.dst), packet.dport)
    if arriving:
        own, other = other, own
    return Socket(packet.protocol, *own, *other)


def taking(skb: Skb) -> Socket:
    """The socket that an arriving packet is for."""
    return Socket(skb.protocol, skb.dst, skb.dport, skb.src, skb.sport)


class Sessions:
    """The connections of a world whose clients have their sockets still, and the ports of clients."""

    __slots__ = ("_by_host", "_next", "_open", "_ports")

    def __init__(self) -> None:
        self._open: Overlay[int, Session] = Overlay()
        self._by_host: Overlay[str, int] = Overlay()
        self._ports: Overlay[str, int] = Overlay()
        self._next = 1

    def fork(self) -> Sessions:
        """An independent copy."""
        other = Sessions()
        other._open, other._by_host = self._open.fork(), self._by_host.fork()
        other._ports, other._next = self._ports.fork(), self._next
        return other

    def all(self) -> tuple[Session, ...]:
        """All of them, oldest first."""
        return tuple(self._open.to_dict().values())

    def find(self, session: Session | int) -> Session:
        """A connection as it stands now. Raises InputError (KPS710) for one that is gone."""
        number = session if isinstance(session, int) else session.number
        found = self._open.get(number)
        if found is None:
            what = f"connection {number}" if isinstance(session, int) else f"{session.packet}"
            how = "" if isinstance(session, int) else f": {session.state}"
            raise InputError.of(
                "KPS710", f"{what} is not open{how}", found=str(number), help="open a new connection"
            )
        return found

    def new_number(self) -> int:
        """The number of the next connection."""
        number, self._next = self._next, self._next + 1
        return number

    def keep(self, session: Session) -> None:
        """A connection is new, or stands otherwise than before."""
        if session.number not in self._open:
            self._by_host[session.host] = (self._by_host.get(session.host) or 0) + 1
        self._open[session.number] = session

    def drop(self, session: Session) -> None:
        """The client has no socket for it any more."""
        if self._open.pop(session.number) is None:
            return
        left = (self._by_host.get(session.host) or 1) - 1
        if left:
            self._by_host[session.host] = left
        else:
            self._by_host.pop(session.host)

    def is_talking(self, host: str) -> bool:
        """Has a host any connections that it opened?"""
        return host in self._by_host

    def next_port(self, host: str) -> int:
        """The port after the one that this client took last."""
        port = self._ports.get(host) or FIRST_PORT
        self._ports[host] = port + 1 if port + 1 in CLIENT_PORTS else CLIENT_PORTS.start
        return port
