"""Results of scenarios, in three forms."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from kproxysim.report.run import results_junit, results_page, results_to_dict
from kproxysim.report.timeline import DeltaLike, duration_text
from tests.report.test_hostile_names import NAMES


@dataclass(frozen=True)
class Scenario:
    name: str
    path: str = "scenarios/x.yaml"
    about: str = "what it shows"


@dataclass(frozen=True)
class Check:
    packet: str
    message: str = ""
    step: int = 0

    @property
    def title(self) -> str:
        return f"step {self.step}, open {self.packet}" if self.step else self.packet

    @property
    def passed(self) -> bool:
        return not self.message

    @property
    def expectation(self) -> Mapping[str, Any]:
        return {"packet": self.packet, "reaches": {"default/echo-1": "1/2"}, "through": ["gce-nat", "DNAT"]}


@dataclass(frozen=True)
class Standing:
    name: str
    shares: Mapping[tuple[str, str], Fraction]
    is_new: bool = True


@dataclass(frozen=True)
class Moment:
    number: int
    event: str
    at: float = 0
    name: str = ""
    about: str = ""
    standings: tuple[Standing, ...] = ()
    deltas: tuple[DeltaLike, ...] = ()
    flushed: tuple[int, int] | None = None


@dataclass(frozen=True)
class Result:
    scenario: Scenario
    checks: tuple[Check, ...]
    moments: tuple[Moment, ...] = ()

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


ONE = Fraction(1)
OPENED = Moment(1, "open web", standings=(Standing("web", {("open", "default/echo-1"): ONE}),))
SPLIT = Moment(
    2,
    "send on other",
    90,
    "late",
    "what to look at",
    (
        Standing("other", {("open", "default/echo-1"): ONE / 3, ("timeout", "dropped-by-rule"): ONE * 2 / 3}),
        Standing("web", {("open", "default/echo-1"): ONE}, is_new=False),
    ),
    flushed=(1, 4),
)
STEPS = Result(
    Scenario("time"),
    (Check("web", "", 1), Check("other", "connection: wanted open, got timeout", 2)),
    (OPENED, SPLIT),
)

TABLE = """\
FAIL  time  what it shows

      step    time   event          connections
ok    1       0s     open web       web  open, default/echo-1
FAIL  2 late  1m30s  send on other  other  1/3 open, default/echo-1
                                           2/3 timeout, dropped-by-rule
                       1 to 4 entries of conntrack gone
                       what to look at
                       connection: wanted open, got timeout

1 scenario, 2 expectations: 1 failed in 1 scenario
"""


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


class TestTimeline:
    def test_the_only_scenario_is_shown_step_by_step(self) -> None:
        assert results_page([STEPS]).text() == TABLE

    def test_of_several_only_the_steps_that_fail_are(self) -> None:
        text = results_page([GOOD, STEPS]).text()
        assert "FAIL  time      what it shows\n      FAIL  step 2, open other\n" in text
        assert "1m30s" not in text
        assert TABLE.partition("\n\n1 ")[0] in results_page([GOOD, STEPS], verbose=True).text().replace(
            "time      ", "time  "
        )

    @pytest.mark.parametrize("name", NAMES)
    def test_names_stay_text_and_lines_keep_to_the_width(self, name: str) -> None:
        long = f"{name} " * 30
        standings = tuple(Standing(f"{name}{number}", {("open", long): ONE}) for number in range(7))
        moment = Moment(1, f"delete Pod {long}", 5, name, f"{long} {long}", standings)
        page = results_page([Result(Scenario("x"), (Check("p", long, 1),), (moment,))])
        assert all(line.isprintable() and len(line) <= 100 for line in page)

    @pytest.mark.parametrize(
        "seconds, text",
        [
            (0, "0s"),
            (0.25, "0.25s"),
            (59, "59s"),
            (60, "1m"),
            (90, "1m30s"),
            (3600, "1h"),
            (90061, "25h1m1s"),
        ],
    )
    def test_time_is_written_as_in_a_file(self, seconds: float, text: str) -> None:
        assert duration_text(seconds) == text


class TestJson:
    def test_has_every_check(self) -> None:
        data = json.loads(json.dumps(results_to_dict([GOOD, BAD])))
        assert data["passed"] is False
        assert [scenario["passed"] for scenario in data["scenarios"]] == [True, False]
        assert data["scenarios"][1]["checks"][0]["message"].startswith("reaches: wanted a")
        assert "message" not in data["scenarios"][1]["checks"][1]

    def test_has_every_step(self) -> None:
        (scenario,) = json.loads(json.dumps(results_to_dict([STEPS])))["scenarios"]
        assert [check["step"] for check in scenario["checks"]] == [1, 2]
        assert scenario["steps"][1] == {
            "step": 2,
            "name": "late",
            "about": "what to look at",
            "event": "send on other",
            "at": 90,
            "connections": [
                {
                    "name": "other",
                    "changed": True,
                    "ways": [
                        {"probability": "1/3", "state": "open", "detail": "default/echo-1"},
                        {"probability": "2/3", "state": "timeout", "detail": "dropped-by-rule"},
                    ],
                },
                {
                    "name": "web",
                    "changed": False,
                    "ways": [{"probability": "1", "state": "open", "detail": "default/echo-1"}],
                },
            ],
            "flushed": [1, 4],
        }
        assert "steps" not in results_to_dict([GOOD])["scenarios"][0]


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
