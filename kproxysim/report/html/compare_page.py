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

__all__ = ["comparison_html"]

_STYLES = ("colours.css", "base.css", "compare.css")

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
        element(
            "main",
            element("section", *_chart(comparison), class_="chart", aria_label="The two ways"),
            element("section", element("h2", "Answer"), _findings(comparison), class_="answer"),
        ),
        styles=_STYLES,
    )


def _chart(comparison: Comparison) -> Iterator[Element]:
    """The packets, the groups of stages and the ends, with a line from each to the next."""
    sides = comparison.left, comparison.right
    yield _lanes([_sent(side) for side in sides])
    apart = True
    for group in groups(comparison):
        yield _join(apart, not group.same)
        apart = not group.same
        yield _apart(comparison, group) if apart else _shared(group)
    ends = [_end(side) for side in sides]
    same = verdict_words(sides[0].trace, sides[0].branch) == verdict_words(sides[1].trace, sides[1].branch)
    yield _join(apart, not same)
    yield element("div", ends[0], class_="both") if same else _lanes(ends)


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


def _sent(side: Side) -> Element:
    return element(
        "div",
        element("h2", side.name),
        element("p", str(side.trace.packet), class_="packet"),
        element("p", f"from: {side.trace.source}", class_="soft"),
        class_="box sent",
    )


def _end(side: Side) -> Element:
    tone = "good" if is_good(side.branch) else "bad"
    return element("div", verdict_words(side.trace, side.branch), class_=f"box end {tone}")


def _shared(group: Group) -> Element:
    items = (_stage(left, common_action(left, right)) for left, right in group.common())
    box = element("div", element("h3", group.title), element("ol", *items), class_="box shared")
    return element("div", box, class_="both")


def _stage(stage: Stage, action: str) -> Element:
    if not stage.place:
        return element("li", action, class_="host")
    place = element("span", stage.place, class_="place")
    return element("li", place, " ", element("span", action), class_="stage")


def _apart(comparison: Comparison, group: Group) -> Element:
    names = comparison.left.name, comparison.right.name
    return _lanes([_lane(group.title, name, lane) for name, lane in zip(names, group.lanes(), strict=True)])


def _lane(title: str, name: str, stages: Sequence[Stage]) -> Element:
    items = [_alone(stage) for stage in stages] or [element("li", "(nothing)", class_="soft")]
    head = element("h3", name, " ", element("small", title))
    return element("div", head, element("ol", *items), class_="box lane")


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
