"""A lesson as a page: one file, with its traces as players, and each answer folded until a guess was made or
the answer is asked for. Without scripts everything can be unfolded; on paper everything is.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.lesson.lesson import Asked, Compared, Lesson, Part, Played, Ruled, Said, Shown, marked
from kproxysim.lesson.text import command
from kproxysim.report.brief import summary_parts
from kproxysim.report.compare import compare
from kproxysim.report.facts import ending, reasons
from kproxysim.report.html.account import facts_list
from kproxysim.report.html.compare_page import COMPARE_STYLES, comparison_chart
from kproxysim.report.html.document import document
from kproxysim.report.html.elements import Element, element
from kproxysim.report.html.player import PLAYER_SCRIPTS, PLAYER_STYLES, keys_help, player
from kproxysim.report.timeline import timeline_page

__all__ = ["lesson_html"]

_STYLES = ("colours.css", "base.css", *PLAYER_STYLES, *COMPARE_STYLES, "lesson_page.css")
_SCRIPTS = (*PLAYER_SCRIPTS, "lesson_page.js")


def lesson_html(lesson: Lesson) -> str:
    """The page."""
    questions = sum(isinstance(part, Asked) for part in lesson.parts)
    body: list[Element] = []
    asked = 0
    for part in lesson.parts:
        asked += isinstance(part, Asked)
        if isinstance(part, Asked):
            body.append(_question(part, asked, questions))
        else:
            body.append(_part(part))
    return document(
        lesson.title,
        element("header", element("h1", lesson.title), element("p", lesson.about, class_="about"), _hint()),
        element("main", body),
        keys_help(),
        styles=_STYLES,
        scripts=_SCRIPTS,
    )


def _hint() -> Element:
    """How to step; for whoever runs scripts."""
    key = (element("kbd", one) for one in "nb?")
    words = "Step through a trace by its buttons, or click into it and use the keys: "
    return element(
        "p",
        words,
        next(key),
        " next, ",
        next(key),
        " back, ",
        next(key),
        " all keys.",
        class_="hint",
        hidden=True,
    )


def _part(part: Part) -> Element:
    if isinstance(part, Said):
        return element("div", _blocks(part), class_="said")
    assert not isinstance(part, Asked)
    return element(
        "figure", element("figcaption", element("code", f"$ {command(part)}")), _result(part), class_="shown"
    )


def _result(part: Shown | Compared | Ruled | Played) -> list[Element]:
    if isinstance(part, Played):
        return [element("pre", timeline_page(part.moments, {}).text().rstrip("\n"))]
    if isinstance(part, Compared):
        return [comparison_chart(compare(*part.traces, part.packets), level=3)]
    if isinstance(part, Ruled):
        return [element("ol", map(_rule, part.lines()), class_="ruleset")]
    stepped = player(part.trace, picked=part.pick is not None, at_end=part.detail == "ending")
    if part.detail == "full":
        return [stepped]
    folded = element("details", element("summary", "Step through it"), stepped, class_="way")
    return [*_short(part), folded]


def _short(part: Shown) -> Iterator[Element]:
    """What is told of a trace whose steps are folded."""
    if part.detail == "summary":
        head, ends = summary_parts(part.trace)
        lines = [f"{head} {ends[0]}"] if len(ends) == 1 else [head, *ends]
        yield element("ul", (element("li", line) for line in lines), class_="in-short")
        return
    branch = part.trace.branches[0]
    facts = [*ending(part.trace, branch), *reasons(part.trace, branch)]
    yield element("div", facts_list(facts), class_="account")


def _question(part: Asked, number: int, of: int) -> Element:
    """A question, its choices, and the answer folded below them."""
    asked, said = f"question-{number}", f"asked-{number}"
    choices = (
        element(
            "label",
            element("input", type="radio", name=asked, value=str(place)),
            element("span", f"{place}. ", _words(choice)),
            class_="choice",
        )
        for place, choice in enumerate(part.choices, 1)
    )
    form = element(
        "form",
        element(
            "fieldset",
            element("legend", "Your guess"),
            choices,
            element("button", "That is my guess", type="submit", class_="guess", hidden=True),
            aria_describedby=said,
        ),
        element("p", class_="result", role="status"),
        data_right=str(part.answer),
    )
    return element(
        "section",
        element("h2", f"Question {number} of {of}", id=asked),
        element("div", _blocks(part.question), id=said, class_="said"),
        form,
        element(
            "details",
            element("summary", "Show the answer"),
            element("h3", f"{part.answer + 1}. ", _words(part.choices[part.answer]), tabindex="-1"),
            element("div", _blocks(part.because), class_="said") if part.because.blocks else None,
            None if part.proof is None else _part(part.proof),
            class_="answer",
        ),
        class_="question",
        aria_labelledby=asked,
    )


def _blocks(said: Said) -> Iterator[Element]:
    for text, kept in said.blocks:
        yield _kept(text) if kept else element("p", _words(text))


def _kept(text: str) -> Element:
    """Lines as they are; what is wider than the window can be scrolled to, also by key."""
    # A line each: what is shown as text has no line ends in it.
    return element("pre", (element("span", line) for line in text.split("\n")), tabindex="0")


def _rule(line: str) -> Element:
    """A rule that is broken between its words only, not at a hyphen."""
    words = ((element("span", word), " ") for word in line.split(" "))
    return element("li", element("code", words))


def _words(text: str) -> Iterator[Element | str]:
    for piece, is_code in marked(text):
        yield element("code", piece) if is_code else piece
