"""How a value shows itself in a notebook.

A trace is made far below the reports that can put it into words and must not know them. So what is on top,
the package's face, says here who makes HTML of a value (`shown_by`), and the value asks (`html_of`).
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["html_of", "shown_by"]

Maker = Callable[[object], str | None]

_makers: list[Maker] = []


def shown_by(make: Maker) -> None:
    """From now on `make` is asked for the HTML of a value."""
    _makers[:] = [make]


def html_of(value: object) -> str | None:
    """A piece of HTML, or None where nobody makes one: a notebook then shows the value's repr."""
    return _makers[0](value) if _makers else None
