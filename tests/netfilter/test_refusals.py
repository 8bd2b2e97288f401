"""Destinations that routing itself decides about: routes that refuse, addresses for everybody, a host's own further addresses."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_interface

import pytest

from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import DeviceSettings, Host, Socket, Sysctls
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.skb import OF_THE_KERNEL, Owner, Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.syntax import parse_rule
from kproxysim.packet import Packet


def number(address: str) -> int:
    return int(IPv4Address(address))


def host() -> Host:
    table = RoutingTable()
    table.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("192.0.2.7/32"))))
    table.add_interface(Interface("eth0", (ip_interface("10.128.0.12/24"), ip_interface("10.128.0.22/24"))))
    table.add_interface(Interface("v0"))
    table.add(Route(number("10.44.0.5"), 32, 4, "v0"))
    for kind, network in (
        ("unreachable", "192.0.2.16"),
        ("prohibit", "192.0.2.32"),
        ("blackhole", "192.0.2.48"),
    ):
        table.add(Route(number(network), 28, 4, kind=kind))
    table.add(Route(number("198.51.100.200"), 32, 4, "eth0", kind="local"))
    return Host("n", table)


def passage() -> Passage:
    return Passage(host(), HostState(), Enumeration(), lambda _: None)


@pytest.mark.parametrize(
    "to, told", [("192.0.2.17", (3, 1)), ("192.0.2.33", (3, 13)), ("192.0.2.49", None), ("8.8.8.8", (3, 0))]
)
def test_what_a_router_says_of_routes_that_refuse(to: str, told: tuple[int, int] | None) -> None:
    outcome = passage().receive(Packet("tcp", "10.44.0.5", to, 1024, 80), "v0")
    assert outcome.kind == "no-route"
    assert (None if outcome.answer is None else outcome.answer.icmp) == told


@pytest.mark.parametrize(
    "destination, source",
    [
        ("10.128.0.22", "10.128.0.12"),  # a second address of a network is reached from the first
        ("127.0.0.5", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("198.51.100.200", "198.51.100.200"),  # a route of type local that somebody added
    ],
)
def test_from_which_address_a_host_calls_itself(destination: str, source: str) -> None:
    assert host().source_for(number(destination), 4) == number(source)


def test_a_device_without_an_address_borrows_from_lo_first() -> None:
    """Loopback is the first device of every host; 127.0.0.1 itself is never lent."""
    assert host().routing.select_ipv4_address("v0", None) == number("192.0.2.7")


def test_a_broadcast_address_is_taken_in_and_ignored() -> None:
    run = passage()
    outcome = run.receive(Packet("tcp", "10.44.0.5", "10.128.0.255", 1024, 80), "v0")
    assert outcome.kind == "deliver"
    assert run.host.reaction(outcome.skb) == "ignore"


REJECT = "*filter\n-A INPUT -p udp -j REJECT\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("dst, answers", [("10.128.0.255", False), ("10.128.0.12", True)])
def test_nobody_is_told_of_a_refusal_to_everybody(protocol: str, dst: str, answers: bool) -> None:
    """Measured; `icmp_send` and `nf_send_reset` look at the kind of the route."""
    run = passage()
    graph = ChainGraph(Ruleset.from_save(REJECT, "ipv4"))
    run.host.rules = lambda _: graph
    outcome = run.receive(Packet(protocol, "10.44.0.5", dst, 1024, 80), "v0")
    assert (outcome.kind, outcome.answer is not None) == ("rejected", answers)


@pytest.mark.parametrize("device, wanted", [("eth0", True), ("v0", False)])
def test_a_broadcast_address_of_another_device_is_dialled_in_a_frame_to_the_router(
    device: str, wanted: bool
) -> None:
    """Measured: its frame is for this host, and so is its type to `-m pkttype`."""
    match = parse_rule("-m pkttype --pkt-type broadcast", "ipv4").checks[0]
    skb = Skb.of(Packet("udp", "10.44.0.5", "10.128.0.255", 1024, 80), iif=device)
    assert match.holds(skb, passage()) is wanted


@pytest.mark.parametrize("owner, told", [(OF_THE_KERNEL, None), (Owner(), (3, 3))])
def test_nobody_is_told_that_the_answer_to_a_ping_is_refused(
    owner: Owner, told: tuple[int, int] | None
) -> None:
    """Measured: what speaks by ICMP says one thing at a time (`icmp_xmit_lock`); a process sends by a socket of its own."""
    run = passage()
    graph = ChainGraph(Ruleset.from_save("*filter\n-A OUTPUT -j REJECT\nCOMMIT\n", "ipv4"))
    run.host.rules = lambda _: graph
    outcome = run.send(Packet("icmp", "10.128.0.12", "10.128.0.99", icmp=(0, 0)), owner=owner)
    assert outcome.kind == "rejected"
    assert (None if outcome.answer is None else outcome.answer.icmp) == told


def test_no_answer_leaves_from_loopback() -> None:
    """Measured: what would have to come from 127.0.0.1 is not made; a forged packet goes out all the same."""
    packet = Packet("udp", "127.0.0.1", "10.128.0.99", 1024, 80)
    assert passage().send(packet).kind == "transmit"
    outcome = passage().send(packet, answers=True)
    assert (outcome.reason, outcome.detail) == ("no-route-from-here", "loopback")
    run = passage()
    run.host.sysctls = Sysctls(any_device=DeviceSettings(route_localnet=True))
    assert run.send(packet, answers=True).kind == "transmit"


@pytest.mark.parametrize(
    "packet, kind, detail",
    [
        (Packet("tcp", "10.128.0.12", "10.128.0.255", 1024, 80), "no-route", "broadcast"),
        (Packet("udp", "10.128.0.12", "255.255.255.255", 1024, 80), "no-route", "broadcast"),
        (Packet("tcp", "10.128.0.12", "224.0.0.5", 1024, 80), "no-route", "multicast"),
        (Packet("udp", "10.128.0.12", "224.0.0.5", 1024, 80), "unmodelled", "a multicast destination"),
    ],
    ids=str,
)
def test_a_socket_may_not_send_to_everybody(packet: Packet, kind: str, detail: str) -> None:
    run = passage()
    run.host.routing.add(Route(0, 0, 4, "eth0", number("10.128.0.1")))
    outcome = run.send(packet)
    assert (outcome.kind, outcome.detail) == (kind, detail)


@pytest.mark.parametrize(
    "flags, open_port, closed_port",
    [
        ("SYN", "accept", "refuse"),
        ("ACK", "reset", "refuse"),
        ("SYN,ACK", "reset", "refuse"),
        ("FIN", "drop", "refuse"),
        ("FIN,SYN", "drop", "refuse"),
        ("RST", "drop", "drop"),
    ],
)
def test_what_a_port_does_with_tcp_out_of_the_blue(flags: str, open_port: str, closed_port: str) -> None:
    skb = Skb.of(Packet("tcp", "10.44.0.5", "10.128.0.12", 1024, 80, flags))
    listening = replace(host(), sockets=frozenset({Socket("tcp", 80)}))
    assert (listening.reaction(skb), host().reaction(skb)) == (open_port, closed_port)
