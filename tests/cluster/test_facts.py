"""NodeFacts: what the API does not know about a node."""

from typing import Any

import pytest
from pydantic import ValidationError

from kproxysim.cluster import ListeningSocket, NodeFacts, Route


def test_nothing_is_known_by_default() -> None:
    facts = NodeFacts()
    assert (facts.node_ips, facts.interfaces, facts.routes, facts.listening) == (None, None, None, None)
    assert (facts.kubelet, facts.iptables_random_fully) == (True, True)
    assert (facts.nfacct_counters, facts.existing_nat, facts.sysctls) == ((), "", {})
    assert facts.interface_addresses() == ()


def test_everything_told() -> None:
    facts = NodeFacts.model_validate(
        {
            "nodeIPs": ["10.128.0.12", "fd00::12"],
            "interfaces": {"lo": ["127.0.0.1/8"], "eth0": ["010.128.0.12/20", "fd00::12/64"]},
            "routes": ["default via 10.128.0.1 dev eth0 proto dhcp metric 100", "blackhole 10.44.9.0/24"],
            "sysctls": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.rp_filter": "2"},
            "listening": ["tcp/22", "udp/10.128.0.12:53", "tcp/[::1]:443", "tcp/*:80"],
            "kubelet": False,
            "nfacctCounters": ["ct_state_invalid_dropped_pkts"],
        }
    )
    assert [(name, str(address)) for name, address in facts.interface_addresses()] == [
        ("lo", "127.0.0.1/8"),
        ("eth0", "10.128.0.12/20"),
        ("eth0", "fd00::12/64"),
    ]
    assert [str(address) for address in facts.own_addresses()] == ["127.0.0.1", "10.128.0.12", "fd00::12"]
    assert facts.sysctls == {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.rp_filter": "2"}
    assert [str(socket) for socket in facts.listening or ()] == [
        "tcp/22",
        "udp/10.128.0.12:53",
        "tcp/[::1]:443",
        "tcp/80",
    ]
    assert NodeFacts(node_ips=("10.128.0.12",)).node_ips == ("10.128.0.12",)


# as ip-route(8) prints them
ROUTES: dict[str, dict[str, Any]] = {
    "10.44.1.0/24 via 10.128.0.13 dev eth0": {"to": "10.44.1.0/24", "via": "10.128.0.13", "dev": "eth0"},
    "default dev eth0 scope link": {"to": "default", "dev": "eth0"},
    "10.44.0.0/24 dev cbr0 proto kernel scope link src 10.44.0.1": {
        "to": "10.44.0.0/24",
        "dev": "cbr0",
        "src": "10.44.0.1",
    },
    "local 10.128.0.12 dev eth0 table local": {
        "to": "10.128.0.12",
        "dev": "eth0",
        "table": "local",
        "kind": "local",
    },
    "unreachable 10.0.0.0/8 metric 5": {"to": "10.0.0.0/8", "metric": 5, "kind": "unreachable"},
    "fd00:44::/64 via fe80::1 dev eth0 metric 1024 pref medium onlink": {
        "to": "fd00:44::/64",
        "via": "fe80::1",
        "dev": "eth0",
        "metric": 1024,
    },
}


@pytest.mark.parametrize("text, route", ROUTES.items())
def test_a_route_as_ip_prints_it(text: str, route: dict[str, Any]) -> None:
    assert Route.model_validate(text) == Route.model_validate(route)


REFUSED: list[dict[str, Any]] = [
    {"routes": ["10.44.1.0/24"]},
    {"routes": ["10.44.1.0/33 dev eth0"]},
    {"routes": ["10.44.1.0/24 over 10.128.0.13"]},
    {"routes": ["10.44.1.0/24 via"]},
    {"routes": ["10.44.1.0/24 via x dev eth0"]},
    {"routes": ["10.44.1.0/24 dev eth0 metric x"]},
    {"routes": [""]},
    {"routes": ["blackhole"]},
    {"routes": [5]},
    {"interfaces": {"eth0": ["10.128.0.12"]}},
    {"interfaces": {"eth0": "10.128.0.12/20"}},
    {"interfaces": ["10.128.0.12/20"]},
    {"nodeIPs": ["10.128.0.12", "10.128.0.13"]},
    {"nodeIPs": ["node-a"]},
    {"listening": ["22"]},
    {"listening": ["tcp/0"]},
    {"listening": ["tcp/70000"]},
    {"listening": ["icmp/1"]},
    {"listening": ["tcp/node-a:22"]},
    {"listening": ["tcp/10.0.0.300:22"]},
    {"listening": ["tcp/::1:22"]},
    {"listening": [{"protocol": "tcp"}]},
    {"sysctls": {"net.ipv4.ip_forward": True}},
    {"sysctls": {"net.ipv4.ip_forward": [1]}},
    {"kubelet": "no"},
    {"interface": {}},
]


@pytest.mark.parametrize("facts", REFUSED)
def test_what_can_not_be_understood(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NodeFacts.model_validate(facts)


def test_a_socket_of_values() -> None:
    assert ListeningSocket(protocol="tcp", port=22) == ListeningSocket.model_validate("tcp/22")
