"""Which address nat takes where there are several: as `conntrack -L` had it on Linux 6.18, and none where nf_nat_redirect.c finds none."""

from ipaddress import ip_address, ip_interface

import pytest

from kproxysim.netfilter.conntrack import Connection, Tuple
from kproxysim.netfilter.nat_range import hashed_address, pick_address, redirect_address
from kproxysim.netfilter.routing import Interface, RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.syntax import parse_rule
from kproxysim.netfilter.targets.nat import NatTarget
from kproxysim.packet import Packet

NEAR, FAR = ("fd09::1", "2001:db8::9"), ("fd09:1:2:3:4:5:6:7", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
OTHER = ("fd09:1:2:3:4:5:6:8", "2001:db8::9")
WIDE = "fd00:1:2:3::-fd00:1:2:8:ffff:ffff:ffff:ffff"
ALL = "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"

SNAT = [
    # range, (source, destination), the address taken, and the one taken with --persistent
    ("192.0.2.10-192.0.2.250", ("10.9.0.1", "10.1.0.9"), "192.0.2.240", "192.0.2.14"),
    ("192.0.2.10-192.0.2.250", ("172.16.255.254", "8.8.8.8"), "192.0.2.165", "192.0.2.205"),
    ("10.128.0.0-10.131.255.255", ("10.9.0.1", "10.1.0.9"), "10.131.212.138", "10.128.20.186"),
    ("10.128.0.0-10.131.255.255", ("10.9.0.5", "10.1.0.9"), "10.128.160.93", "10.128.11.55"),
    ("10.128.0.0-10.131.255.255", ("172.16.255.254", "8.8.8.8"), "10.130.147.166", "10.131.63.59"),
    ("fd00::-fd00::ffff", NEAR, "fd00::7644", "fd00::3da1"),
    ("fd00::-fd00::ffff", FAR, "fd00::ea5a", "fd00::c732"),
    ("fd00::-fd00::ffff", OTHER, "fd00::fc44", "fd00::ec43"),
    ("fd00::5-fd00::1:0:7", NEAR, "fd00::7644:3d44", "fd00::3da1:113b"),
    ("fd00::5-fd00::1:0:7", FAR, "fd00::ea5a:21b0", "fd00::1:0:7"),
    ("fd00::5-fd00::1:0:7", OTHER, "fd00::1:0:7", "fd00::1:0:7"),
    (WIDE, NEAR, "fd00:1:2:5:7644:3d44:7644:3d44", "fd00:1:2:4:3da1:113b:3da1:113b"),
    (WIDE, FAR, "fd00:1:2:6:3787:ed7c:ea5a:21b0", "fd00:1:2:7:c732:2266:c732:2266"),
    (WIDE, OTHER, "fd00:1:2:8::fc44:eb91", "fd00:1:2:8::ec43:5e52"),
    (ALL, NEAR, "2001:db8::7644:3d44:7644:3d44", "2001:db8::3da1:113b:3da1:113b"),
    (ALL, FAR, "2001:db8::3787:ed7c:ea5a:21b0", "2001:db8::c732:2266:c732:2266"),
    (ALL, OTHER, "2001:db8::fc44:eb91:fc44:eb91", "2001:db8::ec43:5e52:ec43:5e52"),
    ("fd00:0:0:1::1-fd00:0:0:1::9", NEAR, "fd00:0:0:1::5", "fd00:0:0:1::3"),
    ("fd00:0:0:1::1-fd00:0:0:1::9", FAR, "fd00:0:0:1::9", "fd00:0:0:1::8"),
]


@pytest.mark.parametrize("among, ends, usual, persistent", SNAT)
def test_an_address_of_a_range(among: str, ends: tuple[str, str], usual: str, persistent: str) -> None:
    low, high = (ip_address(one) for one in among.split("-"))
    src, dst = (int(ip_address(one)) for one in ends)
    for keeps, wanted in ((False, usual), (True, persistent)):
        found = hashed_address(int(low), int(high), src, dst, low.version, persistent=keeps)
        assert str(type(low)(found)) == wanted


PICKED = [
    # by DNAT what comes after a chosen word is drawn with that word
    ("DNAT --to-destination fd00::-fd00::ffff", NEAR, "fd00::ce49"),
    ("DNAT --to-destination fd00::-fd00::ffff", FAR, "fd00::3431"),
    (f"DNAT --to-destination {WIDE}", NEAR, "fd00:1:2:7:c849:3e97:5f77:774f"),
    (f"DNAT --to-destination {WIDE}", FAR, "fd00:1:2:4:3131:4409:3875:753a"),
    (f"DNAT --to-destination {ALL}", OTHER, "2001:db8::fc44:eb91:6daf:af6d"),
    (f"DNAT --to-destination {ALL} --persistent", OTHER, "2001:db8::ec43:5e52:ec43:5e52"),
    (f"SNAT --to-source {WIDE}", NEAR, "fd00:1:2:5:7644:3d44:7644:3d44"),
    ("SNAT --to-source fd00::1", NEAR, "fd00::1"),
    ("DNAT --to-destination :80", NEAR, None),
]


@pytest.mark.parametrize("target, ends, wanted", PICKED)
def test_an_address_that_a_target_picks(target: str, ends: tuple[str, str], wanted: str | None) -> None:
    src, dst = (int(ip_address(one)) for one in ends)
    there = Tuple("udp", src, 40000, dst, 53, 6)
    asked = parse_rule(f"-p udp -j {target}", "ipv6").target
    assert isinstance(asked, NatTarget)
    found = pick_address(Connection(1, there, there.inverse()), asked)
    assert found == (None if wanted is None else int(ip_address(wanted)))


LINK = "fe80::ff:fe00:1/64"
SEVERAL = ("10.9.0.2/24", LINK, "fd09::2/64", "fd09::3/64", "10.9.0.3/24", "2001:db8::5/64", "fd09::4/64")


@pytest.mark.parametrize(
    "addresses, destination, wanted",
    [
        (SEVERAL, "203.0.113.9", "10.9.0.2"),  # the first
        (SEVERAL, "2001:db8:9::9", "fd09::4"),  # the newest
        (SEVERAL, "fd09::2", "fd09::4"),
        (SEVERAL, "fe80::77", "fe80::ff:fe00:1"),
        (("fd09::2/64", LINK), "2001:db8:9::9", "fd09::2"),  # one that leads further before one of the link
        ((LINK,), "2001:db8:9::9", "fe80::ff:fe00:1"),
        (("fd09::2/64",), "fe80::77", None),
        (("fd09::2/64",), "203.0.113.9", None),
        (("10.9.0.2/24",), "2001:db8:9::9", None),
    ],
)
def test_where_redirect_leads_what_came_in(
    addresses: tuple[str, ...], destination: str, wanted: str | None
) -> None:
    table = RoutingTable()
    table.add_interface(Interface("vb", tuple(ip_interface(one) for one in addresses)))
    source = "10.9.0.1" if "." in destination else "fd09::1"
    skb = Skb.of(Packet("udp", source, destination, 40000, 53), iif="vb")
    found = redirect_address(table, "PREROUTING", skb)
    assert found == (None if wanted is None else int(ip_address(wanted)))
    assert redirect_address(table, "PREROUTING", skb.with_devices("v9", "")) is None


def test_redirect_leads_what_was_made_here_to_loopback() -> None:
    four = Skb.of(Packet("udp", "10.9.0.1", "203.0.113.9", 40000, 53))
    six = Skb.of(Packet("udp", "fd09::1", "2001:db8:9::9", 40000, 53))
    found = [redirect_address(RoutingTable(), "OUTPUT", skb) for skb in (four, six)]
    assert found == [0x7F000001, 1]
