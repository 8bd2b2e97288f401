"""Chains entered by goto, and resets that come before nat has decided: as counted by a kernel's own rules."""

from ipaddress import ip_interface

import pytest

from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.events import Event
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.walk import Walked
from kproxysim.packet import Packet

CALL = Packet("tcp", "10.44.0.5", "10.44.1.7", 1024, 80)


def walk(rules: str) -> tuple[str, list[str]]:
    """How a forwarded packet ends on a router with these rules, and what it and the answer to it met."""
    table = RoutingTable()
    table.add_interface(Interface("v0", (ip_interface("10.44.0.1/24"),)))
    table.add_interface(Interface("v1", (ip_interface("10.44.1.1/24"),)))
    graph = ChainGraph(Ruleset.from_save(rules, "ipv4"))
    seen: list[Walked | Event] = []
    router = Host("r", table, lambda version: graph if version == 4 else None)
    run = Passage(router, HostState(), Enumeration(), seen.append)
    outcome = run.receive(CALL, "v0")
    if outcome.answer is not None:
        run.send(outcome.answer.packet, outcome.answer.flow)
    return outcome.kind, [step.at for step in seen if isinstance(step, Walked)]


@pytest.mark.parametrize("end", ["", "-A ELSEWHERE -p tcp -j RETURN\n"])
def test_after_a_goto_from_a_base_chain_comes_its_policy(end: str) -> None:
    rules = f"*filter\n:FORWARD DROP [0:0]\n:ELSEWHERE - [0:0]\n-A FORWARD -p tcp -g ELSEWHERE\n-A FORWARD -j ACCEPT\n{end}COMMIT\n"
    kind, steps = walk(rules)
    assert kind == "dropped"
    assert steps[-1] == "filter:FORWARD:policy:3"


def test_a_goto_within_a_called_chain_returns_to_the_caller() -> None:
    rules = (
        "*filter\n:FORWARD DROP [0:0]\n:ONE - [0:0]\n:TWO - [0:0]\n"
        "-A FORWARD -j ONE\n-A FORWARD -j ACCEPT\n-A ONE -g TWO\n-A ONE -j DROP\nCOMMIT\n"
    )
    kind, steps = walk(rules)
    assert kind == "transmit"
    assert [step for step in steps if step.endswith("rule:2")] == ["filter:FORWARD:rule:2"]


def test_a_reset_reads_the_nat_rules_that_its_connection_did_not_come_to() -> None:
    """It is sent before the refused packet reached POSTROUTING, and it is no ICMP error, which would be translated only."""
    rules = "*nat\n-A POSTROUTING -j ACCEPT\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n-A FORWARD -p tcp -j REJECT --reject-with {}\nCOMMIT\n"
    kind, steps = walk(rules.format("tcp-reset"))
    assert kind == "rejected"
    assert steps == ["filter:FORWARD:rule:1", "nat:POSTROUTING:rule:1"]
    assert walk(rules.format("icmp-port-unreachable"))[1] == ["filter:FORWARD:rule:1"]


def test_addresses_behind_a_refusing_route_are_unicast_to_addrtype() -> None:
    """Only table local is asked for the type."""
    table = RoutingTable()
    table.add(Route(0xC0000210, 28, 4, kind="unreachable"))
    assert table.address_type(0xC0000211, 4) == "UNICAST"


@pytest.mark.parametrize("flags, answer", [("SYN", "RST,ACK"), ("PSH,ACK", "RST"), ("RST,ACK", None)])
def test_a_reset_is_answered_by_none(flags: str, answer: str | None) -> None:
    graph = ChainGraph(
        Ruleset.from_save("*filter\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n", "ipv4")
    )
    table = RoutingTable()
    table.add_interface(Interface("v0", (ip_interface("10.44.0.1/24"),)))
    run = Passage(Host("r", table, lambda _: graph), HostState(), Enumeration(), lambda _: None)
    outcome = run.receive(Packet("tcp", "10.44.0.5", "10.44.0.1", 1024, 80, flags), "v0")
    assert (None if outcome.answer is None else outcome.answer.flags) == answer
