"""Circles that a packet runs in: hops that come again and again, to be shown once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["circles"]

_T = TypeVar("_T")

_LEAST_TURNS = 2
"""So often must a group of hops come again to be taken for a circle."""


def circles(hops: Sequence[_T]) -> Iterator[tuple[Sequence[_T], int]]:
    """The hops in groups: a circle comes once, with the number of times that it comes again; all else in
    groups of one, with 0. Hops are the same where they are equal.
    """
    place = 0
    while place < len(hops):
        length, turns = _circle(hops, place)
        yield hops[place : place + length], turns
        place += length * (turns + 1)


def _circle(hops: Sequence[_T], place: int) -> tuple[int, int]:
    """How many hops from `place` on come again right behind themselves, and how often; (1, 0) if none do."""
    for length in range(1, (len(hops) - place) // 3 + 1):
        turn = hops[place : place + length]
        turns = 0
        while hops[place + length * (turns + 1) : place + length * (turns + 2)] == turn:
            turns += 1
        if turns >= _LEAST_TURNS:
            return length, turns
    return 1, 0
