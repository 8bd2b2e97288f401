"""Which address an IPv6 host speaks from: each row was asked of a kernel with these addresses."""

from ipaddress import IPv6Address, IPv6Interface, ip_interface

import pytest

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.routing import Interface, Route, RoutingTable

ULA, PUBLIC, POD_GATEWAY = "fd00:128::11", "2001:db8:51::11", "fd00:44::1"


def addresses(*texts: str) -> tuple[IPv6Interface, ...]:
    found = [ip_interface(text) for text in texts]
    assert all(isinstance(one, IPv6Interface) for one in found)
    return tuple(one for one in found if isinstance(one, IPv6Interface))


def host() -> Host:
    """A node with an internal and a public address on eth0, a pod's link with a gateway address, and a load balancer's address."""
    table = RoutingTable()
    table.add_interface(Interface("lo", addresses("::1/128")))
    table.add_interface(Interface("eth0", addresses(f"{ULA}/128", f"{PUBLIC}/128")))
    table.add_interface(Interface("veth0", addresses(f"{POD_GATEWAY}/128")))
    table.add(Route(int(IPv6Address("fd00:44::10")), 128, 6, "veth0"))
    table.add(Route(int(IPv6Address("2001:db8:1b::1")), 128, 6, "eth0", kind="local"))
    table.add(Route(0, 0, 6, "eth0", int(IPv6Address("fd00:128::1"))))
    return Host("n", table)


@pytest.mark.parametrize(
    "destination, source",
    [
        ("fd00:128::12", ULA),  # the same label, fc00::/7, and most bits in common
        ("2001:db8:cafe::7", PUBLIC),  # the label of everything else
        ("fd00:48::1", ULA),
        ("fd00:44::10", POD_GATEWAY),  # the device comes before labels and bits
        (PUBLIC, PUBLIC),  # to itself
        (
            "2001:db8:1b::1",
            PUBLIC,
        ),  # local by route only: no socket may be bound to it, so nothing is sent from it
    ],
)
def test_source_of_an_unbound_socket(destination: str, source: str) -> None:
    assert host().source_for(int(IPv6Address(destination)), 6) == int(IPv6Address(source))


SCOPES = {
    "e0": ("fe80::11/64", "fec0::11/64", "fd00:128::11/64", "2001:db8:51::11/64", "2002:102:304::1/48", "2001:0:1::1/128", "3ffe::1/128"),
    "e1": ("fe80::21/64", "2001:db8:9::1/64", "fd00:9::1/64"),
}  # fmt: skip

BY_DEVICE = {
    # to a group or on the link it is one of the device, of a scope that reaches as far
    "ff01::1": ("fe80::11", "fe80::21"),
    "ff02::1": ("fe80::11", "fe80::21"),
    "ff05::2": ("fec0::11", "2001:db8:9::1"),
    "ff0e::1": ("2001:db8:51::11", "2001:db8:9::1"),
    "fe80::99": ("fe80::11", "fe80::21"),
    # to anybody else the scope comes before the device
    "fec0::99": ("fec0::11", "fec0::11"),
    "fd00:128::11": ("fd00:128::11", "fd00:128::11"),
    # then the label, after the device
    "fd00:128::99": ("fd00:128::11", "fd00:9::1"),
    "fd00:9::99": ("fd00:128::11", "fd00:9::1"),
    "2001:db8:9::99": ("2001:db8:51::11", "2001:db8:9::1"),
    "2002:102:304::5": ("2002:102:304::1", "2001:db8:9::1"),
    "2002:a00:1::1": ("2002:102:304::1", "2001:db8:9::1"),
    "2001:0:5::5": ("2001:0:1::1", "2001:db8:9::1"),
    "3ffe::99": ("3ffe::1", "2001:db8:9::1"),
    # then the longest common prefix
    "2a00:1450::1": ("2001:db8:51::11", "2001:db8:9::1"),
    "::ffff:1.2.3.4": ("3ffe::1", "2001:db8:9::1"),
    "::1.2.3.4": ("3ffe::1", "2001:db8:9::1"),
}


