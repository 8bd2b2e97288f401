"""A lesson as text: each part a page, so that a terminal can wait between them."""

from __future__ import annotations

from kproxysim.lesson.lesson import Asked, Compared, Lesson, Part, Played, Ruled, Said, Shown, marked
from kproxysim.lesson.shelf import shown_path
from kproxysim.report.brief import summary_page
from kproxysim.report.compare import compare
from kproxysim.report.compare_text import comparison_page
from kproxysim.report.page import WIDTH, Page, Span, wrapped
from kproxysim.report.text import ending_page, trace_page
from kproxysim.report.timeline import timeline_page

__all__ = ["answer_page", "command", "lesson_page", "part_page", "title_page"]

_PROSE = 88
"""Columns of prose, also where a trace may be wider."""


def lesson_page(lesson: Lesson, width: int = WIDTH) -> Page:
    """The whole lesson, each answer right behind its question."""
    page = title_page(lesson, width)
    for part in lesson.parts:
        page.gap()
        page.extend(part_page(part, width))
        if isinstance(part, Asked):
            page.gap()
            page.extend(answer_page(part, None, width))
    return page


def title_page(lesson: Lesson, width: int = WIDTH) -> Page:
    """What the lesson is about."""
    page = Page()
    page.add(Span(lesson.title, "head"))
    for line in wrapped(lesson.about, min(width, _PROSE)):
        page.add(line)
    return page


def part_page(part: Part, width: int = WIDTH) -> Page:
    """One part; of a question everything but the answer."""
    if isinstance(part, Said):
        return _said(part, width)
    if isinstance(part, Asked):
        return _question(part, width)
    page = Page()
    page.add(Span(f"$ {command(part)}", "dim"))
    page.extend(_result(part, width))
    return page


def answer_page(part: Asked, guess: int | None, width: int = WIDTH) -> Page:
    """The answer after `guess` (a choice, counted from 0; None: nobody guessed), and what shows it."""
    page = Page()
    word, style = ("answer", "label") if guess is None else ("no", "bad")
    if guess == part.answer:
        word, style = "yes", "good"
    first, *rest = wrapped(f"{part.answer + 1}. {_words(part.choices[part.answer])}", min(width, _PROSE) - 8)
    page.add(Span(word.ljust(8), style), first)
    for line in rest:
        page.add(" " * 8 + line)
    if part.because.blocks:
        page.gap()
        page.extend(_said(part.because, width))
    if part.proof is not None:
        page.gap()
        page.extend(part_page(part.proof, width))
    return page


def command(part: Shown | Compared | Ruled | Played) -> str:
    """The command that shows the same."""
    path = shown_path(part.scenario.path)
    if isinstance(part, Played):
        first, last = part.moments[0].number, part.moments[-1].number
        return f"kproxysim run {path}   (step{f' {first}' if first == last else f's {first} to {last}'})"
    if isinstance(part, Compared):
        return f"kproxysim compare {path} {' '.join(part.packets)}"
    if isinstance(part, Ruled):
        shown = f"   (of table nat: {', '.join(part.chains)})" if part.chains else ""
        at = f" --at {part.at}" if part.at else ""
        return f"kproxysim rules {path} --node {part.node}{at}{shown}"
    pick = f" --pick {part.pick}" if part.pick else ""
    detail = " --detail summary" if part.detail == "summary" else ""
    packet = "" if part.own else f" --packet {part.packet}"
    at = f" --at {part.at}" if part.at else ""
    return f"kproxysim trace {path}{packet}{at}{pick}{detail}{' --reply' if part.reply else ''}"


def _words(text: str) -> str:
    """Without the marks of code, which on a terminal is no different from words."""
    return "".join(piece for piece, _ in marked(text))


def _said(part: Said, width: int) -> Page:
    page = Page()
    for text, kept in part.blocks:
        page.gap()
        for line in text.split("\n") if kept else wrapped(_words(text), min(width, _PROSE)):
            page.add(f"    {line}" if kept else line)
    return page


def _question(part: Asked, width: int) -> Page:
    page = Page()
    page.add(Span("guess", "head"))
    page.extend(_said(part.question, width))
    for number, choice in enumerate(part.choices, 1):
        first, *rest = wrapped(_words(choice), min(width, _PROSE) - 5)
        page.add(f"  {number}. {first}")
        for line in rest:
            page.add(f"     {line}")
    return page


def _result(part: Shown | Compared | Ruled | Played, width: int) -> Page:
    if isinstance(part, Played):
        return timeline_page(part.moments, {}, width)
    if isinstance(part, Compared):
        return comparison_page(compare(*part.traces, part.packets), width)
    if isinstance(part, Ruled):
        page = Page()
        for line in part.lines():
            page.add(line)
        return page
    if part.detail == "summary":
        return summary_page(part.trace, width)
    if part.detail == "ending":
        return ending_page(part.trace, width=width)
    return trace_page(part.trace, reply=part.reply, picked=part.pick is not None, width=width)
