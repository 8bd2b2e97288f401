"""One host: what happens to a packet between device and device. Facts are from measurements on Linux 6.18."""

from ipaddress import IPv4Address, ip_interface

import pytest

from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.events import Event, Outcome
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import DeviceSettings, Host, Socket, Sysctls
from kproxysim.netfilter.nat import port_class
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.walk import Walked
from kproxysim.packet import Packet

NAT = """\
*nat
-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.1.10:8080
-A PREROUTING -d 10.96.0.2/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.1.10:8080
-A OUTPUT -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.1.10:8080
-A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 30080 -j DNAT --to-destination 10.244.1.10:8080
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
-A POSTROUTING -s 127.0.0.0/8 -j MASQUERADE
COMMIT
"""


def node(rules: str = NAT, sysctls: Sysctls | None = None, *, extra: str = "") -> Host:
    table = RoutingTable()
    table.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
    addresses = [ip_interface("10.128.0.11/24")] + ([ip_interface(extra)] if extra else [])
    table.add_interface(Interface("eth0", tuple(addresses)))
    table.add_interface(Interface("v0", (ip_interface("10.244.1.1/32"),)))
    table.add(Route(int(ip_interface("10.244.1.10/32").ip), 32, 4, "v0"))
    table.add(Route(0, 0, 4, "eth0", via=int(ip_interface("10.128.0.1/32").ip)))
    graph = ChainGraph(Ruleset.from_save(rules, "ipv4"))
    return Host(
        "n1", table, lambda version: graph if version == 4 else None, frozenset(), sysctls or Sysctls()
    )


