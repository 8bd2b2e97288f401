"""Names that are not known, beside those that are: which of them was meant?"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

__all__ = ["closest", "did_you_mean"]

_MOST_COMPARED = 1000
"""To compare two names takes about 5 microseconds, for each name that is not known."""


def closest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name that looks most like `name`, capitals and underscores aside; "" if none of the first
    thousand does.

    `likeness` is the least share of letters that must agree, as difflib counts them.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - most runs have no name that is not known

    folded: dict[str, str] = {}
    for one in islice(known, _MOST_COMPARED):
        folded.setdefault(_folded(one), one)
    close = get_close_matches(_folded(name), folded, 1, likeness)
    return folded[close[0]] if close else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The closest known name as help; "" if there is none."""
    close = closest(name, known)
    return f"did you mean {close}?" if close else ""


def _folded(name: str) -> str:
    return name.replace("_", "").casefold()
