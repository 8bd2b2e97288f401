"""Every file in scenarios/ is read without a word, and all that it expects holds, under every version it could be run with."""

from pathlib import Path

import pytest

from kproxysim.kubeproxy import SUPPORTED
from kproxysim.scenario import Scenario, find_scenarios

FOLDER = Path(__file__).parent.parent.parent / "scenarios"
FILES = find_scenarios([FOLDER])

SINCE = {
    "k8s-119150-cluster-ip-local": "1.29",
    "k8s-66607-ip-mode-proxy": "1.30",
    "rolling-update-local": "1.26",
}
"""Scenarios of what an older kube-proxy did not do: from which version on they hold."""


@pytest.fixture(scope="module", params=FILES, ids=[path.stem for path in FILES])
def scenario(request: pytest.FixtureRequest) -> Scenario:
    path: Path = request.param
    return Scenario.load(path)


class TestEachScenario:
    def test_is_sound(self, scenario: Scenario) -> None:
        assert scenario.findings == ()

    def test_holds(self, scenario: Scenario) -> None:
        messages = [f"{check.title}: {check.message}" for check in scenario.run().checks if not check.passed]
        assert messages == []

    @pytest.mark.parametrize("age", ["oldest", "newest"])
    def test_holds_with_the_oldest_and_the_newest_kube_proxy(self, scenario: Scenario, age: str) -> None:
        version = SUPPORTED[-1] if age == "newest" else SINCE.get(scenario.name, SUPPORTED[0])
        messages = [
            f"{check.title}: {check.message}" for check in scenario.run(version).checks if not check.passed
        ]
        assert messages == []

    def test_shows_what_came_with_a_version(self, scenario: Scenario) -> None:
        if scenario.name in SINCE:
            before = SUPPORTED[SUPPORTED.index(SINCE[scenario.name]) - 1]
            assert not scenario.run(before).passed

    def test_expects_something_of_every_packet(self, scenario: Scenario) -> None:
        assert {check.packet for check in scenario.run().checks} - {""} == set(scenario.packets)

    def test_says_what_it_is_about(self, scenario: Scenario) -> None:
        """In one line that fits beside its name, and in a paragraph."""
        assert len(scenario.about) <= 72
        assert len(scenario.teaches.split()) >= 30

    def test_every_packet_has_shares_that_add_up(self, scenario: Scenario) -> None:
        for name in scenario.packets:
            trace = scenario.trace(name)
            assert sum(branch.probability for branch in trace) == 1
            assert sum(branch.probability_kernel for branch in trace) == 1


class TestTheTwoSetUps:
    """A node port and an external IP: two ways to the same chain, and the same rules from there on."""

    def test_are_the_same_from_KUBE_EXT_on(self) -> None:  # noqa: N802 - the chain's name
        scenario = Scenario.load(FOLDER / "nodeport-vs-externalip.yaml")
        ways = []
        for packet in ("nodeport", "externalip"):
            for branch in scenario.trace(packet):
                rules = [
                    (hop.where, step.chain[:8], step.number, step.action[:12]) for hop, step in branch.rules()
                ]
                ways.append(rules[next(n for n, rule in enumerate(rules) if rule[1] == "KUBE-EXT") :])
        assert ways[:2] == ways[2:]


def test_every_scenario_stands_in_the_list() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in FILES:
        scenario = Scenario.load(path)
        assert f"| [{scenario.name}]({path.relative_to(FOLDER)}) | {scenario.about} |" in page
