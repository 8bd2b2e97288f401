"""What each match asks of a packet. Sources: iptables-extensions(8) and the kernel files named beside each table."""

from ipaddress import ip_interface, ip_network
from math import inf

import pytest

from kproxysim.netfilter.chance import Enumeration, enumerate_runs
from kproxysim.netfilter.condition import Condition, Unmodelled
from kproxysim.netfilter.conntrack import Connection, Flow, Status, Tuple
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host, Sysctls
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.sets import AddressSet
from kproxysim.netfilter.skb import NO_SOCKET, OF_THE_KERNEL, Owner, Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.syntax import parse_rule
from kproxysim.netfilter.walk import Verdict, Walked, walk_chain
from kproxysim.packet import Packet

TCP = Packet("tcp", "10.0.0.5", "10.96.0.1", 40000, 443)
UDP6 = Packet("udp", "fd00::5", "fd00::1", 40000, 53)
PING = Packet("icmp", "10.0.0.5", "10.96.0.1", icmp=(8, 0))


def host() -> Host:
    routing = RoutingTable()
    routing.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
    routing.add_interface(Interface("eth0", (ip_interface("10.96.0.1/24"), ip_interface("fd00::1/64"))))
    routing.add(Route(0, 0, 4, "eth0", via=int(ip_interface("10.96.0.254/32").ip)))
    sets = {
        "hosts": AddressSet(["10.0.0.0/24", "192.0.2.1"]),
        "ports": AddressSet(["10.96.0.1,tcp:443", "10.9.0.0/16,udp:53-60"]),
    }
    return Host("here", routing, sets=sets)


def holds(match: str, packet: Packet = TCP, **changes: object) -> bool:
    """Does a rule with this match take the packet, as it comes in by eth0?"""
    family: Family = "ipv4" if packet.family == 4 else "ipv6"
    meaning = parse_rule(f"{match} -j ACCEPT", family)
    skb = Skb.of(packet, iif="eth0", owner=NO_SOCKET)._replace(**changes)  # type: ignore[arg-type]
    passage = Passage(host(), HostState(), Enumeration(), lambda _: None)
    passage._family = packet.family
    return all(one.holds(skb, passage) for one in meaning.checks)


