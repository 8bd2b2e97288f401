"""Sysctls of a node. What was measured on Linux 6.18: a write to `all` turns the switch of every device."""

import pytest

from kproxysim.network.settings import settings_of

FORWARDING = [
    ({}, True),
    ({"net.ipv4.ip_forward": "0"}, False),
    ({"net.ipv4.conf.all.forwarding": "0"}, False),
    ({"net/ipv4/conf/all/forwarding": "2"}, True),
    ({"net.ipv4.ip_forward": "0", "net.ipv4.conf.eth0.forwarding": "1"}, True),
    ({"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.forwarding": "0"}, False),
    ({"net.ipv4.ip_forward": "1", "net.ipv4.conf.default.forwarding": "0"}, False),
    ({"net.ipv4.ip_forward": "0", "net.ipv4.conf.eth1.forwarding": "1"}, False),
]


@pytest.mark.parametrize("values, forwards", FORWARDING)
def test_forwarding_from_eth0(values: dict[str, str], forwards: bool) -> None:
    assert settings_of(values).of("eth0").forwarding is forwards


def test_the_larger_of_all_and_a_device_counts_where_the_kernel_takes_that() -> None:
    found = settings_of(
        {
            "net.ipv4.conf.all.rp_filter": "1",
            "net.ipv4.conf.eth0.rp_filter": "2",
            "net.ipv4.conf.default.accept_local": "1",
            "net.ipv6.conf.eth0.force_forwarding": "1",
            "net.ipv6.conf.all.forwarding": "0",
        }
    )
    assert [found.of(name).rp_filter for name in ("eth0", "eth1")] == [2, 1]
    assert [found.of(name).accept_local for name in ("eth0", "eth1")] == [True, True]
    assert [found.of(name).force_forwarding for name in ("eth0", "eth1")] == [True, False]
    assert found.ipv6_forward is False
