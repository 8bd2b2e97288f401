"""Which connections kube-proxy makes the kernel forget, so that clients of UDP services do not stay with what
is gone.

Sources: pkg/proxy/conntrack/cleanup.go; up to 1.31 `detectStaleConntrackEntries` in pkg/proxy/endpoints.go
and pkg/proxy/conntrack/conntrack.go. Recorded for 1.30.3 to 1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kproxysim.kubeproxy.addresses import canonical_ip, socket_text
from kproxysim.kubeproxy.endpoints import Endpoint
from kproxysim.kubeproxy.service_ports import PortKey, ServiceName, ServicePort
from kproxysim.kubeproxy.settings import Settings
from kproxysim.values import dataclass

__all__ = ["UDP", "Cleanup", "Entry", "PortMap", "stale_by_events", "stale_entries"]

PortName = tuple[ServiceName, PortKey]
PortMap = Mapping[ServiceName, Mapping[PortKey, ServicePort]]
EndpointMap = Mapping[ServiceName, Mapping[PortKey, tuple[Endpoint, ...]]]

UDP = "UDP"


class Entry(NamedTuple):
    """One entry of the kernel's table: where its client sent, and where the answers come from.

    Addresses are canonical text, `protocol` is TCP, UDP or SCTP.
    """

    protocol: str
    src: str
    sport: int
    dst: str
    dport: int
    reply_src: str
    reply_sport: int


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What was done about stale connections after a restore.

    `commands` are calls of the conntrack program (up to 1.31), sorted as kube-proxy's own order is random;
    `listed` says whether the kernel's table was read (from 1.32), `deleted` which entries went.
    """

    commands: tuple[tuple[str, ...], ...] = ()
    listed: bool = False
    deleted: tuple[Entry, ...] = ()


def stale_by_events(
    services: PortMap,
    before: EndpointMap,
    after: EndpointMap,
    gone_cluster_ips: Iterable[str],
    settings: Settings,
) -> Cleanup:
    """Up to 1.31: by what happened to the endpoints of the Services in `before` and `after`, which are those
    that changed.

    A port that got its first serving endpoint loses everything to its addresses, an endpoint that went what
    was translated to it; `gone_cluster_ips` are those of UDP ports that went.
    """
    ipv6 = ("-f", "ipv6") if settings.family == "ipv6" else ()
    udp = ("-p", "udp")
    addresses = set(gone_cluster_ips)
    node_ports = set()
    commands = set()
    for port in _newly_active(services, before, after):
        addresses.update(_addresses(port))
        if port.node_port:
            node_ports.add(port.node_port)
    for address in addresses:
        commands.add(("conntrack", "-D", "--orig-dst", canonical_ip(address), *udp, *ipv6))
    for number in node_ports:
        commands.add(("conntrack", "-D", *udp, "--dport", str(number), *ipv6))
    for port, endpoint in _gone(services, before, after):
        if port.node_port:
            to = ("--dport", str(port.node_port), "--dst-nat", endpoint.ip)
            commands.add(("conntrack", "-D", *udp, *to, *ipv6))
        for address in _addresses(port):
            commands.add(("conntrack", "-D", "--orig-dst", address, "--dst-nat", endpoint.ip, *udp, *ipv6))
    return Cleanup(tuple(sorted(commands)))


def _addresses(port: ServicePort) -> tuple[str, ...]:
    return (port.cluster_ip, *port.external_ips, *port.load_balancer_ips)


def _udp_ports(endpoints: EndpointMap) -> Iterator[tuple[ServiceName, PortKey, tuple[Endpoint, ...]]]:
    for service, ports in endpoints.items():
        for key, each in ports.items():
            if key.protocol == UDP:
                yield service, key, each


def _newly_active(services: PortMap, before: EndpointMap, after: EndpointMap) -> Iterator[ServicePort]:
    for service, key, endpoints in _udp_ports(after):
        port = services.get(service, {}).get(key)
        old = before.get(service, {}).get(key, ())
        if port and any(one.serving for one in endpoints) and not any(one.serving for one in old):
            yield port


def _gone(
    services: PortMap, before: EndpointMap, after: EndpointMap
) -> Iterator[tuple[ServicePort, Endpoint]]:
    for service, key, endpoints in _udp_ports(before):
        port = services.get(service, {}).get(key)
        left = {one.text for one in after.get(service, {}).get(key, ())}
        for endpoint in endpoints:
            if port and endpoint.serving and endpoint.text not in left:
                yield port, endpoint


def stale_entries(
    services: PortMap, endpoints: EndpointMap, entries: Iterable[Entry], settings: Settings
) -> Cleanup:
    """From 1.32: UDP entries to an address of a Service, answered by anybody who is no serving endpoint of
    it.

    The destination address of traffic to a node port is not looked at, and Services without a serving
    endpoint are passed over.
    """
    by_socket = settings.behaviour.conntrack == "socket"
    at_address: dict[str, set[str]] = {}
    at_node_port: dict[int, set[str]] = {}
    for service, ports in services.items():
        for key, port in ports.items():
            if key.protocol != UDP:
                continue
            known = endpoints.get(service, {}).get(key, ())
            serving = {one.text if by_socket else one.ip for one in known if one.serving}
            if not serving:
                continue
            for address in _addresses(port):
                at_address[socket_text(address, port.port)] = serving
            if port.node_port:
                at_node_port[port.node_port] = serving
    deleted = []
    for entry in entries:
        if entry.protocol != UDP:
            continue
        answers = socket_text(entry.reply_src, entry.reply_sport) if by_socket else entry.reply_src
        wanted = (at_address.get(socket_text(entry.dst, entry.dport)), at_node_port.get(entry.dport))
        if any(serving is not None and answers not in serving for serving in wanted):
            deleted.append(entry)
    return Cleanup(listed=True, deleted=tuple(deleted))
