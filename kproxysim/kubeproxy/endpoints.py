"""From EndpointSlices to the endpoints of each port, in the order of rules.

Source: pkg/proxy/endpointslicecache.go and endpointschangetracker.go, 1.25 to 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kproxysim.cluster import Endpoint as SliceEndpoint
from kproxysim.cluster import EndpointSlice
from kproxysim.errors import InputError
from kproxysim.kubeproxy.addresses import bracketed, canonical_ip, family_of_ip
from kproxysim.kubeproxy.service_ports import PortKey, ServiceName
from kproxysim.kubeproxy.settings import Settings
from kproxysim.kubeproxy.watched import is_watched

__all__ = ["Endpoint", "local_ready_addresses", "owner_of", "read_slices"]

_NONE: frozenset[str] = frozenset()


class Endpoint(NamedTuple):
    """One endpoint of a service port.

    `text` is address and port as after `--to-destination`, by which endpoints are sorted; `source` the entry
    of the slice that says so. A condition that the slice leaves out counts as ready, serving and not
    terminating.
    """

    text: str
    ip: str
    ready: bool
    serving: bool
    terminating: bool
    local: bool
    zone_hints: frozenset[str]
    node_hints: frozenset[str]
    source: str


def owner_of(endpoint_slice: EndpointSlice, settings: Settings) -> ServiceName | None:
    """The Service whose endpoints a slice holds; None for a slice that kube-proxy passes over here."""
    wanted = "IPv4" if settings.family == "ipv4" else "IPv6"
    if endpoint_slice.address_type != wanted or not is_watched(endpoint_slice.metadata.labels):
        return None
    name = endpoint_slice.service_name
    return ServiceName(endpoint_slice.metadata.namespace, name) if name else None


def read_slices(slices: Iterable[EndpointSlice], settings: Settings) -> dict[PortKey, tuple[Endpoint, ...]]:
    """The endpoints of one Service by port, each list sorted as text: `10.0.0.10:80` stands before
    `10.0.0.1:80`.

    Where the same address and port is listed more than once, the entries are taken in the order given
    (kube-proxy's own order of slices is random).
    """
    how = settings.behaviour
    found: dict[PortKey, dict[str, Endpoint]] = {}
    for one in slices:
        ports = [
            (port.port, found.setdefault(PortKey(port.name, port.protocol), {}))
            for port in one.ports
            if port.port
        ]
        source = f"endpoints: EndpointSlice {one.metadata.namespace}/{one.metadata.name} endpoints["
        for index, endpoint in _in_order(one, settings):
            try:
                ip = _address(endpoint, settings)
            except ValueError:
                raise _no_address(one, index) from None
            if not ip:
                continue
            host = bracketed(ip)
            conditions, hints = endpoint.conditions, endpoint.hints
            terminating = conditions.terminating is True
            local = endpoint.node_name == settings.node_name
            wins = not terminating if how.last_running_duplicate_wins else local
            for number, known in ports:
                text = f"{host}:{number}"
                if wins or text not in known:
                    known[text] = Endpoint(
                        text,
                        ip,
                        conditions.ready is not False,
                        conditions.serving is not False,
                        terminating,
                        local,
                        frozenset([hint.name for hint in hints.for_zones]) if hints.for_zones else _NONE,
                        frozenset([hint.name for hint in hints.for_nodes]) if hints.for_nodes else _NONE,
                        f"{source}{index}]",
                    )
    return {key: tuple([known[text] for text in sorted(known)]) for key, known in found.items() if known}


def local_ready_addresses(endpoints: Iterable[tuple[Endpoint, ...]]) -> int:
    """How many addresses of a Service are ready on this node: what its health check reports."""
    return len({one.ip for each in endpoints for one in each if one.local and one.ready})


def _address(endpoint: SliceEndpoint, settings: Settings) -> str:
    """The first address as it is printed; "" for an endpoint that kube-proxy passes over."""
    if not endpoint.addresses:
        return ""
    text = endpoint.addresses[0]
    how = settings.behaviour
    if how.checks_endpoint_family and family_of_ip(text) != settings.family:
        return ""
    ip = canonical_ip(text)
    return ip if how.canonical_endpoint_addresses else text


def _no_address(one: EndpointSlice, index: int) -> InputError:
    text = one.endpoints[index].addresses[0]
    return InputError.of(
        "KPS405",
        f"endpoint address {text!r} of EndpointSlice {one.key} is no IP address",
        path=f"endpoints[{index}].addresses[0]",
        found=text,
    )


def _in_order(one: EndpointSlice, settings: Settings) -> Iterable[tuple[int, SliceEndpoint]]:
    numbered = enumerate(one.endpoints)
    if settings.behaviour.sorts_slices:
        return sorted(numbered, key=lambda pair: ",".join(pair[1].addresses))
    return numbered
