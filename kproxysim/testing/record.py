"""A broken law as a scenario file that `kproxysim` replays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kproxysim.errors import InputError
from kproxysim.scenario import Scenario
from kproxysim.scenario.write import scenario_text
from kproxysim.testing.call import Situation, has_choice
from kproxysim.testing.law import Violation
from kproxysim.testing.timeline import Timeline

__all__ = ["FOLDER", "PACKET", "record", "situation_text", "timeline_text"]

FOLDER = ".kproxysim"
"""Below the root folder of the tests; nothing in it is for version control."""

PACKET = "call"

_NOWHERE = ("unreachable", "no-route")
_TURNED_BACK = ("egress-refuses-source", "own-address-as-source", "reverse-path-filter")


def record(violation: Violation, root: Path) -> str:
    """Write the situation to FOLDER/LAW.scenario.yaml below `root`: the command that replays it.

    The file expects what the law asks for, where that can be said of the whole way of a packet and does not
    hold now; then `kproxysim run` fails until it does.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    path = folder / f"{violation.law.name}.scenario.yaml"
    shown = path.relative_to(root)
    path.write_text(_text(violation), encoding="utf-8")
    try:
        holds = Scenario.load(path).run().passed
    except InputError as error:
        return f"{shown} can't be replayed: {error.diagnostics[0].message}"
    if not holds:
        return f"kproxysim run {shown}"
    path.write_text(_text(violation, expects=False), encoding="utf-8")
    steps = _steps(violation.situation)
    return f"kproxysim trace {shown} {f'--at {steps}' if steps else f'--packet {PACKET}'}"


def _steps(subject: Situation | Timeline) -> int:
    """How many steps its scenario has."""
    if isinstance(subject, Timeline):
        return len(subject.steps)
    return len(subject.timeline.steps) + 1 if subject.timeline is not None else 0


def _text(violation: Violation, *, expects: bool = True) -> str:
    write = timeline_text if isinstance(violation.situation, Timeline) else situation_text
    return write(
        violation.situation,  # type: ignore[arg-type]
        about=f"Law broken: {violation.law.name}",
        teaches=f"{violation.law.statement} Here it does not hold: {violation.why}.",
        expect=violation.expect if expects else {},
    )


def situation_text(
    situation: Situation, *, about: str, teaches: str = "", expect: Mapping[str, Any] | None = None
) -> str:
    """A situation as a scenario with one packet, called "call"; `expect` is what is to become of it.

    Where something has happened before, that is its steps, and the last one traces the packet.
    """
    call, world = situation.call, situation.world
    form: dict[str, Any] = {"from": call.source, "to": call.to}
    if situation.sport is not None:
        form["sport"] = situation.sport
    if has_choice(world, call):
        form["via"] = str(call.via)
    if not expect and len(situation.trace) == 1:
        # What is sent to nobody's address is a slip of the pen, unless the file says that it is meant.
        end = situation.trace[0]
        if end.disposition in _NOWHERE:
            expect = {"disposition": end.disposition}
        elif end.reason in _TURNED_BACK:
            expect = {"reason": end.reason}
    timeline = situation.timeline
    if timeline is None:
        expected = [{"packet": PACKET, **expect}] if expect else []
        return scenario_text(world, {PACKET: form}, about=about, teaches=teaches, expect=expected)
    last = {"trace": PACKET, **({"expect": dict(expect)} if expect else {})}
    return scenario_text(
        timeline.start,
        {**timeline.packets, PACKET: form},
        about=about,
        teaches=teaches,
        steps=[*timeline.steps, last],
    )


def timeline_text(
    timeline: Timeline, *, about: str, teaches: str = "", expect: Mapping[str, Any] | None = None
) -> str:
    """A time line as a scenario with its steps; `expect` is what is to become of the last one."""
    steps = timeline.steps
    if expect and steps:
        steps[-1]["expect"] = dict(expect)
    return scenario_text(timeline.start, timeline.packets, about=about, teaches=teaches, steps=steps)
