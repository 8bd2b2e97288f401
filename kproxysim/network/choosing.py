"""Which of the ways that a packet may take is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from kproxysim.errors import InputError
from kproxysim.netfilter.chance import Chance, enumerate_runs
from kproxysim.network.trace import Branch
from kproxysim.packet import Packet

__all__ = ["all_ways", "picked", "the_only"]

Way = TypeVar("Way")

_LONGEST_WAY = 24
"""Hops. A packet that passes more of them goes round in a circle."""

_MOST_IN_A_CIRCLE = 32
"""So many ways round in a circle are followed to their ends. Where an endpoint is drawn anew in each turn,
there are 2^64 and more.
"""


def all_ways(packet: Packet, run: Callable[[Chance], Way], branch_of: Callable[[Way], Branch]) -> list[Way]:
    """All ways that a packet may take.

    Raises InputError (KPS709) where it goes round in a circle and they are too many to follow.
    """
    ways, circles = [], 0
    for _, way in enumerate_runs(run):
        ways.append(way)
        circles += len(branch_of(way).hops) > _LONGEST_WAY
        if circles > _MOST_IN_A_CIRCLE:
            raise _too_many_ways(packet)
    return ways


def picked(branches: Iterable[Branch], pick: str) -> tuple[Branch, ...]:
    """The branches that reach one endpoint.

    Raises InputError (KPS705) that lists the endpoints reached if none does.
    """
    names: dict[str, None] = {}
    kept = []
    for branch in branches:
        reached = branch.delivered_to
        if reached is None:
            continue
        names[reached.pod or f"{reached.ip}:{reached.port}"] = None
        if pick in (
            reached.pod,
            reached.pod.rpartition("/")[2],
            reached.ip,
            f"{reached.ip}:{reached.port}",
            f"[{reached.ip}]:{reached.port}",
        ):
            kept.append(branch)
    if not kept:
        known = ", ".join(names) or "none"
        raise InputError.of(
            "KPS705", f"this packet never reaches {pick!r}", found=pick, notes=(f"it reaches: {known}",)
        )
    return tuple(kept)


def the_only(ways: Sequence[Way], branch_of: Callable[[Way], Branch], pick: str | None) -> Way:
    """The one way that there is, or that reaches the endpoint picked.

    Raises InputError where none reaches it (KPS705), and where there is more than one (KPS708).
    """
    if pick is not None:
        kept = picked([branch_of(way) for way in ways], pick)
        ways = [way for way in ways if any(branch_of(way) is branch for branch in kept)]
    if len(ways) > 1:
        ends = dict.fromkeys(_end(branch_of(way)) for way in ways)
        raise InputError.of(
            "KPS708",
            f"{branch_of(ways[0]).packet.protocol} may go {len(ways)} ways, and only one can come true",
            help="name an endpoint (pick), draw (rng), name a node (via), or follow all of them (futures)",
            notes=(f"it may end at: {', '.join(ends)}",),
        )
    return ways[0]


def _end(branch: Branch) -> str:
    reached = branch.delivered_to
    where = branch.disposition if reached is None else reached.pod or f"{reached.ip}:{reached.port}"
    return f"{where} ({branch.probability})"


def _too_many_ways(packet: Packet) -> InputError:
    return InputError.of(
        "KPS709",
        f"{packet} goes round in a circle, and in each turn it is dealt out anew: there are too many ways",
        found=str(packet),
        help="follow one way that is drawn (rng), or see which Service claims the address of an endpoint",
    )
