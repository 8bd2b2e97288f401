"""A cluster that changes: what each kube-proxy writes, and what packets find afterwards."""

from pathlib import Path
from random import Random

import pytest

from kproxysim.cluster import Cluster
from kproxysim.cluster.changes import title_of
from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, SyncReport, World
from kproxysim.network.sync_report import Written
from tests.kubeproxy.recordings import PARTIAL_SYNCS, name_of, observed, parse_object, read, recorded
from tests.network.small import BOTH, CONFIG, endpoints, node, service, world

ECHO = service("echo", "10.8.0.1", node_port=30080)
WEB = service("web", "10.8.0.2")
ONE, TWO = BOTH
CLIENT = "internet/203.0.113.7"


def ends(at: World, to: str = "10.128.0.12:30080") -> list[str]:
    """Where a packet from outside may end, as pod or as disposition."""
    trace = at.send(at.packet(CLIENT, to), CLIENT)
    return [branch.delivered_to.pod if branch.delivered_to else branch.disposition for branch in trace]


def of(reports: tuple[SyncReport, ...], node: str) -> SyncReport:
    (report,) = (one for one in reports if one.node == node)
    return report


@pytest.mark.parametrize("path", PARTIAL_SYNCS, ids=name_of)
def test_what_is_written_is_what_kube_proxy_wrote(path: Path) -> None:
    """The recordings saw no stale chains, since their tables stayed empty: `-X` is left out."""
    recording = read(path)
    (family,) = recording.expected
    here = World(
        recording.cluster,
        config=recording.config,
        version=recording.version,
        facts={recording.node: recording.facts},
    )
    for step, expected in zip(recording.steps, recording.expected[family]["steps"], strict=True):
        here.lag_kube_proxy(recording.node)  # it got all changes of a step at once
        for change in step:
            thing = parse_object(change["object"])
            if change["op"] == "apply":
                here.apply(thing)
            else:
                here.delete(title_of(thing))
        reports = here.sync_kube_proxy(recording.node)
        report = next(one for one in reports if one.family == family)
        wanted = recorded(expected)
        stale = {line[3:] for line in report.script.splitlines() if line.startswith("-X ")}
        for section in report.sync.script.sections:
            for chain in stale:
                section.declared.pop(chain, None)
            section.statements[:] = [one for one in section.statements if not str(one).startswith("-X ")]
        assert observed(report.sync, wanted) == wanted
        assert not report.full


