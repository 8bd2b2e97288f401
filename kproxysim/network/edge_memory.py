"""What the edge remembers of connections: which ones it let through, and to which node it handed each."""

from __future__ import annotations

from kproxysim.netfilter.overlay import Overlay
from kproxysim.values import dataclass

__all__ = ["Call", "EdgeMemory"]

Call = tuple[str, int, int, int, int]
"""A connection as its first packet has it on the internet: protocol, source, port, destination, port."""

_IDLE = 600.0
"""Seconds after which a connection without packets is forgotten ("VPC firewall rules", Google: idle TCP
connections are tracked for ten minutes).
"""

_FIRST_SWEEP = 64


@dataclass(frozen=True, slots=True)
class _Known:
    """`passed`: the firewall lets its answers through; `node`: who got it from the balancer."""

    until: float
    passed: bool = False
    node: str = ""


class EdgeMemory:
    """Connections that the edge knows, with the time until which it does. `clock` is in seconds.

    What a balancer decides counts for the packets after this one (`settle`): a packet that comes by twice is
    not known yet.
    """

    __slots__ = ("_count", "_handed", "_known", "_sweep_at", "clock")

    def __init__(self) -> None:
        self._known: Overlay[Call, _Known] = Overlay()
        self._handed: dict[Call, str] = {}
        self._count = 0
        self._sweep_at = _FIRST_SWEEP
        self.clock = 0.0

    def fork(self) -> EdgeMemory:
        """An independent copy, made without walking over what there is."""
        copy = EdgeMemory()
        copy._known, copy._handed = self._known.fork(), dict(self._handed)
        copy._count, copy._sweep_at, copy.clock = self._count, self._sweep_at, self.clock
        return copy

    @property
    def is_fresh(self) -> bool:
        """Has nothing come by yet that it remembers?"""
        return not (self._known or self._handed)

    def passes(self, call: Call) -> bool:
        """Was this connection let through?"""
        known = self._get(call)
        return known is not None and known.passed

    def let_through(self, call: Call) -> None:
        """A packet of this connection went through."""
        known = self._get(call)
        self._put(call, _Known(self.clock + _IDLE, passed=True, node="" if known is None else known.node))

    def node_of(self, call: Call) -> str:
        """The node that got the packets of this connection before, "" if there were none."""
        known = self._get(call)
        return "" if known is None else known.node

    def hand_to(self, call: Call, node: str) -> None:
        """This packet of the connection goes to `node`."""
        self._handed[call] = node

    def settle(self) -> None:
        """The packet has come to its end."""
        for call, node in self._handed.items():
            self._put(call, _Known(self.clock + _IDLE, passed=self.passes(call), node=node))
        self._handed.clear()

    def _get(self, call: Call) -> _Known | None:
        known = self._known.get(call)
        return None if known is None or known.until <= self.clock else known

    def _put(self, call: Call, known: _Known) -> None:
        if call not in self._known:
            self._count += 1
        self._known[call] = known
        if self._count > self._sweep_at:
            for one, entry in self._known.to_dict().items():
                if entry.until <= self.clock:
                    self._known.pop(one)
                    self._count -= 1
            self._sweep_at = max(_FIRST_SWEEP, 2 * self._count)
