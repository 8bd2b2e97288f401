"""What each target does to a packet and its connection, on one host. Sources: iptables-extensions(8) and the kernel files
named beside each table; addresses and ports out of ranges were measured on Linux 6.18.
"""

from ipaddress import ip_interface

import pytest

from kproxysim.netfilter.chance import Enumeration, enumerate_runs
from kproxysim.netfilter.events import Event, Outcome
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.nat_range import hashed_address, redirect_address
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.walk import Walked
from kproxysim.packet import Packet


def number(address: str) -> int:
    return int(ip_interface(address).ip)


class Router:
    """10.9.0.1 on eth0 and fd00:9::1, a neighbour network on veth0 (10.244.1.1), everything else by eth0."""

    def __init__(self, rules: str) -> None:
        routing = RoutingTable()
        routing.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
        addresses = ("10.9.0.1/24", "fe80::1/64", "fd00:9::1/64")
        routing.add_interface(Interface("eth0", tuple(ip_interface(one) for one in addresses)))
        routing.add_interface(Interface("veth0", (ip_interface("10.244.1.1/24"),)))
        routing.add_interface(Interface("bare"))
        routing.add(Route(0, 0, 4, "eth0", via=number("10.9.0.254")))
        routing.add(Route(0, 0, 6, "eth0", via=number("fd00:9::fe")))
        text = rules if rules.startswith("*") else f"*nat\n{rules}\nCOMMIT\n"
        graph = ChainGraph(Ruleset.from_save(text))
        self.host = Host("here", routing, lambda _family: graph)
        self.state = HostState()
        self.seen: list[Walked | Event] = []

    def passage(self, chance: Enumeration | None = None) -> Passage:
        self.seen.clear()
        return Passage(self.host, self.state, chance or Enumeration(), self.seen.append)

    def receive(self, packet: Packet, device: str = "veth0", chance: Enumeration | None = None) -> Outcome:
        return self.passage(chance).receive(packet, device)

    def send(self, packet: Packet) -> Outcome:
        return self.passage().send(packet)

    @property
    def rules_met(self) -> list[str]:
        return [step.at for step in self.seen if isinstance(step, Walked) and step.rule]


def udp(dst: str, dport: int = 53, src: str = "10.9.0.1", sport: int = 40000) -> Packet:
    return Packet("udp", src, dst, sport, dport)


MEASURED = [
    # --to-source 192.0.2.1-192.0.2.9, from 10.9.0.1
    ("192.0.2.1", "192.0.2.9", False, "10.9.0.1", "10.9.0.2", "192.0.2.7"),
    ("192.0.2.1", "192.0.2.9", False, "10.9.0.1", "10.9.0.5", "192.0.2.5"),
    ("192.0.2.1", "192.0.2.9", False, "10.9.0.1", "10.9.0.6", "192.0.2.1"),
    ("192.0.2.1", "192.0.2.9", False, "10.9.0.1", "10.9.0.11", "192.0.2.9"),
    # --persistent: the destination does not count
    ("192.0.2.1", "192.0.3.9", True, "10.9.0.1", "10.9.0.200", "192.0.2.6"),
    ("192.0.2.1", "192.0.3.9", True, "10.9.0.1", "10.9.0.203", "192.0.2.6"),
    # --to-destination 10.9.0.20-10.9.0.31, from 10.9.1.1
    ("10.9.0.20", "10.9.0.31", False, "10.9.1.1", "10.9.1.2", "10.9.0.31"),
    ("10.9.0.20", "10.9.0.31", False, "10.9.1.1", "10.9.1.4", "10.9.0.23"),
    # --to-source fd00:1::5-fd00:1::1:9
    ("fd00:1::5", "fd00:1::1:9", False, "fd00:9::1", "fd00:9::4", "fd00:1::a7b7"),
    ("fd00:1::5", "fd00:1::1:9", False, "fd00:9::1", "fd00:9::5", "fd00:1::ed9a"),
]


@pytest.mark.parametrize("low, high, persistent, src, dst, wanted", MEASURED)
def test_the_kernels_hash_picks_of_a_range(
    low: str, high: str, persistent: bool, src: str, dst: str, wanted: str
) -> None:
    """`find_best_ips_proto` in nf_nat_core.c."""
    found = hashed_address(
        number(low), number(high), number(src), number(dst), 6 if ":" in src else 4, persistent=persistent
    )
    assert found == number(wanted)


