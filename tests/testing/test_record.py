"""A situation as a scenario file: it replays, and what a law asks for fails there until it holds."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings

from kproxysim.cluster import Cluster
from kproxysim.errors import InputError, Severity
from kproxysim.kubeproxy import compile_rules
from kproxysim.netfilter.script import Family
from kproxysim.scenario import Scenario
from kproxysim.scenario.write import scenario_text
from kproxysim.testing import LAWS, Call, Situation
from kproxysim.testing.call import again
from kproxysim.testing.record import record, situation_text
from kproxysim.testing.strategies import situations
from tests.network.small import BOTH, CONFIG, service, world

WEB = service("web", "10.8.0.1")
HERE = BOTH[:1]


def without_hairpin(cluster: Cluster, node: str, family: Family) -> str:
    """kube-proxy's rules but for the first of every KUBE-SEP chain."""
    lines = compile_rules(cluster, node, family, config=CONFIG).to_save().splitlines()
    return (
        "\n".join(line for line in lines if not (line.startswith("-A KUBE-SEP") and "MARK-MASQ" in line))
        + "\n"
    )


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(situations())
def test_what_is_written_replays(tmp_path: Path, situation: Situation) -> None:
    assume(not situation.endless)
    text = situation_text(situation, about="As drawn")
    assert text == situation_text(Situation(again(situation.world), situation.call), about="As drawn")
    path = tmp_path / "drawn.scenario.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        scenario = Scenario.load(path)
    except InputError as error:
        # Dialled where nobody is, and the edge did not let it out: a scenario takes that for a slip.
        wrong = {one.code for one in error.diagnostics if one.severity is Severity.ERROR}
        assert wrong == {"KPS603"}
        return
    assert scenario.trace("call") == situation.trace


def test_a_law_of_the_whole_way_is_what_the_file_expects(tmp_path: Path) -> None:
    place = again(world(WEB, only=HERE), rules=without_hairpin)
    violation = LAWS["hairpin"].check(
        Situation(place, Call("pod/default/echo-1", "10.8.0.1:80"), without_hairpin)
    )
    assert violation is not None
    assert record(violation, tmp_path) == "kproxysim run .kproxysim/hairpin.scenario.yaml"
    path = tmp_path / ".kproxysim" / "hairpin.scenario.yaml"
    (check,) = Scenario.load(path).run().checks
    assert "source: wanted masqueraded, got kept" in check.message
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    del document["nodes"]  # with kube-proxy's own rules
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert Scenario.load(path).run().passed
    assert (tmp_path / ".kproxysim" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_law_of_one_node_is_replayed_by_its_run(tmp_path: Path) -> None:
    def swapped(cluster: Cluster, node: str, family: Family) -> str:
        text = compile_rules(cluster, node, family, config=CONFIG).to_save()
        return text.replace("--to-destination 10.44.0.5:8080", "--to-destination 10.44.0.5:80")

    place = again(world(WEB, only=HERE), rules=swapped)
    violation = LAWS["usable-endpoints-only"].check(
        Situation(place, Call("node/node-a", "10.8.0.1:80"), swapped)
    )
    assert violation is not None
    shown = record(violation, tmp_path)
    assert shown == "kproxysim run .kproxysim/usable-endpoints-only.scenario.yaml"
    scenario = Scenario.load(tmp_path / ".kproxysim" / "usable-endpoints-only.scenario.yaml")
    (check,) = scenario.run().checks
    assert check.message.startswith("reaches: wanted 10.44.0.5:8080, got nobody")
    assert [branch.packet.destination for branch in scenario.trace("call")] == ["10.44.0.5:80"]


@pytest.mark.parametrize("duration", ["90s", "1m30s"])
def test_durations_are_written_as_they_are_read(tmp_path: Path, duration: str) -> None:
    config = CONFIG.model_validate({"clusterCIDR": "10.44.0.0/14", "iptables": {"syncPeriod": duration}})
    place = again(world(WEB), config=config)
    path = tmp_path / "one.scenario.yaml"
    form = {"from": "node/node-a", "to": "10.8.0.1:80"}
    path.write_text(scenario_text(place, {"call": form}, about="A period"), encoding="utf-8")
    assert Scenario.load(path).world().config == config
