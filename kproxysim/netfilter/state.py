"""What changes on a host while packets run:

connections, `recent` lists, the time. Everything else about a host is fixed.
"""

from __future__ import annotations

from kproxysim.netfilter.conntrack import Conntrack

__all__ = ["HostState"]

_RECENT_LIMIT = 100
"""Addresses that one `recent` list holds (xt_recent's ip_list_tot); the oldest is forgotten."""


class HostState:
    """The changing part of one host. `clock` is in seconds."""

    __slots__ = ("clock", "conntrack", "recent")

    def __init__(self) -> None:
        self.conntrack = Conntrack()
        self.recent: dict[str, dict[int, tuple[float, ...]]] = {}
        self.clock = 0.0

    def fork(self) -> HostState:
        """An independent copy, for one way that things may go."""
        copy = HostState()
        copy.conntrack = self.conntrack.fork()
        copy.recent = {name: dict(seen) for name, seen in self.recent.items()}
        copy.clock = self.clock
        return copy

    def remember(self, name: str, address: int) -> None:
        """`recent --set`: note that `address` was seen now."""
        seen = self.recent.setdefault(name, {})
        stamps = seen.pop(address, ())
        if len(seen) >= _RECENT_LIMIT:
            del seen[next(iter(seen))]
        seen[address] = (*stamps, self.clock)[-32:]

    def recently_seen(self, name: str, address: int, seconds: int | None, hits: int) -> bool:
        """`recent --rcheck`: seen at least `hits` times in the last `seconds` (ever, if None)?"""
        stamps = self.recent.get(name, {}).get(address, ())
        fresh = [stamp for stamp in stamps if seconds is None or self.clock - stamp <= seconds]
        return len(fresh) >= hits
