"""JSON: what scripts rely on, held by its schema."""

from __future__ import annotations

import json

import jsonschema
import pytest

from kproxysim.network import World
from kproxysim.network.trace import Trace
from kproxysim.report.json_text import dumps, rules_to_dict
from kproxysim.report.trace_schema import TRACE_SCHEMA
from tests.report.worlds import sent


class TestTraceSchema:
    def test_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(TRACE_SCHEMA)

    def test_real_traces_keep_to_it(self, various: dict[str, Trace]) -> None:
        validator = jsonschema.Draft202012Validator(TRACE_SCHEMA)
        for name, trace in various.items():
            errors = [error.message for error in validator.iter_errors(json.loads(dumps(trace.to_dict())))]
            assert errors == [], name

    def test_every_field_of_a_trace_is_in_it(self, various: dict[str, Trace]) -> None:
        closed = json.loads(json.dumps(TRACE_SCHEMA))

        def close(part: object) -> None:
            if isinstance(part, dict):
                if "properties" in part:
                    part["additionalProperties"] = False
                for value in part.values():
                    close(value)
            elif isinstance(part, list):
                for value in part:
                    close(value)

        close(closed)
        validator = jsonschema.Draft202012Validator(closed)
        for name, trace in various.items():
            assert [error.message for error in validator.iter_errors(trace.to_dict())] == [], name

    @pytest.mark.parametrize("field", ["probability", "disposition", "hops", "packet"])
    def test_a_branch_without_a_field_is_refused(self, externalip: Trace, field: str) -> None:
        data = externalip.to_dict()
        del data["branches"][0][field]
        assert not jsonschema.Draft202012Validator(TRACE_SCHEMA).is_valid(data)


class TestDumps:
    def test_same_values_same_bytes(self, world: World) -> None:
        first, second = (dumps(sent(world, "198.51.100.12:80").to_dict()) for _ in range(2))
        assert first == second

    def test_nothing_beyond_ascii(self) -> None:
        text = dumps({"name": "\x1b[31m \u202e ü"})
        assert text.isascii()
        assert "\x1b" not in text
        assert json.loads(text) == {"name": "\x1b[31m \u202e ü"}


class TestRules:
    def test_each_rule_says_what_made_it(self, world: World) -> None:
        data = rules_to_dict(world.ruleset("node-a"), "node-a")
        tables = {table["name"]: table for table in data["tables"]}
        chains = {chain["name"]: chain for chain in tables["nat"]["chains"]}
        rule = chains["KUBE-SERVICES"]["rules"][1]
        assert rule["number"] == 2
        assert rule["rule"].startswith("-A KUBE-SERVICES ")
        assert rule["origin"] == {
            "object": "Service default/echo-ext",
            "field": "spec.externalIPs[0]",
            "port": "http",
        }
        assert chains["PREROUTING"]["policy"] == "ACCEPT"
        assert data["family"] == "ipv4"
