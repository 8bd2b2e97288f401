"""A comparison in the groups that every form of it shows: what both packets have in common, where they part,
where they meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from kproxysim.report.align import Pair
from kproxysim.report.compare import Comparison
from kproxysim.report.stages import Stage
from kproxysim.values import dataclass

__all__ = ["Group", "common_action", "groups", "stage_lines"]


@dataclass(frozen=True, slots=True)
class Group:
    """Stages one after the other that are all the same for both, or all not."""

    title: str
    same: bool
    pairs: tuple[Pair, ...]

    def common(self) -> Iterator[tuple[Stage, Stage]]:
        """The pairs that have a stage on either side: all of them where the group is the same for both."""
        for pair in self.pairs:
            if pair.left is not None and pair.right is not None:
                yield pair.left, pair.right

    def lanes(self) -> tuple[list[Stage], list[Stage]]:
        """The stages of either side by themselves."""
        left = [pair.left for pair in self.pairs if pair.left is not None]
        return left, [pair.right for pair in self.pairs if pair.right is not None]


def groups(comparison: Comparison) -> Iterator[Group]:
    """All stages of both, in order."""
    parted = False
    for same, group in groupby(enumerate(comparison.pairs), key=lambda item: item[1].same):
        numbered = list(group)
        if same:
            met = parted and numbered[0][0] == comparison.meets_at
            title = "here they meet" if met else "both"
        else:
            title = "here they part again" if parted else "here they part"
            parted = True
        yield Group(title, same, tuple(pair for _, pair in numbered))


def common_action(left: Stage, right: Stage) -> str:
    """What happened to both: once if in the same words, without the value replaced if it was another in
    each.
    """
    if left.action == right.action:
        return left.action
    kind, two_blanks, change = left.action.partition("  ")
    if two_blanks and " -> " in change:
        return f"{kind}  {change.partition(' ')[0]} -> {change.rpartition(' -> ')[2]}"
    return f"{left.action} | {right.action}"


def stage_lines(stage: Stage) -> Iterator[str]:
    """A stage on its own: what happened, then what was asked for and what the rule was made from."""
    if not stage.place:
        yield stage.action
        return
    owner = f" of {stage.service}" if stage.service and stage.action.startswith("jump") else ""
    yield f"{stage.place}  {stage.action}{owner}"
    if stage.matched:
        yield f"matched {stage.matched}"
    if stage.service and stage.field:
        yield f"made from {stage.field}"
