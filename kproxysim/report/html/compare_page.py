"""A comparison as a page: one chart of two ways, the shared part drawn once, and what follows from it in
sentences. It needs no program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kproxysim.report.compare import Comparison
from kproxysim.report.compare_groups import Group, common_action, groups, stage_lines
from kproxysim.report.compare_words import Side
from kproxysim.report.endings import verdict_words
from kproxysim.report.facts import is_good
from kproxysim.report.html.document import document
from kproxysim.report.html.elements import Element, element
from kproxysim.report.stages import Stage
from kproxysim.values import dataclass

__all__ = ["COMPARE_STYLES", "comparison_chart", "comparison_html"]

COMPARE_STYLES = ("compare.css",)
"""What a page with comparisons brings along."""

_STYLES = ("colours.css", "base.css", *COMPARE_STYLES, "compare_page.css")

_MERGE = ("M25 0C25 14 50 10 50 24", "M75 0C75 14 50 10 50 24")
_FORK = ("M50 0C50 14 25 10 25 24", "M50 0C50 14 75 10 75 24")
_SHARED = ("M50 0V24",)
_APART = ("M25 0V24", "M75 0V24")


def comparison_html(comparison: Comparison) -> str:
    """The page."""
    sides = comparison.left, comparison.right
    return document(
        f"{sides[0].name} and {sides[1].name}",
        element("header", element("h1", f"{sides[0].name} and {sides[1].name}")),
        element("main", comparison_chart(comparison)),
        styles=_STYLES,
    )


def comparison_chart(comparison: Comparison, level: int = 2) -> Element:
    """The chart and what follows from it, with headings of `level` and the one below."""
    chart = _Chart(comparison, f"h{level}", f"h{level + 1}")
    answer = element(f"h{level}", "Answer", class_="name")
    return element(
        "div",
        element("section", *chart.pieces(), class_="chart", aria_label="The two ways"),
        element("section", answer, _findings(comparison), class_="answer"),
        class_="comparison",
    )


@dataclass(frozen=True, slots=True)
class _Chart:
    """Two ways drawn as one; `name` and `title` are the elements of its headings."""

    comparison: Comparison
    name: str
    title: str

    def pieces(self) -> Iterator[Element]:
        """The packets, the groups of stages and the ends, with a line from each to the next."""
        sides = self.comparison.left, self.comparison.right
        yield _lanes([self._sent(side) for side in sides])
        apart = True
        for group in groups(self.comparison):
            yield _join(apart, not group.same)
            apart = not group.same
            yield self._apart(group) if apart else self._shared(group)
        ends = [_end(side) for side in sides]
        same = verdict_words(sides[0].trace, sides[0].branch) == verdict_words(
            sides[1].trace, sides[1].branch
        )
        yield _join(apart, not same)
        yield element("div", ends[0], class_="both") if same else _lanes(ends)

    def _sent(self, side: Side) -> Element:
        return element(
            "div",
            element(self.name, side.name, class_="name"),
            element("p", _unbroken(str(side.trace.packet)), class_="packet"),
            element("p", f"from: {side.trace.source}", class_="soft"),
            class_="box sent",
        )

    def _shared(self, group: Group) -> Element:
        items = (_stage(left, common_action(left, right)) for left, right in group.common())
        head = element(self.title, group.title, class_="title")
        return element("div", element("div", head, element("ol", *items), class_="box shared"), class_="both")

    def _apart(self, group: Group) -> Element:
        names = self.comparison.left.name, self.comparison.right.name
        return _lanes(
            [self._lane(group.title, name, lane) for name, lane in zip(names, group.lanes(), strict=True)]
        )

    def _lane(self, title: str, name: str, stages: Sequence[Stage]) -> Element:
        items = [_alone(stage) for stage in stages] or [element("li", "(nothing)", class_="soft")]
        head = element(self.title, name, " ", element("small", title), class_="title")
        return element("div", head, element("ol", *items), class_="box lane")


def _unbroken(packet: str) -> Iterator[Element | str]:
    """A packet whose arrow is not parted where the line ends."""
    before, arrow, after = packet.partition("->")
    yield before
    if arrow:
        yield element("span", arrow, class_="arrow")
        yield after


def _join(before: bool, after: bool) -> Element:
    """The line from what stands above to what stands below; either may be two lanes."""
    lines = (_APART if after else _MERGE) if before else (_FORK if after else _SHARED)
    paths = (element("path", d=line, class_=f"line{number}") for number, line in enumerate(lines))
    kind = "join one" if lines is _SHARED else "join"
    return element(
        "svg", *paths, class_=kind, viewBox="0 0 100 24", preserveAspectRatio="none", aria_hidden="true"
    )


def _lanes(boxes: Sequence[Element]) -> Element:
    return element("div", *boxes, class_="lanes")


def _end(side: Side) -> Element:
    tone = "good" if is_good(side.branch) else "bad"
    return element("div", verdict_words(side.trace, side.branch), class_=f"box end {tone}")


def _stage(stage: Stage, action: str) -> Element:
    if not stage.place:
        return element("li", action, class_="host")
    place = element("span", stage.place, class_="place")
    return element("li", place, " ", element("span", action), class_="stage")


def _alone(stage: Stage) -> Element:
    if not stage.place:
        return element("li", stage.action, class_="host")
    first, *rest = stage_lines(stage)
    return element("li", first, *(element("div", line, class_="soft") for line in rest), class_="stage")


def _findings(comparison: Comparison) -> Element:
    items = (
        element(
            "li",
            element("span", "both" if finding.same else "differ", class_="mark"),
            " ",
            element("span", finding.text),
            class_="same" if finding.same else "differs",
        )
        for finding in comparison.findings
    )
    return element("ul", *items, class_="findings")
