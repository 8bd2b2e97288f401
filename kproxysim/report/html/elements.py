"""HTML as values. An element holds elements and text, and text is escaped when it is written: there is no way
to put markup in as a string.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from kproxysim.report.plain import plain
from kproxysim.values import dataclass

__all__ = ["Child", "Element", "Verbatim", "element"]

_VOID = frozenset({"input", "link", "meta"})


@dataclass(frozen=True, slots=True)
class Verbatim:
    """The content of a `style` or `script` element, which HTML does not unescape.

    Raises ValueError for what would end the element.
    """

    text: str

    def __post_init__(self) -> None:
        if "</" in self.text or "<!--" in self.text:
            raise ValueError("this would end the element that it stands in")


@dataclass(frozen=True, slots=True)
class Element:
    """One element. An attribute that is None or False is left out, one that is True has no value."""

    name: str
    attributes: tuple[tuple[str, str | bool | None], ...]
    children: tuple[Element | Verbatim | str, ...]

    def __str__(self) -> str:
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        """Its text, in pieces."""
        yield f"<{self.name}"
        for name, value in self.attributes:
            if value is True:
                yield f" {name}"
            elif value is not None and value is not False:
                yield f' {name}="{escape(plain(value))}"'
        yield ">"
        for child in self.children:
            if isinstance(child, Element):
                yield from child.pieces()
            elif isinstance(child, Verbatim):
                yield child.text
            else:
                yield escape(plain(child))
        if self.name not in _VOID:
            yield f"</{self.name}>"


Child = Element | Verbatim | str | Iterable["Child"] | None
"""What may stand in an element: None is left out, and what can be iterated over is taken apart."""


def element(name: str, /, *children: Child, **attributes: str | bool | None) -> Element:
    """`element("p", "text", class_="note", aria_live="polite")`: underscores in names of attributes become
    hyphens, one at the end is for Python's own words and is dropped.
    """
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    return Element(name, tuple(named), tuple(_flat(children)))


def _flat(children: Iterable[Child]) -> Iterator[Element | Verbatim | str]:
    for child in children:
        if isinstance(child, Element | Verbatim | str):
            yield child
        elif child is not None:
            yield from _flat(child)
