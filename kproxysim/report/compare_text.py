"""A comparison as text: what both packets have in common once, what differs in two columns, and the answer at
the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from kproxysim.report.align import Pair
from kproxysim.report.compare import Comparison
from kproxysim.report.endings import verdict_words
from kproxysim.report.page import WIDTH, Page, Span, filled, wrapped
from kproxysim.report.plain import plain
from kproxysim.report.stages import Stage

__all__ = ["comparison_page"]

_NARROWEST = 90
"""Columns below which the two ways stand one below the other."""
_PLACE = 26


def comparison_page(comparison: Comparison, width: int = WIDTH) -> Page:
    """The comparison for a terminal of `width` columns."""
    page = Page()
    sides = comparison.left, comparison.right
    label = max(*(len(plain(side.name)) for side in sides), 7) + 2
    for side in sides:
        _add_hanging(page, side.name, str(side.trace.packet), label, width, f"(from: {side.trace.source})")
    _add_ways(page, comparison, width)
    page.gap()
    for side in sides:
        _add_hanging(page, side.name, verdict_words(side.trace, side.branch), label, width)
    page.gap()
    page.add(Span("answer", "head"), "   (= holds for both, | for one)")
    for finding in comparison.findings:
        first, *rest = wrapped(finding.text, width - 4)
        page.add(f"  {'=' if finding.same else '|'} ", first)
        for line in rest:
            page.add(f"    {line}")
    return page


def _add_ways(page: Page, comparison: Comparison, width: int) -> None:
    """Every stage of both: the common ones once, the others in columns."""
    parted = False
    for same, group in groupby(enumerate(comparison.pairs), key=lambda item: item[1].same):
        numbered = list(group)
        pairs = [pair for _, pair in numbered]
        page.gap()
        if same:
            met = parted and numbered[0][0] == comparison.meets_at
            page.add(Span("here they meet" if met else "both", "head"))
            for pair in pairs:
                if pair.left is not None and pair.right is not None:
                    _add_common(page, pair.left, pair.right, width)
        else:
            page.add(Span("here they part again" if parted else "here they part", "head"))
            parted = True
            _add_differing(page, comparison, pairs, width)
    if not parted:
        page.gap()
        page.add(Span("they never part", "head"))


def _add_hanging(page: Page, label: str, text: str, indent: int, width: int, tail: str = "") -> None:
    first, *rest = wrapped(text, width - indent, tail)
    page.add(Span(filled(label, indent), "label"), first)
    for line in rest:
        page.add(" " * indent + line)


def _add_common(page: Page, left: Stage, right: Stage, width: int) -> None:
    if not left.place:
        page.add("  ", Span(left.action, "place"))
        return
    place = filled(left.place, _PLACE)
    first, *rest = wrapped(_common_action(left, right), width - 4 - len(place))
    page.add("    ", Span(place, "place"), first)
    for line in rest:
        page.add(" " * (4 + len(place)) + line)


def _common_action(left: Stage, right: Stage) -> str:
    """What happened to both: once if in the same words, without the value replaced if it was another in
    each.
    """
    if left.action == right.action:
        return left.action
    kind, two_blanks, change = left.action.partition("  ")
    if two_blanks and " -> " in change:
        return f"{kind}  {change.partition(' ')[0]} -> {change.rpartition(' -> ')[2]}"
    return f"{left.action} | {right.action}"


def _lines(stage: Stage) -> Iterator[tuple[str, str]]:
    """A stage as lines for a column: (indent, text)."""
    if not stage.place:
        yield "", stage.action
        return
    owner = f" of {stage.service}" if stage.service and stage.action.startswith("jump") else ""
    yield "", f"{stage.place}  {stage.action}{owner}"
    if stage.matched:
        yield "  ", f"matched {stage.matched}"
    if stage.service and stage.field:
        yield "  ", f"made from {stage.field}"


def _cell(stages: list[Stage], width: int) -> list[str]:
    found: list[str] = []
    for stage in stages:
        for indent, text in _lines(stage):
            first, *rest = wrapped(text, width - len(indent))
            found.append(indent + first)
            found.extend(f"{indent}  {line}" for line in rest)
    return found


def _add_differing(page: Page, comparison: Comparison, pairs: list[Pair], width: int) -> None:
    left = [pair.left for pair in pairs if pair.left is not None]
    right = [pair.right for pair in pairs if pair.right is not None]
    names = (comparison.left.name, comparison.right.name)
    if width < _NARROWEST:
        for name, stages in zip(names, (left, right), strict=True):
            page.add("  ", Span(name, "label"))
            for line in _cell(stages, width - 4) or ["(nothing)"]:
                page.add(f"    {line}")
        return
    column = (width - 5) // 2
    cells = [_cell(stages, column) or ["(nothing)"] for stages in (left, right)]
    page.add("  ", Span(filled(names[0], column), "label"), " | ", Span(names[1], "label"))
    for row in range(max(map(len, cells))):
        texts = [cell[row] if row < len(cell) else "" for cell in cells]
        page.add("  ", texts[0].ljust(column), " | ", texts[1])