class TestObjects:
    def test_endpoints_come_and_go(self) -> None:
        here = world(ECHO, WEB)
        assert ends(here) == ["default/echo-1", "default/echo-2"]
        report = of(here.apply(endpoints("echo", TWO)), "node-a")
        assert ends(here) == ["default/echo-2"]
        assert (report.full, report.deleted) == (False, ())
        # a KUBE-SEP chain with its two rules, and the draw that led to it; the last endpoint's rule has none
        assert report.written == Written(chains_removed=1, rules_removed=3)
        here.delete("EndpointSlice default/echo-x")
        assert ends(here) == ["rejected"]

    def test_tables_are_those_of_a_kube_proxy_that_starts_now(self) -> None:
        here = world(ECHO, WEB)
        here.apply([service("new", "10.8.0.3"), endpoints("new", ONE)])
        here.delete("Service default/web")
        here.patch("Service default/echo", {"spec": {"externalIPs": ["192.0.2.1"]}})
        new = World(here.cluster, config=here.config)
        assert here.ruleset("node-a").to_save() == new.ruleset("node-a").to_save()
        assert here.ruleset("node-b", "ipv6").to_save() == new.ruleset("node-b", "ipv6").to_save()

    def test_node_ports_may_be_limited_to_what_a_node_has_on_its_interfaces(self) -> None:
        """Where no edge translates that is its public address as well; and kube-proxy starts anew for a new one."""
        limited = CONFIG.model_copy(update={"node_port_addresses": ("198.51.100.0/24", "192.0.2.0/24")})
        cluster = world(ECHO).cluster
        here = World(cluster, edge=Edge("routed"), config=limited)
        both = ["default/echo-1", "default/echo-2"]
        assert ends(here, "198.51.100.12:30080") == both
        assert ends(here, "10.128.0.12:30080") == ["refused"]
        here.apply(node("node-a", "10.128.0.12", "192.0.2.12", "10.44.0.0/24"))
        assert ends(here, "192.0.2.12:30080") == both
        assert ends(World(cluster, config=limited), "198.51.100.12:30080") == ["refused"]

    def test_what_changes_nothing_makes_no_sync(self) -> None:
        here = world(ECHO)
        assert here.apply(ECHO) == ()
        assert here.patch("Service default/echo", {"metadata": {"labels": {"a": "b"}}}) == ()

    def test_a_node_that_joins_gets_its_rules(self) -> None:
        here = world(ECHO)
        other = here.cluster.nodes[1].model_dump(by_alias=True, exclude_unset=True)
        other["metadata"]["name"] = "node-c"
        other["spec"] = {"providerID": "gce://x"}
        other["status"]["addresses"] = [{"type": "InternalIP", "address": "10.128.0.14"}]
        assert here.apply({"apiVersion": "v1", "kind": "Node", **other}) == ()
        trace = here.send(here.packet("node/node-a", "10.128.0.14:30080"))
        assert {branch.delivered_to.pod for branch in trace if branch.delivered_to} == {
            "default/echo-1",
            "default/echo-2",
        }
        here.delete("Node node-c")
        with pytest.raises(InputError, match="KPS703"):
            here.ruleset("node-c")

    def test_a_pod_outlives_its_endpoint_until_it_is_removed(self) -> None:
        here = world(ECHO)
        here.apply(endpoints("echo", TWO))
        assert ends(here, "10.44.0.5:8080") == ["default/echo-1"]
        here.remove_pod("default/echo-1")
        assert ends(here, "10.44.0.5:8080") == ["unreachable"]
        with pytest.raises(InputError, match=r"KPS707.*no pod 'default/echo-1'"):
            here.delete("Pod default/echo-1")

    def test_a_removed_pod_comes_back_only_when_it_is_named_anew(self) -> None:
        here = world(ECHO)
        here.remove_pod("default/echo-1")
        here.apply(endpoints("echo", ONE, TWO, ("10.44.1.9", "node-b", "echo-3")))
        # nobody has the address on node-a: out to the cloud, which sends it back, from the node's own address
        assert ends(here) == ["martian", "default/echo-2", "default/echo-3"]
        here.apply(endpoints("echo", TWO))
        here.apply(endpoints("echo", ONE, TWO))
        assert ends(here) == ["default/echo-1", "default/echo-2"]

    def test_a_fork_goes_its_own_way(self) -> None:
        here = world(ECHO)
        here.apply(endpoints("echo", ONE))
        there = here.fork()
        there.apply(endpoints("echo", TWO))
        there.advance(5)
        assert (ends(here), here.now) == (["default/echo-1"], 0)
        assert (ends(there), there.now) == (["default/echo-2"], 5)
        assert of(here.apply(endpoints("echo", ONE, TWO)), "node-b").written.chains_added == 1
        assert ends(there) == ["default/echo-2"]


