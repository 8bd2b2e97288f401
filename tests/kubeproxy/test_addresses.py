"""Addresses as Go prints them: `net.IP.String` and `net.IPNet.String` of what ParseIPSloppy and ParseCIDRSloppy read."""

import pytest

from kproxysim.kubeproxy.addresses import (
    bracketed,
    canonical_cidr,
    canonical_ip,
    family_of_cidr,
    family_of_ip,
    socket_text,
)


@pytest.mark.parametrize(
    "typed, printed, family",
    [
        ("10.0.0.1", "10.0.0.1", "ipv4"),
        ("010.000.0.01", "10.0.0.1", "ipv4"),
        ("::ffff:10.0.0.1", "10.0.0.1", "ipv4"),
        ("::ffff:0a00:0001", "10.0.0.1", "ipv4"),
        ("2001:DB8:0::0007", "2001:db8::7", "ipv6"),
        ("FD00:4:0:1:0::0005", "fd00:4:0:1::5", "ipv6"),
        ("0:0:0:0:0:0:0:1", "::1", "ipv6"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "ipv6"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "ipv6"),
        ("::1.2.3.4", "::102:304", "ipv6"),
        ("64:ff9b::10.0.0.1", "64:ff9b::a00:1", "ipv6"),
    ],
)
def test_an_address(typed: str, printed: str, family: str) -> None:
    assert (canonical_ip(typed), family_of_ip(typed)) == (printed, family)


@pytest.mark.parametrize(
    "typed", ["", "10.0.0", "10.0.0.256", "10.0.0.1 ", "fe80::1%eth0", "name", "10.0.0.1/32"]
)
def test_no_address(typed: str) -> None:
    for read in (canonical_ip, family_of_ip):
        with pytest.raises(ValueError, match="not an IP address"):
            read(typed)


@pytest.mark.parametrize(
    "typed, printed, family",
    [
        ("10.0.0.0/8", "10.0.0.0/8", "ipv4"),
        ("10.8.0.5/16", "10.8.0.0/16", "ipv4"),
        ("010.0.0.0/08", "10.0.0.0/8", "ipv4"),
        ("203.0.113.5/32", "203.0.113.5/32", "ipv4"),
        ("10.9.8.7/0", "0.0.0.0/0", "ipv4"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8", "ipv4"),
        ("FD00:10::1/64", "fd00:10::/64", "ipv6"),
        ("::/0", "::/0", "ipv6"),
    ],
)
def test_a_prefix(typed: str, printed: str, family: str) -> None:
    assert (canonical_cidr(typed), family_of_cidr(typed)) == (printed, family)


def test_brackets_stand_around_ipv6_before_a_port() -> None:
    assert socket_text("10.0.0.1", 80) == "10.0.0.1:80"
    assert socket_text("fd00::1", 80) == "[fd00::1]:80"
    assert bracketed("fd00::1") == "[fd00::1]"
