"""Addresses as they are written and printed: inet_ntop(3), inet_aton(3), ipset(8)."""

from ipaddress import ip_address

import pytest

from kproxysim.netfilter.numbers import address_text, parse_host_mask, parse_network
from kproxysim.netfilter.sets import AddressSet
from kproxysim.netfilter.skb import Skb
from kproxysim.packet import Packet


@pytest.mark.parametrize(
    "address, text",
    [
        ("::", "::"),
        ("::1", "::1"),
        ("::ffff", "::ffff"),
        ("::1:0", "::0.1.0.0"),
        ("::1.2.3.4", "::1.2.3.4"),
        ("::ffff:ffff", "::255.255.255.255"),
        ("::1:0:0", "::1:0:0"),
        ("::1:1.2.3.4", "::1:102:304"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("::ffff:0:0", "::ffff:0.0.0.0"),
        ("::fffe:1.2.3.4", "::fffe:102:304"),
        ("1::ffff:1.2.3.4", "1::ffff:102:304"),
        ("0.0.1.0", "0.0.1.0"),
    ],
)
def test_ipv4_within_ipv6_is_printed_in_dots(address: str, text: str) -> None:
    """As glibc 2.36 prints them."""
    one = ip_address(address)
    assert address_text(int(one), one.version) == text


@pytest.mark.parametrize(
    "text, address, mask",
    [
        ("10.1.2.3", "10.1.2.3", 32),
        ("10.1", "10.0.0.1", 32),
        ("10.1.2", "10.1.0.2", 32),
        ("10.1.65535/16", "10.1.255.255", 16),
        ("10.16777215", "10.255.255.255", 32),
        ("4294967295", "255.255.255.255", 32),
        ("0x0a.010.0.0/8", "10.8.0.0", 8),
        ("10.1.2.3/255.255.0.0", "10.1.2.3", 16),
        ("10.1.2.3/255.0.255.0", "10.1.2.3", 32),  # no prefix: counts as a full one
        ("10.1.2.3/0", "10.1.2.3", 0),
    ],
)
def test_an_address_as_getaddrinfo_reads_it(text: str, address: str, mask: int) -> None:
    full = (1 << 32) - 1
    assert parse_host_mask(text, "ipv4") == (int(ip_address(address)), full ^ (full >> mask))


@pytest.mark.parametrize(
    "text, network, mask",
    [
        ("10.1", "10.1.0.0", "255.255.255.255"),
        ("7", "7.0.0.0", "255.255.255.255"),
        ("0.0.0.255", "0.0.0.255", "255.255.255.255"),
        ("10.1.2.3/24", "10.1.2.0", "255.255.255.0"),
        ("10.1.2.3/255.0.255.0", "10.0.2.0", "255.0.255.0"),
        ("nobody/0", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - an address that is read
    ],
)
def test_a_network_as_iptables_reads_it(text: str, network: str, mask: str) -> None:
    assert parse_network(text, "ipv4") == (int(ip_address(network)), int(ip_address(mask)))


@pytest.mark.parametrize(
    "member, protocol, port, wanted",
    [
        ("80", "tcp", 80, True),
        ("80", "udp", 80, True),
        ("80", "sctp", 80, False),
        ("80", "tcp", 81, False),
        ("udp:53", "udp", 53, True),
        ("udp:53", "tcp", 53, False),
        ("sctp:7-9", "sctp", 6, False),
        ("sctp:7-9", "sctp", 7, True),
        ("sctp:7-9", "sctp", 9, True),
        ("sctp:7-9", "sctp", 10, False),
    ],
)
def test_a_port_of_an_ipset(member: str, protocol: str, port: int, wanted: bool) -> None:
    """A number alone is of a bitmap:port, which holds ports of tcp and udp."""
    skb = Skb.of(Packet(protocol, "10.0.0.5", "10.0.0.9", 1000, port))
    assert AddressSet([member]).has(skb, ("dst",)) == wanted
    assert not AddressSet([member]).has(skb, ("src",))


@pytest.mark.parametrize("protocol, wanted", [("tcp", True), ("udp", False)])
def test_a_port_behind_an_address_is_tcps(protocol: str, wanted: bool) -> None:
    skb = Skb.of(Packet(protocol, "10.0.0.5", "10.0.0.9", 1000, 80))
    assert AddressSet(["10.0.0.9,80"]).has(skb, ("dst", "dst")) == wanted