ASKED = [
    # ports of xt_multiport.c
    ("-p tcp -m multiport --dports 80,443", True),
    ("-p tcp -m multiport --dports 80,440:442", False),
    ("-p tcp -m multiport ! --dports 80,443", False),
    ("-p tcp -m multiport --sports 1:1023,40000", True),
    ("-p tcp -m multiport --ports 443", True),
    ("-p tcp -m multiport --ports 40000", True),
    ("-p tcp -m multiport ! --ports 1,2", True),
    ("-p tcp -m multiport --dports 40000", False),
    ("-p tcp -m multiport --sports 443", False),
    # devices: a `+` stands for any ending (xtables_parse_interface)
    ("-i eth0", True),
    ("-i eth", False),
    ("-i eth+", True),
    ("-i eth0+", True),
    ("-i eth1+", False),
    ("! -i e+", False),
    ("-o eth0", False),
    # iprange (xt_iprange.c): both ends included, both ranges must hold
    ("-m iprange --src-range 10.0.0.5-10.0.0.9", True),
    ("-m iprange --src-range 10.0.0.6-10.0.0.9", False),
    ("-m iprange ! --src-range 10.0.0.6-10.0.0.9 --dst-range 10.96.0.1", True),
    ("-m iprange --src-range 10.0.0.9-10.0.0.1", False),
    # fragments: packets are whole
    ("-f", False),
    ("! -f", True),
    # flags and ports of xt_tcpudp.c
    ("-p tcp -m tcp --sport 40000 --dport 400:", True),
    ("-p tcp -m tcp --dport 443", True),
    ("-p tcp -m tcp --sport 443", False),
    ("-p tcp --syn", True),
    ("-p tcp ! --syn", False),
    ("-p tcp -m tcp --tcp-flags ALL SYN", True),
    ("-p tcp -m tcp --tcp-flags ALL NONE", False),
    ("! -p udp", True),
    ("-p tcp -m tcp --tcp-flags FIN,RST NONE", True),
    ("-p tcp -m tcp ! --tcp-flags SYN,RST SYN,RST", True),
    # what is left of the time to live, 64 (xt_hl.c)
    ("-m ttl --ttl-eq 64", True),
    ("-m ttl --ttl-eq 63", False),
    ("-m ttl ! --ttl-eq 64", False),
    ("-m ttl --ttl-lt 64", False),
    ("-m ttl --ttl-lt 65", True),
    ("-m ttl --ttl-gt 64", False),
    ("-m ttl --ttl-gt 63", True),
    # types of xt_addrtype.c
    ("-m addrtype --dst-type LOCAL", True),
    ("-m addrtype --dst-type LOCAL --limit-iface-in", True),
    ("-m addrtype ! --dst-type LOCAL", False),
    ("-m addrtype --src-type UNICAST --dst-type BROADCAST,LOCAL", True),
    ("-m addrtype --src-type LOCAL --dst-type LOCAL", False),
    # pkttype (xt_pkttype.c): a frame that reached this host was sent to it
    ("-m pkttype --pkt-type host", True),
    ("-m pkttype --pkt-type broadcast", False),
    ("-m pkttype ! --pkt-type multicast", True),
    # owner (xt_owner.c): no process of this host sent a packet that came in
    ("-m owner --uid-owner 0", False),
    # what nothing here has (xt_socket.c, xt_helper.c)
    ("-m socket --transparent", False),
    ("-m socket --transparent --nowildcard", False),
    ("-m helper --helper ftp", False),
    ("-m helper ! --helper ftp", True),
    ("-m owner ! --uid-owner 0", True),
    ("-m owner ! --uid-owner 0 --gid-owner 0", False),
    ("-m owner ! --socket-exists", True),
    # set (xt_set.c), with members given
    ("-m set --match-set hosts src", True),
    ("-m set --match-set hosts dst", False),
    ("-m set ! --match-set hosts dst", True),
    ("-m set --match-set ports dst,dst", True),
    ("-m set --match-set ports dst,src", False),
    ("-m set --match-set hosts src ! --update-counters ! --update-subcounters", True),
    # policy (xt_policy.c): nothing goes through IPsec
    ("-m policy --dir in --pol none", True),
    ("-m policy --dir in --pol ipsec", False),
    # comment and nfacct ask nothing
    ("-m comment --comment anything -m nfacct --nfacct-name any", True),
]


@pytest.mark.parametrize("match, wanted", ASKED)
def test_what_a_match_asks(match: str, wanted: bool) -> None:
    assert holds(match) is wanted


def test_flags_are_asked_one_by_one() -> None:
    assert holds("-p tcp -m tcp --tcp-flags SYN,ACK,RST ACK,SYN", flags="SYN,ACK")
    assert not holds("-p tcp -m tcp --tcp-flags SYN,ACK,RST SYN", flags="SYN,ACK")


ICMP = [
    ("--icmp-type echo-request", (8, 0), True),
    ("--icmp-type 8", (8, 0), True),
    ("--icmp-type 0", (8, 0), False),
    ("! --icmp-type 0", (8, 0), True),
    ("--icmp-type any", (8, 0), True),
    ("! --icmp-type any", (8, 0), False),
    ("--icmp-type destination-unreachable", (3, 4), True),
    ("--icmp-type fragmentation-needed", (3, 4), True),
    ("--icmp-type port-unreachable", (3, 4), False),
    ("--icmp-type 3/4", (3, 4), True),
    ("--icmp-type 3/1:3", (3, 0), False),  # a range of codes, both ends included
    ("--icmp-type 3/1:3", (3, 1), True),
    ("--icmp-type 3/1:3", (3, 3), True),
    ("--icmp-type 3/1:3", (3, 4), False),
    ("! --icmp-type 3/1:3", (3, 4), True),
]


