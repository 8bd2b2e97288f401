"""`kproxysim explain`: the words behind a code."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from kproxysim.cli.output import show, terminal_width
from kproxysim.codes import Explanation
from kproxysim.errors import InputError
from kproxysim.report.page import Page, Span, filled, wrapped

__all__ = ["all_explanations", "explain"]


_ROOMS = ("cli", "cluster", "kubeproxy", "lesson", "netfilter", "network", "scenario")
"""The rooms that use codes: each keeps the words behind them in its module `codes`."""


def all_explanations() -> dict[str, Explanation]:
    """The codes of all rooms, in order."""
    found: dict[str, Explanation] = {}
    for room in _ROOMS:
        explanations: tuple[Explanation, ...] = import_module(f"kproxysim.{room}.codes").EXPLANATIONS
        found.update((one.code, one) for one in explanations)
    return dict(sorted(found.items()))


def explain(code: str | None) -> None:
    """One code in full, or the list of all."""
    known = all_explanations()
    if code is None:
        show(_list(known))
        return
    wanted = code.upper() if code.upper() in known else code.lower()
    if wanted not in known:
        close = get_close_matches(wanted, known, 3, 0.5) or get_close_matches(wanted.upper(), known, 3, 0.5)
        raise InputError.of(
            "KPS805",
            f"there is no code {code!r}",
            found=code,
            help=f"did you mean {' or '.join(close)}?" if close else "kproxysim explain lists them all",
        )
    show(_page(known[wanted], terminal_width()))


def _list(known: dict[str, Explanation]) -> Page:
    page = Page()
    width = max(map(len, known), default=0) + 2
    for code, one in known.items():
        page.add(Span(filled(code, width), "label"), one.title)
    return page


def _page(one: Explanation, width: int) -> Page:
    page = Page()
    page.add(Span(one.code, "label"), f": {one.title}")
    for paragraph in filter(None, one.text.split("\n\n")):
        page.gap()
        for line in wrapped(" ".join(paragraph.split()), width):
            page.add(line)
    if one.example:
        page.gap()
        page.add(Span("example", "label"))
        for line in one.example.splitlines():
            page.add(f"  {line}")
    return page
