"""Which nodes take a load balancer's address: what a cloud's health checks would find.

A balancer spreads over nodes that answer the health check: all of them under policy Cluster, those with a
ready endpoint of their own under policy Local (pkg/proxy/healthcheck/service_health.go). Where two Services
share an address, a node that answers for one of them takes it.

A balancer finds out by asking every few seconds. Google's is set to ask every 8 seconds, to take a node out
after three checks that failed and to put it back after one (pkg/gce/healthchecks.go in
cloud-provider-gcp's providers). Of others nothing is known: they are taken to know at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from kproxysim.cluster import Cluster, Service
from kproxysim.cluster.addresses import parse_ip
from kproxysim.packet import Address
from kproxysim.values import dataclass

__all__ = ["Balancer", "balanced_addresses"]

_SERVICE_LABEL = "kubernetes.io/service-name"


Takers = Mapping[Address, tuple[str, ...]]
"""The nodes that take each address, in the order of the Node objects."""


@dataclass(frozen=True, slots=True)
class _Check:
    """Does a node answer, and since when? Minus infinity: the balancer knows it well."""

    answers: bool
    since: float


class Balancer:
    """What a balancer knows of its nodes. `leaves` and `joins` are the seconds after which it takes a node
    out that answers no more, or in that answers again.
    """

    __slots__ = ("_checks", "_joins", "_leaves", "_noticing")

    def __init__(self, takers: Takers, *, leaves: float, joins: float) -> None:
        self._leaves, self._joins = leaves, joins
        self._noticing: list[float] = []
        self._checks = {
            address: {name: _Check(answers=True, since=-inf) for name in names}
            for address, names in takers.items()
        }

    def observe(self, takers: Takers, now: float) -> Balancer:
        """The balancer when other nodes answer from `now` on. An address that is new is known at once."""
        other = Balancer({}, leaves=self._leaves, joins=self._joins)
        for address, names in takers.items():
            before = self._checks.get(address)
            checks = other._checks[address] = {}
            for name in dict.fromkeys((*names, *(before or ()))):
                answers = name in names
                known = (before or {}).get(name, _Check(answers=before is None, since=-inf))
                if known.answers != answers:
                    is_in = self._is_in(known, now)
                    known = _Check(answers, -inf if is_in == answers else now)
                checks[name] = known
                if known.since > -inf:
                    other._noticing.append(known.since + (self._joins if answers else self._leaves))
        return other

    def takers(self, cluster: Cluster, now: float) -> dict[Address, tuple[str, ...]]:
        """The nodes that packets to each address go to."""
        return {
            address: tuple(
                node.name
                for node in cluster.nodes
                if node.name in checks and self._is_in(checks[node.name], now)
            )
            for address, checks in self._checks.items()
        }

    def changes_between(self, earlier: float, now: float) -> bool:
        """Did it take nodes in or out after `earlier`, up to `now`?"""
        return any(earlier < at <= now for at in self._noticing)

    def _is_in(self, check: _Check, now: float) -> bool:
        if check.answers:
            return check.since + self._joins <= now
        return now < check.since + self._leaves


def balanced_addresses(
    cluster: Cluster, heard: Callable[[str], Cluster | None] | None = None
) -> dict[Address, tuple[str, ...]]:
    """Each address of `status.loadBalancer.ingress` with the nodes that answer for it.

    `heard` tells what kube-proxy of a node has heard of, since it is the one who answers; None where none
    runs. By default they all know the cluster.
    """
    if heard is None:
        return _balanced(cluster)
    known: dict[int, dict[Address, tuple[str, ...]]] = {id(cluster): _balanced(cluster)}
    found: dict[Address, list[str]] = {address: [] for address in known[id(cluster)]}
    for node in cluster.nodes:
        theirs = heard(node.name)
        if theirs is None:
            continue
        if id(theirs) not in known:
            known[id(theirs)] = _balanced(theirs)
        for address, names in known[id(theirs)].items():
            if node.name in names and address in found:
                found[address].append(node.name)
    return {address: tuple(names) for address, names in found.items()}


def _balanced(cluster: Cluster) -> dict[Address, tuple[str, ...]]:
    found: dict[Address, set[str]] = {}
    for service in cluster.services:
        for entry in service.status.load_balancer.ingress:
            if entry.ip and entry.ip_mode != "Proxy":
                found.setdefault(parse_ip(entry.ip), set()).update(_takers(cluster, service))
    return {
        address: tuple(node.name for node in cluster.nodes if node.name in names)
        for address, names in found.items()
    }


def _takers(cluster: Cluster, service: Service) -> set[str]:
    if service.spec.external_traffic_policy != "Local":
        return {node.name for node in cluster.nodes}
    return {
        endpoint.node_name
        for piece in cluster.endpoint_slices
        if piece.metadata.namespace == service.metadata.namespace
        and (piece.metadata.labels or {}).get(_SERVICE_LABEL) == service.metadata.name
        for endpoint in piece.endpoints
        if endpoint.node_name and endpoint.conditions.ready is not False
    }
