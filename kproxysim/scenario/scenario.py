"""A scenario: a cluster, what lies around it, packets, and what is to become of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kproxysim.cluster import Cluster
from kproxysim.errors import InputError
from kproxysim.network import Trace, World
from kproxysim.scenario.chains import chain_names
from kproxysim.scenario.check import Check, check
from kproxysim.scenario.load import Loaded, build_world, load
from kproxysim.scenario.mistakes import known_names
from kproxysim.scenario.model import PacketForm
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = ["PacketSpec", "Scenario", "ScenarioResult"]

PacketSpec = PacketForm
"""A packet as the file tells it: `source`, `to`, `via`, `sport` and so on; `packet_in` makes it."""

_NAMED_BY_FOLDER = "scenario"


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """All expectations of a scenario, held against what happened."""

    scenario: Scenario
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Do all of them hold?"""
        return all(check.passed for check in self.checks)


class Scenario:
    """A scenario file, read and checked.

    `name` is that of the file (of its folder for a scenario.yaml), `path` the file as it was named. `about`
    and `teaches` are its own words, `packets` its packets by name, `findings` what is odd about it.
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
        self._expected: list[dict[str, Any]] = loaded.draft.document.value.get("expect") or []
        self._worlds: dict[str | None, World] = {None: loaded.world}
        self._traces: dict[tuple[str, str | None], Trace] = {}

    @classmethod
    def load(cls, path: str | Path, *, strict: bool = False) -> Scenario:
        """Read a scenario file and the manifests that it names. With `strict`, warnings are errors.

        Raises InputError with file, line and column for everything that is wrong with any of them.
        """
        return cls(str(path), load(str(path), strict=strict))

    @property
    def expected(self) -> tuple[str, ...]:
        """The packets of which something is expected, in the order of the expectations."""
        return tuple(one.packet for one in self._loaded.draft.file.expect)

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
    ) -> Trace:
        """What becomes of a packet: all of it, the part of one endpoint (`pick`), or one way drawn (`rng`).

        Raises InputError for a packet that this scenario does not have (KPS602), and as `World.send` does.
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
        whole = pick is None and rng is None
        known = self._traces.get((packet, version)) if whole else None
        if known is not None:
            return known
        world = self.world(version)
        sent = form.packet_in(world)
        trace = world.send(
            sent, form.source, via=form.via, mark=form.mark, uid=form.uid, gid=form.gid, pick=pick, rng=rng
        )
        if whole:
            self._traces[packet, version] = trace
        return trace

    def run(self, version: str | None = None) -> ScenarioResult:
        """Hold every expectation against what happens; under another version, if one is given."""
        edge = self.world(version).edge.kind
        chains = chain_names(self.cluster)
        expected = self._loaded.draft.file.expect
        return ScenarioResult(
            self,
            tuple(
                check(one, written, self.trace(one.packet, version=version), chains, edge)
                for one, written in zip(expected, self._expected, strict=True)
            ),
        )

    def __repr__(self) -> str:
        return f"Scenario.load({self.path!r})"
