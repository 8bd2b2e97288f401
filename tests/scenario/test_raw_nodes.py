"""Nodes with rules of their own instead of kube-proxy's, and packets that no socket would send."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kproxysim.scenario import Scenario
from tests.conformance.kernel_recordings import (
    CLIENT_SEES,
    FLAGS,
    NAMESPACE,
    Recording,
    node_facts,
    recordings,
    sockets_of,
)
from tests.scenario.examples import load, mistakes, write

HOST = """\
kind: Scenario
scenario: 1
about: one host, no Kubernetes
nodes:
  host: {internal: 10.0.0.1, listening: [tcp/80], rules: RULES}
packets:
  it: {from: internet/203.0.113.7, to: "10.0.0.1:80"}
expect:
- packet: it
  client: answered
"""
DROP = '"*filter\\n-A INPUT -j DROP\\nCOMMIT\\n"'
FILTER = "*filter\n:OWN - [0:0]\n-A INPUT -j OWN\n-A OWN -m mark --mark 0x1 -j DROP\nCOMMIT\n"


def host(rules: str = '""', packet: str = "", expected: str = "client: answered") -> str:
    text = HOST.replace("RULES", rules).replace("client: answered", expected)
    return text.replace('to: "10.0.0.1:80"', packet) if packet else text


class TestRules:
    def test_an_empty_text_is_no_rules(self, tmp_path: Path) -> None:
        scenario = load(tmp_path, host())
        assert scenario.run().passed
        assert scenario.world().ruleset("host").to_save() == ""

    def test_stand_in_the_file(self, tmp_path: Path) -> None:
        assert load(tmp_path, host(DROP, expected="reason: dropped-by-rule")).run().passed

    def test_or_in_a_file_named_from_its_folder(self, tmp_path: Path) -> None:
        write(tmp_path, FILTER, "host.rules")
        assert load(tmp_path, host("host.rules", expected="through: ['filter:OWN']")).run().passed

    def test_of_one_family_leave_the_other_without(self, tmp_path: Path) -> None:
        world = load(tmp_path, host(DROP)).world()
        assert world.ruleset("host", "ipv6").to_save() == ""

    @pytest.mark.parametrize(
        "given, outcome",
        [
            ("uid: 1337", "reason: dropped-by-rule"),
            ("uid: 1337, gid: 5", "reason: dropped-by-rule"),
            ("uid: 0", "client: answered"),
            ("gid: 1337", "disposition: unmodelled"),
            ("sport: 5", "disposition: unmodelled"),
        ],
    )
    def test_ask_whose_process_sends_a_packet(self, tmp_path: Path, given: str, outcome: str) -> None:
        """Before and after the same packet was sent by nobody in particular."""
        rules = '"*mangle\\n-A OUTPUT -p tcp --syn -m owner --uid-owner 1337 -j DROP\\nCOMMIT\\n"'
        text = host(rules, 'to: "10.0.0.1:80"', outcome).replace("internet/203.0.113.7", "node/host")
        scenario = load(tmp_path, text.replace('10.0.0.1:80"', f'10.0.0.1:80", {given}'))
        world = scenario.world()
        assert scenario.run().passed
        assert world.send(world.packet("node/host", "10.0.0.1:80")).branches[0].disposition == "unmodelled"
        assert scenario.run().passed

    @pytest.mark.parametrize(
        "rules, code, message",
        [
            ("nowhere.rules", "KPS001", None),
            ('"*filter\\n-A INPUT --dport 1\\nCOMMIT\\n"', "KPS502", "line 2 of these rules"),
            (
                '"*filter\\n-D INPUT 1\\nCOMMIT\\n"',
                "KPS506",
                "line 2 of these rules: rule 1 of chain INPUT is asked for, and it has 0",
            ),
        ],
    )
    def test_that_are_wrong_are_told_where_they_stand(
        self, tmp_path: Path, rules: str, code: str, message: str | None
    ) -> None:
        (mistake,) = mistakes(tmp_path, host(rules))
        assert mistake.position is not None
        assert (mistake.code, mistake.position.line) == (code, 5)
        assert message is None or mistake.message.startswith(message)

    def test_that_are_wrong_in_a_file_are_told_there(self, tmp_path: Path) -> None:
        path = write(tmp_path, "*filter\n-A INPUT -j NOWHERE\nCOMMIT\n", "host.rules")
        (mistake,) = mistakes(tmp_path, host("host.rules"))
        assert str(mistake.position) == f"{path}:2:13"


class TestPackets:
    @pytest.mark.parametrize(
        "packet, expected",
        [
            ('to: "10.0.0.1:80", flags: [FIN, PSH]', "client: timeout"),
            ('to: "10.0.0.1:81", flags: ACK', "client: refused"),
            ('to: "10.0.0.1:80", flags: none', "client: timeout"),
            ("to: 10.0.0.1/icmp", "client: answered"),
            ("to: 10.0.0.1/icmp, icmp: 13", "client: timeout"),
            ('to: "10.0.0.1:80", src: 10.0.0.1', "reason: own-address-as-source"),
        ],
    )
    def test_that_no_socket_sends(self, tmp_path: Path, packet: str, expected: str) -> None:
        assert load(tmp_path, host('""', packet, expected)).run().passed

    def test_a_mark_is_seen_by_the_rules_of_the_sender(self, tmp_path: Path) -> None:
        write(tmp_path, FILTER.replace("INPUT", "OUTPUT"), "host.rules")
        for mark, client in (("0x1", "timeout"), ("2", "answered")):
            text = host("host.rules", f'to: "203.0.113.7:80", mark: {mark}', f"avoids: [{client}]")
            text = text.replace("internet/203.0.113.7, to", "node/host, to").replace(
                f"avoids: [{client}]", "reason: R"
            )
            reason = "dropped-by-rule" if mark == "0x1" else "no-rule-matched"
            clients = "packets:\n".replace("packets", "clients: {there: 203.0.113.7}\npackets")
            scenario = load(
                tmp_path, text.replace("packets:\n", clients).replace("reason: R", f"reason: {reason}")
            )
            assert scenario.run().passed, mark

    @pytest.mark.parametrize(
        "packet, message",
        [
            ('to: "10.0.0.1:80", flags: SIN', "'SIN' are no TCP flags"),
            ('to: "10.0.0.1:80/udp", flags: SYN', "flags are TCP's, and this is udp"),
            ('to: "10.0.0.1:80", icmp: 8', "icmp is a type of ICMP, and this is tcp"),
            ("to: 10.0.0.1/icmp, icmp: echo", "'echo' is no ICMP type"),
            ("to: 10.0.0.1/icmp, sport: 5", "icmp has no ports"),
            ('to: "10.0.0.1:80/icmp"', "icmp has no ports"),
            ('to: "10.0.0.1:80", mark: -1', "-1 is no mark"),
            ('to: "10.0.0.1:80", src: "fd00::1"', "fd00::1 and 10.0.0.1 are of different families"),
        ],
    )
    def test_that_cannot_be(self, tmp_path: Path, packet: str, message: str) -> None:
        assert [one.message for one in mistakes(tmp_path, host('""', packet))] == [message]


def recorded_as_scenario(case: Recording) -> dict[str, Any]:
    """A recording of a real kernel as a scenario that expects what its clients saw."""
    nodes: dict[str, Any] = {}
    pods: dict[str, Any] = {}
    for node in case.cluster["nodes"]:
        facts = node_facts(node, node.get("sysctl", {}), case.cluster["nodes"])
        nodes[node["name"]] = {
            "internal": node["ip"],
            "external": node["public_ip"],
            "podCIDR": node["pod_cidr"],
            "rules": case.rules.get(node["name"], case.rules.get("*", "")),
            **facts,
        }
        for pod in node["pods"]:
            listening = list(sockets_of(pod["serve"]))
            pods[f"{NAMESPACE}/{pod['name']}"] = {
                "node": node["name"],
                "ip": pod["ip"],
                "listening": listening,
            }
    packets: dict[str, Any] = {}
    expected = []
    for step, truth in zip(case.steps, case.truth, strict=True):
        protocol = step.get("proto", "tcp").removesuffix("-raw")
        port = "" if protocol == "icmp" else f":{step['dport']}"
        packet = {"from": case.with_source(step)["from"], "to": f"{step['dst']}{port}/{protocol}"}
        packet |= {"src": step["src_ip"]} if "src_ip" in step else {}
        packet |= {"flags": [FLAGS[letter] for letter in step["flags"]]} if "flags" in step else {}
        name = f"p{len(packets)}"
        packets[name] = packet
        client = CLIENT_SEES.get(truth["outcome"], truth["outcome"])
        if protocol != "icmp":  # the recorder's ping knew echo replies only
            expected.append({"packet": name, "client": client})
    edge = case.cluster["edge"]
    routes = {route["dst"]: route["via"] for route in edge["routes"]}
    if not edge["nat_1to1"]:
        routes |= {node["public_ip"]: node["name"] for node in case.cluster["nodes"]}
    return {
        "kind": "Scenario",
        "scenario": 1,
        "about": case.name,
        "cloud": {
            "kind": "nat" if edge["nat_1to1"] else "routed",
            "gateway": "10.128.0.1",
            "outside": "203.0.113.1",
            "routes": routes,
        },
        "podNetwork": case.cluster["pod_net"],
        "nodes": nodes,
        "pods": pods,
        "packets": packets,
        "expect": expected,
    }


REPLAYABLE = [
    case
    for case in recordings().values()
    if not case.rules6 and not any(step.keys() & {"do", "repeat", "keep_conntrack"} for step in case.steps)
]


@pytest.mark.parametrize("case", REPLAYABLE, ids=lambda case: case.name)
def test_a_recorded_case_replays_as_a_file(tmp_path: Path, case: Recording) -> None:
    file = recorded_as_scenario(case)
    scenario = Scenario.load(write(tmp_path, yaml.safe_dump(file)))
    failed = [f"{check.packet}: {check.message}" for check in scenario.run().checks if not check.passed]
    assert failed == []


def test_most_recorded_cases_are_replayed() -> None:
    """All but those with IPv6 rules, and those in which something happens between connections."""
    assert len(REPLAYABLE) == 17