@pytest.mark.parametrize("match, icmp, wanted", ICMP)
def test_icmp_asks_type_and_code(match: str, icmp: tuple[int, int], wanted: bool) -> None:
    """`icmp_match` in ip_tables.c."""
    assert holds(f"-p icmp -m icmp {match}", replace_icmp(icmp)) is wanted


def replace_icmp(icmp: tuple[int, int]) -> Packet:
    return Packet("icmp", "10.0.0.5", "10.96.0.1", icmp=icmp)


def test_icmp6_by_name() -> None:
    packet = Packet("ipv6-icmp", "fd00::5", "fd00::1", icmp=(135, 0))
    assert holds("-p icmpv6 --icmpv6-type neighbour-solicitation", packet)
    assert not holds("-p icmpv6 --icmpv6-type echo-request", packet)


@pytest.mark.parametrize("match", ["-m rt", "-m rt --rt-type 0", "-m rt ! --rt-type 0"])
def test_no_packet_has_a_routing_header(match: str) -> None:
    """ip6t_rt.c fails without one before it looks at its options."""
    assert not holds(match, UDP6)


IPV6_TYPES = [
    ("--dst-type LOCAL", True),
    ("--dst-type UNICAST", True),  # an own address is unicast as well in IPv6
    ("--dst-type UNICAST,LOCAL", True),
    ("--dst-type MULTICAST,LOCAL", False),  # all that is asked must hold
    ("--src-type UNICAST", True),
    ("--src-type LOCAL", False),
]


@pytest.mark.parametrize("match, wanted", IPV6_TYPES)
def test_ipv6_addresses_have_several_types(match: str, wanted: bool) -> None:
    """`match_type6` in xt_addrtype.c."""
    assert holds(f"-m addrtype {match}", UDP6) is wanted


def flow(
    *, reply: bool = False, status: int = 0, mark: int = 0, state: str = "NEW", expires: float = inf
) -> Flow:
    """10.0.0.5:40000 -> 10.96.0.1:443, translated to 10.244.1.10:8443."""
    original = Tuple(
        "tcp", int(ip_interface("10.0.0.5/32").ip), 40000, int(ip_interface("10.96.0.1/32").ip), 443
    )
    answers = Tuple("tcp", int(ip_interface("10.244.1.10/32").ip), 8443, original.src, 40000)
    connection = Connection(1, original, answers, status | Status.DST_NAT, mark, expires=expires)
    return Flow(state, connection, reply)


CONNTRACK = [
    ("--ctstate NEW", True),
    ("--ctstate DNAT", True),
    ("--ctstate SNAT", False),
    ("! --ctstate ESTABLISHED,RELATED", True),
    ("--ctproto tcp", True),
    ("--ctproto udp", False),
    ("! --ctproto 17", True),
    ("--ctorigsrc 10.0.0.0/8", True),
    ("--ctorigdst 10.96.0.1", True),
    ("--ctorigdst 10.244.1.10", False),
    ("--ctreplsrc 10.244.1.10", True),
    ("! --ctreplsrc 10.96.0.1", True),
    ("--ctrepldst 10.0.0.5", True),
    ("--ctorigsrcport 40000", True),
    ("--ctorigdstport 443", True),
    ("--ctorigdstport 8443", False),
    ("--ctreplsrcport 8000:9000", True),
    ("! --ctrepldstport :1023", True),
    ("--ctdir ORIGINAL", True),
    ("--ctdir REPLY", False),
    ("--ctstatus NONE", False),
    ("! --ctstatus NONE", True),
    ("--ctstatus CONFIRMED", False),
    ("--ctstatus SEEN_REPLY", False),
    ("--ctstatus ASSURED", False),  # nothing is assured before an answer
    ("--ctstatus EXPECTED", False),
    ("--ctstate NEW --ctorigdst 10.96.0.2", False),
]


