"""Choices within a strategy, as hypothesis makes them quickest.

Hypothesis prepares every strategy object once, and that takes five times as long as a draw from one that it
knows (measured: 170 and 37 microseconds). So a choice among things that differ from draw to draw is a number
drawn from a strategy that is kept, and not a `sampled_from` of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["Draw", "how_many", "number", "one_in", "pick", "some"]

T = TypeVar("T")


class Draw(Protocol):
    """What draws from a strategy: the argument of a composite one, or the method of `data()`."""

    def __call__(self, strategy: SearchStrategy[T], /) -> T: ...


@cache
def _numbers(least: int, most: int) -> SearchStrategy[int]:
    return st.integers(least, most)


def number(draw: Draw, least: int, most: int) -> int:
    """From `least` to `most`; shrinks to `least`, as no number here is negative."""
    return least if least == most else draw(_numbers(least, most))


def how_many(draw: Draw, least: int, most: int) -> int:
    """From `least` to `most`, none at all half as often as any other number; shrinks to `least`."""
    if least or not most:
        return number(draw, least, most)
    return (number(draw, 0, 2 * most) + 1) // 2


def pick(draw: Draw, choices: Sequence[T]) -> T:
    """One of them; shrinks to the first."""
    return choices[number(draw, 0, len(choices) - 1)]


def one_in(draw: Draw, many: int) -> bool:
    """True once in so many times; shrinks to False."""
    return number(draw, 1, many) == many


def some(draw: Draw, pool: Sequence[T], least: int, most: int) -> list[T]:
    """From `least` to `most` of them, each once, in any order; shrinks to the first ones."""
    left = list(dict.fromkeys(pool))
    count = number(draw, min(least, len(left)), min(most, len(left)))
    return [left.pop(number(draw, 0, len(left) - 1)) for _ in range(count)]
