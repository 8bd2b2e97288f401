"""Files that replay: the format of a scenario, its reader, its runner, and what may be expected."""

from __future__ import annotations

from kproxysim.scenario.check import Check, Failure
from kproxysim.scenario.find import find_scenarios, is_scenario
from kproxysim.scenario.scenario import PacketSpec, Scenario, ScenarioResult
from kproxysim.scenario.schema import json_schema

__all__ = [
    "Check",
    "Failure",
    "PacketSpec",
    "Scenario",
    "ScenarioResult",
    "find_scenarios",
    "is_scenario",
    "json_schema",
]
