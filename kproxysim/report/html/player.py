"""A trace to be stepped through, by key or by button: the road, the rules and the packet side by side; and
the same ways written out. Any number of them may stand on one page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from kproxysim.network.trace import Branch, Trace
from kproxysim.report.endings import other_branch
from kproxysim.report.facts import is_good, opening
from kproxysim.report.html.account import account
from kproxysim.report.html.document import json_script
from kproxysim.report.html.elements import Element, element
from kproxysim.report.html.walkthrough import Step, walk_through
from kproxysim.report.names import chains_of, short_names
from kproxysim.report.rows import RowWriter

__all__ = ["MOST_WAYS", "PLAYER_SCRIPTS", "PLAYER_STYLES", "keys_help", "player"]

MOST_WAYS = 32
"""Branches that are shown; a Service of a thousand endpoints has as many, alike but for the endpoint."""

PLAYER_STYLES = ("account.css", "player.css")
PLAYER_SCRIPTS = ("make.js", "moves.js", "road.js", "short.js", "rules.js", "packet.js", "player.js")
"""What a page with players brings along, `keys_help` besides."""

# the move, its name with what a narrow window leaves out at either end, and its key
_BUTTONS = (
    ("first", "", "Start", "", "Home"),
    ("back", "", "Back", "", "b"),
    ("next", "", "Next", "", "n"),
    ("over", "", "Over", " chain", "o"),
    ("match", "Next ", "match", "", "m"),
    ("miss", "Next ", "miss", "", "x"),
    ("last", "", "End", "", "End"),
)
_KEYS = (
    ("n, right arrow", "the next step"),
    ("b, left arrow", "the step before"),
    ("o", "over the chain that a rule jumps to"),
    ("m", "the next rule that matches"),
    ("x", "the next rule that is passed over"),
    ("Home, End", "the first step, the last"),
    ("w", "the other way, where chance decides"),
    ("?", "this help"),
)


def player(trace: Trace, *, picked: bool = False, title: str = "", at_end: bool = False) -> Element:
    """A player and its account, of which the page's program shows the former and paper the latter.

    `picked` says that the endpoint was asked for by name, `title` heads the account where the page has no
    other heading for it, and `at_end` opens the player where the packet has ended.
    """
    shown = trace.branches[:MOST_WAYS]
    short = short_names(chains_of(hop for one in shown for hop in _all_hops(one)))
    return element(
        "div",
        _player(title="Step by step" if title else ""),
        element(
            "section",
            element("h2", title) if title else None,
            *(_way(trace, one, RowWriter(short, picked=picked)) for one in shown),
            _left_out(trace),
            class_="account",
        ),
        json_script(_data(trace, shown, short, picked=picked)),
        class_="trace",
        role="group",
        aria_label=opening(trace).text,
        data_opens="end" if at_end else None,
    )


def _all_hops(branch: Branch) -> Iterator[Any]:
    yield from branch.hops
    if branch.reply is not None:
        yield from branch.reply.hops


def _way(trace: Trace, branch: Branch, writer: RowWriter) -> Element:
    return element(
        "article",
        element("h3", other_branch(branch), class_="good" if is_good(branch) else "bad"),
        *account(trace, branch, writer),
    )


def _left_out(trace: Trace) -> Element | None:
    rest = trace.branches[MOST_WAYS:]
    if not rest:
        return None
    share = sum(one.probability for one in rest)
    return element("p", f"{share} of the packets go {len(rest)} more ways, which are not shown here.")


def _player(title: str) -> Element:
    """What the program brings to life; hidden until it does."""
    buttons = [
        element(
            "button",
            element("span", before, class_="more") if before else None,
            label,
            element("span", behind, class_="more") if behind else None,
            element("kbd", key, aria_hidden="true"),
            type="button",
            data_move=name,
            aria_label=f"{before}{label}{behind}",
            aria_keyshortcuts=key,
        )
        for name, before, label, behind, key in _BUTTONS
    ]
    return element(
        "div",
        element("h2", title, class_="unseen") if title else None,
        element("div", class_="ways", role="group", aria_label="Ways that chance may take"),
        element("p", class_="sentence", role="status", aria_live="polite", aria_atomic="true"),
        element(
            "div",
            element("div", buttons, class_="buttons"),
            element(
                "div",
                element("input", type="range", class_="position", min="0", value="0", aria_label="Step"),
                element("output", class_="count"),
                element("button", "Whole way", type="button", class_="whole", aria_expanded="false"),
                element("button", "Keys ", element("kbd", "?"), type="button", class_="keys"),
                class_="place-of-step",
            ),
            class_="controls",
            role="toolbar",
            aria_label="Steps",
        ),
        element(
            "div",
            element(
                "nav",
                element("h3", "Road"),
                element("div", class_="map"),
                class_="panel road",
                aria_label="Road",
            ),
            element("section", class_="panel rules", aria_label="Rules", tabindex="0"),
            element(
                "section",
                element("h3", "Packet"),
                element("div", class_="fields"),
                class_="panel packet",
                aria_label="Packet",
            ),
            class_="panels",
        ),
        class_="player",
        hidden=True,
    )


def keys_help() -> Element:
    """The list of keys, once a page."""
    rows = (element("tr", element("th", keys, scope="row"), element("td", what)) for keys, what in _KEYS)
    close = element("form", element("button", "Close"), method="dialog")
    return element(
        "dialog",
        element("h2", "Keys", id="help-title"),
        element("table", *rows),
        close,
        id="help",
        aria_labelledby="help-title",
    )


def _data(trace: Trace, shown: tuple[Branch, ...], short: dict[str, str], *, picked: bool) -> dict[str, Any]:
    """What the program shows. Ways share their steps up to where chance parts them, and share packets."""
    steps, packets = _Table(), _Table()
    ways = []
    for branch in shown:
        made = walk_through(trace, branch, short, picked=picked)
        ways.append(
            {
                "label": other_branch(branch),
                "tone": "good" if is_good(branch) else "bad",
                "stations": [station.to_dict() for station in made.stations],
                "steps": [steps.number(_step(step, packets)) for step in made.steps],
            }
        )
    return {"ways": ways, "steps": steps.rows, "packets": packets.rows}


def _step(step: Step, packets: _Table) -> dict[str, Any]:
    values = {name: value for name, value in asdict(step).items() if value or name == "station"}
    return {**values, "packet": packets.number(step.packet)}


class _Table:
    """Rows, each once, known by their number."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}

    def number(self, row: dict[str, Any]) -> int:
        """Where this row is; it is added if it is new."""
        key = json.dumps(row)
        found = self._numbers.setdefault(key, len(self.rows))
        if found == len(self.rows):
            self.rows.append(row)
        return found
