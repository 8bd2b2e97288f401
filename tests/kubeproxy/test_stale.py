"""Which entries of conntrack are deleted after a sync: pkg/proxy/conntrack/cleanup.go, 1.25 to 1.36."""

from typing import Any

from kproxysim.kubeproxy.conntrack import Entry, stale_by_events, stale_entries
from kproxysim.kubeproxy.endpoints import Endpoint, read_slices
from kproxysim.kubeproxy.service_ports import PortKey, ServiceName, ServicePort, read_service
from kproxysim.netfilter.script import Family
from tests.kubeproxy.small import endpoints, service, settings

WEB, EMPTY = ServiceName("default", "web"), ServiceName("default", "empty")
PORTS = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}]
ENDS = [{"name": "http", "port": 8080}, {"name": "dns", "port": 5353, "protocol": "UDP"}]

Ports = dict[ServiceName, dict[PortKey, ServicePort]]
Ends = dict[ServiceName, dict[PortKey, tuple[Endpoint, ...]]]


def ports(version: str, family: Family = "ipv4", address: str = "10.8.0.1") -> Ports:
    """The one without endpoints and the port of TCP come before the one that counts."""
    known = settings(version, family)
    whole: dict[str, Any] = {"type": "NodePort", "ipFamilies": ["IPv4" if family == "ipv4" else "IPv6"]}
    return {
        EMPTY: read_service(service("empty", clusterIP=f"{address}0", ports=[PORTS[1] | {"nodePort": 30054}], **whole), known),
        WEB: read_service(service(clusterIP=address, ports=PORTS, **whole), known),
    }  # fmt: skip


def ends(version: str, *addresses: str, family: Family = "ipv4") -> Ends:
    slices = endpoints(*addresses, ports=ENDS, family="IPv4" if family == "ipv4" else "IPv6")
    return {WEB: read_slices([slices], settings(version, family))}


def entry(
    dst: str, dport: int, answers: str, protocol: str = "UDP", *, port: int = 5353, sport: int = 4000
) -> Entry:
    return Entry(protocol, "10.44.0.9", sport, dst, dport, answers, port)


def test_commands_of_1_31_name_the_family() -> None:
    found = stale_by_events(
        ports("1.31"), ends("1.31", "10.44.0.5"), ends("1.31", "10.44.0.6"), ["10.8.0.9"], settings("1.31")
    )
    assert found.commands == (
        ("conntrack", "-D", "--orig-dst", "10.8.0.1", "--dst-nat", "10.44.0.5", "-p", "udp"),
        ("conntrack", "-D", "--orig-dst", "10.8.0.9", "-p", "udp"),
        ("conntrack", "-D", "-p", "udp", "--dport", "30053", "--dst-nat", "10.44.0.5"),
    )
    six = stale_by_events(
        ports("1.31", "ipv6", "fd00:8::1"),
        {},
        ends("1.31", "fd00:44::5", family="ipv6"),
        (),
        settings("1.31", "ipv6"),
    )
    assert six.commands == (
        ("conntrack", "-D", "--orig-dst", "fd00:8::1", "-p", "udp", "-f", "ipv6"),
        ("conntrack", "-D", "-p", "udp", "--dport", "30053", "-f", "ipv6"),
    )


# Each entry, and whether it goes by the answering address alone (1.32), and by its port as well.
ENTRIES = [
    (entry("10.8.0.1", 53, "10.44.0.99", "TCP"), False, False),
    (entry("10.8.0.1", 53, "10.44.0.5"), False, False),
    (entry("10.8.0.1", 53, "10.44.0.5", port=9999), False, True),
    (entry("10.8.0.1", 53, "10.44.0.99"), True, True),
    (entry("10.8.0.1", 54, "10.44.0.99"), False, False),
    (entry("10.128.0.2", 30053, "10.44.0.99"), True, True),
    (entry("10.128.0.2", 30054, "10.44.0.99"), False, False),
    (entry("10.8.0.10", 53, "10.44.0.99"), False, False),
]


def test_entries_that_nobody_answers_any_more() -> None:
    for version, place in (("1.32", 1), ("1.36", 2)):
        found = stale_entries(
            ports(version), ends(version, "10.44.0.5"), [row[0] for row in ENTRIES], settings(version)
        )
        assert found.listed
        assert found.deleted == tuple(row[0] for row in ENTRIES if row[place]), version
