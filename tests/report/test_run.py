"""Results of scenarios, in three forms."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kproxysim.report.run import results_junit, results_page, results_to_dict


@dataclass(frozen=True)
class Scenario:
    name: str
    path: str = "scenarios/x.yaml"
    about: str = "what it shows"


@dataclass(frozen=True)
class Check:
    packet: str
    message: str = ""

    @property
    def passed(self) -> bool:
        return not self.message

    @property
    def expectation(self) -> Mapping[str, Any]:
        return {"packet": self.packet, "reaches": {"default/echo-1": "1/2"}, "through": ["gce-nat", "DNAT"]}


@dataclass(frozen=True)
class Result:
    scenario: Scenario
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


GOOD = Result(Scenario("nodeport"), (Check("browser"), Check("pod")))
BAD = Result(
    Scenario("externalip"),
    (Check("browser", "reaches: wanted a, got b; they part at nat:KUBE-SERVICES:rule:4"), Check("pod")),
)
HOSTILE = Result(
    Scenario("\x1b[2J<b>", "a&b.yaml", "about\nit"),
    (Check("</testcase>\x00", "wanted <x>\x1b, got \ufffe&"),),
)


class TestText:
    def test_a_line_each_and_a_count(self) -> None:
        assert (
            results_page([GOOD]).text()
            == "ok    nodeport  what it shows\n\n1 scenario, 2 expectations: all hold\n"
        )

    def test_a_failure_says_where_the_two_part(self) -> None:
        text = results_page([GOOD, BAD]).text()
        assert "FAIL  externalip  what it shows\n      FAIL  browser\n" in text
        assert "reaches: wanted a, got b; they part at nat:KUBE-SERVICES:rule:4\n" in text
        assert text.endswith("2 scenarios, 4 expectations: 1 failed in 1 scenario\n")

    def test_verbose_names_what_held(self) -> None:
        text = results_page([GOOD], verbose=True).text()
        assert "ok  browser: reaches default/echo-1 1/2, through gce-nat > DNAT" in text

    def test_a_terminal_gets_lines_that_fit(self) -> None:
        wordy = Result(Scenario("wordy", about="word " * 50), (Check("p"),))
        first = next(iter(results_page([wordy], columns=80)))
        assert len(first) <= 80
        assert first.endswith("...")

    def test_names_stay_text(self) -> None:
        assert all(line.isprintable() for line in results_page([HOSTILE], verbose=True))


class TestJson:
    def test_has_every_check(self) -> None:
        data = json.loads(json.dumps(results_to_dict([GOOD, BAD])))
        assert data["passed"] is False
        assert [scenario["passed"] for scenario in data["scenarios"]] == [True, False]
        assert data["scenarios"][1]["checks"][0]["message"].startswith("reaches: wanted a")
        assert "message" not in data["scenarios"][1]["checks"][1]


class TestJunit:
    def test_a_suite_for_each_scenario_a_case_for_each_check(self) -> None:
        root = ET.fromstring(results_junit([GOOD, BAD]))
        suites = root.findall("testsuite")
        assert [suite.get("name") for suite in suites] == ["nodeport", "externalip"]
        assert [suite.get("failures") for suite in suites] == ["0", "1"]
        assert len(root.findall(".//testcase")) == 4
        (failure,) = root.findall(".//failure")
        assert failure.get("message", "").startswith("reaches: wanted a")

    def test_is_well_formed_whatever_the_names(self) -> None:
        root = ET.fromstring(results_junit([HOSTILE]))
        (case,) = root.findall(".//testcase")
        assert "</testcase>" in case.get("name", "")
