"""Are the names and addresses in a scenario known? Every one that is not is said, with those that are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from ipaddress import ip_network
from typing import Any

from kproxysim.cluster import Cluster
from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.cluster.findings import Finding
from kproxysim.cluster.paths import Path
from kproxysim.errors import InputError
from kproxysim.netfilter.matches.header import PrefixMatch
from kproxysim.network import World
from kproxysim.network.balancing import balanced_addresses
from kproxysim.network.pods import pods_of
from kproxysim.network.who import check_sender, find_sender, known_addresses, parse_target
from kproxysim.packet import Address, Packet, parse_endpoint
from kproxysim.scenario.chains import ENDPOINT_ROLE, PORT_ROLES
from kproxysim.scenario.draft import Draft
from kproxysim.scenario.expectation import ANYBODY, Outcome
from kproxysim.scenario.mistakes import known_names
from kproxysim.scenario.model import ScenarioFile
from kproxysim.scenario.shares import NOBODY
from kproxysim.scenario.stations import fixed_stations
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = [
    "Checker",
    "Known",
    "as_written",
    "check_addresses_of_pods",
    "check_edge",
    "check_packets",
    "check_pods",
    "unknown",
]

_ROLES = (*PORT_ROLES, ENDPOINT_ROLE)

_NODE_ADDRESSES = ("InternalIP", "ExternalIP")

_NOWHERE = ("unreachable", "no-route")
"""How the way of a packet ends that is dialled where nobody is. Who expects that has made no slip."""

_TURNED_BACK = ("egress-refuses-source", "own-address-as-source", "reverse-path-filter")
"""Why it ends before that, whoever is dialled."""


@dataclass(frozen=True, slots=True)
class Known:
    """The names in one scenario. Where something can't be read and more names may be missing it is None."""

    nodes: Collection[str] | None
    pods: Collection[str] | None
    clients: Collection[str] | None
    packets: Collection[str] | None
    services: Collection[str] | None
    chains: Mapping[str, tuple[str, ...]] | None
    own_chains: Collection[str] = ()


def check_edge(file: ScenarioFile, known: Known) -> Iterator[Finding]:
    """The edge's routes and its translation."""
    nodes = known.nodes
    for text, node in file.cloud.routes.items():
        path: Path = ("cloud", "routes", text)
        if not _is_prefix(text):
            yield Finding(
                "KPS105", f"{text!r} is no address and no prefix", path, help="write 198.51.100.0/24"
            )
        if nodes is not None and node not in nodes:
            yield unknown("node", node, nodes, path)
    if file.cloud.kind == "routed" and file.cloud.one_to_one:
        message = "an edge of kind routed translates nothing"
        yield Finding("KPS613", message, ("cloud", "oneToOne"), help="write kind: nat")
    for public, internal in (file.cloud.one_to_one or {}).items():
        path = ("cloud", "oneToOne", public)
        if parse_ip(public).version != parse_ip(internal).version:
            yield Finding("KPS603", f"{public} and {internal} are of different families", path, internal)


def check_pods(file: ScenarioFile, known: Known) -> Iterator[Finding]:
    """Names and nodes of pods."""
    nodes = known.nodes
    for name, pod in file.pods.items():
        namespace, slash, rest = name.partition("/")
        if not (namespace and slash and rest) or "/" in rest:
            hint = f"write default/{name}" if name and "/" not in name else ""
            yield Finding("KPS606", f"{name!r} is not NAMESPACE/NAME", ("pods", name), name, hint)
        if nodes is not None and pod.node not in nodes:
            yield unknown("node", pod.node, nodes, ("pods", name, "node"))


def check_addresses_of_pods(file: ScenarioFile, cluster: Cluster) -> Iterator[Finding]:
    """Pods that have the address of another. The cluster is sound."""
    owners = {text: pod.key for pod in pods_of(cluster) if not pod.host_network for text in pod.ips}
    for name, pod in file.pods.items():
        for text in () if pod.host_network else pod.ip:
            owner = owners.setdefault(str(parse_ip(text)), name)
            if owner != name:
                message = f"{text} is already the address of pod {owner}"
                yield Finding("KPS619", message, ("pods", name, "ip"), text, "give it an address of its own")


