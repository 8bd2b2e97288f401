"""Names of senders and destinations as they are typed."""

from ipaddress import ip_address

import pytest

from kproxysim.errors import InputError
from kproxysim.network.who import check_sender, parse_target


class TestDestination:
    @pytest.mark.parametrize(
        "text, example",
        [
            ("2001:db8::1:80", "[2001:db8::1]:80"),
            ("2001:db8::1:443/udp", "[2001:db8::1]:443"),
            ("2001:db8:0:0:0:0:0:80", "[2001:db8::80]:80"),
        ],
    )
    def test_an_ipv6_address_needs_brackets(self, text: str, example: str) -> None:
        with pytest.raises(InputError, match="IPv6 address without brackets") as raised:
            parse_target(text)
        assert raised.value.code == "KPS702"
        assert raised.value.diagnostics[0].help == f"write [ADDRESS]:PORT, such as {example}"

    def test_more_groups_than_an_address_has(self) -> None:
        with pytest.raises(InputError) as raised:
            parse_target("2001:db8:1:2:3:4:5:6:80")
        assert raised.value.diagnostics[0].help == "write [ADDRESS]:PORT, such as [2001:db8:1:2:3:4:5:6]:80"

    def test_a_ping_has_no_port_to_be_told_apart(self) -> None:
        assert parse_target("2001:db8::1/icmp") == (ip_address("2001:db8::1"), None, "icmp")

    def test_a_url_is_none(self) -> None:
        with pytest.raises(InputError, match="is a URL") as raised:
            parse_target("http://198.51.100.12:80/")
        assert raised.value.diagnostics[0].help.startswith("write ADDRESS:PORT")


class TestSenderWithoutAWorld:
    """Only where it is sure that nobody is called so."""

    @pytest.mark.parametrize("text", ["internet/203.0.113.7", "10.0.0.9", "node/node-a", "browser"])
    def test_may_be_somebody(self, text: str) -> None:
        check_sender(text, ["node/node-a"], ["browser"])

    @pytest.mark.parametrize("text", ["internet/here", "node/node-b", "browsr", "pod/default/echo-1"])
    def test_is_nobody(self, text: str) -> None:
        with pytest.raises(InputError, match="nobody here is called"):
            check_sender(text, ["node/node-a"], ["browser"])

    @pytest.mark.parametrize("text", ["pod/shop/echo-1", "pod/echo-1", "echo-1"])
    def test_of_another_namespace_is_meant(self, text: str) -> None:
        with pytest.raises(InputError) as raised:
            check_sender(text, ["pod/shop/echo-10", "pod/zoo/echo-1", "pod/shop/echo-11"], [])
        assert raised.value.diagnostics[0].help == "did you mean pod/zoo/echo-1?"