@pytest.mark.parametrize("match, wanted", CONNTRACK)
def test_conntrack_asks_the_connection(match: str, wanted: bool) -> None:
    """`conntrack_mt` in xt_conntrack.c."""
    assert holds(f"-m conntrack {match}", flow=flow()) is wanted


def test_port_0_is_a_port_and_gre_has_none() -> None:
    zero, without = Tuple("udp", 1, 0, 2, 53), Tuple("gre", 1, -1, 2, -1)
    known = Flow("NEW", Connection(1, zero, zero.inverse()))
    assert holds("-m conntrack --ctorigsrcport 0 --ctrepldstport :52 --ctorigdstport 53", flow=known)
    with pytest.raises(Unmodelled) as caught:
        holds("-m conntrack --ctreplsrcport 0", flow=Flow("NEW", Connection(1, without, without)))
    assert caught.value.what == "option --ctreplsrcport for a gre packet"


def test_conntrack_knows_answers() -> None:
    answer = flow(reply=True, status=Status.SEEN_REPLY | Status.CONFIRMED, state="ESTABLISHED")
    assert holds("-m conntrack --ctdir REPLY --ctstatus SEEN_REPLY,CONFIRMED", flow=answer)
    assert not holds("-m conntrack --ctstatus ASSURED", flow=answer)
    assured = flow(reply=True, status=Status.SEEN_REPLY | Status.ASSURED, state="ESTABLISHED")
    assert holds("-m conntrack --ctstatus ASSURED", flow=assured)


NO_CONNECTION = [
    ("-m conntrack --ctstate INVALID", True),
    ("-m conntrack --ctstate NEW --ctdir ORIGINAL", False),
    ("-m conntrack --ctstate INVALID --ctorigdst 1.2.3.4", True),  # the rest is not asked
    ("-m conntrack --ctorigdst 1.2.3.4", False),
    ("-m conntrack ! --ctorigdst 1.2.3.4", False),
    ("-m connmark --mark 0", False),
    ("-m connmark ! --mark 1", False),
]


@pytest.mark.parametrize("match, wanted", NO_CONNECTION)
def test_without_a_connection_only_the_state_counts(match: str, wanted: bool) -> None:
    assert holds(match, flow=Flow("INVALID")) is wanted
    assert holds(match, flow=None) is wanted


@pytest.mark.parametrize(
    "match, wanted", [("--mark 5", True), ("--mark 1/1", True), ("! --mark 5", False), ("--mark 4/1", False)]
)
def test_a_mark_is_asked_for_the_bits_of_its_mask(match: str, wanted: bool) -> None:
    """Of the packet (xt_mark.c), and of its connection (xt_connmark.c)."""
    assert holds(f"-m mark {match}", mark=5) is wanted
    assert holds(f"-m connmark {match}", flow=flow(mark=5)) is wanted


WAYS_BACK = [
    # what comes in by eth0, whose way back leads there (ipt_rpfilter.c, ip6t_rpfilter.c)
    ("", "10.0.0.5", True),
    ("--invert", "10.0.0.5", False),
    ("", "192.0.2.1", False),  # the way back leads to eth1
    ("--validmark", "192.0.2.1", False),
    ("--loose", "192.0.2.1", True),
    ("", "198.51.100.1", False),  # unreachable
    ("--loose", "198.51.100.1", False),
    ("", "10.96.0.1", False),  # our own
    ("--accept-local", "10.96.0.1", True),
    ("--accept-local", "127.0.0.1", False),
    ("--accept-local --loose", "127.0.0.1", True),
    ("--loose", "10.96.0.255", False),  # everybody
    ("", "fd00:2::1", False),
    ("--loose", "fd00:2::1", True),
    ("", "fd00:1::1", False),  # the best route leads to eth1, and another one to eth0 (measured)
    ("--loose", "fd00:3::1", False),  # unreachable
    ("", "fd00::1", False),
    ("--accept-local", "fd00::1", True),
]


