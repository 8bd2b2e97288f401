"""Routes of a host, and what is asked of them. Sources: ip-route(8), fib_frontend.c, xt_rpfilter.c, ip6t_rpfilter.c, devinet.c."""

from ipaddress import ip_address, ip_interface

import pytest

from kproxysim.netfilter.routing import Interface, Route, RoutingTable


def number(address: str) -> int:
    return int(ip_address(address))


def route(prefix: str, device: str = "", kind: str = "unicast", via: str = "") -> Route:
    network = ip_interface(prefix)
    next_hop = number(via) if via else None
    return Route(int(network.ip), network.network.prefixlen, network.version, device, next_hop, kind=kind)


def table(**devices: str) -> RoutingTable:
    """Devices with their addresses."""
    found = RoutingTable()
    for name, addresses in devices.items():
        found.add_interface(Interface(name, tuple(ip_interface(one) for one in addresses.split())))
    return found


@pytest.mark.parametrize(
    "prefix, text",
    [
        ("0.0.0.0/0", "default"),
        ("::/0", "default"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("10.1.0.9/32", "10.1.0.9"),
        ("fd00::/32", "fd00::/32"),
        ("fd00::9/128", "fd00::9"),
    ],
)
def test_a_prefix_as_ip_route_prints_it(prefix: str, text: str) -> None:
    assert route(prefix).text == text


def test_routes_that_come_with_addresses() -> None:
    """As `ip route show table all` has them; a second address of a network has the first one as its source."""
    found = table(
        lo="127.0.0.1/8 ::1/128",
        eth0="10.0.0.5/24 10.0.0.6/24 192.0.2.1/31 192.0.2.20/31 192.0.2.9/32 fd00::5/64",
    )
    asked = {
        "10.0.0.5": ("local", "10.0.0.5"),
        "10.0.0.6": ("local", "10.0.0.5"),
        "10.0.0.255": ("broadcast", "10.0.0.5"),
        "10.0.0.7": ("unicast", "10.0.0.5"),
        "127.9.9.9": ("local", "127.0.0.1"),
        "127.255.255.255": ("broadcast", "127.0.0.1"),
        "192.0.2.1": ("local", "192.0.2.1"),
        "192.0.2.0": ("unicast", "192.0.2.1"),
        "192.0.2.9": ("local", "192.0.2.9"),
        "fd00::5": ("local", None),
        "192.0.2.21": ("unicast", "192.0.2.20"),
        "fd00::6": ("unicast", None),
        "fd00::ffff:ffff:ffff:ffff": ("unicast", None),
        "::1": ("local", None),
    }
    for address, (kind, source) in asked.items():
        way = found.lookup(number(address), ip_address(address).version)
        assert way is not None
        assert (way.kind, way.src) == (kind, None if source is None else number(source)), address
        assert found.is_local(number(address), ip_address(address).version) == (kind == "local")
    assert found.lookup(number("10.0.1.1"), 4) is None
    assert not found.is_local(number("10.0.1.1"), 4)


def test_networks_that_have_an_address_of_their_own_for_routers() -> None:
    """The subnet-router anycast address (RFC 4291, 2.6.1), but not of two addresses or one (RFC 6164)."""
    found = table(eth0="10.0.0.5/24 fd00::5/64 fd00:1::5/126 fd00:2::5/127 fd00:3::5/128")
    assert found.subnets == {number("fd00::"), number("fd00:1::4")}


@pytest.mark.parametrize("kind", ["local", "broadcast"])
def test_the_table_local_is_asked_first(kind: str) -> None:
    found = table(eth0="10.0.0.5/24")
    found.add(route("10.9.1.0/24", "eth0"))
    found.add(route("10.9.0.0/16", "eth0", kind))
    assert (way := found.lookup(number("10.9.1.1"), 4)) is not None
    assert way.kind == kind


def test_of_equal_prefixes_the_first_stays_and_replace_puts_another_in_its_place() -> None:
    found = table(eth0="10.0.0.5/24")
    found.add(route("10.9.0.0/16", "eth0"))
    found.add(route("10.9.0.0/16", "eth1"))
    assert (way := found.lookup(number("10.9.0.1"), 4)) is not None
    assert way.device == "eth0"
    found.replace_local(route("10.0.0.5/32", "eth1"))  # an address of its own, led away
    found.replace_local(route("10.0.0.6/32", "eth1"))  # and one that was not there
    for address in ("10.0.0.5", "10.0.0.6"):
        assert (way := found.lookup(number(address), 4)) is not None
        assert (way.kind, way.device) == ("unicast", "eth1")
    assert [one.text for one in found.routes()] == ["10.0.0.0/24", "10.9.0.0/16"]


@pytest.mark.parametrize(
    "added, replaced, led, assigned",
    [
        ("unicast", "unicast", False, True),
        ("local", "unicast", True, False),
        ("unicast", "local", True, False),
        ("local unicast", "unicast", True, False),
        ("unicast", "local unicast", True, False),
    ],
)
def test_a_source_that_pretends(added: str, replaced: str, led: bool, assigned: bool) -> None:
    """`fib_validate_source`: the table local tells where somebody has put a route into it, or paths are filtered."""
    found = table(eth0="10.0.0.5/24", eth1="10.0.1.5/24")
    for place, kind in enumerate(added.split()):
        found.add(route(f"10.9.0.{place}/32", "eth0", kind))
    for place, kind in enumerate(replaced.split()):
        found.replace_local(route(f"10.9.1.{place}/32", "eth0", kind))
    found.replace_local(route("10.0.1.5/32", "eth0"))  # an address of its own, led away
    for address, by_table in (("10.0.0.5", True), ("10.0.1.5", False), ("10.0.0.6", False)):
        by_devices = address != "10.0.0.6"
        own = found.is_own_source(number(address), filtering=False)
        assert own == (by_table if led else by_devices), address
        assert found.is_own_source(number(address), filtering=True) == by_table
    assert found.has_custom_local != assigned


RPFILTER = [
    # source, device that it came by, loose, accept_local, found
    ("10.0.0.9", "eth0", False, False, True),
    ("10.0.0.9", "eth1", False, False, False),
    ("10.0.0.9", "eth1", True, False, True),
    ("10.0.0.5", "eth0", False, False, False),  # an address of the host
    ("10.0.0.5", "eth0", False, True, True),
    ("10.0.0.5", "eth1", False, True, False),
    ("10.0.0.5", "eth1", True, True, True),
    ("10.0.0.5", "eth1", True, False, False),
    ("10.0.0.255", "eth0", False, True, False),  # for everybody
    ("192.0.2.1", "eth0", True, False, False),  # unreachable
    ("198.51.100.1", "eth0", True, False, False),  # no route
    ("fd00::9", "eth0", False, False, True),
    ("fd00::9", "eth1", False, False, False),
    ("fd00::9", "eth1", True, False, True),
    ("fd00::5", "eth0", False, True, True),
    ("fd00::5", "eth0", False, False, False),
    ("fd00::5", "eth1", False, True, True),  # IPv6 does not look at the device then
    ("fd00::5", "eth1", True, True, True),
    ("fd00:9::1", "eth1", False, False, False),
    ("fd00:9::1", "eth0", False, False, True),
    ("10.9.0.1", "eth1", False, False, False),
    ("10.9.0.1", "eth0", False, False, True),
]


@pytest.mark.parametrize("source, device, loose, accept_local, wanted", RPFILTER)
def test_is_there_a_way_back(source: str, device: str, loose: bool, accept_local: bool, wanted: bool) -> None:
    found = table(eth0="10.0.0.5/24 fd00::5/64", eth1="10.0.1.5/24 fd00:1::5/64")
    for one in ("10.9.0.0/16", "fd00:9::/64"):
        found.add(route(one, "eth0"))
    for one in ("10.0.0.0/8", "fd00:9::/32"):
        found.add(route(one, "eth1"))
    found.add(route("192.0.2.0/24", kind="unreachable"))
    version = ip_address(source).version
    back = found.has_way_back(number(source), version, device, loose=loose, accept_local=accept_local)
    assert back == wanted


def test_a_way_by_one_device_is_asked_of_table_main() -> None:
    found = table(eth0="fd00::5/64", eth1="fd00:1::5/64")
    found.add(route("fd00:9::/64", "eth0"))
    found.add(route("fd00:9::/32", "eth1"))
    for device, text in (("eth0", "fd00:9::/64"), ("eth1", "fd00:9::/32")):
        way = found.lookup_by(device, number("fd00:9::1"), 6)
        assert way is not None
        assert way.text == text
    assert found.lookup_by("eth2", number("fd00:9::1"), 6) is None
    assert found.lookup_by("eth1", number("fd00:1::5"), 6) == found.lookup_by("eth1", number("fd00:1::6"), 6)


ADDRTYPES = {
    "0.0.0.1": "BROADCAST", "0.255.255.255": "BROADCAST", "1.0.0.0": "UNICAST", "255.255.255.255": "BROADCAST",
    "223.255.255.255": "UNICAST", "224.0.0.0": "MULTICAST", "239.255.255.255": "MULTICAST", "240.0.0.0": "UNICAST",
    "10.0.0.5": "LOCAL", "10.0.0.6": "UNICAST", "10.0.0.255": "BROADCAST", "10.0.0.0": "UNICAST", "192.0.2.9": "UNICAST",
    "fd00::5": "LOCAL", "fd00::6": "UNICAST", "feff::1": "UNREACHABLE", "ff00::": "MULTICAST", "ff02::1": "MULTICAST",
    "2001:db8::1": "UNREACHABLE", "fd00:9::1": "UNREACHABLE",
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRTYPES)
def test_the_type_of_an_address(address: str) -> None:
    found = table(eth0="10.0.0.5/24 fd00::5/64")
    found.add(route("192.0.2.0/24", kind="unreachable"))
    found.add(route("fd00:9::/64", kind="unreachable"))
    assert found.address_type(number(address), ip_address(address).version) == ADDRTYPES[address]


def test_the_type_of_an_address_on_one_device() -> None:
    found = table(eth0="10.0.0.5/24 fd00::5/64", eth1="10.0.1.5/24")
    assert [found.address_type(number("10.0.0.5"), 4, one) for one in ("eth0", "eth1")] == [
        "LOCAL",
        "UNICAST",
    ]
    assert found.address_type(number("fd00::5"), 6, "eth0") == "LOCAL"
    found.add(route("2001:db8::1/128", "eth0", "local"))  # of the host, and not of the device itself
    types = [found.address_type(number("2001:db8::1"), 6, one) for one in ("", "eth0", "eth1")]
    assert types == ["LOCAL", "UNICAST", "UNREACHABLE"]


SELECTED = [
    ("eth0", "10.0.1.200", "10.0.1.5"),  # the one in the network of the next hop, its ends included
    ("eth0", "10.0.1.0", "10.0.1.5"),
    ("eth0", "10.0.1.255", "10.0.1.5"),
    ("eth0", "10.0.2.0", "10.0.0.5"),
    ("eth0", "10.0.0.255", "10.0.0.5"),
    ("eth0", "9.255.255.255", "10.0.0.5"),
    ("eth0", None, "10.0.0.5"),
    ("lo", "10.0.0.9", "10.0.0.5"),  # it has none for others to see: the first one of the host
    ("bare", "192.0.2.1", "10.0.0.5"),
    ("link", "192.0.2.1", "169.254.0.1"),
    ("eth1", "10.0.2.7", "10.0.2.5"),
]


@pytest.mark.parametrize("device, towards, wanted", SELECTED)
def test_the_address_that_a_device_lends(device: str, towards: str | None, wanted: str) -> None:
    """`inet_select_addr`."""
    found = table(
        lo="127.0.0.1/8",
        eth0="10.0.0.5/24 10.0.1.5/24",
        eth1="10.0.3.5/24 10.0.2.5/24",
        link="169.254.0.1/16 fd00::1/64",
        bare="",
    )
    found_one = found.select_ipv4_address(device, None if towards is None else number(towards))
    assert found_one == number(wanted)


def test_no_address_to_lend() -> None:
    assert table(lo="127.0.0.1/8 ::1/128", eth0="").select_ipv4_address("eth0", None) is None
    assert table(eth0="10.0.0.5/24").select_ipv6_address("eth0", number("fd00::1")) is None
