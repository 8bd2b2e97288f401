"""Worlds side by side: all that may come of an event, each with its chance."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from kproxysim.netfilter.chance import Alternative, Chance

if TYPE_CHECKING:
    from kproxysim.network.world import World

__all__ = ["Future", "Since"]

Result = TypeVar("Result")


class Future(NamedTuple, Generic[Result]):
    """One way that an event may go: its chances, as meant and as the kernel's numbers make them, the world
    after it, and what the event gave back.
    """

    probability: Fraction
    probability_kernel: Fraction
    world: World
    result: Result


class Since:
    """A chance that counts from now on: `meant` and `kernel` are those of what is chosen after this."""

    __slots__ = ("_chance", "kernel", "meant")

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.meant = Fraction(1)
        self.kernel = Fraction(1)

    def choose(self, alternatives: Sequence[Alternative]) -> int:
        """As the chance below chooses."""
        index = self._chance.choose(alternatives)
        self.meant *= alternatives[index].meant
        self.kernel *= alternatives[index].kernel
        return index
