"""What `-m addrtype` says of an address. Sources: `match_type`, `match_type6` and `addrtype_mt_v1` in xt_addrtype.c."""

from ipaddress import ip_address, ip_interface

import pytest

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.condition import Condition
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.syntax import parse_rule

HERE = "10.96.0.1"
"""Of eth0; the host has eth1 as well."""


def asked(match: str, version: int, src: str, dst: str, iif: str = "eth0", oif: str = "") -> list[Condition]:
    """What a match says of a packet; that it holds exactly if all it says holds, it says at once."""
    routing = RoutingTable()
    routing.add_interface(Interface("lo", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))))
    routing.add_interface(Interface("eth0", (ip_interface("10.96.0.1/24"), ip_interface("fd00::1/64"))))
    routing.add_interface(Interface("eth1", (ip_interface("10.97.0.1/24"), ip_interface("fd01::1/64"))))
    routing.add(Route(int(ip_address("fd09::")), 64, 6, kind="unreachable"))
    (meant,) = parse_rule(f"-m addrtype {match}", "ipv4" if version == 4 else "ipv6").checks
    skb = Skb(version, "udp", int(ip_address(src)), int(ip_address(dst)), 1000, 53, iif=iif, oif=oif)
    passage = Passage(Host("here", routing), HostState(), Enumeration(), lambda _: None)
    passage._family = version
    found: list[Condition] = meant.conditions(skb, passage)  # type: ignore[attr-defined]
    assert meant.holds(skb, passage) is all(one.held for one in found)
    return found


IPV4 = [
    # the destination, the types, what it is, and whether they hold
    (HERE, "LOCAL", "LOCAL", True),
    (HERE, "UNICAST", "LOCAL", False),  # an address has one type
    (HERE, "LOCAL,MULTICAST", "LOCAL", True),  # one of them
    ("127.0.0.9", "LOCAL", "LOCAL", True),
    ("10.96.0.255", "BROADCAST", "BROADCAST", True),
    ("224.0.0.1", "MULTICAST", "MULTICAST", True),
    ("224.0.0.1", "UNICAST,LOCAL", "MULTICAST", False),
    ("192.0.2.1", "UNICAST", "UNICAST", True),
]
IPV6 = [
    ("fd00::1", "LOCAL", "LOCAL", True),
    ("fd00::1", "UNICAST", "LOCAL", True),  # it has several
    ("fd00::1", "UNICAST,LOCAL", "LOCAL", True),
    ("fd00::1", "LOCAL,MULTICAST", "LOCAL", False),  # all of them, but for those that the route tells
    ("fd00::1", "LOCAL,UNREACHABLE", "LOCAL", True),
    ("fd00::1", "UNSPEC", "LOCAL", False),
    ("fd00::5", "LOCAL", "UNICAST", False),
    ("fd00::5", "ANYCAST", "UNICAST", False),
    ("fd00::5", "UNREACHABLE", "UNICAST", False),
    ("fd00::5", "UNICAST,UNREACHABLE", "UNICAST", False),
    ("fd09::5", "UNREACHABLE", "UNREACHABLE", True),
    ("fd09::5", "LOCAL,UNREACHABLE", "UNREACHABLE", True),
    ("fd09::5", "LOCAL", "UNREACHABLE", False),
    ("fd09::5", "UNICAST", "UNREACHABLE", True),
    ("ff02::1", "MULTICAST", "MULTICAST", True),
    ("ff02::1", "UNICAST", "MULTICAST", False),
    ("ff02::1", "UNICAST,MULTICAST", "MULTICAST", False),
    ("fe80::1", "MULTICAST", "UNREACHABLE", False),
    ("fe80::1", "UNICAST", "UNREACHABLE", True),
    ("::", "UNICAST", "UNREACHABLE", False),
    ("::", "UNSPEC", "UNREACHABLE", True),
    ("::1", "UNICAST,LOCAL", "LOCAL", True),
]


@pytest.mark.parametrize("turned", [False, True], ids=["plain", "negated"])
@pytest.mark.parametrize("address, types, had, wanted", [*IPV4, *IPV6])
def test_types_of_an_address(address: str, types: str, had: str, wanted: bool, turned: bool) -> None:
    version = ip_address(address).version
    other = "192.0.2.9" if version == 4 else "fd00::9"
    bang, held = ("! ", not wanted) if turned else ("", wanted)
    said = [
        Condition(f"{side}-type", f"{bang}{types}", f"{had} ({address})", held) for side in ("src", "dst")
    ]
    assert asked(f"{bang}--src-type {types}", version, address, other) == said[:1]
    assert asked(f"{bang}--dst-type {types}", version, other, address) == said[1:]
    assert asked(f"{bang}--dst-type {types} {bang}--src-type {types}", version, address, address) == said


@pytest.mark.parametrize(
    "limit, iif, oif, had",
    [
        ("", "eth1", "eth1", "LOCAL"),
        ("--limit-iface-in", "eth0", "eth1", "LOCAL"),
        ("--limit-iface-in", "eth1", "eth0", "UNICAST"),
        ("--limit-iface-out", "eth1", "eth0", "LOCAL"),
        ("--limit-iface-out", "eth0", "eth1", "UNICAST"),
    ],
)
def test_an_address_of_one_device(limit: str, iif: str, oif: str, had: str) -> None:
    for side in ("src", "dst"):
        (said,) = asked(f"--{side}-type LOCAL {limit}", 4, HERE, HERE, iif, oif)
        assert said == Condition(f"{side}-type", "LOCAL", f"{had} ({HERE})", had == "LOCAL")


def test_one_of_two_that_fails_is_enough() -> None:
    assert [one.held for one in asked("--src-type LOCAL --dst-type LOCAL", 4, "192.0.2.1", HERE)] == [
        False,
        True,
    ]
    assert [one.held for one in asked("--src-type LOCAL --dst-type LOCAL", 4, HERE, "192.0.2.1")] == [
        True,
        False,
    ]


def test_no_address_is_told_from_all_others_in_ipv6() -> None:
    cuts = Cuts()
    assert parse_rule("-m addrtype --src-type UNSPEC", "ipv6").cut(cuts)
    atoms = cuts.atoms(6)
    assert [atoms.number(address) for address in (0, 1, 2)] == [1, 2, 2]
