"""What a host's stack says about a packet by itself: which error, from which address, to whom."""

from ipaddress import IPv4Address, ip_address, ip_interface

import pytest

from kproxysim.netfilter.answers import error_about, refusal
from kproxysim.netfilter.conntrack import Connection, CtState, Flow, Tuple
from kproxysim.netfilter.host import Host, Sysctls
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.syntax import parse_rule
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.packet import Packet

OWN, NEIGHBOUR, POD, NOBODY = "10.128.0.12", "10.128.0.99", "10.44.0.5", "198.51.100.9"
OWN6, NEIGHBOUR6, POD6 = "fd00:10::12", "fd00:10::99", "fd00:44::5"


def host() -> Host:
    table = RoutingTable()
    table.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
    table.add_interface(
        Interface("eth0", (ip_interface(f"{OWN}/24"), ip_interface(f"{OWN6}/64")), is_bridge=False)
    )
    table.add_interface(Interface("v0", (ip_interface("fd00:44::1/64"),)))
    table.add_interface(Interface("br0", (ip_interface("10.55.0.1/16"),), is_bridge=True))
    table.add(Route(int(IPv4Address(POD)), 32, 4, "v0"))
    table.add(Route(int(ip_address("fd00:77::7")), 128, 6, "eth0", kind="local"))
    return Host("n", table)


def asks(src: str, dst: str, iif: str = "eth0", oif: str = "", flags: str = "SYN") -> Skb:
    return Skb.of(Packet("tcp", src, dst, 4000, 80, flags), iif=iif, oif=oif)


@pytest.mark.parametrize(
    "kind, four, six",
    [
        # the names of include/uapi/linux/icmp.h and icmpv6.h
        ("net", (3, 0), (1, 0)),  # ICMP_NET_UNREACH, ICMPV6_NOROUTE
        ("host", (3, 1), (1, 3)),  # ICMP_HOST_UNREACH, ICMPV6_ADDR_UNREACH
        ("port", (3, 3), (1, 4)),  # ICMP_PORT_UNREACH, ICMPV6_PORT_UNREACH
        ("prohibited", (3, 13), (1, 1)),  # ICMP_PKT_FILTERED, ICMPV6_ADM_PROHIBITED
        ("ttl", (11, 0), (3, 0)),  # ICMP_TIME_EXCEEDED, ICMPV6_TIME_EXCEED
    ],
)
def test_errors_go_to_the_source_and_carry_the_packet(
    kind: str, four: tuple[int, int], six: tuple[int, int]
) -> None:
    for skb, protocol, source, icmp in (
        (asks(NEIGHBOUR, OWN), "icmp", OWN, four),
        (asks(NEIGHBOUR6, OWN6), "ipv6-icmp", OWN6, six),
    ):
        answer = error_about(host(), skb, kind)
        assert answer is not None
        assert answer.packet == Packet(protocol, source, skb.packet.src, icmp=icmp, inner=skb.packet)
        assert (answer.iif, answer.oif, answer.flow) == ("", "", None)


@pytest.mark.parametrize(
    "skb, source",
    [
        (asks(NEIGHBOUR, OWN), OWN),
        (asks(NEIGHBOUR, NOBODY), OWN),  # the way back decides
        (asks(POD, NOBODY, "v0"), OWN),  # v0 has no address: it borrows the first one
        (asks("10.55.0.9", NOBODY), "10.55.0.1"),
        (asks(NOBODY, "10.55.0.9", "br0"), None),  # no way back
        (asks(NOBODY, OWN), OWN),  # what was dialled is the source, whatever the way
        (asks(NEIGHBOUR6, OWN6), OWN6),
        (asks(POD6, "fd00:99::9", "v0"), "fd00:44::1"),  # the device that it came in by decides
        (asks(POD6, "fd00:99::9", "eth0"), OWN6),
        (asks(OWN6, "fd00:99::9", "", "eth0"), OWN6),  # of its own: by which it would have left
        (asks(POD6, "fd00:99::9", "eth0", "v0"), OWN6),
        (asks(POD6, "fd00:44::1", "eth0"), "fd00:44::1"),
        (asks(OWN6, "::1", "lo"), "::1"),
        (asks(OWN6, "::1", "", "lo"), "::1"),
        (asks(NEIGHBOUR6, "::1", "eth0"), OWN6),  # host scope: another device does not have it
        (asks(NEIGHBOUR6, "fd00:77::7", "eth0"), OWN6),  # a route of type local is no address of a device
    ],
    ids=str,
)
def test_from_which_address_an_error_comes(skb: Skb, source: str | None) -> None:
    """`icmp_send`, `icmp6_send`."""
    answer = error_about(host(), skb, "port")
    assert (None if answer is None else str(answer.packet.src)) == source