@pytest.mark.parametrize("options, source, wanted", WAYS_BACK)
def test_the_way_back_to_a_source(options: str, source: str, wanted: bool) -> None:
    routing = host().routing
    routing.add(_route("192.0.2.0/24", "eth1"))
    routing.add(_route("198.51.100.0/24", kind="unreachable"))
    routing.add(_route("fd00:2::/32", "eth1"))
    routing.add(_route("fd00:1::/32", "eth0"))
    routing.add(_route("fd00:1::/48", "eth1"))
    routing.add(_route("fd00:3::/32", kind="unreachable"))
    six = ":" in source
    match = parse_rule(f"-m rpfilter {options}", "ipv6" if six else "ipv4").checks[0]
    passage = Passage(Host("here", routing), HostState(), Enumeration(), lambda _: None)
    passage._family = 6 if six else 4
    skb = Skb.of(Packet("udp", source, "fd00::1" if six else "10.96.0.1", 1000, 53), iif="eth0")
    assert match.holds(skb, passage) is wanted
    assert match.condition(skb, passage).held is wanted
    assert match.holds(skb._replace(iif="lo"), passage) is ("--invert" not in options)


NOWHERE = [
    # from no address to everybody goes; from anywhere else there is no way back on a host without routes
    ("0.0.0.1", "255.255.255.255", True),
    ("0.255.255.255", "224.0.0.255", True),
    ("0.0.0.1", "224.0.0.0", True),
    ("0.0.0.1", "224.0.1.0", False),
    ("0.0.0.1", "223.255.255.255", False),
    ("0.0.0.1", "255.255.255.254", False),
    ("1.0.0.0", "255.255.255.255", False),
    ("::", "fd00::1", True),
    ("::1", "ff02::1", False),
]


@pytest.mark.parametrize("source, destination, wanted", NOWHERE)
def test_the_way_back_to_no_address(source: str, destination: str, wanted: bool) -> None:
    """`rpfilter_mt` of ipt_rpfilter.c and ip6t_rpfilter.c."""
    skb = Skb.of(Packet("udp", source, destination, 1000, 53), iif="eth0")
    match = parse_rule("-m rpfilter --loose", "ipv4" if skb.family == 4 else "ipv6").checks[0]
    passage = Passage(Host("here", RoutingTable()), HostState(), Enumeration(), lambda _: None)
    passage._family = skb.family
    assert match.holds(skb, passage) is wanted


def _route(prefix: str, device: str = "", kind: str = "unicast") -> Route:
    network = ip_network(prefix)
    return Route(int(network.network_address), network.prefixlen, network.version, device, kind=kind)


UNMODELLED = [
    ("-m socket --nowildcard", "match 'socket' without --transparent"),
    ("-p tcp -m tcp --tcp-option 7", "option --tcp-option"),
    ("-m conntrack --ctexpire 5", "option --ctexpire before its entry is confirmed"),
    ("-m mac --mac-source 00:11:22:33:44:55", "match 'mac'"),
    ("-m physdev --physdev-in eth1", "match 'physdev'"),
    ("-m set --match-set nowhere src", "set 'nowhere'"),
    ("-m set --match-set hosts src --packets-gt 5", "option --packets-gt 5 of match 'set'"),
    ("-m u32 --u32 0=0", "match 'u32'"),
]


@pytest.mark.parametrize("match, what", UNMODELLED)
def test_what_is_not_known_is_said_by_name(match: str, what: str) -> None:
    with pytest.raises(Unmodelled) as caught:
        holds(match, flow=flow())
    assert caught.value.what == what


