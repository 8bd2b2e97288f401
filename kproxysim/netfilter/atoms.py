"""Which values of a packet's fields rules, routes and settings tell apart.

All that reads a packet here asks whether an address or a port is within a range, or equal to another one. The
ends of all those ranges cut the addresses and the ports into atoms: two values within one atom get the same
answer everywhere. Source of the idea: Horn, Kheradmand and Prasad, "Delta-net: Real-time Network Verification
Using Atoms", NSDI 2017.

Whatever reads addresses or ports has a method `cut`, which puts the ends of its ranges into a `Cuts`. Packets
carry one another's addresses (an answer goes to the source), so sources and destinations share their cuts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

__all__ = ["Atoms", "Cuts", "no_cut"]

_WIDTH = {4: 32, 6: 128}


class Cuts:
    """The values at which some answer changes, as they are collected."""

    __slots__ = ("_addresses", "_ports", "exact")

    def __init__(self) -> None:
        self._addresses: dict[int, set[int]] = {4: {0}, 6: {0}}
        self._ports: set[int] = {0}
        self.exact: set[object] = set()
        """Places in chains whose answer hangs on more than ranges."""

    def address(self, value: int, version: int) -> None:
        """A single address, told apart from all others."""
        self._addresses[version].update((value, value + 1))

    def addresses(self, low: int, high: int, version: int) -> None:
        """A range, both ends included."""
        self._addresses[version].update((low, high + 1))

    def prefix(self, network: int, length: int, version: int) -> None:
        """A network by the length of its prefix."""
        self._addresses[version].update((network, network + (1 << (_WIDTH[version] - length))))

    def ends(self, ends: Iterable[int], version: int) -> None:
        """Where any ranges begin, and where what follows them does."""
        self._addresses[version].update(ends)

    def masked(self, network: int, mask: int, version: int) -> bool:
        """A network by its mask. False for a mask that is no prefix: its addresses are no range."""
        inverted = ~mask & ((1 << _WIDTH[version]) - 1)
        if inverted & (inverted + 1):
            return False
        self._addresses[version].update((network & mask, (network & mask) + inverted + 1))
        return True

    def port(self, value: int) -> None:
        """A single port."""
        self._ports.update((value, value + 1))

    def ports(self, low: int, high: int) -> None:
        """A range of ports, both ends included."""
        self._ports.update((low, high + 1))

    def atoms(self, version: int) -> Atoms:
        """The atoms of the addresses of one family."""
        return Atoms(self._addresses[version])

    def port_atoms(self) -> Atoms:
        """The atoms of the ports."""
        return Atoms(self._ports)


class Atoms:
    """Ranges of values between two cuts each, numbered upwards; what is below the first cut (no port at all)
    is number 0.
    """

    __slots__ = ("_cuts",)

    def __init__(self, cuts: Iterable[int]) -> None:
        self._cuts = sorted(cuts)

    def number(self, value: int) -> int:
        """Of the atom that a value is in."""
        return bisect_right(self._cuts, value)

    def is_single(self, value: int) -> bool:
        """Is this the only value of its atom? Numbers below zero stand for what has no ports."""
        number = bisect_right(self._cuts, value)
        return number == 0 or self._cuts[number - 1 : number + 1] == [value, value + 1]


def no_cut(_self: object, _cuts: Cuts) -> bool:
    """The method `cut` of what reads neither an address nor a port."""
    return True
