"""The packet flows of kube-proxy's own unit tests, through this engine's chains.

Their tracer walks table nat from PREROUTING, then four filter chains one by one, and follows every branch of a draw. So does
this test, with the engine's own walk. Where a flow needs routing or connection tracking, that tracer leaves both out, and so
does this; what a kernel makes of whole connections is held in the tests beside this one.
"""

import json
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest

from kproxysim.netfilter.chance import Enumeration, enumerate_runs
from kproxysim.netfilter.conntrack import Flow
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.targets.nat import NatTarget
from kproxysim.netfilter.walk import Walked, walk_chain
from kproxysim.packet import Packet, format_endpoint
from tests.kubeproxy.test_unit_flows import Run

FILTER_CHAINS = ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL")

Case = dict[str, Any]


def node(config: Case) -> Host:
    """A host with the addresses that count as local in the case, each on its own."""
    table = RoutingTable()
    for text in config["local_ips"]:
        address = ip_interface(text)
        table.add_interface(Interface(f"dev-{text}", (address,)))
    return Host(config["node_name"], table)


def outputs(graph: ChainGraph, host: Host, packet: Packet) -> tuple[list[str], bool]:
    """All endpoints and verdicts that a packet may come to, and whether any branch marks it for masquerade."""
    found: set[str] = set()
    marked = False

    def run(chance: Enumeration) -> tuple[str | None, bool]:
        events: list[Walked] = []
        passage = Passage(host, HostState(), chance, lambda _: None)
        passage._family = packet.family
        skb = Skb.of(packet, iif="eth0").with_flow(Flow("UNTRACKED"))
        verdict = walk_chain(graph, "nat", "KUBE-SERVICES", skb, passage, chance, events.append)
        marks = any(event.action == "jump KUBE-MARK-MASQ" for event in events)
        if isinstance(verdict.target, NatTarget):
            ports = verdict.target.ports
            return format_endpoint(str(verdict.target.address), None if ports is None else ports[0]), marks
        for chain in FILTER_CHAINS:
            decided = walk_chain(graph, "filter", chain, skb, passage, chance, lambda _: None)
            if decided.rule is not None:
                return decided.name, marks
        return None, marks

    for _, (output, marks) in enumerate_runs(run):
        marked |= marks
        if output is not None:
            found.add(output)
    return sorted(found), marked


def states(case: Case) -> list[tuple[str, list[Case]]]:
    return [("", case["flows"]), *((step["note"], step["flows"]) for step in case.get("steps") or [])]


def test_flows_of_the_unit_tests(shared: Path) -> None:
    compared = 0
    for path in sorted((shared / "conformance" / "proxier-test-cases").glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        if case["input_rules"]:  # rules without objects, in a form that iptables would not read
            continue
        run = Run(case)
        host = node(case["config"])
        objects = [case["objects"], *(step["objects"] for step in case.get("steps") or [])]
        for number, (_, flows) in enumerate(states(case)):
            if number:
                run.to(objects[number])
            graph = ChainGraph(run.ruleset)
            for flow in flows:
                packet = Packet(
                    flow["protocol"].lower(), flow["source_ip"], flow["dest_ip"], 54321, flow["dest_port"]
                )
                output = flow["output"]
                wanted = (sorted([output] if isinstance(output, str) else output), flow["masquerade"])
                assert outputs(graph, host, packet) == wanted, (path.name, number, flow["name"])
                compared += 1
    assert compared >= 60, "flows were lost on the way"


@pytest.mark.parametrize("text, output", [("10.0.0.1", "10.0.0.1:80"), ("fd00::1", "[fd00::1]:80")])
def test_outputs_are_written_as_the_flows_write_them(text: str, output: str) -> None:
    assert format_endpoint(text, 80) == output