@pytest.mark.parametrize("led, wanted", [(True, "fd00:44::5"), (False, "fd00:44::6")])
def test_the_hash_reads_the_destination_that_it_has_put_there_already(led: bool, wanted: str) -> None:
    """Measured: of IPv6 DNAT, whose addresses have more than one word; SNAT reads the one that was dialled."""
    low, high, src, dst = map(number, ("fd00:44::5", "fd00:44::6", "fd00:128::12", "fd00:96::1"))
    assert hashed_address(low, high, src, dst, 6, persistent=False, led=led) == number(wanted)


def test_dnat_to_ranges_of_addresses_and_ports() -> None:
    """A port in the range is kept, another becomes the lowest one."""
    rule = "-A OUTPUT -d 10.9.1.0/24 -p udp -j DNAT --to-destination 10.9.0.20-10.9.0.31:1000-1003"
    for port, wanted in ((1002, 1002), (53, 1000)):
        out = Router(rule).send(udp("10.9.1.2", port, src="10.9.1.1"))
        assert out.skb.packet.destination == f"10.9.0.31:{wanted}"


def test_a_destination_port_that_is_taken_is_passed_over() -> None:
    router = Router("-A OUTPUT -p udp -j DNAT --to-destination 10.9.0.20:1000-1003")
    first = router.send(udp("10.9.1.2", 53)).skb.packet
    second = router.send(udp("10.9.1.3", 53)).skb.packet
    assert [first.destination, second.destination] == ["10.9.0.20:1000", "10.9.0.20:1001"]


def test_a_shifted_range_counts_from_its_base() -> None:
    """`NF_NAT_RANGE_PROTO_OFFSET`: 5000-5010/2000 maps 2003 to 5003."""
    router = Router("-A OUTPUT -p udp -j DNAT --to-destination 10.9.0.20:5000-5010/2000")
    assert router.send(udp("10.9.1.2", 2003)).skb.packet.dport == 5003


def test_a_drawn_destination_port_forks() -> None:
    rule = "-A PREROUTING -p udp -j DNAT --to-destination 10.9.0.20:1000-1002 --random"
    packet = udp("10.9.1.2", src="10.244.1.9")
    runs = enumerate_runs(lambda chance: Router(rule).receive(packet, chance=chance).skb.dport)
    found = [(port, str(chance.kernel)) for chance, port in runs]
    assert found == [(1000, "1/3"), (1001, "1/3"), (1002, "1/3")]
    many = Router("-A PREROUTING -p udp -j DNAT --to-destination 10.9.0.20:1000-2000 --random")
    assert many.receive(udp("10.9.1.2", src="10.244.1.9")).kind == "unmodelled"


def test_snat_keeps_a_source_that_is_in_the_range() -> None:
    router = Router("-A POSTROUTING -j SNAT --to-source 10.244.1.1-10.244.1.99")
    assert str(router.receive(udp("192.0.2.1", src="10.244.1.9")).skb.packet.src) == "10.244.1.9"


def test_snat_gives_a_client_the_address_that_it_has_already() -> None:
    """`find_appropriate_src`: same source address and port, another destination."""
    router = Router("-A POSTROUTING -j SNAT --to-source 192.0.2.1-192.0.2.9")
    first = router.receive(udp("10.9.0.2", src="10.244.1.9")).skb.packet.src
    assert [router.receive(udp(f"10.9.0.{n}", src="10.244.1.9")).skb.packet.src for n in range(3, 9)] == [
        first
    ] * 6


REDIRECTED = [
    (udp("192.0.2.1", src="10.244.1.9"), "veth0", "10.244.1.1:5353"),
    (udp("192.0.2.1", src="10.9.0.9"), "eth0", "10.9.0.1:5353"),
    (udp("2001:db8::1", src="fd00:9::9"), "eth0", "[fd00:9::1]:5353"),
]


@pytest.mark.parametrize("packet, device, wanted", REDIRECTED)
def test_redirect_goes_to_the_input_device(packet: Packet, device: str, wanted: str) -> None:
    """nf_nat_redirect.c: the first address of the device, none of link-local scope for a global destination."""
    router = Router("-A PREROUTING -p udp -j REDIRECT --to-ports 5353")
    out = router.receive(packet, device)
    assert (out.kind, out.skb.packet.destination) == ("deliver", wanted)


