"""Fields of what a record holds, read without a call of Python's own: a trace has dozens of them a packet."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

__all__ = ["reading"]


def reading(path: str) -> Any:
    """A property that reads `recorded.position.at` or the like."""
    return property(attrgetter(path))
