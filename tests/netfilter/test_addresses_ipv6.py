"""Where IPv6 differs from IPv4 about a host's own addresses."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from kproxysim.netfilter.answers import error_about
from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.events import Outcome
from kproxysim.netfilter.host import DeviceSettings, Host, Sysctls
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.state import HostState
from kproxysim.packet import Packet

OWN, OTHER, POD = "fd00:128::11", "fd00:128::12", "fd00:44::10"


def passage() -> Passage:
    """On a node that filters strictly by the way back, which is a setting of IPv4."""
    table = RoutingTable()
    table.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
    table.add_interface(Interface("eth0", (ip_interface(f"{OWN}/64"),)))
    table.add_interface(Interface("v0"))
    table.add(Route(int(ip_interface(POD).ip), 128, 6, "v0"))
    table.add(Route(0, 0, 6, "eth0", via=int(ip_interface("fd00:128::1").ip)))
    table.add(Route(int(ip_interface("2001:db8:1b::1").ip), 128, 6, "eth0", kind="local"))
    host = Host("n", table, sysctls=Sysctls(any_device=DeviceSettings(rp_filter=1)))
    return Passage(host, HostState(), Enumeration(), lambda _: None)


def receive(packet: Packet, device: str) -> Outcome:
    return passage().receive(packet, device)


def test_a_packet_with_the_host_s_own_address_as_source_is_forwarded() -> None:
    """IPv4 drops it as martian."""
    assert receive(Packet("tcp", OWN, POD, 1024, 80), "eth0").kind == "transmit"


def test_there_is_no_filter_by_the_way_back() -> None:
    assert receive(Packet("tcp", POD, OTHER, 1024, 80), "eth0").kind == "transmit"


def test_an_error_about_an_address_that_is_local_by_route_alone_comes_from_the_device_s() -> None:
    outcome = receive(Packet("udp", OTHER, "2001:db8:1b::1", 1024, 80), "eth0")
    assert outcome.kind == "deliver"
    told = error_about(passage().host, outcome.skb, "port")
    assert told is not None
    assert str(told.packet.src) == OWN


def test_an_error_comes_from_the_device_by_which_the_packet_came_in() -> None:
    """IPv4 asks which address leads back to the sender: here one of v0."""
    run = passage()
    run.host.routing.add_interface(Interface("v0", (ip_interface("fd00:44::1/128"),)))
    outcome = run.receive(Packet("tcp", POD, "fd00:99::1", 1024, 80), "eth0")
    assert outcome.kind == "transmit"
    told = error_about(run.host, outcome.skb, "ttl")
    assert told is not None
    assert str(told.packet.src) == OWN


@pytest.mark.parametrize("kind, told", [("unreachable", (1, 0)), ("prohibit", (1, 1)), ("blackhole", None)])
def test_what_a_router_says_of_routes_that_refuse(kind: str, told: tuple[int, int] | None) -> None:
    """An unreachable route is told as no route at all; IPv4 says host unreachable."""
    run = passage()
    run.host.routing.add(Route(int(ip_interface("2001:db8:bad::1").ip), 128, 6, kind=kind))
    outcome = run.receive(Packet("tcp", POD, "2001:db8:bad::1", 1024, 80), "v0")
    assert (None if outcome.answer is None else outcome.answer.icmp) == told


@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.parametrize("way", ["received", "sent"])
def test_what_a_router_does_with_the_address_of_its_network_is_not_modelled(way: str, forwards: bool) -> None:
    """Measured: it takes it in (`addrconf_join_anycast`), where it forwards and the network has further addresses."""
    run = passage()
    run.host.sysctls = replace(run.host.sysctls, ipv6_forward=forwards)
    run.host.routing.add_interface(Interface("v1", (ip_interface("fd00:45::2/127"),)))
    kinds = []
    for subnet in ("fd00:128::", "fd00:45::2"):
        packet = Packet("udp", POD if way == "received" else OWN, subnet, 1024, 80)
        kinds.append((run.receive(packet, "v0") if way == "received" else run.send(packet)).kind)
    assert (kinds[0] == "unmodelled") is forwards
    assert kinds[1] != "unmodelled"


@pytest.mark.parametrize(
    "address, device, wanted",
    [
        (OWN, "eth0", "LOCAL"),
        (OWN, "v0", "UNREACHABLE"),
        (POD, "v0", "UNICAST"),
        (POD, "eth0", "UNICAST"),  # by the default route, though there is a better one elsewhere
        (OTHER, "v0", "UNREACHABLE"),
        (OTHER, "eth0", "UNICAST"),
    ],
)
def test_the_type_of_an_address_on_one_device(address: str, device: str, wanted: str) -> None:
    """`-m addrtype --limit-iface-out`, measured: only routes that lead out by it are looked at (`match_lookup_rt6`)."""
    number = int(ip_interface(address).ip)
    assert passage().host.routing.address_type(number, 6, device) == wanted


@pytest.mark.parametrize(
    "source, wanted", [(OWN, OWN), ("2001:db8:99::1", OWN), ("fd00:44::1", "fd00:44::1")]
)
def test_an_error_about_what_the_host_sent_goes_by_the_route_back(source: str, wanted: str) -> None:
    """Measured: to an address that source NAT gave the packet, by the way there."""
    run = passage()
    run.host.routing.add_interface(Interface("v0", (ip_interface("fd00:44::1/64"),)))
    skb = Skb.of(Packet("udp", source, "fd00:44::99", 1024, 80), oif="v0")
    told = error_about(run.host, skb, "host")
    assert told is not None
    assert str(told.packet.src) == wanted