def test_redirect_of_ipv6_goes_to_the_newest_address() -> None:
    """Measured: the kernel puts an address before those of its scope that the device has."""
    table = RoutingTable()
    table.add_interface(Interface("eth0", (ip_interface("fd00:9::1/64"), ip_interface("fd00:9::2/64"))))
    skb = Skb.of(udp("2001:db8::1", src="fd00:9::9"), iif="eth0")
    assert redirect_address(table, "PREROUTING", skb) == int(ip_interface("fd00:9::2").ip)


def test_redirect_of_what_was_made_here_goes_to_loopback() -> None:
    out = Router("-A OUTPUT -p udp -j REDIRECT --to-ports 5353").send(udp("192.0.2.1"))
    assert (out.kind, out.skb.packet.destination) == ("deliver", "127.0.0.1:5353")


def test_redirect_without_an_address_drops() -> None:
    out = Router("-A PREROUTING -j REDIRECT").receive(udp("192.0.2.1", src="10.9.0.9"), "bare")
    assert (out.kind, out.reason) == ("dropped", "no-address-to-redirect")


def test_netmap_keeps_the_host_part() -> None:
    """xt_NETMAP.c: the destination on the way in, the source on the way out."""
    inward = Router("-A PREROUTING -d 192.0.2.0/24 -j NETMAP --to 10.244.1.0/24")
    assert str(inward.receive(udp("192.0.2.77", src="10.9.0.9"), "eth0").skb.packet.dst) == "10.244.1.77"
    outward = Router("-A POSTROUTING -s 10.244.1.0/24 -j NETMAP --to 198.51.100.0/24")
    assert str(outward.receive(udp("192.0.2.1", src="10.244.1.9")).skb.packet.src) == "198.51.100.9"


MARKED = """\
*mangle
-A PREROUTING -m connmark --mark 0x0/0xff -j MARK --set-xmark 0x25/0xff
-A PREROUTING -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xff
-A PREROUTING -j MARK --set-xmark 0x0/0xffffffff
-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
-A FORWARD -m connmark --mark 0x5 -j ACCEPT
COMMIT
"""


def test_a_later_packet_may_change_the_mark_of_its_connection() -> None:
    rules = "".join(
        f"-A PREROUTING -m connmark --mark {mark} -j CONNMARK --set-mark {mark + 1}\n" for mark in (2, 1, 0)
    )
    router = Router(f"*mangle\n{rules}COMMIT\n")
    marks = []
    for _ in range(3):
        flow = router.receive(udp("192.0.2.1", src="10.244.1.9")).skb.flow
        assert flow is not None
        assert flow.connection is not None
        marks.append(flow.connection.mark)
    assert marks == [1, 2, 3]


def test_connmark_saves_and_restores_under_masks_and_lasts() -> None:
    """xt_connmark.c: the connection keeps its mark, the next packet of it is restored."""
    router = Router(MARKED)
    first = router.receive(udp("192.0.2.1", src="10.244.1.9"))
    assert (first.skb.mark, router.rules_met[-1]) == (0x5, "mangle:FORWARD:rule:1")
    assert [one.mark for one in router.state.conntrack.entries()] == [0x5]
    later = Router(MARKED.replace("-A PREROUTING -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xff\n", ""))
    later.state = router.state
    again = later.receive(udp("10.244.1.9", 40000, src="192.0.2.1", sport=53), "eth0")
    assert again.skb.mark == 0x5


@pytest.mark.parametrize("target", ["NOTRACK", "CT --notrack"])
def test_untracked_packets_are_never_translated(target: str) -> None:
    """xt_CT.c: UNTRACKED from there on; nat has no connection to decide about."""
    rules = (
        f"*raw\n-A PREROUTING -p udp -j {target}\nCOMMIT\n"
        "*nat\n-A PREROUTING -j DNAT --to-destination 10.244.1.9\nCOMMIT\n"
        "*filter\n-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT\nCOMMIT\n"
    )
    router = Router(rules)
    out = router.receive(udp("192.0.2.1", src="10.244.1.9"))
    assert (out.kind, str(out.skb.packet.dst)) == ("transmit", "192.0.2.1")
    assert router.rules_met == ["raw:PREROUTING:rule:1", "filter:FORWARD:rule:1"]
    assert len(router.state.conntrack) == 0


