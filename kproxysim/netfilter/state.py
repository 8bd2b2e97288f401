"""What changes on a host while packets run:

connections, `recent` lists, counters of rules, sessions of processes, the time. Everything else about a host
is fixed.
"""

from __future__ import annotations

from typing import NamedTuple

from kproxysim.netfilter.conntrack import Conntrack
from kproxysim.netfilter.overlay import Overlay

__all__ = ["HostState", "Session"]

_RECENT_LIMIT = 100
"""Addresses that one `recent` list holds (xt_recent's ip_list_tot); the oldest is forgotten."""

_STAMPS_LIMIT = 65535
"""Times that are kept of one address, at least: as many as a rule can ask for."""


class _Stamps(NamedTuple):
    """When an address was seen: last, and the times before. `number` counts all of them, `ttl` is the time to
    live that its packet had the last time.
    """

    last: float
    before: _Stamps | None
    number: int
    ttl: int = 0


class Session(NamedTuple):
    """A TCP connection, from its SYN on, or a connected UDP socket: the host's own end and the other one."""

    protocol: str
    address: int
    port: int
    remote: int
    remote_port: int


class HostState:
    """The changing part of one host. Its `sessions` are a set of their own: what processes know, whatever
    connection tracking has kept of it.
    """

    __slots__ = ("_recent", "_sessions", "_turns", "conntrack")

    def __init__(self) -> None:
        self.conntrack = Conntrack()
        self._recent: Overlay[str, dict[int, _Stamps]] = Overlay()
        self._turns: Overlay[object, int] = Overlay()
        self._sessions: Overlay[Session, Session] = Overlay()

    @property
    def clock(self) -> float:
        """The time in seconds."""
        return self.conntrack.clock

    @clock.setter
    def clock(self, now: float) -> None:
        self.conntrack.clock = now

    @property
    def is_fresh(self) -> bool:
        """Has nothing happened here yet that could change the way of a packet?"""
        return not (len(self.conntrack) or self._recent or self._turns or self._sessions)

    def fork(self) -> HostState:
        """An independent copy, for one way that things may go; made without walking over what there is."""
        copy = HostState()
        copy.absorb(self)
        return copy

    def absorb(self, other: HostState) -> None:
        """Become what `other` is: a fork whose changes have come true."""
        self.conntrack.absorb(other.conntrack)
        self._recent = other._recent.fork()
        self._turns = other._turns.fork()
        self._sessions = other._sessions.fork()

    # sessions

    def connect(self, session: Session) -> None:
        """A process has this session from now on."""
        self._sessions[session] = session

    def disconnect(self, session: Session) -> None:
        """No process has this session any more."""
        self._sessions.pop(session)

    def has_session(self, session: Session) -> bool:
        """Does a process have this session?"""
        return session in self._sessions

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, oldest first."""
        return tuple(self._sessions.to_dict())

    # what matches remember

    @property
    def recent(self) -> dict[str, dict[int, float]]:
        """The lists of `recent` by name: addresses, the one refreshed longest ago first, with that time."""
        lists = self._recent.to_dict()
        return {name: {one: stamps.last for one, stamps in seen.items()} for name, seen in lists.items()}

    def remember(self, name: str, address: int, ttl: int = 0) -> None:
        """`recent --set`: note that `address` was seen now. The one refreshed last stands last."""
        seen = dict(self._recent.get(name) or {})
        stamps = seen.pop(address, None)
        if len(seen) >= _RECENT_LIMIT:
            del seen[next(iter(seen))]
        if stamps is not None and stamps.number >= 2 * _STAMPS_LIMIT:
            stamps = _newest(stamps, _STAMPS_LIMIT)
        seen[address] = _Stamps(self.clock, stamps, 1 if stamps is None else stamps.number + 1, ttl)
        self._recent[name] = seen

    def recently_seen(self, name: str, address: int, seconds: int | None, hits: int, ttl: int = 0) -> bool:
        """`recent --rcheck`: seen at least `hits` times in the last `seconds` (ever, if None), and the last
        time with this time to live (any, if either is 0)?
        """
        stamps = (self._recent.get(name) or {}).get(address)
        if stamps is None or stamps.number < hits or (ttl and stamps.ttl not in (0, ttl)):
            return False
        for _ in range(hits):
            if stamps is None or (seconds is not None and self.clock - stamps.last > seconds):
                return False
            stamps = stamps.before
        return True

    def forget(self, name: str, address: int) -> bool:
        """`recent --remove`: take `address` out of the list. Was it there?"""
        seen = self._recent.get(name) or {}
        if address not in seen:
            return False
        self._recent[name] = {one: stamps for one, stamps in seen.items() if one != address}
        return True

    def reap(self, name: str, seconds: int, keep: int | None) -> None:
        """`recent --reap`: drop the address refreshed longest ago, if that is more than `seconds` ago and it
        is not `keep` (`recent_entry_reap` looks at one entry only).
        """
        seen = self._recent.get(name) or {}
        oldest = next(iter(seen), None)
        if oldest is not None and oldest != keep and self.clock - seen[oldest].last > seconds:
            self.forget(name, oldest)

    def take_turn(self, counter: object, start: int, every: int) -> bool:
        """`statistic --mode nth`: count a packet; is it the first after `start` others, or `every` later?"""
        turn = self._turns.get(counter) or 0
        self._turns[counter] = (turn + 1) % every
        return turn == start % every


def _newest(stamps: _Stamps, count: int) -> _Stamps:
    """The newest `count` of them."""
    times: list[float] = []
    left: _Stamps | None = stamps
    while left is not None and len(times) < count:
        times.append(left.last)
        left = left.before
    kept: _Stamps | None = None
    for time in reversed(times):
        kept = _Stamps(time, kept, 1 if kept is None else kept.number + 1)
    assert kept is not None
    return kept