def check_packets(
    draft: Draft, known: Known, checker: Checker, expected_by_steps: Collection[str]
) -> Iterator[Finding]:
    """Packets and what is expected of them. `expected_by_steps` are those that steps expect something of."""
    file = draft.file
    for name in file.packets:
        yield from checker.packet(name)
    entries = _written_entries(draft)
    for number, entry in entries.items():
        named = entry.get("packet")
        if known.packets is not None and isinstance(named, str) and named and named not in known.packets:
            yield unknown("packet", named, known.packets, ("expect", number, "packet"))
    for number, expectation in enumerate(file.expect):
        path = draft.path("expect", number)
        for finding in checker.expectation(expectation):
            yield replace(finding, path=path + as_written(entries[path[1]], finding.path))
    expected = [*(entry.get("packet") for entry in entries.values()), *expected_by_steps]
    for name in file.packets:
        if name not in expected:
            message = f"nothing is expected of packet {name}"
            yield Finding(
                "KPS690", message, ("packets", name), help="add it to expect:, or leave it for trace"
            )


def _written_entries(draft: Draft) -> dict[str | int, dict[str, Any]]:
    """What stands under `expect:`, sound or not, by its number."""
    entries = draft.document.value.get("expect")
    if not isinstance(entries, list):
        return {}
    return {number: entry for number, entry in enumerate(entries) if isinstance(entry, dict)}


