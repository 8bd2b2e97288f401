"""kube-proxy's own unit tests, as far as they speak of rules: dumps and assertions.

The cases lie in a folder of conformance data outside this repository; without it these tests are skipped.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.kubeproxy import Proxier, Sync
from kproxysim.kubeproxy.piece import probability
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from tests.kubeproxy.dumps import canonical, lint
from tests.kubeproxy.recordings import parse_object

VERSION = "1.33"
"""The cases were taken from a test file of about this version."""

Case = dict[str, Any]


@pytest.fixture(scope="session")
def cases(shared: Path) -> list[Case]:
    paths = sorted((shared / "conformance" / "proxier-test-cases").glob("*.json"))
    assert paths, "no cases in the folder"
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


class Run:
    """One proxier through the states of a case, and the tables that its syncs leave."""

    def __init__(self, case: Case) -> None:
        config = case["config"]
        self.family: Family = "ipv4" if config["ip_family"] == "IPv4" else "ipv6"
        self.objects: dict[str, dict[str, Any]] = {}
        node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": config["node_name"]}}
        local = config["detect_local"]
        self.proxier = Proxier(
            Cluster.load([node]),
            config["node_name"],
            self.family,
            VERSION,
            config=KubeProxyConfiguration.model_validate(
                {
                    "clusterCIDR": local.get("cluster_cidr", "") if local["mode"] == "ClusterCIDR" else "",
                    "nodePortAddresses": config["node_port_addresses"],
                    "iptables": {
                        "masqueradeAll": config["masquerade_all"],
                        "localhostNodePorts": config["localhost_nodeports"],
                    },
                    "conntrack": {"tcpBeLiberal": config["conntrack_tcp_be_liberal"]},
                    "featureGates": config["feature_gates"],
                }
            ),
            facts=NodeFacts.model_validate(
                {
                    "nodeIPs": [config["node_ip"]],
                    "interfaces": {one["name"]: one["addresses"] for one in config["interfaces"]},
                    "nfacctCounters": config["nfacct_counters"],
                    "iptablesRandomFully": config["random_fully"],
                }
            ),
        )
        self.ruleset = Ruleset(self.family)
        self.sync: Sync = self.to(case["objects"] or [])

    def to(self, objects: list[dict[str, Any]]) -> Sync:
        """Bring the proxier to a new state and let it write."""
        wanted = {
            f"{one['kind']} {one['metadata']['namespace']}/{one['metadata']['name']}": one for one in objects
        }
        for name, old in self.objects.items():
            if name not in wanted:
                self.proxier.delete(parse_object(old))
        for one in wanted.values():
            self.proxier.apply(parse_object(one))
        self.objects = wanted
        self.sync = self.proxier.sync()
        self.ruleset.apply(self.sync.script)
        return self.sync

    def rules(self, table: str, chain: str) -> list[str]:
        found = self.ruleset.chain(table, chain)
        return [] if found is None else [str(rule) for rule in found.rules]

    def dump(self) -> list[str]:
        """All rules that stand, as restore text."""
        lines = []
        for name, table in self.ruleset.tables.items():
            own = [chain for chain in table.chains.values() if chain.policy is None]
            lines += [f"*{name}", *(f":{chain.name} - [0:0]" for chain in own)]
            lines += [str(rule) for chain in own for rule in chain.rules]
            lines.append("COMMIT")
        return lines


def as_written(text: str) -> str:
    """The fake proxier of the unit tests sets the mark by hand, without the zeros that the real one prints."""
    return text.replace("0x4000", "0x00004000")


class Says:
    """What each type of assertion asks. Each answers with what was found and what was expected."""

    def chain_equals(self, run: Run, want: Case) -> tuple[object, object]:
        return run.rules(want["table"], want["chain"]), [as_written(rule) for rule in want["rules"]]

    def destination_rule(self, run: Run, want: Case) -> tuple[object, object]:
        wanted = f" -d {want['destination']} "
        return any(wanted in rule for rule in run.rules(want["table"], want["chain"])), want["present"]

    def rule_total(self, run: Run, want: Case) -> tuple[object, object]:
        section = next(one for one in run.sync.script.sections if one.table == want["table"])
        return sum(isinstance(one, Rule) for one in section.statements), want["value"]

    def lint(self, run: Run, want: Case) -> tuple[object, object]:
        fault = lint(run.dump())
        return fault, None if want["error"] is None else want

    def no_local_endpoints(self, run: Run, want: Case) -> tuple[object, object]:
        return run.sync.no_local_endpoints, (want["internal"], want["external"])

    def service_ports(self, run: Run, want: Case) -> tuple[object, object]:
        return sum(map(len, run.proxier.service_ports.values())), want["count"]

    def health_check_node_ports(self, run: Run, want: Case) -> tuple[object, object]:
        return run.sync.health_check_node_ports, want["value"]

    def endpoints_map(self, run: Run, want: Case) -> tuple[object, object]:
        found = {
            f"{service}:{key.name}/{key.protocol}": [
                {"endpoint": one.text, "is_local": one.local} for one in endpoints
            ]
            for service, ports in run.proxier.endpoints.items()
            for key, endpoints in ports.items()
        }
        return found, want["value"]

    def conntrack_cleanup_required(self, run: Run, want: Case) -> tuple[object, object]:
        return run.sync.conntrack.listed, want["value"]

    def local_ready_endpoints(self, run: Run, want: Case) -> tuple[object, object]:
        return run.sync.local_ready_endpoints, want["value"]

    def probability(self, run: Run, want: Case) -> tuple[object, object]:
        return probability(want["endpoints"]), want["value"]

    def probability_strictly_falls(self, run: Run, want: Case) -> tuple[object, object]:
        texts = [probability(count) for count in range(want["from"], want["to"] + 1)]
        return texts, sorted(set(texts), reverse=True)


def check(run: Run, state: Case) -> int:
    """Every expectation of one state that speaks of rules; how many there were."""
    says = Says()
    for want in state["assertions"]:
        found, expected = getattr(says, want["type"])(run, want)
        assert found == expected, (state.get("name") or state["note"], want)
    if state["expected_rules_scope"] != "full":
        return len(state["assertions"])
    expected = as_written(state["expected_rules"]).split("\n")
    assert canonical(run.dump()) == [line for line in expected if line]
    return len(state["assertions"]) + 1


def test_the_states_of_every_case(cases: list[Case]) -> None:
    checked = 0
    for case in cases:
        if case["input_rules"] is not None:
            continue
        run = Run(case)
        checked += check(run, case)
        for step in case["steps"]:
            run.to(step["objects"])
            checked += check(run, step)
    assert checked > 30


def test_given_dumps_are_put_in_order(cases: list[Case]) -> None:
    given = [case for case in cases if case["expected_rules_scope"] == "sorted_input"]
    assert given
    for case in given:
        expected = [line for line in case["expected_rules"].split("\n") if line]
        assert canonical(case["input_rules"].split("\n")) == expected


def test_given_dumps_are_checked(cases: list[Case]) -> None:
    given = [case for case in cases if case["input_rules"] is not None and case["assertions"]]
    assert given
    for case in given:
        for want in case["assertions"]:
            fault = lint(case["input_rules"].split("\n"))
            found = (fault.error, fault.table, list(fault.chains)) if fault else (None, None, [])
            assert found == (want["error"], want["table"], want["chains"])
