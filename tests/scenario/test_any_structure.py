"""Whatever a file holds, it is a scenario or an InputError with places, and nothing else ever comes of it."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from kproxysim.errors import Diagnostic, InputError
from kproxysim.scenario import Check, Scenario, json_schema
from tests.scenario.examples import WITH_STEPS

FIELDS = sorted(
    {
        *json_schema()["properties"],
        *(name for part in json_schema()["$defs"].values() for name in part.get("properties", ())),
    }
)
WORDS = (
    "", "x", "default/echo-1", "node-a", "node/node-a", "browser", "web", "10.44.0.5", "10.48.3.7:80", "198.51.100.12:80/udp", "tcp/80", "1/2", "3/2",
    "gce", "delivered", "nobody", "gce-nat", "KUBE-EXT default/echo:http", "Service default/echo x", "::1", "[::1]:80", "10.0.0.0/8", "it.yaml", "\x00",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**40),
    st.floats(allow_nan=False),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.sampled_from(WORDS[1:-1])), inner, max_size=4),
    ),
    max_leaves=12,
)


@st.composite
def spoilt(draw: DrawFn) -> dict[str, Any]:
    """The sound scenario with something else in some places."""
    document: dict[str, Any] = yaml.safe_load(WITH_STEPS)
    for _ in range(draw(st.integers(1, 4))):
        place: Any = document
        key: Any = draw(st.sampled_from(sorted(document)))
        for _ in range(draw(st.integers(0, 4))):
            inner = place[key]
            if isinstance(inner, dict) and inner:
                place, key = inner, draw(st.sampled_from(sorted(inner)))
            elif isinstance(inner, list) and inner:
                place, key = inner, draw(st.integers(0, len(inner) - 1))
        place[key] = draw(VALUES)
    return document


def come_of(folder: Path, document: Any) -> None:
    path = folder / "it.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    scenario, mistakes = read(path)
    assert all(one.position is not None for one in mistakes)
    if scenario is None:
        return
    checks, impossible = run(scenario)
    assert all(one.position is not None for one in impossible)
    for check in checks:
        assert check.passed is not bool(check.message)


def run(scenario: Scenario) -> tuple[tuple[Check, ...], tuple[Diagnostic, ...]]:
    try:
        return scenario.run().checks, ()
    except InputError as error:  # a step that can't happen
        return (), error.diagnostics


def read(path: Path) -> tuple[Scenario | None, tuple[Diagnostic, ...]]:
    try:
        return Scenario.load(path), ()
    except InputError as error:
        return None, error.diagnostics


class TestAnyStructure:
    @given(document=spoilt())
    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    def test_a_scenario_spoilt_in_some_places(self, tmp_path: Path, document: dict[str, Any]) -> None:
        come_of(tmp_path, document)

    @given(document=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8))
    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    def test_no_scenario_at_all(self, tmp_path: Path, document: dict[str, Any]) -> None:
        come_of(tmp_path, {"kind": "Scenario", "scenario": 1, "about": "x", **document})
