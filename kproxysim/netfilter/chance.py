"""Chance without dice: every way a packet may go, each with its exact fraction.

Whoever meets a choice asks a `Chance` for one of several weighted alternatives. `Enumeration` answers so that
running the same deterministic code again and again visits every combination once: a run follows the choices
fixed so far and takes the first alternative at each new one; the next run changes the last choice that has
alternatives left.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Protocol, TypeVar

from kproxysim.values import dataclass

__all__ = ["Alternative", "Chance", "Draw", "Enumeration", "enumerate_runs"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to go on. `meant` is the fraction intended, `kernel` the one that the kernel's numbers give."""

    label: str
    meant: Fraction
    kernel: Fraction


class Chance(Protocol):
    """Who decides where more than one thing may happen.

    `meant` and `kernel` are the chances of all that was chosen so far.
    """

    meant: Fraction
    kernel: Fraction

    def choose(self, alternatives: Sequence[Alternative]) -> int:
        """The index of the alternative to take. The fractions add up to 1."""
        ...


class Draw:
    """Draws from `source`, with the kernel's fractions, and remembers the chances of what it drew."""

    __slots__ = ("_source", "kernel", "meant")

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self.meant = Fraction(1)
        self.kernel = Fraction(1)

    def choose(self, alternatives: Sequence[Alternative]) -> int:
        """One alternative, drawn."""
        point = Fraction(self._source.getrandbits(31), 1 << 31)
        ends = accumulate(alternative.kernel for alternative in alternatives)
        index = next(index for index, end in enumerate(ends) if point < end)
        self.meant *= alternatives[index].meant
        self.kernel *= alternatives[index].kernel
        return index


class Enumeration:
    """One run through the choices fixed in `prefix`; at each further choice the first alternative that can
    happen.
    """

    __slots__ = ("_prefix", "kernel", "meant", "taken")

    def __init__(self, prefix: Sequence[int] = ()) -> None:
        self._prefix = prefix
        self.taken: list[tuple[int, tuple[Alternative, ...]]] = []
        self.meant = Fraction(1)
        self.kernel = Fraction(1)

    def choose(self, alternatives: Sequence[Alternative]) -> int:
        """The alternative that the prefix says, or the first possible one."""
        position = len(self.taken)
        if position < len(self._prefix):
            index = self._prefix[position]
        else:
            index = next(i for i, alternative in enumerate(alternatives) if alternative.kernel)
        self.taken.append((index, tuple(alternatives)))
        self.meant *= alternatives[index].meant
        self.kernel *= alternatives[index].kernel
        return index

    def following(self) -> list[int] | None:
        """The prefix of the next run, or None if this was the last."""
        for position in range(len(self.taken) - 1, -1, -1):
            index, alternatives = self.taken[position]
            for other in range(index + 1, len(alternatives)):
                if alternatives[other].kernel:
                    return [chosen for chosen, _ in self.taken[:position]] + [other]
        return None


def enumerate_runs(run: Callable[[Enumeration], Result]) -> Iterator[tuple[Enumeration, Result]]:
    """Call `run` once for every combination of choices that can happen, with the enumeration that tells its
    chances.

    `run` must do the same thing whenever it is given the same choices.
    """
    prefix: list[int] | None = []
    while prefix is not None:
        enumeration = Enumeration(prefix)
        yield enumeration, run(enumeration)
        prefix = enumeration.following()
