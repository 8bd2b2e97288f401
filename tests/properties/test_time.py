"""Laws that hold while things happen: objects come and go, kube-proxies lag, nodes reboot, connections live on."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from kproxysim.network import Edge
from kproxysim.scenario import Scenario
from kproxysim.testing import (
    TIME_LAWS,
    Call,
    ClusterMachine,
    LawBroken,
    Situation,
    TimeLaw,
    Timeline,
    check_timeline,
)
from kproxysim.testing.law import Broken, Examined
from kproxysim.testing.program import program
from kproxysim.testing.record import record, situation_text
from kproxysim.testing.strategies import calls, clusters, timelines, timelines_for, worlds
from kproxysim.testing.strategies.events import EVENTS, WAITS
from tests.network.small import service, world
from tests.properties.spoken import check_spoke

ORDINARY = settings.get_current_profile_name() == "ordinary"
few = settings(max_examples=16) if ORDINARY else settings()

TestClusterOverTime = ClusterMachine.TestCase
TestClusterOverTime.settings = settings(
    few, max_examples=12 if ORDINARY else 100, stateful_step_count=8, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("law", TIME_LAWS, ids=[law.name for law in TIME_LAWS])
def test_law(law: TimeLaw) -> None:
    spoke = 0

    @few
    @given(timelines_for(law))
    def holds(timeline: Timeline) -> None:
        nonlocal spoke
        spoke += law.applies(timeline)
        check_timeline(timeline, laws=[law])

    holds()
    check_spoke({law.name: spoke}, few)


@few
@given(timelines(worlds(clusters(services=(1, 2)), firewall=False), steps=(0, 6)), st.data())
def test_a_time_line_is_a_scenario_and_a_program(
    tmp_path_factory: pytest.TempPathFactory, timeline: Timeline, data: st.DataObject
) -> None:
    """What is written replays: the same call at its end goes the same way."""
    call = data.draw(calls(timeline.world))
    situation = Situation(timeline.world, call, timeline=timeline)
    assume(not situation.endless)
    names: dict[str, Any] = {}
    exec(program(situation), names)  # noqa: S102 - what is to be pasted runs
    assert names["trace"] == situation.trace
    path = tmp_path_factory.mktemp("drawn") / "drawn.scenario.yaml"
    path.write_text(situation_text(situation, about="As drawn"), encoding="utf-8")
    scenario = Scenario.load(path)
    moments = list(scenario.timeline())
    assert len(moments) == len(timeline.moments) + 1
    assert moments[-1].trace == situation.trace


@pytest.mark.parametrize(
    "events, wanted",
    [
        (("open", "send", "reply", "close"), ["open", "send", "reply", "close"]),
        (EVENTS, ["open", "apply", "delete", "wait", "flush", "kubeProxy"]),
        (("kube-proxy", "flush"), ["lag", "sync", "stop", "start", "restart", "conntrack", "rules"]),
    ],
    ids=["connections", "all", "nodes"],
)
def test_everything_happens(events: tuple[str, ...], wanted: list[str]) -> None:
    seen: Counter[str] = Counter()
    served = clusters(services=1, types=("ClusterIP",), endpoints=(1, 2), oddities=False)
    place = worlds(served, firewall=False)

    @settings(
        max_examples=30,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(timelines(place, events=events, steps=8))
    def draw(timeline: Timeline) -> None:
        for moment in timeline.moments:
            seen.update([moment.verb, str(moment.step.get("kubeProxy", moment.step.get("flush", "")))])

    draw()
    assert set(wanted) <= set(seen)


def _never(timeline: Timeline) -> Examined:
    if timeline.moments[-1].verb == "send":
        yield Broken("data was sent", {"client": "refused"})


NEVER = TimeLaw("nobody-speaks", "Nobody ever sends data.", "made up, to be broken", _never)


def test_a_law_that_time_breaks_is_told_and_replayed(tmp_path: Path) -> None:
    timeline = Timeline(world(service("web", "10.8.0.1")))
    timeline.open(Call("node/node-a", "10.8.0.1:80"))
    timeline.wait(20)
    timeline.send("c1")
    with pytest.raises(LawBroken) as broken:
        check_timeline(timeline, laws=(NEVER,))
    (violation,) = broken.value.violations
    told = str(broken.value)
    assert "law broken: nobody-speaks" in told
    assert "after 20 s and open c1, wait 20s, send c1\nbecause data was sent" in told
    assert told.endswith("world.advance(20)\nworld.send_on(c1, rng=Random(0))")
    assert record(violation, tmp_path) == "kproxysim run .kproxysim/nobody-speaks.scenario.yaml"
    path = tmp_path / ".kproxysim" / "nobody-speaks.scenario.yaml"
    (check,) = [one for one in Scenario.load(path).run().checks if not one.passed]
    assert "client: wanted refused, got answered" in check.message
    kind = TimeLaw("nobody-speaks", NEVER.statement, NEVER.source, lambda _: iter([Broken("it was")]))
    unsaid = kind.check(timeline)
    assert unsaid is not None
    assert record(unsaid, tmp_path) == "kproxysim trace .kproxysim/nobody-speaks.scenario.yaml --at 3"


class TestTimeline:
    """What happens, by name."""

    def test_who_is_behind(self) -> None:
        timeline = Timeline(world(service("web", "10.8.0.1")))
        timeline.kube_proxy("lag", "node-a")
        timeline.kube_proxy("stop", "node-b")
        assert timeline.behind == frozenset({"node-a", "node-b"})
        assert timeline.running == ("node-a",)
        timeline.kube_proxy("sync", "node-a")
        timeline.flush("rules", "node-a")
        timeline.kube_proxy("start", "node-b")
        assert timeline.behind == frozenset({"node-a"})
        timeline.reboot("node-a")
        assert not timeline.behind
        assert sorted(timeline.running) == ["node-a", "node-b"]

    def test_a_reboot_forgets(self) -> None:
        timeline = Timeline(world(service("web", "10.8.0.1")))
        timeline.open(Call("node/node-a", "10.8.0.1:80"))
        assert timeline.world.conntrack("node-a")
        timeline.reboot("node-a")
        assert not timeline.world.conntrack("node-a")
        assert timeline.start.conntrack("node-a") == ()


def test_what_the_edge_translates_is_no_stale_entry() -> None:
    """The edge leads a public address to a node, where the external IP that names it matches nothing."""
    public = service(
        "dns",
        "10.8.0.1",
        externalIPs=["198.51.100.12"],
        ports=[{"name": "http", "port": 80, "protocol": "UDP"}],
    )
    timeline = Timeline(world(public, edge=Edge("gce", {"198.51.100.12": "10.128.0.12"})))
    timeline.open(Call("internet/203.0.113.7", "198.51.100.12:80/udp"))
    timeline.send("c1")
    check_timeline(timeline)


def test_laws_of_time_say_where_they_are_written(root: Path) -> None:
    for law in TIME_LAWS:
        assert law.statement.endswith(".")
        assert law.source
        assert (root / law.scenario).is_file()
    assert len(set(EVENTS)) == len(EVENTS)
    assert max(WAITS) > 86400