BRIDGED = [
    # devices in and out, the destination, the options, whether they hold, and what is said of the packet; None and
    # "not modelled" where nobody knows
    ("cbr0", "", "10.44.0.9", "--physdev-is-in", True, "in by a port"),
    ("cbr0", "eth0", "10.9.0.1", "--physdev-is-in ! --physdev-is-bridged", True, "in by a port"),
    ("cbr0", "eth0", "10.9.0.1", "--physdev-out port0 --physdev-is-bridged", False, "in by a port"),
    ("cbr0", "cbr0", "10.44.0.9", "--physdev-is-bridged", True, "from port to port"),
    ("cbr0", "cbr0", "10.44.0.9", "--physdev-in port0", None, "not modelled"),
    ("cbr0", "cbr0", "10.44.0.9", "--physdev-out port0 --physdev-is-bridged", None, "not modelled"),
    ("cbr0", "cbr0", "10.44.0.9", "! --physdev-is-in --physdev-in port0", False, "from port to port"),
    ("cbr0", "eth0", "10.9.0.1", "--physdev-in port0", None, "not modelled"),
    ("cbr0", "cbr0", "10.9.0.1", "--physdev-is-bridged", None, "not modelled"),
    ("eth0", "cbr0", "10.44.0.9", "--physdev-in port0", False, "no bridge"),
    ("eth0", "cbr0", "10.44.0.9", "! --physdev-in port0 ! --physdev-is-bridged", True, "no bridge"),
    ("dummy0", "cbr0", "10.44.0.9", "! --physdev-is-in", None, "not modelled"),
    ("", "cbr0", "10.44.0.9", "! --physdev-is-in", True, "no bridge"),
]


@pytest.mark.parametrize("iif, oif, dst, options, wanted, had", BRIDGED)
def test_ports_of_bridges(iif: str, oif: str, dst: str, options: str, wanted: bool | None, had: str) -> None:
    routing = RoutingTable()
    routing.add_interface(Interface("cbr0", (ip_interface("10.44.0.1/24"),), is_bridge=True))
    routing.add_interface(Interface("eth0", (ip_interface("10.9.0.9/24"),), is_bridge=False))
    routing.add_interface(Interface("dummy0"))
    match = parse_rule(f"-m physdev {options}", "ipv4").checks[0]
    skb = Skb.of(Packet("udp", "10.44.0.5", dst, 1000, 53), iif=iif, oif=oif)
    passage = Passage(Host("here", routing), HostState(), Enumeration(), lambda _: None)
    assert match.condition(skb, passage) == Condition("physdev", options, had, bool(wanted))
    if wanted is None:
        with pytest.raises(Unmodelled) as caught:
            match.holds(skb, passage)
        assert caught.value.what == "match 'physdev'"
    else:
        assert match.holds(skb, passage) is wanted
    past_rules = Host("here", routing, sysctls=Sysctls(bridge_iptables=False))
    negated = [word.strip().endswith("!") for word in f" {options}".split("--")[:-1]]
    assert match.holds(skb, Passage(past_rules, HostState(), Enumeration(), lambda _: None)) is all(negated)


EXPIRING = [
    # seconds left of a confirmed entry, the option, and whether it holds (nf_ct_expires), or why nobody knows
    (30, "--ctexpire 30", "30 where a tick decides"),
    (30, "! --ctexpire 29", "29 where a tick decides"),
    (30, "--ctexpire 29:30", True),
    (30, "! --ctexpire 29:30", False),
    (30, "--ctexpire 31:", False),
    (30, "--ctexpire :28", False),
    (29.5, "--ctexpire 29", True),
    (29.5, "--ctexpire 30", False),
    (28.995, "--ctexpire 28", "28 where a tick decides"),
    (0.5, "--ctexpire 0", True),
    (0.005, "--ctexpire 0", True),
    (inf, "--ctexpire 5:", "for an entry without an end"),
]


