"""What a rule's conditions say of a packet: what the rule wants stands there as the rule has it, what the packet had as
the packet was made, and `!` turns the answer round.
"""

import pytest

from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.condition import ANYWHERE, Condition, Place
from kproxysim.netfilter.conntrack import Status
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.skb import NO_SOCKET, OF_THE_KERNEL, Owner, Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.syntax import parse_rule
from kproxysim.packet import Packet
from tests.netfilter.test_matches import PING, TCP, UDP6, flow, host

PACKET = Skb.of(TCP, iif="eth0", owner=NO_SOCKET)
KNOWN = PACKET.with_flow(flow(mark=0x11))
ALL_SEEN = Status.SEEN_REPLY | Status.ASSURED | Status.CONFIRMED
ANSWER = PACKET.with_flow(flow(reply=True, status=ALL_SEEN, state="ESTABLISHED", expires=30))
BOTH_WAYS = PACKET.with_flow(flow(status=Status.SRC_NAT))
ECHO = Skb.of(PING, iif="eth0")
TYPELESS = ECHO._replace(icmp=None)
SIX = Skb.of(UDP6, iif="eth0")


def passage(skb: Skb) -> Passage:
    found = Passage(host(), HostState(), Enumeration(), lambda _: None)
    found._family = skb.family
    return found


def said(match: str, skb: Skb) -> list[Condition]:
    """The conditions of a match, of a packet that came in by eth0."""
    meaning = parse_rule(f"{match} -j ACCEPT", "ipv4" if skb.family == 4 else "ipv6")
    return meaning.conditions(skb, passage(skb))


def sent(owner: Owner) -> Skb:
    return Skb.of(TCP, oif="eth0", owner=owner)


_THIRD = "packet 2 of every 3"