def test_before_conntrack_has_looked_the_state_is_invalid() -> None:
    router = Router("*raw\n-A PREROUTING -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n")
    assert router.receive(udp("192.0.2.1", src="10.244.1.9")).at == "raw:PREROUTING:rule:1"


@pytest.mark.parametrize(
    "target",
    ["LOG --log-prefix x", "NFLOG --nflog-group 1", "TRACE", "MARK --set-mark 1", "CONNMARK --save-mark"],
)
def test_the_next_rule_is_asked_after(target: str) -> None:
    router = Router(f"*filter\n-A FORWARD -j {target}\n-A FORWARD -j DROP\nCOMMIT\n")
    assert router.receive(udp("192.0.2.1", src="10.244.1.9")).at == "filter:FORWARD:rule:2"


UNMODELLED = [
    ("*mangle\n-A PREROUTING -p udp -j TPROXY --on-port 50\nCOMMIT\n", "target 'TPROXY'"),
    ("*raw\n-A PREROUTING -j CT --zone 5\nCOMMIT\n", "option --zone of target 'CT'"),
    ("*raw\n-A PREROUTING -j CT --helper ftp\nCOMMIT\n", "option --helper of target 'CT'"),
    ("*raw\n-A PREROUTING -j CT --timeout short\nCOMMIT\n", "option --timeout of target 'CT'"),
    ("*mangle\n-A FORWARD -j ECN --ecn-tcp-remove\nCOMMIT\n", "target 'ECN'"),
    ("*filter\n-A FORWARD -j NFQUEUE\nCOMMIT\n", "target 'NFQUEUE'"),
]


@pytest.mark.parametrize("rules, what", UNMODELLED)
def test_what_is_not_modelled_ends_the_way_by_name(rules: str, what: str) -> None:
    out = Router(rules).receive(udp("192.0.2.1", src="10.244.1.9"))
    assert (out.kind, out.detail) == ("unmodelled", what)


REFUSALS = [
    ("icmp-net-unreachable", (3, 0)),
    ("icmp-host-unreachable", (3, 1)),
    ("icmp-proto-unreachable", (3, 2)),
    ("icmp-port-unreachable", (3, 3)),
    ("icmp-net-prohibited", (3, 9)),
    ("icmp-host-prohibited", (3, 10)),
    ("icmp-admin-prohibited", (3, 13)),
]


@pytest.mark.parametrize("kind, icmp", REFUSALS)
def test_each_kind_of_refusal(kind: str, icmp: tuple[int, int]) -> None:
    """ipt_REJECT.c."""
    out = Router(f"*filter\n-A FORWARD -j REJECT --reject-with {kind}\nCOMMIT\n").receive(
        udp("192.0.2.1", src="10.244.1.9")
    )
    assert out.answer is not None
    assert (out.kind, out.answer.packet.icmp) == ("rejected", icmp)


REFUSALS6 = [
    ("icmp6-no-route", (1, 0)),
    ("icmp6-adm-prohibited", (1, 1)),
    ("icmp6-addr-unreachable", (1, 3)),
    ("icmp6-port-unreachable", (1, 4)),
    ("icmp6-policy-fail", (1, 5)),
    ("icmp6-reject-route", (1, 6)),
]


@pytest.mark.parametrize("kind, icmp", REFUSALS6)
def test_each_kind_of_refusal_in_ipv6(kind: str, icmp: tuple[int, int]) -> None:
    """ip6t_REJECT.c."""
    router = Router(f"*filter\n-A FORWARD -s fd00::/8 -j REJECT --reject-with {kind}\nCOMMIT\n")
    out = router.receive(udp("2001:db8::1", src="fd00:9::9"), "eth0")
    assert out.answer is not None
    assert out.answer.packet.icmp == icmp


def test_around_by_lo_a_connection_is_confirmed_before_input() -> None:
    """Measured: over lo the first packet is CONFIRMED at INPUT; one from outside is not yet."""
    router = Router("*filter\n-A INPUT -m conntrack --ctstatus CONFIRMED -j ACCEPT\nCOMMIT\n")
    router.send(udp("10.9.0.1"))
    assert router.rules_met == ["filter:INPUT:rule:1"]
    router.receive(udp("10.9.0.1", src="10.9.0.9"), "eth0")
    assert router.rules_met == []