@pytest.mark.parametrize("left, option, wanted", EXPIRING)
def test_what_time_an_entry_has_left(left: float, option: str, wanted: bool | str) -> None:
    match = parse_rule(f"-m conntrack {option}", "ipv4").checks[0]
    state = HostState()
    state.clock = 1000
    passage = Passage(host(), state, Enumeration(), lambda _: None)
    known = flow()
    assert known.connection is not None
    entry = known.connection._replace(status=Status.CONFIRMED, expires=1000 + left)
    skb = Skb.of(TCP).with_flow(known.updated(entry))
    condition = match.condition(skb, passage)
    assert condition.held is (wanted is True)
    assert (condition.had == "not modelled") is isinstance(wanted, str)
    if isinstance(wanted, str):
        with pytest.raises(Unmodelled) as caught:
            match.holds(skb, passage)
        assert caught.value.what == f"option --ctexpire {wanted}"
    else:
        assert match.holds(skb, passage) is wanted


def test_what_came_by_lo_has_no_mac_and_no_bridge() -> None:
    assert not holds("-m mac ! --mac-source 00:11:22:33:44:55", iif="lo")
    assert not holds("-m physdev --physdev-is-bridged", iif="lo")
    assert holds("-m physdev ! --physdev-is-bridged", iif="lo")


OWNED = [
    # by whose socket, the options, and whether they hold (xt_owner.c); None where nobody knows
    (Owner(), "--socket-exists", True),
    (Owner(), "! --socket-exists", False),
    (Owner(), "--uid-owner 0", None),
    (Owner(uid=5), "--uid-owner 5", True),
    (Owner(uid=5), "--uid-owner 1-5", True),
    (Owner(uid=5), "! --uid-owner 1-5", False),
    (Owner(uid=5), "--uid-owner 5 --gid-owner 7", None),
    (Owner(uid=5), "--uid-owner 6 --gid-owner 7", False),
    (Owner(uid=5, gid=7), "--uid-owner 5 --gid-owner 7", True),
    (Owner(uid=5, gid=7), "--gid-owner 8 --suppl-groups", None),
    (Owner(uid=5, gid=7), "--gid-owner 7 --suppl-groups", True),
    (Owner(uid=5, gid=7), "--uid-owner 5 --gid-owner 8 --suppl-groups", None),
    (Owner(uid=5, gid=7), "--uid-owner 6 --gid-owner 7 --suppl-groups", False),
    (Owner(uid=5), "--uid-owner 6", False),
    (Owner(gid=7), "! --gid-owner 6", True),
    (OF_THE_KERNEL, "--socket-exists", True),
    (OF_THE_KERNEL, "--uid-owner 0", False),
    (OF_THE_KERNEL, "! --uid-owner 0", True),
    (NO_SOCKET, "--socket-exists", False),
    (NO_SOCKET, "! --gid-owner 0", True),
]


@pytest.mark.parametrize("owner, options, wanted", OWNED)
def test_whose_process_sent_a_packet(owner: Owner, options: str, wanted: bool | None) -> None:
    if wanted is None:
        with pytest.raises(Unmodelled) as caught:
            holds(f"-m owner {options}", iif="", owner=owner)
        assert caught.value.what == "match 'owner' of a process that nobody named"
    else:
        assert holds(f"-m owner {options}", iif="", owner=owner) is wanted


class Seen:
    """Packets through one INPUT chain of one host, at times of its clock."""

    def __init__(self, rules: str) -> None:
        self.graph = ChainGraph(Ruleset.from_save(f"*filter\n{rules}\nCOMMIT\n", "ipv4"))
        self.state = HostState()
        self.events: list[Walked] = []

    def verdict(
        self, source: str = "10.0.0.5", at: float = 0, chance: Enumeration | None = None, ttl: int = 64
    ) -> Verdict:
        self.state.clock = at
        self.events.clear()
        chance = chance or Enumeration()
        passage = Passage(host(), self.state, chance, lambda _: None)
        skb = Skb.of(Packet("tcp", source, "10.96.0.1", 40000, 443, ttl=ttl), iif="eth0")
        return walk_chain(self.graph, "filter", "INPUT", skb, passage, chance, self.events.append)

    def rule(self, source: str = "10.0.0.5", at: float = 0, ttl: int = 64) -> str:
        return self.verdict(source, at, ttl=ttl).at.removeprefix("filter:INPUT:")


