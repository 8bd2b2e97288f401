"""What the fixtures `cluster` and `world` give: what the test's marker names."""

from __future__ import annotations

from typing import Any

import pytest

from kproxysim.cluster import Cluster
from kproxysim.network import World
from kproxysim.scenario import Scenario
from kproxysim.scenario.find import holds_scenario
from kproxysim.testing.plugin import MARKER

__all__ = ["cluster_of", "world_of"]


def cluster_of(request: pytest.FixtureRequest) -> Cluster:
    """The cluster that the marker names."""
    sources, _ = _marked(request)
    scenario = _scenario(sources)
    return Cluster.load(sources) if scenario is None else scenario.cluster


def world_of(request: pytest.FixtureRequest, version: str | None) -> World:
    """The world that the marker names, under a version of kube-proxy if one is given."""
    sources, arguments = _marked(request)
    scenario = _scenario(sources)
    if scenario is None:
        return World(
            Cluster.load(sources), **{**arguments, **({} if version is None else {"version": version})}
        )
    if arguments:
        given = ", ".join(arguments)
        pytest.fail(
            f"{request.node.name}: a scenario has a world of its own; leave out {given}", pytrace=False
        )
    return scenario.world(version)


def _marked(request: pytest.FixtureRequest) -> tuple[list[Any], dict[str, Any]]:
    marker = request.node.get_closest_marker(MARKER)
    if marker is None or not marker.args:
        pytest.fail(
            f"{request.node.name} asks for {request.fixturename}, and nothing says which: write "
            f'@pytest.mark.{MARKER}("manifests.yaml") over the test, with files as seen from its folder',
            pytrace=False,
        )
    folder = request.path.parent
    sources = [str(folder / source) if isinstance(source, str) else source for source in marker.args]
    return sources, dict(marker.kwargs)


def _scenario(sources: list[Any]) -> Scenario | None:
    """The scenario, if the only source is one."""
    if len(sources) == 1 and isinstance(sources[0], str) and holds_scenario(sources[0]):
        return Scenario.load(sources[0])
    return None
