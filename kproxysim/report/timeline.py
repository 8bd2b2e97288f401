"""A time line as a table: what happened when, how connections stand after it, what kube-proxies wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.network import SyncReport
from kproxysim.report.page import WIDTH, Page, Span, listed, wrapped
from kproxysim.report.plain import plain

__all__ = [
    "DeltaLike",
    "MomentLike",
    "StandingLike",
    "add_failure",
    "delta_lines",
    "duration_text",
    "moment_to_dict",
    "timeline_page",
]

_WIDEST_LABEL, _WIDEST_EVENT, _WIDEST_NAME = 16, 40, 16
_RIGHT, _NARROWEST = 46, 16
_MOST_STANDINGS = 4
_MOST_NODES = 4
_MARK = 6
"""Columns of `ok` and `FAIL`, as in the lines of a run."""


class StandingLike(Protocol):
    """How a connection stands, or a packet ended; by shares, as (state, who serves or why not)."""

    @property
    def name(self) -> str: ...
    @property
    def shares(self) -> Mapping[tuple[str, str], Fraction]: ...
    @property
    def is_new(self) -> bool: ...


class DeltaLike(Protocol):
    """A sync of kube-proxy, and how many connections it had removed: the least and the most."""

    @property
    def report(self) -> SyncReport: ...
    @property
    def deleted(self) -> tuple[int, int]: ...


class MomentLike(Protocol):
    """A step of a time line."""

    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def at(self) -> float: ...
    @property
    def standings(self) -> Sequence[StandingLike]: ...
    @property
    def deltas(self) -> Sequence[DeltaLike]: ...
    @property
    def flushed(self) -> tuple[int, int] | None: ...


def timeline_page(
    moments: Sequence[MomentLike], failures: Mapping[int, str | None], width: int | None = None
) -> Page:
    """One row a step, below it what was written and what was expected and did not come.

    `failures` has, by the number of a step of which something is expected, what failed; None if all holds.
    """
    width = width or WIDTH
    page = Page()
    labels = {one.number: _label(one) for one in moments}
    first = max(4, *(len(label) for label in labels.values())) + 2
    second = max(4, *(len(duration_text(one.at)) for one in moments)) + 2
    events = max(5, *(len(plain(one.event)) for one in moments))
    indent = " " * (_MARK + first + second)
    third = min(events, _WIDEST_EVENT, max(width - len(indent) - _RIGHT, _NARROWEST)) + 2
    page.add(Span(f"{'':{_MARK}}{'step':{first}}{'time':{second}}{'event':{third}}connections", "label"))
    for one in moments:
        word, style = _mark(one, failures)
        right = list(_standings(one.standings, width - len(indent) - third))
        left = _broken(one.event, third - 2)
        rows = max(len(left), len(right))
        for row in range(rows):
            event = left[row] if row < len(left) else ""
            stand = right[row] if row < len(right) else Span("")
            if row == 0:
                lead = f"{labels[one.number]:{first}}{duration_text(one.at):{second}}"
                page.add(Span(f"{word:{_MARK}}", style), f"{lead}{event:{third}}", stand)
            else:
                page.add(indent, f"{event:{third}}", stand)
        for text, kind in _below(one):
            for line in _broken(text, width - len(indent) - 2):
                page.add(indent, Span(f"  {line}", kind))
        message = failures.get(one.number)
        if message:
            add_failure(page, message, width, len(indent) + 2)
    return page


def add_failure(page: Page, message: str, width: int, indent: int) -> None:
    """What was expected and did not come: a line for each field, wrapped, by so many columns to the right."""
    for line in message.splitlines():
        blanks = " " * (indent + len(line) - len(line.lstrip(" ")))
        first, *rest = _broken(line.strip(" "), width - len(blanks) - 2)
        page.add(blanks + first)
        for more in rest:
            page.add(f"{blanks}  {more}")


def _mark(one: MomentLike, failures: Mapping[int, str | None]) -> tuple[str, str]:
    if one.number not in failures:
        return "", ""
    return ("FAIL", "bad") if failures[one.number] else ("ok", "good")


def _label(one: MomentLike) -> str:
    return _cut(f"{one.number} {one.name}".rstrip(), _WIDEST_LABEL)


def _broken(text: str, width: int) -> list[str]:
    """Lines of at most so many columns; a word that is longer is broken, as the column ends there."""
    return [
        line[start : start + width]
        for line in wrapped(text, width)
        for start in range(0, max(len(line), 1), width)
    ]


def _cut(text: str, width: int) -> str:
    shown = plain(text)
    return shown if len(shown) <= width else f"{shown[: width - 3]}..."


def _standings(standings: Sequence[StandingLike], width: int) -> Iterator[Span]:
    """A line for each way that a connection may stand: of a step that is about one, or about a packet, that
    one alone; of other steps all, dim, for they are as they were.
    """
    standings = [one for one in standings if one.is_new] or standings
    shown = standings if len(standings) <= _MOST_STANDINGS else standings[: _MOST_STANDINGS - 1]
    names = max((len(_cut(one.name, _WIDEST_NAME)) for one in shown), default=0) + 2
    for one in shown:
        texts = [_stand(state, detail, share) for (state, detail), share in one.shares.items()]
        name = _cut(one.name, _WIDEST_NAME)
        for text in texts:
            for line in _broken(text, max(width - names, _NARROWEST)):
                yield Span(f"{name:{names}}{line}", "" if one.is_new else "dim")
                name = ""
    if len(shown) < len(standings):
        yield Span(f"and {len(standings) - len(shown)} more", "dim")


def _stand(state: str, detail: str, share: Fraction) -> str:
    text = f"{state}, {detail}" if detail else state
    return text if share == 1 else f"{share} {text}"


def _below(one: MomentLike) -> Iterator[tuple[str, str]]:
    if one.flushed is not None:
        yield f"{_counted(one.flushed, 'entry', 'entries')} of conntrack gone", "change"
    for line in delta_lines(one.deltas):
        yield line, "change"
    if one.about:
        yield one.about, "dim"


def delta_lines(deltas: Iterable[DeltaLike]) -> Iterator[str]:
    """`node-a, node-b: partial sync, + 2 chains, 5 rules; 1 entry of conntrack deleted`: nodes together where
    the same was written.
    """
    by_words: dict[str, Counter[str]] = {}
    each = list(deltas)
    busy = {one.report.node for one in each if _says_something(one)}
    for one in each:
        if _says_something(one) or (one.report.node not in busy and one.report.family == "ipv4"):
            by_words.setdefault(_words(one), Counter())[one.report.node] += 1
    for words, nodes in by_words.items():
        named = [name if times == 1 else f"{name} ({times} times)" for name, times in nodes.items()]
        yield f"{listed(named, _MOST_NODES)}: {words}"


def _says_something(one: DeltaLike) -> bool:
    written = one.report.written
    counts = (written.chains_added, written.chains_removed, written.rules_added, written.rules_removed)
    return any(counts) or one.deleted[1] > 0 or one.report.failed


def _words(one: DeltaLike) -> str:
    report, written = one.report, one.report.written
    words = f"{'full' if report.full else 'partial'} sync{' (IPv6)' if report.family == 'ipv6' else ''}"
    if report.failed:
        return f"{words}, refused by iptables-restore: nothing written"
    changes = [
        f"{sign} {', '.join(counts)}"
        for sign, counts in (
            ("+", _nonzero((written.chains_added, "chain"), (written.rules_added, "rule"))),
            ("-", _nonzero((written.chains_removed, "chain"), (written.rules_removed, "rule"))),
        )
        if counts
    ]
    words = ", ".join([words, *changes]) if changes else f"{words}, no rule changed"
    if one.deleted[1]:
        words += f"; {_counted(one.deleted, 'entry', 'entries')} of conntrack deleted"
    return words


def _nonzero(*counts: tuple[int, str]) -> list[str]:
    return [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count]


def _counted(numbers: tuple[int, int], one: str, many: str) -> str:
    low, high = numbers
    if low == high:
        return f"{low} {one if low == 1 else many}"
    return f"{low} to {high} {many}"


def moment_to_dict(one: MomentLike) -> dict[str, Any]:
    """Plain values for JSON: with each sync the calls of iptables, the input of iptables-restore, and the
    connections that it removed, as `conntrack -L` would have shown them.
    """
    data: dict[str, Any] = {"step": one.number}
    data |= {"name": one.name} if one.name else {}
    data |= {"about": one.about} if one.about else {}
    data |= {"event": one.event, "at": one.at}
    data["connections"] = [
        {
            "name": standing.name,
            "changed": standing.is_new,
            "ways": [
                {"probability": str(share), "state": state, **({"detail": detail} if detail else {})}
                for (state, detail), share in standing.shares.items()
            ],
        }
        for standing in one.standings
    ]
    if one.flushed is not None:
        data["flushed"] = list(one.flushed)
    if one.deltas:
        data["syncs"] = [_delta_to_dict(delta) for delta in one.deltas]
    return data


def _delta_to_dict(delta: DeltaLike) -> dict[str, Any]:
    report = delta.report
    return {
        "node": report.node,
        "family": report.family,
        "at": report.at,
        "full": report.full,
        "failed": report.failed,
        "chains": {"added": report.written.chains_added, "removed": report.written.chains_removed},
        "rules": {"added": report.written.rules_added, "removed": report.written.rules_removed},
        "ensured": list(report.ensured),
        "restore": report.script,
        "conntrack_deleted": {
            "least": delta.deleted[0],
            "most": delta.deleted[1],
            "entries": conntrack_list(report.deleted, report.at).splitlines(),
        },
    }


def duration_text(seconds: float) -> str:
    """`0s`, `1m30s`, `3h`: as Go's `time.Duration` prints them, without parts that are zero."""
    parts = []
    rest = round(seconds, 3)
    for unit, size in (("h", 3600), ("m", 60)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{int(number)}{unit}")
    if rest or not parts:
        parts.append(f"{rest:.3f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)
