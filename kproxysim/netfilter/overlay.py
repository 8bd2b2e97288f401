"""A mapping that is copied in no time: copies share what they had in common and keep their own changes."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Overlay"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Overlay(Generic[Key, Value]):
    """A dictionary of immutable values with a cheap `fork`.

    What was changed since the last fork lies in a dictionary of its own over frozen ones, which all copies
    share; None there says that a key is gone. A layer is merged with the one below as soon as it is half as
    large, so that there are few of them, and so that a change costs the logarithm of their size at most.
    """

    __slots__ = ("_below", "_own")

    def __init__(self) -> None:
        self._own: dict[Key, Value | None] = {}
        self._below: tuple[dict[Key, Value | None], ...] = ()  # newest first

    def get(self, key: Key) -> Value | None:
        """The value, None if there is none."""
        if not self._below:
            return self._own.get(key)
        if key in self._own:
            return self._own[key]
        for layer in self._below:
            if key in layer:
                return layer[key]
        return None

    def __contains__(self, key: Key) -> bool:
        return self.get(key) is not None

    def __bool__(self) -> bool:
        """Was anything ever put in? True as well where all of it was taken out again."""
        return bool(self._own or self._below)

    def __setitem__(self, key: Key, value: Value) -> None:
        self._own[key] = value

    def pop(self, key: Key) -> Value | None:
        """Take a key out. What it had, None if it was not there."""
        gone = self.get(key)
        if gone is not None:
            if self._below:
                self._own[key] = None
            else:
                del self._own[key]
        return gone

    def clear(self) -> None:
        """Take everything out."""
        self._own, self._below = {}, ()

    def to_dict(self) -> dict[Key, Value]:
        """All that is there, in the order in which the keys first came."""
        if not self._below:
            merged = self._own
        else:
            merged = {}
            for layer in (*reversed(self._below), self._own):
                merged.update(layer)
        return {key: value for key, value in merged.items() if value is not None}

    def fork(self) -> Overlay[Key, Value]:
        """An independent copy."""
        self._freeze()
        copy: Overlay[Key, Value] = Overlay()
        copy._below = self._below
        return copy

    def _freeze(self) -> None:
        top, below = self._own, self._below
        if not top:
            return
        while below and len(below[0]) <= 2 * len(top):
            top, below = {**below[0], **top}, below[1:]
            if not below:
                top = {key: value for key, value in top.items() if value is not None}
        self._own, self._below = {}, (top, *below)
