"""A trace as a page: the road, the rules and the packet side by side, stepped through by key or by button;
and the same ways written out, for paper and for whoever runs no scripts.
"""

from __future__ import annotations

from kproxysim.network.trace import Trace
from kproxysim.report.facts import opening
from kproxysim.report.html.document import document
from kproxysim.report.html.elements import element
from kproxysim.report.html.player import PLAYER_SCRIPTS, PLAYER_STYLES, keys_help, player

__all__ = ["trace_html"]

_STYLES = ("colours.css", "base.css", *PLAYER_STYLES, "trace_page.css")
_SCRIPTS = (*PLAYER_SCRIPTS, "trace_page.js")


def trace_html(trace: Trace, *, picked: bool = False) -> str:
    """The page; `picked` says that the endpoint was asked for by name."""
    title = opening(trace)
    return document(
        f"{trace.packet}, from {trace.source}",
        element(
            "header",
            element("h1", title.text),
            element("p", title.tail, class_="from"),
        ),
        element("main", player(trace, picked=picked, title="The whole way")),
        keys_help(),
        styles=_STYLES,
        scripts=_SCRIPTS,
    )
