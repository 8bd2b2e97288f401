"""Two lists of stages side by side: what is the same stands in one pair, what is not stands alone or beside
its like.
"""

from __future__ import annotations

from typing import Any

from kproxysim.report.stages import Stage
from kproxysim.values import dataclass

__all__ = ["Pair", "align", "meeting", "parting"]

_SAME = 1000
"""What a pair that says the same weighs against one that is merely of the same role: more than any number of
those.
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A stage of the one way beside a stage of the other; None where there is nothing beside it."""

    left: Stage | None
    right: Stage | None

    @property
    def same(self) -> bool:
        """Does the same happen to both, with the same values?"""
        return self.left is not None and self.right is not None and self.left.says == self.right.says

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "same": self.same,
            "left": None if self.left is None else self.left.to_dict(),
            "right": None if self.right is None else self.right.to_dict(),
        }


def parting(pairs: tuple[Pair, ...]) -> int | None:
    """The index of the first pair that differs, None if none does."""
    return next((index for index, pair in enumerate(pairs) if not pair.same), None)


def meeting(pairs: tuple[Pair, ...]) -> int | None:
    """The index of the pair from which on all are the same again, None if they never part or never meet."""
    last = max((index for index, pair in enumerate(pairs) if not pair.same), default=None)
    return None if last is None or last + 1 == len(pairs) else last + 1


def align(left: tuple[Stage, ...], right: tuple[Stage, ...]) -> tuple[Pair, ...]:
    """The alignment with the most stages that say the same, and among those the one with the most of the same
    role.
    """
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            best[i][j] = max(
                best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + _likeness(left[i], right[j])
            )
    pairs: list[Pair] = []
    i = j = 0
    while i < len(left) and j < len(right):
        likeness = _likeness(left[i], right[j])
        if likeness and best[i][j] == best[i + 1][j + 1] + likeness:
            pairs.append(Pair(left[i], right[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append(Pair(left[i], None))
            i += 1
        else:
            pairs.append(Pair(None, right[j]))
            j += 1
    pairs += [Pair(stage, None) for stage in left[i:]] + [Pair(None, stage) for stage in right[j:]]
    return tuple(pairs)


def _likeness(left: Stage, right: Stage) -> int:
    if left.role != right.role:
        return 0
    return _SAME if left.says == right.says else 1
