"""A comparison as text: what both packets have in common once, what differs in two columns, and the answer at
the end.
"""

from __future__ import annotations

from kproxysim.report.compare import Comparison
from kproxysim.report.compare_groups import Group, common_action, groups, stage_lines
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
    for group in groups(comparison):
        page.gap()
        page.add(Span(group.title, "head"))
        parted = parted or not group.same
        if group.same:
            for left, right in group.common():
                _add_common(page, left, right, width)
        else:
            _add_differing(page, comparison, group, width)
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
    first, *rest = wrapped(common_action(left, right), width - 4 - len(place))
    page.add("    ", Span(place, "place"), first)
    for line in rest:
        page.add(" " * (4 + len(place)) + line)


def _cell(stages: list[Stage], width: int) -> list[str]:
    found: list[str] = []
    for stage in stages:
        for number, text in enumerate(stage_lines(stage)):
            indent = "  " if number else ""
            first, *rest = wrapped(text, width - len(indent))
            found.append(indent + first)
            found.extend(f"{indent}  {line}" for line in rest)
    return found


def _add_differing(page: Page, comparison: Comparison, group: Group, width: int) -> None:
    left, right = group.lanes()
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