PLAIN = [
    # the rule with a place for `!`, then of its last condition: the field, what it wants, what there was, does it hold?
    ("{}-s 10.0.0.0/8", "src", "10.0.0.0/8", "10.0.0.5", True),
    ("{}-s 10.0.0.0/255.0.255.0", "src", "10.0.0.0/255.0.255.0", "10.0.0.5", True),
    ("{}-d 10.96.0.0/32", "dst", "10.96.0.0/32", "10.96.0.1", False),
    ("{}-i eth0", "in", "eth0", "eth0", True),
    ("{}-i eth1", "in", "eth1", "eth0", False),
    ("{}-o eth0", "out", "eth0", "none", False),
    ("{}-p tcp", "protocol", "tcp", "tcp", True),
    ("{}-p udp", "protocol", "udp", "tcp", False),
    ("-p tcp -m tcp {}--sport 40000", "sport", "40000", "40000", True),
    ("-p tcp -m tcp {}--sport 40000:40001", "sport", "40000:40001", "40000", True),
    ("-p tcp -m tcp {}--dport 1:442", "dport", "1:442", "443", False),
    ("-p tcp -m tcp {}--tcp-flags SYN,ACK SYN", "tcp flags", "SYN of SYN,ACK", "SYN", True),
    ("-p tcp -m tcp {}--tcp-flags SYN,RST NONE", "tcp flags", "NONE of SYN,RST", "SYN", False),
    ("-p tcp -m multiport {}--dports 80,440:443", "dports", "80,440:443", "443", True),
    ("-p tcp -m multiport {}--sports 80", "sports", "80", "40000", False),
    ("-p tcp -m multiport {}--ports 80,443", "ports", "80,443", "40000, 443", True),
    ("-m mark {}--mark 0x4000/0x4000", "mark", "0x4000/0x4000", "0x0", False),
    ("-m mark {}--mark 0x0", "mark", "0x0", "0x0", True),
    ("-m ttl {}--ttl-eq 64", "time to live", "64", "64", True),
    ("-m connmark {}--mark 0x1/0xf", "connmark", "0x1/0xf", "0x11", True),
    ("-m connmark {}--mark 0x1", "connmark", "0x1", "0x11", False),
    ("-m iprange {}--src-range 10.0.0.1-10.0.0.9", "src", "10.0.0.1-10.0.0.9", "10.0.0.5", True),
    ("-m iprange {}--dst-range 10.0.0.1-10.0.0.9", "dst", "10.0.0.1-10.0.0.9", "10.96.0.1", False),
    ("-m addrtype {}--dst-type LOCAL", "dst-type", "LOCAL", "LOCAL (10.96.0.1)", True),
    ("-m addrtype {}--src-type LOCAL,BROADCAST", "src-type", "LOCAL,BROADCAST", "UNICAST (10.0.0.5)", False),
    ("-m pkttype {}--pkt-type broadcast", "pkt-type", "broadcast", "unicast", False),
    ("-m owner {}--uid-owner 0", "owner", "{}--uid-owner 0", "no socket", False),
    ("-m helper {}--helper ftp", "helper", "ftp", "none", False),
    ("-m recent {}--rcheck --name A", "recent", "in A", "10.0.0.5 is not in it", False),
    (
        "-m recent {}--rcheck --seconds 60 --hitcount 3 --name A --rdest",
        "recent",
        "in A 3 times within 60 s",
        "10.96.0.1 is not in it",
        False,
    ),
    ("-m set {}--match-set hosts src", "set", "src in hosts", "in it", True),
    ("-m set {}--match-set hosts dst", "set", "dst in hosts", "not in it", False),
    ("-m conntrack {}--ctorigsrc 10.0.0.0/8", "ctorigsrc", "10.0.0.0/8", "10.0.0.5", True),
    ("-m conntrack {}--ctorigdst 10.9.0.0/16", "ctorigdst", "10.9.0.0/16", "10.96.0.1", False),
    ("-m conntrack {}--ctreplsrc 10.244.1.10", "ctreplsrc", "10.244.1.10", "10.244.1.10", True),
    ("-m conntrack {}--ctrepldst 10.0.0.5", "ctrepldst", "10.0.0.5", "10.0.0.5", True),
    ("-m conntrack {}--ctorigsrcport 40000", "ctorigsrcport", "40000", "40000", True),
    ("-m conntrack {}--ctorigdstport 443:444", "ctorigdstport", "443:444", "443", True),
    ("-m conntrack {}--ctreplsrcport 1:8442", "ctreplsrcport", "1:8442", "8443", False),
    ("-m conntrack {}--ctrepldstport 40000", "ctrepldstport", "40000", "40000", True),
]

_OTHERWISE = {"in A": "not in A", "src in": "not src in", "dst in": "not dst in"}
"""What begins so is a sentence, and is negated as one."""


@pytest.mark.parametrize("turned", [False, True], ids=["plain", "negated"])
@pytest.mark.parametrize("match, field, wants, had, holds", PLAIN)
def test_what_is_wanted_and_what_was_there(
    match: str, field: str, wants: str, had: str, holds: bool, turned: bool
) -> None:
    found = said(match.format("! " if turned else ""), KNOWN)[-1]
    if "{}" in wants:
        wants = wants.format("! " if turned else "")
    elif turned:
        wants = next(
            (other + wants.removeprefix(one) for one, other in _OTHERWISE.items() if wants.startswith(one)),
            f"! {wants}",
        )
    assert found == Condition(field, wants, had, holds is not turned)