class Checker:
    """What is known in one scenario. `world` is None where not all of it can be read: then names are held
    against those that are known. `later` are the clusters that steps make of the one at the start.
    """

    def __init__(
        self, file: ScenarioFile, known: Known, world: World | None, later: Sequence[Cluster] = ()
    ) -> None:
        self._file = file
        self._known = known
        self._world = world
        self._later = later

    def packet(self, name: str) -> Iterator[Finding]:
        form = self._file.packets[name]
        path: Path = ("packets", name)
        nodes = self._known.nodes
        known_via = form.via is None or nodes is None or form.via in nodes
        if not known_via:
            yield unknown("node", str(form.via), nodes or (), (*path, "via"))
        try:
            if self._world is None:
                parse_target(form.to)
                self._check_sender(form.source)
                return
            packet = form.packet_in(self._world)
        except InputError as error:
            for one in error.diagnostics:
                field = "from" if one.code == "KPS701" else "to"
                yield Finding(one.code, one.message, (*path, field), one.found, one.help, one.notes)
            return
        if not self._has_owner(packet.dst):
            if not self._is_meant_to_be_lost(name):
                yield self._nobody_has(self._world, packet, form.source, (*path, "to"))
        elif form.via is not None and known_via:
            yield from self._choice(packet.dst, form.via, (*path, "via"))

    def _check_sender(self, text: str) -> None:
        """Raises InputError for a sender of whom it is sure that nobody is called so."""
        nodes, pods, clients = self._known.nodes, self._known.pods, self._known.clients
        if nodes is not None and pods is not None and clients is not None:
            hosts = [*(f"node/{one}" for one in nodes), *(f"pod/{one}" for one in sorted(pods))]
            check_sender(text, hosts, clients)

    def _choice(self, address: Address, via: str, path: Path) -> Iterator[Finding]:
        """`via` chooses one of several nodes. Elsewhere it would be passed over without a word."""
        takers = () if self._is_routed(address) else self._balanced.get(address, ())
        if not takers:
            message = f"the edge has no choice of nodes for {address}"
            yield Finding("KPS614", message, path, via, "leave via out")
        elif via not in takers:
            notes = known_names(f"nodes that take {address}", takers)
            yield Finding(
                "KPS614", f"{via} does not take {address}", path, via, did_you_mean(via, takers), notes
            )

    def _is_meant_to_be_lost(self, name: str) -> bool:
        outcomes: list[Outcome] = [one for one in self._file.expect if one.packet == name]
        outcomes += [one.expect for one in self._file.steps if one.expect and name in (one.open, one.trace)]
        return any(
            not {*_NOWHERE}.isdisjoint(outcome.disposition or ())
            or not {*_TURNED_BACK}.isdisjoint(outcome.reason or ())
            for outcome in outcomes
        )

    def _has_owner(self, address: Address) -> bool:
        if self._world is None or address in self._owned or address.is_loopback:
            return True
        return (
            self._is_routed(address)
            or self._is_local_by_route(self._world, address)
            or self._is_in_rules(self._world, address)
        )

    def _is_local_by_route(self, world: World, address: Address) -> bool:
        """Does a node take it for its own by `ip route add local`?"""
        local = (
            route.to
            for facts in world.facts.values()
            for route in facts.routes or ()
            if route.kind == "local" and route.to != "default"
        )
        return any(
            address in parse_cidr(text) if "/" in text else address == parse_ip(text) for text in local
        )

    def _is_in_rules(self, world: World, address: Address) -> bool:
        """Do rules that were given for some node name this destination?"""
        return any(
            isinstance(match, PrefixMatch)
            and (match.side, match.negated, match.version) == ("dst", False, address.version)
            and match.mask
            and int(address) & match.mask == match.network
            for rulesets in world.given_rules.values()
            for ruleset in rulesets
            for _, rule in ruleset.rules()
            for match in ruleset.meaning(rule).header
        )

    def _is_routed(self, address: Address) -> bool:
        routes = self._world.edge.routes if self._world is not None else ()
        return any(address in ip_network(prefix) for prefix in routes)

    @cached_property
    def _balanced(self) -> dict[Address, tuple[str, ...]]:
        found: dict[Address, dict[str, None]] = {}
        for cluster in self._clusters:
            for address, nodes in balanced_addresses(cluster).items():
                found.setdefault(address, {}).update(dict.fromkeys(nodes))
        return {address: tuple(nodes) for address, nodes in found.items()}

    @property
    def _clusters(self) -> tuple[Cluster, ...]:
        return () if self._world is None else (self._world.cluster, *self._later)

    @cached_property
    def _owned(self) -> set[Address]:
        """Addresses of hosts, of nodes at the edge, and of Services."""
        world = self._world
        if world is None:
            return set()
        found = {parse_ip(public) for public in world.edge.one_to_one}
        found |= {parse_ip(text) for pod in world.pods for text in pod.ips}
        found |= set(world.clients.values())
        for host in world.topology.hosts.values():
            for interface in host.host.routing.interfaces.values():
                found |= {address.ip for address in interface.addresses}
        for cluster in self._clusters:
            texts = [
                text for node in cluster.nodes for kind in _NODE_ADDRESSES for text in node.addresses(kind)
            ]
            texts += [text for pod in pods_of(cluster) for text in pod.ips]
            for service in cluster.services:
                texts += [*service.spec.cluster_ips, *service.spec.external_ips]
                texts += [entry.ip for entry in service.status.load_balancer.ingress]
            found |= {parse_ip(text) for text in texts if text and text != "None"}
        return found

    def _nobody_has(self, world: World, packet: Packet, source: str, path: Path) -> Finding:
        sender = find_sender(source, world.topology, world.clients)
        from_internet = sender.host.startswith("internet/")
        what, known = known_addresses(world.cluster, from_internet=from_internet)
        message = "no node has this external address" if from_internet else "nobody has this address"
        hint = did_you_mean(str(packet.dst), [text for text, _ in known])
        notes = known_names(what, [f"{text} ({owner})" for text, owner in known])
        return Finding("KPS603", message, path, str(packet.dst), hint, notes)

    def expectation(self, expectation: Outcome) -> Iterator[Finding]:
        """Paths begin at the expectation; the last step is a name, however it was written."""
        for name in expectation.reaches or ():
            yield from self._receiver(name, ("reaches", name))
        for name in expectation.sees or ():
            if name != ANYBODY:
                yield from self._receiver(name, ("sees", name))
        for field in ("through", "avoids"):
            for name in getattr(expectation, field):
                yield from self._station(name, (field, name))

    def _receiver(self, name: str, path: Path) -> Iterator[Finding]:
        nodes, pods = self._known.nodes, self._known.pods
        kind, slash, node = name.partition("/")
        if name == NOBODY or name in (pods or ()):
            return
        if slash and kind == "node":
            if nodes is not None and node not in nodes:
                yield unknown("node", node, nodes, path)
            return
        try:
            address, _ = parse_endpoint(name)
        except ValueError:
            if nodes is not None and pods is not None:
                yield unknown("receiver", name, [*sorted(pods), *(f"node/{one}" for one in nodes)], path)
            return
        if not self._has_owner(address):
            yield Finding("KPS603", "nobody has this address", path, name)

    def _station(self, name: str, path: Path) -> Iterator[Finding]:
        kind, _, rest = name.partition(" ")
        kind = next((role for role in _ROLES if kind.startswith(f"{role}-")), kind)
        chains = self._known.chains
        if kind == "Service":
            yield from self._field(rest, path)
        elif chains is not None and name in chains:
            message = f"{name} is named by a hash"
            yield Finding("KPS607", message, path, name, f"write {chains[name][-1]}")
        elif name not in self._stations and not self._may_be_lost(name, kind):
            alike = [one for one in self._stations if one.partition(" ")[0] == kind]
            notes = known_names("stations of this kind", alike) if kind in _ROLES else ()
            hint = did_you_mean(name, alike or self._stations)
            message = f"{name!r} is no station of a packet's way"
            yield Finding("KPS607", message, path, name, hint, notes)

    def _may_be_lost(self, name: str, kind: str) -> bool:
        """Is this a name of something that may be among what can't be read?"""
        host = name.partition("/")[0]
        return (
            (host == "node" and self._known.nodes is None)
            or (host == "pod" and self._known.pods is None)
            or (kind in _ROLES and self._known.chains is None)
        )

    def _field(self, text: str, path: Path) -> Iterator[Finding]:
        """What made a rule, `default/echo spec.externalIPs[0]`: the Service is known, its fields are many."""
        services = self._known.services
        key, _, field = text.partition(" ")
        if services is None:
            return
        if key not in services:
            yield unknown("Service", key, services, path)
        elif not field:
            hint = f"write Service {key} spec.externalIPs[0]"
            yield Finding("KPS607", f"no field of Service {key} is named", path, text, hint)

    @cached_property
    def _stations(self) -> dict[str, None]:
        names = [
            *(f"node/{one}" for one in self._known.nodes or ()),
            *(f"pod/{one}" for one in sorted(self._known.pods or ())),
            *(name for called in (self._known.chains or {}).values() for name in called),
            *self._known.own_chains,
        ]
        return dict.fromkeys((*names, *fixed_stations()))


def unknown(what: str, name: str, known: Collection[str], path: Path) -> Finding:
    """A name that is not there, and those that are."""
    hint = did_you_mean(name, known)
    return Finding(
        "KPS602", f"there is no {what} {name!r} here", path, name, hint, known_names(f"{what}s", known)
    )


def as_written(expectation: dict[str, Any], path: Path) -> Path:
    """A path that ends in a name, which may be a key, an entry of a list, or the value itself."""
    field, name = str(path[0]), path[1]
    value = expectation[field]
    if isinstance(value, list):
        return field, value.index(name)
    return path if isinstance(value, dict) else (field,)


def _is_prefix(text: str) -> bool:
    try:
        parse_cidr(text) if "/" in text else parse_ip(text)
    except ValueError:
        return False
    return True
