"""What changes on a host while packets run:

connections, `recent` lists, counters of rules, the time. Everything else about a host is fixed.
"""

from __future__ import annotations

from kproxysim.netfilter.conntrack import Conntrack

__all__ = ["HostState"]

_RECENT_LIMIT = 100
"""Addresses that one `recent` list holds (xt_recent's ip_list_tot); the oldest is forgotten."""

_STAMPS_LIMIT = 65535
"""Times that are kept of one address: as many as a rule can ask for."""


class HostState:
    """The changing part of one host. `clock` is in seconds."""

    __slots__ = ("clock", "conntrack", "recent", "turns")

    def __init__(self) -> None:
        self.conntrack = Conntrack()
        self.recent: dict[str, dict[int, tuple[float, ...]]] = {}
        self.turns: dict[object, int] = {}
        self.clock = 0.0

    def fork(self) -> HostState:
        """An independent copy, for one way that things may go."""
        copy = HostState()
        copy.conntrack = self.conntrack.fork()
        copy.recent = {name: dict(seen) for name, seen in self.recent.items()}
        copy.turns = dict(self.turns)
        copy.clock = self.clock
        return copy

    def remember(self, name: str, address: int) -> None:
        """`recent --set`: note that `address` was seen now. The one refreshed last stands last."""
        seen = self.recent.setdefault(name, {})
        stamps = seen.pop(address, ())
        if len(seen) >= _RECENT_LIMIT:
            del seen[next(iter(seen))]
        seen[address] = (*stamps, self.clock)[-_STAMPS_LIMIT:]

    def recently_seen(self, name: str, address: int, seconds: int | None, hits: int) -> bool:
        """`recent --rcheck`: seen at least `hits` times in the last `seconds` (ever, if None)?"""
        stamps = self.recent.get(name, {}).get(address, ())
        fresh = [stamp for stamp in stamps if seconds is None or self.clock - stamp <= seconds]
        return len(fresh) >= hits

    def forget(self, name: str, address: int) -> bool:
        """`recent --remove`: take `address` out of the list. Was it there?"""
        return self.recent.get(name, {}).pop(address, None) is not None

    def reap(self, name: str, seconds: int, keep: int | None) -> None:
        """`recent --reap`: drop the address refreshed longest ago, if that is more than `seconds` ago and it
        is not `keep` (`recent_entry_reap` looks at one entry only).
        """
        seen = self.recent.get(name, {})
        oldest = next(iter(seen), None)
        if oldest is not None and oldest != keep and self.clock - seen[oldest][-1] > seconds:
            del seen[oldest]

    def take_turn(self, counter: object, start: int, every: int) -> bool:
        """`statistic --mode nth`: count a packet; is it the first after `start` others, or `every` later?"""
        turn = self.turns.get(counter, 0)
        self.turns[counter] = (turn + 1) % every
        return turn == start % every