OTHER = [
    # no other packet has what is asked for, or there is no negation of it
    ("-f", PACKET, ("fragment", "a later fragment", "a whole packet", False)),
    ("! -f", PACKET, ("fragment", "a whole packet or its head", "a whole packet", True)),
    ("-m connmark --mark 0x1", PACKET, ("connmark", "0x1", "no connection", False)),
    ("-m connmark ! --mark 0x1", PACKET, ("connmark", "! 0x1", "no connection", False)),
    ("-m conntrack --ctproto tcp", PACKET, ("connection", "any", "none", False)),
    ("-m conntrack --ctstate NEW,DNAT", KNOWN, ("ctstate", "NEW,DNAT", "NEW,DNAT", True)),
    ("-m conntrack ! --ctstate SNAT", BOTH_WAYS, ("ctstate", "! SNAT", "NEW,SNAT,DNAT", False)),
    ("-m conntrack --ctstate NEW,RELATED", PACKET, ("ctstate", "NEW,RELATED", "INVALID", False)),
    ("-m conntrack --ctstate NEW --ctdir REPLY", KNOWN, ("ctdir", "REPLY", "ORIGINAL", False)),
    ("-m conntrack --ctdir REPLY", ANSWER, ("ctdir", "REPLY", "REPLY", True)),
    ("-m conntrack ! --ctproto udp", KNOWN, ("ctproto", "! 17", "6 (tcp)", True)),
    ("-m conntrack --ctstatus ASSURED", KNOWN, ("ctstatus", "ASSURED", "NONE", False)),
    ("-m conntrack --ctstatus NONE", KNOWN, ("ctstatus", "NONE", "no bit is asked for", False)),
    (
        "-m conntrack --ctstatus ASSURED",
        ANSWER,
        ("ctstatus", "ASSURED", "SEEN_REPLY,ASSURED,CONFIRMED", True),
    ),
    ("-m conntrack --ctexpire 5", KNOWN, ("ctexpire", "5", "not modelled", False)),
    (
        "-m conntrack --ctexpire 20:40",
        ANSWER,
        ("ctexpire", "20:40", "29:30", True),
    ),
    (
        "-m connlimit --connlimit-above 5",
        PACKET,
        (
            "limit",
            "over the limit of connections (--connlimit-above 5 --connlimit-mask 32 --connlimit-saddr)",
            "the limit of connections is not known: the way on if it holds",
            True,
        ),
    ),
    ('-m helper ! --helper ""', PACKET, ("helper", "! any", "none", True)),
    ("-p icmp -m icmp --icmp-type 8", ECHO, ("icmp type", "8", "8/0", True)),
    ("-p icmp -m icmp ! --icmp-type 3/4", ECHO, ("icmp type", "! 3/4", "8/0", True)),
    ("-p icmp -m icmp --icmp-type any", TYPELESS, ("icmp type", "any", "icmp", True)),
    ("-p icmp -m icmp ! --icmp-type 8", TYPELESS, ("icmp type", "! 8", "not given", False)),
    ("-p icmp -m icmp --icmp-type 8", PACKET, ("icmp type", "8", "tcp", False)),
    (
        "-m limit --limit 5/min",
        PACKET,
        ("limit", "within the rate (--limit 5/min)", "the rate is not known: the way on if it holds", True),
    ),
    (
        "-m mac --mac-source 0:1:2:3:4:5",
        PACKET._replace(iif="lo"),
        ("mac", "00:01:02:03:04:05", "none", False),
    ),
    (
        "-m pkttype --pkt-type multicast",
        PACKET._replace(dst=0xE0000001),
        ("pkt-type", "multicast", "multicast", True),
    ),
    (
        "-m pkttype --pkt-type unicast",
        PACKET._replace(iif="", dst=0xE0000001),
        ("pkt-type", "unicast", "unicast", True),
    ),
    ("-m rt", SIX, ("routing header", "any", "none", False)),
    ("-m rt ! --rt-type 0", SIX, ("routing header", "! --rt-type 0", "none", False)),
    ("-m socket --nowildcard", PACKET, ("socket", "any", "not modelled", False)),
    ("-p tcp -m tcp --tcp-option 7", PACKET, ("tcp-option", "7", "not modelled", False)),
    (
        "-p tcp -m tcp --tcp-flags SYN SYN",
        PACKET._replace(flags=""),
        ("tcp flags", "SYN of SYN", "NONE", False),
    ),
    ("-m ttl --ttl-lt 65", PACKET, ("time to live", "< 65", "64", True)),
    ("-m ttl --ttl-gt 64", PACKET, ("time to live", "> 64", "64", False)),
    ("-m policy --dir in --pol none", PACKET, ("IPsec", "none", "none", True)),
    ("-m policy --dir in --pol ipsec", PACKET, ("IPsec", "ipsec", "none", False)),
    ("-m statistic --mode nth --every 3 --packet 2", PACKET, ("statistic", _THIRD, "its turn", True)),
    (
        "-m statistic --mode nth ! --every 3 --packet 2",
        PACKET,
        ("statistic", f"not {_THIRD}", "its turn", True),
    ),
    ("-m owner --socket-exists", sent(OF_THE_KERNEL), ("owner", "--socket-exists", "the kernel", True)),
    ("-m owner --socket-exists", sent(Owner()), ("owner", "--socket-exists", "some process", True)),
    (
        "-m owner --socket-exists",
        sent(Owner(uid=5, gid=7)),
        ("owner", "--socket-exists", "uid 5 gid 7", True),
    ),
    ("-m owner --gid-owner 8", sent(Owner(gid=7)), ("owner", "--gid-owner 8", "gid 7", False)),
    ("-m owner --uid-owner 5-9", sent(Owner(gid=7)), ("owner", "--uid-owner 5-9", "not known", False)),
    ("-m recent ! --set --name A", PACKET, ("recent", "remember in A", "10.0.0.5", False)),
    ("-m recent --remove --name A", PACKET, ("recent", "in A", "10.0.0.5 is not in it", False)),
    (
        "-m recent --rcheck --hitcount 1 --rttl --name A",
        PACKET,
        ("recent", "in A with time to live 64", "10.0.0.5 is not in it", False),
    ),
    (
        "-m recent --rcheck --mask 255.255.0.0",
        PACKET,
        ("recent", "in DEFAULT", "10.0.0.0 is not in it", False),
    ),
    ("-m set --match-set ports dst,src", PACKET, ("set", "dst,src in ports", "not in it", False)),
    ("-m rpfilter", PACKET._replace(src=PACKET.dst), ("way back", "by eth0", "not by eth0", False)),
    ("-m recent --set --name A", PACKET, ("recent", "remember in A", "10.0.0.5", True)),
    ("-m set --match-set nowhere src", PACKET, ("set", "src in nowhere", "not modelled", False)),
    ("-p tcp -m tcp ! --tcp-option 7", PACKET, ("tcp-option", "! 7", "not modelled", False)),
    (
        "-m mac ! --mac-source 00:11:22:33:44:55",
        PACKET,
        ("mac", "! 00:11:22:33:44:55", "not modelled", False),
    ),
    ("-m physdev --physdev-in eth1", PACKET, ("physdev", "--physdev-in eth1", "not modelled", False)),
    ("-m rpfilter", PACKET, ("way back", "by eth0", "by eth0", True)),
    ("-m rpfilter --loose --invert", PACKET, ("way back", "! by any device", "by any device", False)),
    ("-m socket --transparent", PACKET, ("socket", "transparent", "not transparent", False)),
]


