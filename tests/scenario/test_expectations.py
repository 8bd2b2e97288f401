"""What may be expected of a packet, and what is said where it does not come so."""

from fractions import Fraction
from pathlib import Path

import pytest

from kproxysim.network.trace import DISPOSITIONS
from kproxysim.scenario.chains import chain_names
from kproxysim.scenario.expectation import CLIENT_SEES
from kproxysim.scenario.stations import fixed_stations, passed
from tests.scenario.examples import SOUND, load

NEAREST = "nearest: {object: Service default/echo, field: 'spec.externalIPs[0]', failed: dst, wanted: 10.128.0.12/32}"


def expecting(folder: Path, expectation: str, packet: str = '{from: browser, to: "198.51.100.12:80"}') -> str:
    """The message of one expectation about one packet; empty if it holds."""
    head = SOUND[: SOUND.index("packets:")]
    scenario = load(folder, f"{head}packets:\n  it: {packet}\nexpect:\n- packet: it\n  {expectation}\n")
    (check,) = scenario.run().checks
    assert check.passed is (check.message == "")
    assert check.packet == "it"
    assert check.expectation["packet"] == "it"
    return check.message


@pytest.mark.parametrize(
    "expectation",
    [
        "reaches: [default/echo-1, default/echo-2]",
        "reaches: {default/echo-1: 1/2, default/echo-2: 2/4}",
        "reaches: [10.44.0.5, 10.44.1.7]",
        "reaches: ['10.44.0.5:8080', default/echo-2]",
        "disposition: delivered",
        "disposition: {delivered: 1}",
        "reason: served-by-endpoint",
        "client: answered",
        "source: masqueraded",
        "source: [10.44.0.1, 10.128.0.12]",
        "sees: {default/echo-1: 10.44.0.1, default/echo-2: 10.128.0.12}",
        "sees: {10.44.0.5: 10.44.0.1}",
        "reply: delivered",
        "through: [edge, gce-nat, node/node-a, routing]",
        "through: [edge-nat, edge-firewall]",
        "through: ['nat:PREROUTING', KUBE-SERVICES, 'KUBE-EXT default/echo:http', 'KUBE-SVC default/echo:http']",
        "through: ['Service default/echo spec.externalIPs[0]', KUBE-MARK-MASQ, MARK, DNAT, ACCEPT, MASQUERADE]",
        "avoids: [KUBE-NODEPORTS, 'KUBE-FW default/echo:http', nat-nat, internet, REJECT, pod/default/shell]",
        "advice: masqueraded-by-cluster-policy",
        "advice: [cloud-nat-first, masqueraded-by-cluster-policy]",
    ],
)
def test_holds(tmp_path: Path, expectation: str) -> None:
    assert expecting(tmp_path, expectation) == ""


