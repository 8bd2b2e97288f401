"""A page of text: lines of spans, each with a style that a terminal may show as colour. The words alone say
everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from kproxysim.report.plain import plain
from kproxysim.values import dataclass

__all__ = ["WIDTH", "Page", "Span", "filled", "listed", "wrapped"]

WIDTH = 100
"""Columns that a page keeps to where nobody says how wide the terminal is."""

_RICH_STYLES = {
    "head": "bold",
    "label": "bold",
    "place": "cyan",
    "change": "yellow",
    "good": "bold green",
    "bad": "bold red",
    "warn": "bold yellow",
    "dim": "dim",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line. `style` is one of "head", "label", "place", "change", "good", "bad", "warn", "dim",
    or empty.
    """

    text: str
    style: str = ""


class Page:
    """Lines in order. Whatever is added is made `plain` here, so no text of the user's can reach a terminal
    otherwise.
    """

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: list[tuple[Span, ...]] = []

    def add(self, *spans: Span | str) -> None:
        """One line."""
        made = (Span(span) if isinstance(span, str) else span for span in spans)
        self._lines.append(tuple(Span(plain(span.text), span.style) for span in made))

    def gap(self) -> None:
        """An empty line, unless the page is empty or ends in one."""
        if self._lines and self._lines[-1]:
            self._lines.append(())

    def extend(self, other: Page) -> None:
        """All lines of another page."""
        self._lines.extend(other._lines)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            yield "".join(span.text for span in line).rstrip()

    def text(self) -> str:
        """The words, without colour; every line ends in a newline."""
        return "".join(line + "\n" for line in self)

    def write(self, stream: TextIO, *, colour: bool = False) -> None:
        """Print to `stream`; `colour` is for a terminal that shows it."""
        if not colour:
            stream.write(self.text())
            return
        from rich.console import Console  # noqa: PLC0415 - 70 ms that only a terminal is worth
        from rich.text import Text  # noqa: PLC0415

        console = Console(
            file=stream, force_terminal=True, highlight=False, soft_wrap=True, emoji=False, markup=False
        )
        for line in self._lines:
            console.print(Text.assemble(*((span.text, _RICH_STYLES.get(span.style, "")) for span in line)))


def filled(text: str, width: int) -> str:
    """`text`, plain, with blanks up to `width` and at least one."""
    shown = plain(text)
    return shown.ljust(width) if len(shown) < width else shown + " "


def wrapped(text: str, width: int, tail: str = "") -> list[str]:
    """`text`, plain, broken at blanks into lines of at most `width`; a longer word stays whole.

    `tail` ends the last line, three blanks behind the text, or stands on a line of its own.
    """
    lines: list[str] = []
    for word in plain(text).split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    if tail:
        tail = plain(tail)
        if len(lines[-1]) + 3 + len(tail) <= width:
            lines[-1] += "   " + tail
        else:
            lines.append(tail)
    return lines


def listed(items: Iterable[str], limit: int) -> str:
    """`a, b, c`, with `and N more` in place of what is over the limit."""
    names = list(items)
    if len(names) > limit:
        names[limit - 1 :] = [f"and {len(names) - limit + 1} more"]
    return ", ".join(names)
