"""Files that replay: the format of a scenario, its reader, its runner, and what may be expected.

Finding scenarios is cheap; what reads and runs them is loaded when a name of it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kproxysim.scenario.find import find_scenarios, is_scenario

if TYPE_CHECKING:
    from kproxysim.scenario.check import Check, Failure
    from kproxysim.scenario.moment import Moment
    from kproxysim.scenario.scenario import PacketSpec, Scenario, ScenarioResult
    from kproxysim.scenario.schema import json_schema
    from kproxysim.scenario.timeline import Timeline

__all__ = [
    "Check",
    "Failure",
    "Moment",
    "PacketSpec",
    "Scenario",
    "ScenarioResult",
    "Timeline",
    "find_scenarios",
    "is_scenario",
    "json_schema",
]

_HOME_OF = {
    "Check": "check",
    "Failure": "check",
    "Moment": "moment",
    "PacketSpec": "scenario",
    "Scenario": "scenario",
    "ScenarioResult": "scenario",
    "Timeline": "timeline",
    "json_schema": "schema",
}


if not TYPE_CHECKING:  # a type checker knows the names from above, and that there are no others

    def __getattr__(name: str) -> Any:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value