@pytest.mark.parametrize("destination", ["10.128.0.255", "255.255.255.255", "224.0.0.5"])
def test_no_error_about_what_went_to_everybody(destination: str) -> None:
    assert error_about(host(), asks(NEIGHBOUR, destination), "port") is None
    assert refusal(host(), asks(NEIGHBOUR, destination), RESET) is None


def test_no_error_about_an_error() -> None:
    inner = Packet("udp", OWN, NEIGHBOUR, 53, 4000)
    assert (
        error_about(host(), Skb.of(Packet("icmp", NEIGHBOUR, OWN, icmp=(3, 3), inner=inner)), "port") is None
    )
    assert error_about(host(), Skb.of(Packet("icmp", NEIGHBOUR, OWN, icmp=(8, 0))), "port") is not None


def reject(with_: str) -> RejectTarget:
    target = parse_rule(f"-p tcp -j REJECT --reject-with {with_}", "ipv4").target
    assert isinstance(target, RejectTarget)
    return target


RESET = reject("tcp-reset")


@pytest.mark.parametrize(
    "flags, answer",
    [
        ("SYN", "RST,ACK"),
        ("FIN", "RST,ACK"),
        ("ACK", "RST"),
        ("SYN,ACK", "RST"),
        ("ACK,FIN", "RST"),
        ("RST", None),
        ("RST,ACK", None),
    ],
)
def test_a_reset_comes_from_where_the_packet_went(flags: str, answer: str | None) -> None:
    """`nf_reject_ip_tcphdr_put`: what acknowledges is answered in its own numbers, all else is acknowledged."""
    reset = refusal(host(), asks(NEIGHBOUR, NOBODY, flags=flags), RESET)
    wanted = None if answer is None else Packet("tcp", NOBODY, NEIGHBOUR, 80, 4000, answer)
    assert (None if reset is None else reset.packet) == wanted


def test_a_refusal_with_an_error_names_the_error() -> None:
    answer = refusal(host(), asks(NEIGHBOUR, OWN), reject("icmp-host-prohibited"))
    assert answer is not None
    assert (answer.packet.source, answer.icmp) == (OWN, (3, 10))


@pytest.mark.parametrize("is_reply", [False, True])
def test_an_answer_belongs_to_the_connection_of_what_it_answers(is_reply: bool) -> None:
    """`nf_ct_attach`: related to it, and it goes the other way."""
    one = Tuple("tcp", 1, 4000, 2, 80)
    entry = Connection(1, one, one.inverse())
    skb = asks(NEIGHBOUR, OWN).with_flow(Flow(CtState.NEW, entry, is_reply))
    for answer in (error_about(host(), skb, "port"), refusal(host(), skb, RESET)):
        assert answer is not None
        assert answer.flow == Flow(CtState.RELATED, entry, not is_reply)
    untracked = refusal(host(), skb.with_flow(Flow(CtState.UNTRACKED)), RESET)
    assert untracked is not None
    assert untracked.flow is None


@pytest.mark.parametrize(
    "iif, seen, oif", [("br0", True, "br0"), ("br0", False, ""), ("eth0", True, ""), ("nowhere", True, "")]
)
def test_a_reset_goes_back_by_the_bridge_that_the_packet_came_by(iif: str, seen: bool, oif: str) -> None:
    """`nf_send_reset`: where rules see what a bridge carries; it has no connection of its own there."""
    table = host()
    table.sysctls = Sysctls(bridge_iptables=seen)
    one = Tuple("tcp", 1, 4000, 2, 80)
    skb = asks("10.55.0.9", NOBODY, iif).with_flow(Flow(CtState.NEW, Connection(1, one, one.inverse())))
    reset = refusal(table, skb, RESET)
    assert reset is not None
    assert (reset.oif, reset.flow is None) == (oif, bool(oif))