class Run:
    """A host with its state, and what was seen."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.state = HostState()
        self.seen: list[Walked | Event] = []

    def passage(self) -> Passage:
        self.seen.clear()
        return Passage(self.host, self.state, Enumeration(), self.seen.append)

    def receive(self, packet: Packet, device: str) -> Outcome:
        return self.passage().receive(packet, device)

    def send(self, packet: Packet) -> Outcome:
        return self.passage().send(packet)

    @property
    def nat_rules(self) -> list[str]:
        return [
            step.at for step in self.seen if isinstance(step, Walked) and step.table == "nat" and step.rule
        ]


def test_dnat_comes_before_routing_and_the_answer_is_translated_without_rules() -> None:
    run = Run(node())
    out = run.receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80), "eth0")
    assert (out.kind, out.device, str(out.skb.packet)) == (
        "transmit",
        "v0",
        "tcp 203.0.113.7:51514 -> 10.244.1.10:8080",
    )
    assert run.nat_rules == ["nat:PREROUTING:rule:1"]
    back = run.receive(Packet("tcp", "10.244.1.10", "203.0.113.7", 8080, 51514, "SYN,ACK"), "v0")
    assert str(back.skb.packet) == "tcp 10.96.0.1:80 -> 203.0.113.7:51514"
    assert run.nat_rules == []


def test_nat_is_asked_for_the_first_packet_only() -> None:
    run = Run(node())
    first = Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80)
    run.receive(first, "eth0")
    run.receive(Packet("tcp", "10.244.1.10", "203.0.113.7", 8080, 51514, "SYN,ACK"), "v0")
    again = run.receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80, "ACK"), "eth0")
    assert str(again.skb.packet) == "tcp 203.0.113.7:51514 -> 10.244.1.10:8080"
    assert run.nat_rules == []


def test_masquerade_takes_an_address_of_the_output_device() -> None:
    marked = NAT.replace("*nat\n", "*nat\n-A PREROUTING -j MARK --set-mark 0x4000\n")
    out = Run(node(marked)).receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80), "eth0")
    assert out.skb.packet.source == "10.244.1.1:51514"


@pytest.mark.parametrize("further", ["10.128.0.12/24", "10.128.0.12/32", "192.0.2.5/24"])
@pytest.mark.parametrize("to", ["10.128.0.9", "203.0.113.7"])
def test_masquerade_takes_the_primary_address(further: str, to: str) -> None:
    """Not a further one: neither to a neighbour nor behind the router, and within the network of both as well."""
    marked = NAT.replace("*nat\n", "*nat\n-A PREROUTING -j MARK --set-mark 0x4000\n")
    out = Run(node(marked, extra=further)).receive(Packet("tcp", "10.244.1.10", to, 1, 80), "v0")
    assert str(out.skb.packet.src) == "10.128.0.11"


def test_a_device_without_an_address_borrows_the_nodes() -> None:
    host = node(NAT.replace("*nat\n", "*nat\n-A PREROUTING -j MARK --set-mark 0x4000\n"))
    host.routing.interfaces["v0"] = Interface("v0")
    out = Run(host).receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80), "eth0")
    assert str(out.skb.packet.src) == "10.128.0.11"


def test_two_addresses_one_endpoint_same_client_port_changes_the_source_port() -> None:
    run = Run(node())
    run.receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80), "eth0")
    second = run.receive(Packet("tcp", "203.0.113.7", "10.96.0.2", 51514, 80), "eth0")
    assert second.skb.packet.sport != 51514
    assert second.skb.flow is not None
    assert second.skb.flow.connection is not None
    assert second.skb.flow.connection.free_ports == (1024, 65535)


@pytest.mark.parametrize(
    "port, wanted", [(1, (1, 511)), (511, (1, 511)), (512, (600, 1023)), (1024, (1024, 65535))]
)
def test_source_ports_stay_in_their_class(port: int, wanted: tuple[int, int]) -> None:
    assert port_class(port) == wanted


def test_a_dropped_first_packet_leaves_no_entry() -> None:
    run = Run(node("*filter\n-A FORWARD -j DROP\nCOMMIT\n"))
    out = run.receive(Packet("tcp", "203.0.113.7", "10.244.1.10", 51514, 80), "eth0")
    assert (out.kind, out.at) == ("dropped", "filter:FORWARD:rule:1")
    assert len(run.state.conntrack) == 0


INVALID = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n" + NAT
OPENERS = [
    ("SYN", "10.244.1.10"),
    ("ACK", "10.244.1.10"),
    ("PSH,ACK", "10.244.1.10"),
    ("SYN,ACK", "10.96.0.1"),
    ("RST", "10.96.0.1"),
    ("RST,ACK", "10.96.0.1"),
    ("FIN", "10.96.0.1"),
    ("FIN,ACK", "10.96.0.1"),
]


@pytest.mark.parametrize("flags, destination", OPENERS)
def test_which_tcp_packets_may_open_a_connection(flags: str, destination: str) -> None:
    out = Run(node(INVALID)).receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80, flags), "eth0")
    assert str(out.skb.packet.dst) == destination
    assert out.kind == ("transmit" if destination == "10.244.1.10" else "dropped")


def test_without_tcp_loose_a_lone_ack_is_invalid() -> None:
    out = Run(node(INVALID, Sysctls(tcp_loose=False))).receive(
        Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80, "ACK"), "eth0"
    )
    assert out.kind == "dropped"


NOBODY = str(IPv4Address(0))
MARTIANS = [
    (Sysctls(), "127.0.0.1", "10.128.0.11", "loopback-address-on-the-wire"),
    (Sysctls(), "203.0.113.7", "127.0.0.1", "loopback-address-on-the-wire"),
    (Sysctls(), "224.0.0.9", "10.128.0.11", "address-of-no-host"),
    (Sysctls(), "239.255.255.255", "10.244.1.10", "address-of-no-host"),
    (Sysctls(), "255.255.255.255", "10.244.1.10", "address-of-no-host"),
    (Sysctls(), NOBODY, "10.128.0.11", "address-of-no-host"),
    (Sysctls(), "10.244.1.10", NOBODY, "address-of-no-host"),
    (Sysctls(), "10.128.0.11", "10.244.1.10", "own-address-as-source"),
    (Sysctls(any_device=DeviceSettings(rp_filter=1)), "10.244.1.10", "10.128.0.11", "reverse-path-filter"),
]


def test_from_no_address_a_host_asks_everybody() -> None:
    """So does DHCP (RFC 2131, 4.1); 240.0.0.0/4 is reserved and goes on."""
    strict = Sysctls(any_device=DeviceSettings(rp_filter=1))
    asking = Packet("udp", NOBODY, "255.255.255.255", 68, 67)
    assert Run(node(sysctls=strict)).receive(asking, "eth0").kind == "deliver"
    out = Run(node()).receive(Packet("tcp", "240.0.0.1", "10.244.1.10", 51514, 80), "eth0")
    assert out.kind == "transmit"


@pytest.mark.parametrize("sysctls, src, dst, reason", MARTIANS)
def test_martians_are_dropped_after_prerouting(sysctls: Sysctls, src: str, dst: str, reason: str) -> None:
    out = Run(node(sysctls=sysctls)).receive(Packet("tcp", src, dst, 51514, 80), "eth0")
    assert (out.kind, out.reason) == ("martian", reason)


def test_loose_reverse_path_filter_accepts_any_way_back() -> None:
    out = Run(node(sysctls=Sysctls(any_device=DeviceSettings(rp_filter=2)))).receive(
        Packet("tcp", "10.244.1.10", "10.128.0.11", 1, 80), "eth0"
    )
    assert out.kind == "deliver"


@pytest.mark.parametrize("kind", ["unreachable", "blackhole", "prohibit"])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_a_route_that_refuses_is_no_way_back(kind: str, mode: int) -> None:
    """Measured: to look for one fails (`fib_props`), and `__fib_validate_source` asks no further."""
    host = node(sysctls=Sysctls(any_device=DeviceSettings(rp_filter=mode)))
    host.routing.add(Route(0xC0000230, 28, 4, kind=kind))
    out = Run(host).receive(Packet("tcp", "192.0.2.60", "10.128.0.11", 1, 80), "eth0")
    assert out.reason == ("reverse-path-filter" if mode else "")


def test_localhost_node_port_needs_route_localnet() -> None:
    packet = Packet("tcp", "127.0.0.1", "127.0.0.1", 51514, 30080)
    run = Run(node())
    out = run.send(packet)
    assert (out.kind, out.reason) == ("martian", "loopback-source-leaves")
    assert run.nat_rules == ["nat:OUTPUT:rule:2"]
    assert len(run.state.conntrack) == 0
    works = Run(node(sysctls=Sysctls(any_device=DeviceSettings(route_localnet=True)))).send(packet)
    assert (works.kind, works.skb.packet.source) == ("transmit", "10.244.1.1:51514")


def test_output_filter_still_shows_the_old_device_and_postrouting_the_new_one() -> None:
    run = Run(node(NAT + "*filter\n-A OUTPUT -o eth0 -j ACCEPT\nCOMMIT\n"))
    run.send(Packet("tcp", "10.128.0.11", "10.96.0.1", 51514, 80))
    devices = {
        step.table + ":" + step.chain: step.before.oif for step in run.seen if isinstance(step, Walked)
    }
    assert devices["filter:OUTPUT"] == "eth0"
    assert devices["nat:POSTROUTING"] == "v0"


def test_filter_at_output_is_asked_after_nat() -> None:
    """Priorities of linux/netfilter_ipv4.h: -100 before 0."""
    for address, kind in (("10.244.1.10", "dropped"), ("10.96.0.1", "transmit")):
        run = Run(node(NAT + f"*filter\n-A OUTPUT -d {address}/32 -j DROP\nCOMMIT\n"))
        assert run.send(Packet("tcp", "10.128.0.11", "10.96.0.1", 51514, 80)).kind == kind


def test_no_route_for_the_dialled_address_fails_before_any_rule() -> None:
    host = node()
    host.routing._main.pop((4, 0))
    host.routing._lengths[4, "main"].remove(0)
    run = Run(host)
    out = run.send(Packet("tcp", "10.128.0.11", "10.96.0.1", 51514, 80))
    assert (out.kind, out.reason) == ("no-route", "no-route-from-here")
    assert run.nat_rules == []


def test_a_packet_to_an_own_address_goes_around_by_lo_and_is_asked_once() -> None:
    host = node()
    host = Host(host.name, host.routing, host.rules, frozenset({Socket("tcp", 22)}), host.sysctls)
    run = Run(host)
    out = run.send(Packet("tcp", "10.128.0.11", "10.128.0.11", 51514, 22))
    assert (out.kind, out.skb.iif) == ("deliver", "lo")
    assert host.listens("tcp", out.skb.dst, out.skb.dport)


def test_icmp_errors_about_translated_flows_are_translated_back() -> None:
    """An error from a router behind the DNAT reaches the client as if the dialled address had sent it."""
    run = Run(node())
    run.receive(Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80), "eth0")
    about = Packet("tcp", "203.0.113.7", "10.244.1.10", 51514, 8080)
    error = Packet("icmp", "10.244.1.10", "203.0.113.7", icmp=(3, 3), inner=about)
    back = run.receive(error, "v0").skb.packet
    assert (str(back.src), str(back.dst)) == ("10.96.0.1", "203.0.113.7")
    assert back.inner is not None
    assert back.inner.destination == "10.96.0.1:80"


def test_reject_answers_from_the_device_the_packet_came_in_by() -> None:
    run = Run(node("*filter\n-A FORWARD -j REJECT\nCOMMIT\n"))
    out = run.receive(Packet("tcp", "10.244.1.10", "10.96.9.9", 51514, 80), "v0")
    assert out.kind == "rejected"
    assert out.answer is not None
    assert out.answer.packet.icmp == (3, 3)
    assert str(out.answer.packet.src) == "10.244.1.1"