FAILING = [
    (
        "reaches: default/echo-1",
        "reaches: wanted default/echo-1, got 1/2 default/echo-1, 1/2 default/echo-2; they part at default/echo-2 routing (delivered, served-by-endpoint)",
    ),
    (
        "reaches: {default/echo-1: 1/3, default/echo-2: 2/3}",
        "reaches: wanted 1/3 default/echo-1, 2/3 default/echo-2, got 1/2 default/echo-1, 1/2 default/echo-2; they part at default/echo-1 routing (delivered, served-by-endpoint)",
    ),
    ("disposition: dropped", "disposition: wanted dropped, got delivered; they part at default/echo-1 routing (delivered, served-by-endpoint)"),
    ("client: timeout", "client: wanted timeout, got answered; they part at 203.0.113.7 routing on the way back (delivered, answer-arrived)"),
    ("source: kept", "source: wanted kept, got masqueraded; they part at node-a nat: src 203.0.113.7:51514 -> 10.44.0.1:51514"),
    (
        "source: 10.44.0.1",
        "source: wanted 10.44.0.1, got 1/2 10.44.0.1, 1/2 10.128.0.12; they part at node-a nat: src 203.0.113.7:51514 -> 10.128.0.12:51514",
    ),
    ("sees: 10.44.0.1", "sees: wanted 10.44.0.1 at default/echo-2, got 10.128.0.12; they part at node-a nat: src 203.0.113.7:51514 -> 10.128.0.12:51514"),
    ("sees: {default/shell: 10.44.0.1}", "sees: wanted 10.44.0.1 at default/shell, got nothing there; they part at default/echo-1 routing (delivered, served-by-endpoint)"),
    ("reply: none", "reply: wanted none, got delivered; they part at 203.0.113.7 routing on the way back (delivered, answer-arrived)"),
    ("through: [gce-nat, KUBE-NODEPORTS]", "through: wanted KUBE-NODEPORTS, got a way without it after gce-nat; they part at gce edge:one-to-one nat"),
    ("through: [node/node-b]", "through: wanted node/node-b, got a way without it; they part at default/echo-1 routing (delivered, served-by-endpoint)"),
    ("through: [DNAT, gce-nat]", "through: wanted gce-nat, got a way without it after DNAT; they part at node-a nat:KUBE-SEP-D2X2GOCOBI26SAAY:rule:2"),
    ("avoids: [REJECT, MASQUERADE]", "avoids: wanted a way without MASQUERADE, got one through it; they part at node-a nat:KUBE-POSTROUTING:rule:3"),
    ("advice: no-endpoints", "advice: wanted no-endpoints, got cloud-nat-first, masqueraded-by-cluster-policy; they part at default/echo-1 routing (delivered, served-by-endpoint)"),
]  # fmt: skip


@pytest.mark.parametrize("expectation, message", FAILING)
def test_fails_with_what_was_wanted_what_came_and_where_they_part(
    tmp_path: Path, expectation: str, message: str
) -> None:
    found = expecting(tmp_path, expectation)
    # The chain of an endpoint has its own hash for every Service.
    assert found == message or found.partition("KUBE-SEP-")[0] == message.partition("KUBE-SEP-")[0]


class TestAMiss:
    """A packet that no rule takes: the message names the rule that it missed by least."""

    PACKET = '{from: browser, to: "198.51.100.13:80"}'

    def test_is_expected(self, tmp_path: Path) -> None:
        assert expecting(tmp_path, "reaches: nobody", self.PACKET) == ""
        assert expecting(tmp_path, "nearest: {failed: dst, had: 10.128.0.13}", self.PACKET) == ""

    def test_stands_in_the_message(self, tmp_path: Path) -> None:
        found = expecting(tmp_path, "reaches: [default/echo-1, default/echo-2]", self.PACKET)
        assert found.startswith(
            "reaches: wanted 1/2 default/echo-1, 1/2 default/echo-2, got nobody; they part at node-b "
        )
        assert "(refused, no-rule-matched); nearest nat:KUBE-SERVICES:rule:" in found

    def test_another_rule_was_nearest(self, tmp_path: Path) -> None:
        found = expecting(tmp_path, "nearest: {failed: dport, had: 10.128.0.13}", self.PACKET)
        assert found.startswith(
            "nearest: wanted failed dport, got failed dst; they part at nat:KUBE-SERVICES:rule:"
        )

    def test_no_rule_was_near(self, tmp_path: Path) -> None:
        found = expecting(tmp_path, "nearest: {failed: dst}")
        assert found.startswith("nearest: wanted failed dst, got no rule that came near; they part at ")

    def test_a_process_of_the_node_takes_it(self, tmp_path: Path) -> None:
        packet = '{from: browser, to: "198.51.100.12:80"}'
        text = SOUND.replace("podCIDR: 10.44.1.0/24}", "podCIDR: 10.44.1.0/24, listening: [tcp/80]}")
        head = text[: text.index("packets:")]
        scenario = load(
            tmp_path,
            f"{head}packets:\n  it: {packet.replace('.12:', '.13:')}\nexpect:\n- packet: it\n  reaches: node/node-b\n  sees: 203.0.113.7\n",
        )
        assert scenario.run().passed

    def test_a_part_may_arrive_nowhere(self, tmp_path: Path) -> None:
        text = SOUND.replace(
            "  - {addresses: [10.44.1.7]", "  - {addresses: [10.44.1.7], conditions: {ready: true}"
        ).replace(
            "nodeName: node-b, targetRef: {kind: Pod, namespace: default, name: echo-2}", "nodeName: node-z"
        )
        head = text[: text.index("expect:")]
        scenario = load(
            tmp_path,
            f"{head}expect:\n- packet: web\n  reaches: [default/echo-1, nobody]\n  disposition: [delivered, unreachable]\n",
        )
        assert scenario.run().passed, scenario.run().checks[0].message


