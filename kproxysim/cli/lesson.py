"""`kproxysim lesson`: one thing taught, packet by packet."""

from __future__ import annotations

import sys

from kproxysim.cli.output import show, show_text, terminal_width
from kproxysim.lesson import Asked, Lesson, lesson_names
from kproxysim.lesson.text import answer_page, lesson_page, part_page, title_page
from kproxysim.report.page import Page, Span, filled

__all__ = ["lesson"]


def lesson(name: str | None, output: str | None = None) -> None:
    """The list of lessons, or one of them: with a person at a terminal step by step, else all at once. With
    an `output` ("text", "html") it is all at once as well.
    """
    if name is None:
        show(_list())
        return
    wanted = Lesson.load(name)
    if output == "html":
        from kproxysim.lesson.html import lesson_html

        show_text(lesson_html(wanted))
    elif output is None and sys.stdin.isatty() and sys.stdout.isatty():
        _step_by_step(wanted)
    else:
        show(lesson_page(wanted, terminal_width()))


def _list() -> Page:
    page = Page()
    names = lesson_names()
    width = max(map(len, names)) + 2
    for name in names:
        page.add(Span(filled(name, width), "label"), Lesson.load(name).title)
    page.gap()
    page.add(f"kproxysim lesson {names[0]}")
    return page


def _step_by_step(wanted: Lesson) -> None:
    width = terminal_width()
    show(title_page(wanted, width))
    for part in wanted.parts:
        _gap()
        show(part_page(part, width))
        _gap()
        if isinstance(part, Asked):
            guess = _guess(len(part.choices))
            _gap()
            show(answer_page(part, guess, width))
        elif part is not wanted.parts[-1]:
            _read("[Enter] goes on ")


def _gap() -> None:
    sys.stdout.write("\n")


def _guess(choices: int) -> int | None:
    """A choice, counted from 0; None for whoever does not want to guess."""
    while True:
        said = _read(f"your guess, 1 to {choices} ([Enter] shows the answer) ").strip()
        if not said:
            return None
        if said.isascii() and said.isdigit() and 1 <= int(said) <= choices:
            return int(said) - 1


def _read(prompt: str) -> str:
    """A line from the terminal. Its end (Ctrl-D) ends the lesson as Ctrl-C does."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line