@pytest.mark.parametrize("match, skb, wanted", OTHER)
def test_what_is_said_in_other_words(match: str, skb: Skb, wanted: tuple[str, str, str, bool]) -> None:
    assert said(match, skb)[-1] == Condition(*wanted)


def test_each_option_is_a_condition_of_its_own() -> None:
    match = "-p tcp -m tcp --sport 40000 --dport 80 -m addrtype --src-type LOCAL --dst-type LOCAL"
    found = [(one.field, one.held) for one in said(match, PACKET)]
    assert found == [
        ("protocol", True),
        ("sport", True),
        ("dport", False),
        ("src-type", False),
        ("dst-type", True),
    ]


def test_the_state_is_one_of_the_conditions_of_a_connection() -> None:
    found = said("-m conntrack --ctdir REPLY --ctstate NEW", KNOWN)
    assert [(one.field, one.held) for one in found] == [("ctstate", True), ("ctdir", False)]


def test_a_packet_without_ports_has_none() -> None:
    gre = Skb.of(Packet("gre", "10.0.0.5", "10.96.0.1"), iif="eth0")
    assert said("-p tcp -m tcp --dport 443", gre)[-1] == Condition("dport", "443", "none", False)
    zero = Skb.of(Packet("tcp", "10.0.0.5", "10.96.0.1", 0, 443), iif="eth0")
    assert said("-p tcp -m multiport --ports 443", zero)[-1] == Condition("ports", "443", "0, 443", True)
    assert said("-p tcp -m tcp --sport 443", zero)[-1] == Condition("sport", "443", "0", False)
    assert said("-p tcp -m multiport --ports 443", gre)[-1] == Condition("ports", "443", "none", False)


