"""Checking the arguments of strategies: a wrong one is refused at once, in words that say what to write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy, just, sampled_from

__all__ = ["Range", "check_flag", "check_flags", "check_many", "check_range", "drawn_from", "one_or_many"]

Range = int | tuple[int, int]
"""How many of something: a number, or the least and the most."""

T = TypeVar("T")


def check_range(name: str, value: object, least: int, most: int) -> tuple[int, int]:
    """`value` as least and most. Raises InvalidArgument for anything that is none, or out of bounds."""
    low, high = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    if type(low) is int and type(high) is int and least <= low <= high <= most:
        return low, high
    raise InvalidArgument(
        f"{name}={value!r} is no number of them: write a number from {least} to {most}, "
        f"or the least and the most as {name}=({least}, {most})"
    )


def check_many(name: str, value: object, known: Collection[str]) -> tuple[str, ...]:
    """Some of the words in `known`, in that order, each once.

    Raises InvalidArgument for other words, and for a text where a list of words is wanted.
    """
    listed = ", ".join(repr(one) for one in known)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidArgument(
            f"{name}={value!r} is no list of words: write for example {name}=({next(iter(known))!r},)"
        )
    words = tuple(value)
    unknown = [one for one in words if one not in known]
    if unknown:
        raise InvalidArgument(f"{name}={value!r}: {unknown[0]!r} is not known; the words are {listed}")
    return tuple(one for one in known if one in words)


def one_or_many(name: str, value: object, known: Collection[str]) -> tuple[str, ...]:
    """As `check_many`, and at least one word: there must be something to draw from."""
    words = check_many(name, value, known)
    if not words:
        listed = ", ".join(repr(one) for one in known)
        raise InvalidArgument(f"{name}={value!r} leaves nothing to draw from: take at least one of {listed}")
    return words


def check_flag(name: str, value: object) -> bool:
    """Raises InvalidArgument for what is neither True nor False."""
    if isinstance(value, bool):
        return value
    raise InvalidArgument(f"{name}={value!r}: write True or False")


def check_flags(name: str, value: object) -> tuple[bool, ...]:
    """Some values that a flag may have, in that order. Raises InvalidArgument for anything else."""
    flags = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if flags and all(isinstance(one, bool) for one in flags):
        return flags
    raise InvalidArgument(
        f"{name}={value!r}: write the values that it may have, such as {name}=(False, True)"
    )


def drawn_from(
    name: str, value: object, kind: type[T], default: Callable[[], SearchStrategy[T]]
) -> SearchStrategy[T]:
    """What to draw: a strategy as it is, a value of `kind` (or a list of them) as a choice, None for
    `default()`.

    Raises InvalidArgument for anything else.
    """
    if value is None:
        return default()
    if isinstance(value, SearchStrategy):
        return value
    if isinstance(value, kind):
        return just(value)
    if isinstance(value, list | tuple) and value and all(isinstance(one, kind) for one in value):
        return sampled_from(tuple(value))
    raise InvalidArgument(
        f"{name}={_short(value)} is nothing to draw from: write a {kind.__name__}, a list of them, "
        f"or a strategy that makes them"
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
