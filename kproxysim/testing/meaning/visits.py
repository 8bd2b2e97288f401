"""What a trace tells of each node: the packet as it came, and as it went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kproxysim.network import Branch, Trace
from kproxysim.packet import Packet

__all__ = ["Visit", "gathered", "visits"]


@dataclass(frozen=True, slots=True)
class Visit:
    """One node on one way of a packet.

    `device` is where it came in, "" if it was made here. `came` is the packet before the node did anything,
    `went` as it left or ended here; `ends_here` tells which. `before` are the names of the hosts passed until
    here. `number` is the hop's place.
    """

    branch: Branch
    node: str
    device: str
    came: Packet
    went: Packet
    ends_here: bool
    before: tuple[str, ...]
    number: int

    @property
    def made_here(self) -> bool:
        """Is the packet the node's own?"""
        return not self.device

    @property
    def translated(self) -> bool:
        """Did the node give it another destination?"""
        return (self.came.dst, self.came.dport) != (self.went.dst, self.went.dport)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the visits that chance has not told apart yet."""
        return (*self.before, self.node, self.device, str(self.came), self.number)


def visits(branch: Branch) -> Iterator[Visit]:
    """The nodes that a packet passes, in order."""
    for number, hop in enumerate(branch.hops):
        if hop.kind != "node" or not hop.steps:
            continue
        yield Visit(
            branch,
            hop.where,
            hop.device,
            hop.steps[0].before.packet,
            hop.steps[-1].after.packet,
            number == len(branch.hops) - 1,
            tuple(f"{one.kind}/{one.where}" for one in branch.hops[:number]),
            number,
        )


def gathered(trace: Trace) -> list[list[Visit]]:
    """The visits of all branches, those together that chance has not told apart yet."""
    found: dict[tuple[object, ...], list[Visit]] = {}
    for branch in trace:
        for visit in visits(branch):
            found.setdefault(visit.key, []).append(visit)
    return list(found.values())