@pytest.mark.parametrize(
    "match",
    [
        "-m iprange --src-range 10.0.0.1-10.0.0.9 --dst-range 10.0.0.1-10.0.0.9",
        "-m addrtype --src-type LOCAL --dst-type LOCAL",
        "-m conntrack --ctstate NEW --ctdir REPLY",
    ],
)
def test_a_match_with_several_conditions_says_the_first(match: str) -> None:
    (meant,) = parse_rule(match, "ipv4").checks
    assert meant.condition(KNOWN, passage(KNOWN)) == said(match, KNOWN)[0]


@pytest.mark.parametrize(
    "match, skb",
    [
        ("-m comment --comment why", PACKET),
        ("-m nfacct --nfacct-name why", PACKET),
        ("-m limit", PACKET),
        ("-m statistic --mode random --probability 0", PACKET),
    ],
)
def test_what_is_left_to_others_or_asks_nothing_holds(match: str, skb: Skb) -> None:
    ((_, meant),) = parse_rule(match, "ipv4").extensions
    assert meant.holds(skb, passage(skb))
    assert meant.condition(skb, passage(skb)).held


@pytest.mark.parametrize("field, option", [("comment", "comment"), ("nfacct", "nfacct-name")])
def test_a_comment_is_its_own_condition(field: str, option: str) -> None:
    ((_, meant),) = parse_rule(f'-m {field} --{option} "so it is"', "ipv4").extensions
    assert meant.condition(PACKET, passage(PACKET)) == Condition(field, "so it is", "", True)


@pytest.mark.parametrize(
    "option, chance",
    [
        ("--probability 0.3333333333", "1/3"),  # ten digits, as kube-proxy writes them
        ("--probability 0.33333333349", "1/3"),  # as iptables-save prints it
        ("! --probability 0.5000000000", "1/2"),
        ("--probability 0.0099999998", "1/100"),
        ("--probability 0.3", "3/10"),
        ("--probability 0.9999999999", "1"),
        ("--probability 0", "0"),
        ("--probability 0.0000305185", "1/32767"),
        ("--probability 0.0000305176", "38147/1250000000"),  # nobody has so many endpoints
    ],
)
def test_which_chance_was_meant(option: str, chance: str) -> None:
    ((_, meant),) = parse_rule(f"-m statistic --mode random {option}", "ipv4").extensions
    wanted = f"{'! ' if '!' in option else ''}drawn with chance {chance}"
    assert meant.condition(PACKET, passage(PACKET)) == Condition("statistic", wanted, "drawn", True)


@pytest.mark.parametrize("protocol, held", [("tcp", True), ("udp", False)])
def test_a_match_of_a_protocol_asks_for_it(protocol: str, held: bool) -> None:
    """Whatever its rule asks for: `-p` of a rule stands in front."""
    ((_, meant),) = parse_rule(f"-p {protocol} -m {protocol}", "ipv4").extensions
    assert meant.condition(PACKET, passage(PACKET)) == Condition("protocol", protocol, "tcp", held)
    assert meant.holds(PACKET, passage(PACKET)) is held


def test_a_condition_in_plain_values() -> None:
    """The keys that JSON output has."""
    found = Condition("dport", "! 80", "443", held=True).to_dict()
    assert found == {"field": "dport", "wanted": "! 80", "had": "443", "held": True}


def test_where_a_match_or_target_may_stand() -> None:
    assert Place.of() == ANYWHERE == Place(None, None, direct=False)
    assert Place.of("nat mangle") == Place(frozenset({"nat", "mangle"}), None, direct=False)
    assert Place.of(hooks="INPUT", direct=True) == Place(None, frozenset({"INPUT"}), direct=True)
