"""A scenario: a cluster, what lies around it, packets, and what is to become of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kproxysim.cluster import Cluster
from kproxysim.cluster.findings import Finding, Subject
from kproxysim.cluster.paths import Path as FieldPath
from kproxysim.errors import Diagnostic, InputError
from kproxysim.network import Trace, World
from kproxysim.scenario.chains import chain_names
from kproxysim.scenario.check import Check, failures_of
from kproxysim.scenario.load import Loaded, build_world, load
from kproxysim.scenario.mistakes import known_names, located
from kproxysim.scenario.model import PacketForm
from kproxysim.scenario.moment import Moment
from kproxysim.scenario.step_check import check_moment
from kproxysim.scenario.timeline import Timeline
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = ["PacketSpec", "Scenario", "ScenarioResult"]

PacketSpec = PacketForm
"""A packet as the file tells it: `source`, `to`, `via`, `sport` and so on; `packet_in` makes it."""

_NAMED_BY_FOLDER = "scenario"


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """All expectations of a scenario, held against what happened; `moments` are its steps, if it has any."""

    scenario: Scenario
    checks: tuple[Check, ...]
    moments: tuple[Moment, ...] = ()

    @property
    def passed(self) -> bool:
        """Do all of them hold?"""
        return all(check.passed for check in self.checks)


class Scenario:
    """A scenario file, read and checked.

    `name` is that of the file (of its folder for a scenario.yaml), `path` the file as it was named. `about`
    and `teaches` are its own words, `packets` its packets by name, `findings` what is odd about it;
    `step_names` are the names of its steps, "" for those that have none.
    """

    def __init__(self, path: str, loaded: Loaded) -> None:
        file = loaded.draft.file
        stem = Path(path).stem
        self.path = path
        self.name = Path(path).parent.name if stem == _NAMED_BY_FOLDER else stem
        self.about = file.about
        self.teaches = file.teaches
        self.packets: Mapping[str, PacketSpec] = file.packets
        self.cluster: Cluster = loaded.gathered.cluster
        self.findings = loaded.findings
        self._loaded = loaded
        self.step_names = tuple(step.name or "" for step in file.steps)
        self._expected: list[dict[str, Any]] = loaded.draft.document.value.get("expect") or []
        self._timelines: dict[str | None, Timeline] = {}
        self._worlds: dict[str | None, World] = {None: loaded.world}
        self._traces: dict[tuple[str, str | None], Trace] = {}

    @classmethod
    def load(cls, path: str | Path, *, strict: bool = False) -> Scenario:
        """Read a scenario file and the manifests that it names. With `strict`, warnings are errors.

        Raises InputError with file, line and column for everything that is wrong with any of them.
        """
        return cls(str(path), load(str(path), strict=strict))

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """The objects at the start, and after each step that changes them."""
        return tuple(self._loaded.course.clusters)

    @property
    def expected(self) -> tuple[str, ...]:
        """What is expected, in the order of the checks of a run: the names of packets, then those of steps or
        `step-3`.
        """
        file = self._loaded.draft.file
        steps = [
            step.name or f"step-{number}"
            for number, step in enumerate(file.steps, 1)
            if step.expect is not None
        ]
        return (*(one.packet for one in file.expect), *steps)

    def world(self, version: str | None = None) -> World:
        """The world of this scenario; under another version of kube-proxy, if one is given."""
        world = self._worlds.get(version)
        if world is None:
            world = build_world(self._loaded.draft.file, self._loaded.gathered, version)
            self._worlds[version] = world
        return world

    def trace(
        self,
        packet: str,
        *,
        version: str | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
        at: str | None = None,
    ) -> Trace:
        """What becomes of a packet: all of it, the part of one endpoint (`pick`), or one way drawn (`rng`).

        At the start; or after the step `at`, by name or number. Raises InputError for a packet or a step that
        this scenario does not have (KPS602), and as `World.send` does.
        """
        form = self.packets.get(packet)
        if form is None:
            raise InputError.of(
                "KPS602",
                f"there is no packet {packet!r} in {self.path}",
                found=packet,
                help=did_you_mean(packet, self.packets),
                notes=known_names("packets", self.packets),
            )
        if at is not None:
            return self.timeline(version).moment(self.step_number(at)).send(form, pick=pick, rng=rng)
        whole = pick is None and rng is None
        known = self._traces.get((packet, version)) if whole else None
        if known is not None:
            return known
        world = self.world(version)
        trace = form.send_in(world, form.packet_in(world), pick=pick, rng=rng)
        if whole:
            self._traces[packet, version] = trace
        return trace

    def timeline(self, version: str | None = None, *, world: World | None = None) -> Timeline:
        """The steps, to be carried out in this scenario's world, or in another `world` of its cluster."""
        known = self._timelines.get(version)
        if known is not None and world is None:
            return known
        loaded = self._loaded
        made = Timeline(
            self.world(version) if world is None else world,
            loaded.draft.file.steps,
            self.packets,
            loaded.course,
            self._of_step,
        )
        if world is None:
            self._timelines[version] = made
        return made

    def step_number(self, step: str) -> int:
        """The number of a step, from 1, by its name or number. Raises InputError for one that isn't there."""
        if step in self.step_names:
            return self.step_names.index(step) + 1
        if step.isdecimal() and 1 <= int(step) <= len(self.step_names):
            return int(step)
        named = [name for name in self.step_names if name]
        there = f"there are {len(self.step_names)}" if self.step_names else "it has no steps"
        raise InputError.of(
            "KPS602",
            f"there is no step {step!r} in {self.path}: {there}",
            found=step,
            help=did_you_mean(step, named),
            notes=known_names("names of steps", named) if named else (),
        )

    def run(self, version: str | None = None) -> ScenarioResult:
        """Hold every expectation against what happens; under another version, if one is given.

        Raises InputError, with file and line, where a step can't happen: a connection is used that was reset.
        """
        edge = self.world(version).edge.kind
        chains = self._chains
        checks = []
        for one, written in zip(self._loaded.draft.file.expect, self._expected, strict=True):
            trace = self.trace(one.packet, version=version)
            checks.append(Check(one.packet, written, failures_of(one, trace, chains, edge), trace))
        moments = tuple(self.timeline(version))
        steps: list[dict[str, Any]] = self._loaded.draft.document.value.get("steps") or []
        checks += [
            check_moment(moment, moment.step.expect, written["expect"], chains, edge)
            for moment, written in zip(moments, steps, strict=True)
            if moment.step.expect is not None
        ]
        return ScenarioResult(self, tuple(checks), moments)

    @property
    def _chains(self) -> dict[str, tuple[str, ...]]:
        """The names of chains of Services that are there now or then."""
        return {name: called for cluster in self.clusters for name, called in chain_names(cluster).items()}

    def _of_step(self, place: int, field: str, error: InputError) -> InputError:
        """The same error, at its place in the file."""
        path: FieldPath = ("steps", place, field)
        findings = [
            Finding(one.code, _of_rules(one), path, one.found, one.help, one.notes)
            for one in error.diagnostics
        ]
        return InputError(located(Subject(self._loaded.draft.document), findings))

    def __repr__(self) -> str:
        return f"Scenario.load({self.path!r})"


def _of_rules(one: Diagnostic) -> str:
    """What is said about a line of rules, with its number."""
    if one.position is None or one.position.line is None:
        return one.message
    return f"line {one.position.line} of these rules: {one.message}"