class TestKubeProxies:
    def test_one_that_is_stopped_writes_nothing_and_everything_when_it_starts(self) -> None:
        here = world(ECHO)
        here.stop_kube_proxy("node-a")
        assert [one.node for one in here.apply(endpoints("echo", TWO))] == ["node-b"]
        assert ends(here) == ["default/echo-1", "default/echo-2"]
        with pytest.raises(InputError, match=r"KPS706.*no kube-proxy runs on node-a"):
            here.sync_kube_proxy("node-a")
        (report,) = here.start_kube_proxy("node-a")
        assert (report.full, report.written.chains_removed) == (True, 1)
        assert ends(here) == ["default/echo-2"]

    def test_one_that_lags_catches_up_with_a_partial_sync(self) -> None:
        here = world(ECHO, WEB)
        here.lag_kube_proxy("node-a")
        here.apply(endpoints("echo", TWO))
        here.apply(endpoints("echo", TWO, ("10.44.1.9", "node-b", "echo-3")))
        assert ends(here) == ["default/echo-1", "default/echo-2"]
        assert ends(here, "10.128.0.13:30080") == ["default/echo-2", "default/echo-3"]
        (report,) = here.sync_kube_proxy("node-a")
        assert not report.full
        assert ends(here) == ["default/echo-2", "default/echo-3"]

    def test_given_rules_stay_until_a_kube_proxy_starts_there(self) -> None:
        here = world(ECHO, rules={"node-a": [Ruleset.from_save("*nat\nCOMMIT\n")]})
        assert [one.node for one in here.apply(endpoints("echo", TWO))] == ["node-b"]
        assert ends(here) == ["refused"]
        here.start_kube_proxy("node-a")
        assert ends(here) == ["default/echo-2"]


class TestRules:
    def test_flushed_rules(self) -> None:
        here = world(ECHO)
        here.flush_rules("node-a")
        assert ends(here) == ["refused"]
        assert ends(here, "10.128.0.13:30080") == ["default/echo-1", "default/echo-2"]

    def test_a_text_adds_to_what_is_there(self) -> None:
        here = world(ECHO)
        here.restore("node-a", "*mangle\n-A PREROUTING -s 203.0.113.7/32 -j DROP\nCOMMIT\n")
        assert ends(here) == ["dropped"]
        here.restore("node-a", "*mangle\nCOMMIT\n", noflush=False)
        assert ends(here) == ["default/echo-1", "default/echo-2"]

    def test_chains_that_are_there_may_be_used(self) -> None:
        here = world(ECHO)
        here.restore("node-a", "*filter\n:KUBE-FORWARD - [0:0]\n-A KUBE-FORWARD -j DROP\nCOMMIT\n")
        assert ends(here) == ["dropped", "dropped"]
        here.restore("node-a", "*nat\n:EMPTY - [0:0]\n-A KUBE-NODEPORTS -j EMPTY\nCOMMIT\n")
        with pytest.raises(InputError, match=r"<rules>:2.*KPS503"):
            here.restore("node-a", "*nat\n-A KUBE-OTHER -j EMPTY\nCOMMIT\n")


def test_time_does_not_go_back() -> None:
    here = World(Cluster())
    with pytest.raises(ValueError, match="does not go back"):
        here.advance(-1)


@pytest.mark.parametrize("seed", range(6))
def test_however_it_came_about_the_tables_are_those_of_the_cluster(seed: int) -> None:
    """Partial syncs, lags, restarts and forks leave what a kube-proxy that starts now would write."""
    rng = Random(seed)
    here = world(ECHO, WEB)
    pods = [
        (f"10.44.{number % 2}.{20 + number}", f"node-{'ab'[number % 2]}", f"p{number}") for number in range(5)
    ]
    for _ in range(12):
        what, name = rng.randrange(7), rng.choice(["echo", "web", "new"])
        there = here.fork()
        if what < 3:
            there.apply(endpoints(name, *rng.sample(pods, rng.randrange(4))))
        elif what == 3:
            there.apply(
                service(name, f"10.8.0.{rng.randrange(1, 9)}", externalIPs=["192.0.2.9"][: rng.randrange(2)])
            )
        elif what == 4 and any(one.metadata.name == name for one in there.cluster.services):
            there.delete(f"Service default/{name}")
        elif what == 5:
            there.lag_kube_proxy("node-a")
        elif what == 6:
            there.start_kube_proxy("node-b")
        there.advance(rng.choice([0, 10, 4000]))
        if rng.randrange(4):
            here = there
    here.sync_kube_proxy("node-a")
    now = World(here.cluster, config=here.config)
    for name in ("node-a", "node-b"):
        assert here.ruleset(name).to_save() == now.ruleset(name).to_save()
