"""A comparison as a Mermaid flow chart: two ways, the shared part once. Jumps that both take are left out:
the chain that they lead to is named by what happens in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kproxysim.report.compare import Comparison
from kproxysim.report.compare_groups import Group, common_action, groups, stage_lines
from kproxysim.report.compare_words import Side
from kproxysim.report.drawing import mermaid_label
from kproxysim.report.endings import verdict_words
from kproxysim.report.stages import Stage

__all__ = ["comparison_mermaid"]

_WIDE_BOXES = '%%{init: {"flowchart": {"wrappingWidth": 560}}}%%'
"""A line of a box is a rule with what it did, which Mermaid would break in two or three."""

_NOTHING = "(nothing)"

_Boxes = list[list[str]]
"""Boxes that stand beside each other, each as its lines."""


def comparison_mermaid(comparison: Comparison) -> str:
    """The chart: a box for each host that both pass, two beside each other where the ways part."""
    sides = comparison.left, comparison.right
    lines = [_WIDE_BOXES, "flowchart TD"]
    above: list[str] = []
    for level, boxes in enumerate(_levels(comparison, sides)):
        below = [f"b{level}{side}" for side in ("left", "right")] if len(boxes) > 1 else [f"b{level}"]
        lines += [f"  {name}[{_text(box)}]" for name, box in zip(below, boxes, strict=True)]
        lines += _arrows(above, below)
        above = below
    return "\n".join(lines) + "\n"


def _levels(comparison: Comparison, sides: tuple[Side, Side]) -> Iterator[_Boxes]:
    yield [[side.name, str(side.trace.packet), f"from {side.trace.source}"] for side in sides]
    for group in groups(comparison):
        if group.same:
            yield from ([box] for box in _shared(group))
        else:
            yield [[*_alone(lane)] or [_NOTHING] for lane in group.lanes()]
    ends = dict.fromkeys(verdict_words(side.trace, side.branch) for side in sides)
    yield [[words] for words in ends]


def _shared(group: Group) -> _Boxes:
    """A box for each host; the first may begin on a host already entered."""
    boxes: _Boxes = []
    for left, right in group.common():
        action = common_action(left, right)
        if not left.place or not boxes:
            boxes.append([])
        if not action.startswith(("jump ", "goto ")):
            boxes[-1].append(f"{left.place} {action}" if left.place else action)
    return [box for box in boxes if box]


def _alone(stages: Iterable[Stage]) -> Iterator[str]:
    for stage in stages:
        yield from stage_lines(stage)


def _arrows(above: list[str], below: list[str]) -> Iterator[str]:
    """Each to its own where two stand above two, else all to all."""
    if len(above) == len(below):
        return (f"  {one} --> {other}" for one, other in zip(above, below, strict=True))
    return (f"  {one} --> {other}" for one in above for other in below)


def _text(lines: Iterable[str]) -> str:
    return '"' + "<br/>".join(mermaid_label(line) for line in lines) + '"'