def scopes() -> RoutingTable:
    table = RoutingTable()
    for name, texts in SCOPES.items():
        table.add_interface(Interface(name, addresses(*texts)))
    return table


def source(table: RoutingTable, device: str, destination: str) -> str:
    return str(IPv6Address(table.select_ipv6_address(device, int(IPv6Address(destination))) or 0))


@pytest.mark.parametrize("destination", BY_DEVICE)
def test_source_by_device(destination: str) -> None:
    """`ip -6 route get DESTINATION oif DEVICE` on Linux 6.18."""
    assert [source(scopes(), name, destination) for name in SCOPES] == list(BY_DEVICE[destination])


@pytest.mark.parametrize(
    "device, destination, wanted",
    [
        # a device without an address of that scope speaks from what it has
        ("e2", "fe80::99", "2001:db8:a::1"),
        ("e2", "ff02::1", "2001:db8:a::1"),
        # a prefix counts no further than its own length: of equals the newest
        ("e4", "fd00:5:0:0:8000::1", "fd00:5::2"),
        # without addresses it borrows
        ("e3", "fd00:5:0:0:8000::1", "fd00:5::2"),
        ("e3", "fd00:128::99", "fd00:128::11"),
        ("e3", "2001:db8:51:8000::1", "2001:db8:51::11"),
        ("e3", "::2", "3ffe::1"),  # and ::1 is no address to lend
        ("e3", "::1.2.3.4", "3ffe::1"),
    ],
)
def test_source_by_a_further_device(device: str, destination: str, wanted: str) -> None:
    """As above."""
    table = scopes()
    table.add_interface(Interface("lo", addresses("::1/128")))
    table.add_interface(Interface("e2", addresses("2001:db8:a::1/64")))
    table.add_interface(Interface("e4", addresses("fd00:5::1/128", "fd00:5::2/64")))
    assert source(table, device, destination) == wanted


RIVALS = {
    "e4": ("fd00:5::1/128", "fd00:5::2/64", "fd00:6::1/64"),
    "e5": ("fd00:5::1/64", "3ffe::1/64", "2002:102:304::1/48"),
    "e6": ("fd00:5::1/64", "2001:db8:7::1/64", "fd00:5:0:2::1/62"),
}


@pytest.mark.parametrize("names", [["e0"], ["e1", "e4"], ["e4"], ["e5"], ["e6"]])
def test_destinations_that_are_not_told_apart_have_one_source(names: list[str]) -> None:
    """By `RoutingTable.cut`: tried near each address, bit by bit, and where labels and scopes end."""
    table = RoutingTable()
    own: list[IPv6Interface] = []
    for name in names:
        given = addresses(*(SCOPES | RIVALS)[name])
        table.add_interface(Interface(name, given))
        own += given
    cuts = Cuts()
    table.cut(cuts)
    atoms = cuts.atoms(6)
    tried = {int(one.ip) ^ (1 << bit) for one in own for bit in range(127, 56, -1)}
    tried |= {
        int(IPv6Address(one))
        for one in (*BY_DEVICE, "fd00:5:0:2::", "ff02::1:0", "febf::1", "fec0::1", "fe80::1:0:0:0:1")
    }
    for device in names:
        seen: dict[int, int | None] = {}
        for destination in sorted(tried):
            found = table.select_ipv6_address(device, destination)
            assert seen.setdefault(atoms.number(destination), found) == found, IPv6Address(destination)


def test_of_equal_addresses_the_newest_is_taken() -> None:
    table = RoutingTable()
    table.add_interface(Interface("eth0", addresses("fd00:1::2/128", "fd00:1::3/128")))
    assert table.select_ipv6_address("eth0", int(IPv6Address("fd00:9::1"))) == int(IPv6Address("fd00:1::3"))


def test_a_device_without_addresses_borrows() -> None:
    assert host().routing.select_ipv6_address("veth9", int(IPv6Address("fd00:44::99"))) == int(
        IPv6Address(POD_GATEWAY)
    )
