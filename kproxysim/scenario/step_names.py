"""Are the names in the steps of a scenario known? Packets, connections, nodes, and what expectations name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kproxysim.cluster.findings import Finding
from kproxysim.cluster.paths import Path
from kproxysim.scenario.crosscheck import Checker, Known, as_written, unknown
from kproxysim.scenario.draft import Draft
from kproxysim.scenario.mistakes import known_names
from kproxysim.scenario.step_form import StepForm
from kproxysim.spelling import did_you_mean

__all__ = ["check_steps", "expected_packets"]

_OF_SINGLE_PACKETS = ("flags", "icmp", "src")


def expected_packets(draft: Draft) -> set[str]:
    """The packets that some step expects something of, sound or not."""
    found: set[str] = set()
    opened: dict[str, str] = {}
    for entry in _written_steps(draft).values():
        packet = _text(entry, "open")
        if packet:
            opened[_text(entry, "as") or packet] = packet
        if entry.get("expect"):
            on = next((_text(entry, verb) for verb in ("send", "reply", "close") if verb in entry), "")
            found |= {packet, _text(entry, "trace"), opened.get(on, "")}
    return found


def check_steps(draft: Draft, known: Known, checker: Checker) -> Iterator[Finding]:
    """All names in all steps, as far as what they name is known."""
    written = _written_steps(draft)
    yield from _check_step_names(written)
    yield from _check_connections(written)
    for number, entry in written.items():
        path: Path = ("steps", number)
        for verb in ("open", "trace"):
            name = _text(entry, verb)
            if name and known.packets is not None and name not in known.packets:
                yield unknown("packet", name, known.packets, (*path, verb))
        yield from _check_nodes(entry, known, path)
    for number, step in enumerate(draft.file.steps):
        path = draft.path("steps", number)
        yield from _check_first_packet(draft, step, path)
        if step.expect is not None:
            expect = written[path[1]]["expect"]
            for finding in checker.expectation(step.expect):
                yield replace(finding, path=(*path, "expect", *as_written(expect, finding.path)))


def _written_steps(draft: Draft) -> dict[str | int, dict[str, Any]]:
    """What stands under `steps:`, sound or not, by its number."""
    entries = draft.document.value.get("steps")
    if not isinstance(entries, list):
        return {}
    return {number: entry for number, entry in enumerate(entries) if isinstance(entry, dict)}


def _text(entry: Mapping[str, Any], field: str) -> str:
    value = entry.get(field)
    return value if isinstance(value, str) else ""


def _check_step_names(written: Mapping[str | int, Mapping[str, Any]]) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, entry in written.items():
        name = _text(entry, "name")
        if name in seen:
            message = f"there is a step {name!r} before this one"
            yield Finding("KPS615", message, ("steps", number, "name"), name, "give each a name of its own")
        seen |= {name} if name else set()


def _check_connections(written: Mapping[str | int, Mapping[str, Any]]) -> Iterator[Finding]:
    """Each is opened before it is used, and not twice while it stands."""
    standing: dict[str, None] = {}
    closed: set[str] = set()
    for number, entry in written.items():
        opened = "" if entry.get("clients") else _text(entry, "as") or _text(entry, "open")
        if opened and opened in standing:
            message = f"there is a connection {opened!r} already"
            place = "as" if _text(entry, "as") else "open"
            yield Finding("KPS617", message, ("steps", number, place), opened, "add as: ANOTHER-NAME")
        standing |= {opened: None} if opened else {}
        for verb in ("send", "reply", "close"):
            name = _text(entry, verb)
            if name and name not in standing:
                message = (
                    f"connection {name!r} was closed before"
                    if name in closed
                    else f"no step before this one opens a connection {name!r}"
                )
                notes = known_names("connections", standing)
                before = "" if name in closed else "open it at a step before this one: open: PACKET"
                hint = did_you_mean(name, standing) or before
                yield Finding("KPS617", message, ("steps", number, verb), name, hint, notes)
            if verb == "close" and not (entry.get("by") == "server" and entry.get("how") == "silence"):
                standing.pop(name, None)
                closed.add(name)


def _check_nodes(entry: Mapping[str, Any], known: Known, path: Path) -> Iterator[Finding]:
    nodes = known.nodes
    if nodes is None:
        return
    named: list[tuple[str, Path]] = [(_text(entry, "node"), ("node",))]
    several = entry.get("nodes")
    if isinstance(several, str):
        named.append((several, ("nodes",)))
    elif isinstance(several, list):
        named += [(one, ("nodes", place)) for place, one in enumerate(several) if isinstance(one, str)]
    expect = entry.get("expect")
    tables = expect.get("conntrack") if isinstance(expect, dict) else None
    if isinstance(tables, dict):
        named += [(str(node), ("expect", "conntrack", node)) for node in tables]
    for name, place in named:
        if name and name not in nodes:
            yield unknown("node", name, nodes, path + place)


def _check_first_packet(draft: Draft, step: StepForm, path: Path) -> Iterator[Finding]:
    """What opens a connection is what a socket sends."""
    form = draft.file.packets.get(step.open or "")
    if form is None:
        return
    odd = next((name for name in _OF_SINGLE_PACKETS if name in form.model_fields_set), None)
    if odd is not None:
        message = f"packet {step.open} has {odd}, which is for a packet by itself and not for a connection"
        yield Finding("KPS617", message, (*path, "open"), str(step.open), "send it with trace:")
    if step.clients and not form.source.startswith("internet/") and form.source not in draft.file.clients:
        message = f"packet {step.open} does not come from the internet, where clients have addresses in a row"
        yield Finding("KPS617", message, (*path, "clients"), help="leave clients out")