class TestNth:
    """xt_statistic.c, mode nth: a counter of the rule's own, begun so that the packet asked for is the first."""

    @pytest.mark.parametrize("packet, wanted", [(0, [1, 0, 0, 1, 0, 0, 1]), (2, [0, 0, 1, 0, 0, 1, 0])])
    def test_one_in_every(self, packet: int, wanted: list[int]) -> None:
        seen = Seen(f"-A INPUT -m statistic --mode nth --every 3 --packet {packet} -j DROP")
        assert [int(seen.verdict().name == "DROP") for _ in wanted] == wanted

    def test_equal_rules_count_apart_and_a_rule_passed_over_does_not_count(self) -> None:
        rule = "-A INPUT -s 10.0.0.5 -m statistic --mode nth --every 2 --packet 0 -j DROP"
        seen = Seen(f"{rule}\n{rule}")
        assert [seen.rule() for _ in range(4)] == ["rule:1", "rule:2", "rule:1", "policy:3"]
        assert [seen.rule("10.0.0.6") for _ in range(3)] == ["policy:3"] * 3
        assert seen.rule() == "rule:1"

    def test_a_fork_counts_on_its_own(self) -> None:
        state = HostState()
        counter = object()
        assert state.take_turn(counter, 0, 2)
        other = state.fork()
        assert not state.take_turn(counter, 0, 2)
        assert not other.take_turn(counter, 0, 2)

    def test_the_trace_keeps_what_was_true_then(self) -> None:
        seen = Seen("-A INPUT -m statistic --mode nth --every 2 --packet 1 -j DROP\n-A INPUT -j ACCEPT")
        seen.verdict()
        missed = seen.events[0].missed[0]
        seen.verdict()
        assert [(one.had, one.held) for one in missed.conditions()] == [("not its turn", False)]


class TestRates:
    """How many packets came before is not known: limit and hashlimit go both ways."""

    @pytest.mark.parametrize(
        "match, bound",
        [
            ("-m limit --limit 5/min", "rate"),
            ("-m hashlimit --hashlimit-upto 5/min --hashlimit-name x --hashlimit-mode srcip", "rate"),
            ("-m connlimit --connlimit-upto 9", "limit of connections"),
            ("-m quota --quota 1000", "quota"),
        ],
    )
    def test_both_ways_are_followed_and_named(self, match: str, bound: str) -> None:
        seen = Seen(f"-A INPUT {match} -j ACCEPT\n-A INPUT -j DROP")
        found = [
            (verdict.name, chance.taken[0][1][chance.taken[0][0]].label.split(" (")[0])
            for chance, verdict in enumerate_runs(lambda chance: seen.verdict(chance=chance))
        ]
        assert found == [("ACCEPT", f"within the {bound}"), ("DROP", f"over the {bound}")]

    def test_above_matches_what_is_over(self) -> None:
        seen = Seen("-A INPUT -m hashlimit --hashlimit-above 5/s --hashlimit-name x -j DROP")
        runs = list(enumerate_runs(lambda chance: seen.verdict(chance=chance).name))
        assert [
            (chance.taken[0][1][chance.taken[0][0]].label.split(" (")[0], name) for chance, name in runs
        ] == [
            ("over the rate", "DROP"),
            ("within the rate", "ACCEPT"),
        ]

    def test_two_draws_in_one_rule(self) -> None:
        seen = Seen("-A INPUT -m limit -m statistic --mode random --probability 0.5 -j DROP")
        names = [name for _, name in enumerate_runs(lambda chance: seen.verdict(chance=chance).name)]
        assert names == ["DROP", "ACCEPT", "ACCEPT"]


@pytest.mark.parametrize("member", ["00:11:22:33:44:55", "10.0.0.1,eth0", "10.0.0.1 nomatch", "10.0.0.5/8"])
def test_a_set_takes_addresses_networks_and_ports(member: str) -> None:
    with pytest.raises(ValueError, match="ipset"):
        AddressSet([member])
