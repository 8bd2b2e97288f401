"""Addresses are read as kube-proxy reads them: with Go's sloppy parser, into canonical form."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kproxysim.cluster import parse_cidr, parse_ip

# k8s.io/utils/net/parse.go and its tests; "forked" from Go 1.16's net.ParseIP.
SPELLINGS = {
    "10.0.0.1": "10.0.0.1",
    "010.0.0.1": "10.0.0.1",
    "192.168.000.001": "192.168.0.1",
    "0000000010.0.0.1": "10.0.0.1",
    "fd00::1": "fd00::1",
    "FD00::1": "fd00::1",
    "2001:DB8:0::0007": "2001:db8::7",
    "::ffff:10.0.0.1": "10.0.0.1",
    "::FFFF:010.0.0.1": "10.0.0.1",
    "::ffff:a00:1": "10.0.0.1",
    "::": "::",
    "::1.2.3.4": "::102:304",
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "00001::": "1::",
}

NO_ADDRESSES = [
    "",
    " 10.0.0.1",
    "10.0.0.1 ",
    "10.0.0",
    "10.0.0.1.2",
    "10.0.0.256",
    "10.0.0.-1",
    "10.0.0.1/24",
    "10.0.0.1:80",
    "\u0663.0.0.1",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    "12345::",
    "::ffff:10.0.0.256",
    "example.com",
    "None",
    "0" * 100_000,
]

PREFIXES = {
    "10.8.0.0/20": "10.8.0.0/20",
    "10.8.0.5/20": "10.8.0.0/20",
    "010.8.0.0/020": "10.8.0.0/20",
    "10.9.8.7/0": "0.0.0.0/0",
    "192.0.2.7/32": "192.0.2.7/32",
    "fd00:4::1/48": "fd00:4::/48",
    "::/0": "::/0",
    "::ffff:10.0.0.0/104": "10.0.0.0/8",
}

NO_PREFIXES = [
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "fd00::/129",
    "/8",
    "10.0.0.0/8/8",
    "10/8",
    "a/b",
]


@pytest.mark.parametrize("written, meant", SPELLINGS.items())
def test_an_address_in_any_spelling(written: str, meant: str) -> None:
    assert str(parse_ip(written)) == meant


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        parse_ip(text)


@pytest.mark.parametrize("written, meant", PREFIXES.items())
def test_a_prefix_in_any_spelling(written: str, meant: str) -> None:
    assert str(parse_cidr(written)) == meant


@pytest.mark.parametrize("text", NO_PREFIXES)
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|at most"):
        parse_cidr(text)


class TestCanonicalText:
    """What Python's own parser takes, in its own spelling, is read as the same address."""

    @given(st.ip_addresses())
    def test_addresses(self, address: object) -> None:
        mapped = getattr(ip_address(str(address)), "ipv4_mapped", None)
        assert parse_ip(str(address)) == (mapped or address)

    @given(st.ip_addresses(v=4), st.integers(0, 32))
    def test_prefixes(self, address: object, length: int) -> None:
        text = f"{address}/{length}"
        assert parse_cidr(text) == ip_network(text, strict=False)


class TestAnyText:
    """No text makes the parser fail in another way than by ValueError."""

    @given(st.text() | st.text(alphabet="0123456789abcdefABCDEF:./%", max_size=50))
    def test_never_another_error(self, text: str) -> None:
        for parse in (parse_ip, parse_cidr):
            try:
                parse(text)
            except ValueError:
                continue