class TestStations:
    def test_every_chain_of_a_service_and_of_its_endpoints_has_a_name(self, tmp_path: Path) -> None:
        names = chain_names(load(tmp_path, SOUND).cluster)
        assert sorted(called[-1] for called in names.values()) == [
            "KUBE-EXT default/echo:http",
            "KUBE-FW default/echo:http",
            "KUBE-SEP default/echo:http default/echo-1",
            "KUBE-SEP default/echo:http default/echo-2",
            "KUBE-SVC default/echo:http",
            "KUBE-SVL default/echo:http",
        ]

    def test_the_names_are_those_of_the_rules(self, tmp_path: Path) -> None:
        """Every hashed chain that kube-proxy writes for this cluster goes by a role and a Service."""
        scenario = load(tmp_path, SOUND)
        names = chain_names(scenario.cluster)
        nat = scenario.world().ruleset("node-a", "ipv4").tables["nat"]
        hashed = [name for name in nat.chains if name.count("-") == 2 and len(name.rpartition("-")[2]) == 16]
        assert len(hashed) == 4
        assert all(name in names for name in hashed)

    def test_what_a_packet_passes_has_names_of_the_vocabulary(self, tmp_path: Path) -> None:
        scenario = load(tmp_path, SOUND)
        chains = chain_names(scenario.cluster)
        known = {*fixed_stations(), *(name for called in chains.values() for name in called)}
        for branch in scenario.trace("web"):
            for station in passed(branch, chains, "gce"):
                hosts = {"node/node-a", "node/node-b", "pod/default/echo-1", "pod/default/echo-2"}
                by_field = any(
                    name.partition(" ")[0] in ("Service", "kube-proxy", "kubelet") for name in station.names
                )
                assert station.names & (known | hosts) or by_field, station


class TestRuns:
    def test_another_version_may_be_asked_for(self, tmp_path: Path) -> None:
        scenario = load(tmp_path, SOUND)
        assert scenario.world().version == "1.30"
        assert scenario.world("1.25").version == "1.25"
        assert scenario.run("1.25").passed

    def test_the_same_every_time(self, tmp_path: Path) -> None:
        text = SOUND.replace("client: answered", "client: timeout")
        first, second = (load(tmp_path, text).run() for _ in range(2))
        assert [check.message for check in first.checks] == [check.message for check in second.checks]
        assert [check.trace and check.trace.to_dict() for check in first.checks] == [
            check.trace and check.trace.to_dict() for check in second.checks
        ]

    def test_one_branch_may_be_picked(self, tmp_path: Path) -> None:
        scenario = load(tmp_path, SOUND)
        (branch,) = scenario.trace("web", pick="default/echo-2")
        assert branch.probability == Fraction(1, 2)

    def test_shares_add_up(self, tmp_path: Path) -> None:
        assert sum(branch.probability for branch in load(tmp_path, SOUND).trace("web")) == 1


def test_words_are_those_of_traces(tmp_path: Path) -> None:
    scenario = load(tmp_path, SOUND)
    for name in scenario.packets:
        for branch in scenario.trace(name):
            assert branch.disposition in DISPOSITIONS
            assert branch.client_sees in CLIENT_SEES
