"""A cluster that runs: its nodes, pods and kube-proxies, and what its operators do to them over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, TypeVar

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.cluster.addresses import parse_ip
from kproxysim.cluster.changes import Change, ObjectLike, applied, deleted, patched
from kproxysim.cluster.models import EndpointSlice, Node, Service
from kproxysim.errors import InputError
from kproxysim.netfilter.chance import Chance
from kproxysim.netfilter.conntrack import Connection, Conntrack, Status
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.state import HostState
from kproxysim.network.balancing import Balancer, balanced_addresses
from kproxysim.network.edge import Edge
from kproxysim.network.edge_memory import EdgeMemory
from kproxysim.network.kube_proxies import KubeProxies
from kproxysim.network.node_rules import flushed, restored
from kproxysim.network.pods import Pod, brought_by, pods_of
from kproxysim.network.precedents import Precedents
from kproxysim.network.router import EdgeRouter
from kproxysim.network.session import Sessions
from kproxysim.network.surroundings import edge_router
from kproxysim.network.sync_report import SyncReport
from kproxysim.network.topology import Topology, build
from kproxysim.packet import Address

__all__ = ["RunningCluster"]

Result = TypeVar("Result")

_KNOWN_GUESTS = 64
"""So many clients without a name are kept in mind with what lies around them."""


class RunningCluster:
    """A cluster with its edge, and what it remembers.

    The arguments are explained at `World`. Raises InputError for facts or rules of unknown nodes.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        edge: Edge | None = None,
        pods: Iterable[Pod] = (),
        clients: Mapping[str, str] | None = None,
        facts: Mapping[str, NodeFacts] | None = None,
        rules: Mapping[str, Iterable[Ruleset]] | None = None,
        config: KubeProxyConfiguration | None = None,
        version: str | None = None,
        pod_network: str = "ptp",
    ) -> None:
        self.cluster = cluster
        self._edge_is_given = edge is not None
        self.edge = Edge.of(cluster) if edge is None else edge
        self.config = config
        self.version = version
        self.pod_network = pod_network
        self.pods = pods_of(cluster, pods)
        self.facts = dict(facts or {})
        self.clients: dict[str, Address] = {name: ip_address(text) for name, text in (clients or {}).items()}
        self.given_rules = {name: tuple(rulesets) for name, rulesets in (rules or {}).items()}
        for name in (*self.facts, *self.given_rules, *self.edge.routes.values()):
            self._check_node(name)
        self._proxies = KubeProxies(cluster, self.given_rules, self.facts, config, version, self.edge)
        self._now = 0.0
        self._states: dict[str, HostState] = {}
        self._edge_memory = EdgeMemory()
        self._sessions = Sessions()
        self._chance: Chance | None = None
        self._removed: set[tuple[str, str]] = set()
        self._balanced = balanced_addresses(cluster)
        traits = self.edge.traits
        self._balancer = Balancer(self._balanced, leaves=traits.node_leaves, joins=traits.node_joins)
        self._made_router: EdgeRouter | None = None
        self._known_topologies: dict[frozenset[Address], Topology] = {}
        self._guests: dict[Address, Topology] = {}
        self._precedents: Precedents | None = None

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self._now

    def advance(self, seconds: float) -> tuple[SyncReport, ...]:
        """Time passes: entries expire, and kube-proxies do what they do without news: they notice flushed
        rules, try a failed restore again, and sync once an hour.

        Returns what they did. Raises ValueError for a negative time.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds} seconds")
        earlier, self._now = self._now, self._now + seconds
        if self._balancer.changes_between(earlier, self._now):
            self._balanced, self._made_router = self._balancer.takers(self.cluster, self._now), None
        self._edge_memory.clock = self._now
        reports = self._proxies.pass_time(self._now, self._connections)
        self._changed(rules=bool(reports))
        return reports

    @property
    def topology(self) -> Topology:
        """Hosts and links, the clients that have names included."""
        return self._topologies(frozenset(self.clients.values()))

    def ruleset(self, node: str, family: Family = "ipv4") -> Ruleset:
        """The rules of a node:

        those given, or those that kube-proxy writes there. Raises InputError for an unknown node.
        """
        self._check_node(node)
        return self._proxies.rules(node).ruleset(family)

    # objects

    def apply(self, objects: ObjectLike | Iterable[ObjectLike]) -> tuple[SyncReport, ...]:
        """Add objects, or put them in the place of those with their names: manifests or models of Nodes,
        Services and EndpointSlices. Every kube-proxy that runs and does not lag hears of it and writes at
        once.

        A pod comes with the endpoint that names it. It stays when the endpoint goes, until `remove_pod`.
        Returns what each kube-proxy did. Raises InputError as `Cluster.load` does.
        """
        return self._become(*applied(self.cluster, objects))

    def delete(self, title: str) -> tuple[SyncReport, ...]:
        """Delete an object, "Service default/echo", or a pod, "Pod default/echo-1" (see `remove_pod`).

        Raises InputError for one that is not there.
        """
        kind, _, name = title.partition(" ")
        if kind == "Pod":
            self.remove_pod(name)
            return ()
        return self._become(*deleted(self.cluster, title))

    def patch(self, title: str, patch: Mapping[str, Any]) -> tuple[SyncReport, ...]:
        """Change an object by a JSON merge patch, as `kubectl patch --type merge` does.

        Raises InputError for an object that is not there and for what would come out wrong.
        """
        return self._become(*patched(self.cluster, title, patch))

    def remove_pod(self, key: str) -> None:
        """A pod, "namespace/name", ends: its processes, its address, its connections.

        EndpointSlices may go on naming it. It comes back with an endpoint that names it anew.
        Raises InputError for a pod that is not there.
        """
        gone = next((pod for pod in self.pods if pod.key == key), None)
        if gone is None:
            known = ", ".join(pod.key for pod in self.pods) or "none"
            raise InputError.of(
                "KPS707", f"there is no pod {key!r}", found=key, notes=(f"known pods: {known}",)
            )
        self.pods = tuple(pod for pod in self.pods if pod is not gone)
        self._removed |= {(key, address) for address in gone.ips}
        self._states.pop(f"pod/{key}", None)
        if gone.host_network:
            self._end_processes(gone)
        elif self.pod_network != "bridge":
            self._forget_masqueraded(gone)
        self._changed(layout=True)

    def _forget_masqueraded(self, pod: Pod) -> None:
        """A pod's own link goes with it, and with a device the entries that MASQUERADE made for what left by
        it (`masq_device_event` in nf_nat_masquerade.c).
        """
        state = self._states.get(f"node/{pod.node}")
        if state is None:
            return
        addresses = {int(parse_ip(text)) for text in pod.ips}
        for entry in self.conntrack(pod.node):
            if entry.status & Status.MASQUERADED and entry.reply.src in addresses:
                state.conntrack.delete(entry)

    def _end_processes(self, pod: Pod) -> None:
        """The connections of a pod that shares its node's addresses: those to what it listens on."""
        state = self._state(f"node/{pod.node}")
        for socket in state.sessions():
            if f"{socket.protocol}/{socket.port}" in pod.listening:
                state.disconnect(socket)

    def _become(self, cluster: Cluster, changes: tuple[Change, ...]) -> tuple[SyncReport, ...]:
        """The cluster is another one: whatever hangs on what changed is made anew."""
        if not changes:
            return ()
        kinds = {type(change.before or change.after) for change in changes}
        for change in changes:
            if isinstance(change.before, Node) and change.after is None:
                self._states.pop(f"node/{change.before.name}", None)
        pods, balanced, self.cluster = self.pods, self._balanced, cluster
        if EndpointSlice in kinds:
            named = {(pod.key, address) for pod in pods_of(cluster) for address in pod.ips}
            self._removed &= named
            slices = [one.after for one in changes if isinstance(one.after, EndpointSlice)]
            self.pods = brought_by(slices, cluster, self.pods, self._removed)
        if Node in kinds and not self._edge_is_given:
            self.edge = self._proxies.edge = Edge.of(cluster)
        reports = self._proxies.hear(cluster, changes, self._now, self._connections)
        self._check_health()
        self._changed(
            rules=True,
            layout=Node in kinds
            or pods != self.pods
            or balanced.keys() != self._balanced.keys()
            or any(_has_health_check(thing) for one in changes for thing in (one.before, one.after)),
        )
        return reports

    # kube-proxies and what they keep

    def stop_kube_proxy(self, node: str) -> None:
        """Kube-proxy of a node ends; its rules stay as they are."""
        self._check_node(node)
        self._proxies.stop(node)
        self._check_health()
        self._changed(layout=True)

    def start_kube_proxy(self, node: str) -> tuple[SyncReport, ...]:
        """Kube-proxy of a node starts, anew if it runs: it writes everything, over what is there."""
        self._check_node(node)
        reports = self._proxies.start(node, self.cluster, self._now, self._connections)
        self._check_health()
        self._changed(layout=True)
        return reports

    def lag_kube_proxy(self, node: str) -> None:
        """Kube-proxy of a node gets no news until `sync_kube_proxy` or `start_kube_proxy`.

        Raises InputError where none runs.
        """
        self._check_node(node)
        self._proxies.lag(node)

    def sync_kube_proxy(self, node: str) -> tuple[SyncReport, ...]:
        """Kube-proxy of a node gets all its news, and writes. Raises InputError where none runs."""
        self._check_node(node)
        reports = self._proxies.sync(node, self.cluster, self._now, self._connections)
        self._check_health()
        self._changed(layout=True)
        return reports

    def flush_conntrack(self, node: str | None = None) -> tuple[Connection, ...]:
        """`conntrack -F` on a node, or on all of them. Returns the entries that went."""
        gone: list[Connection] = []
        for name in self._each(node):
            table = self._connections(name)
            gone += table.entries()
            table.flush()
        self._changed()
        return tuple(gone)

    def flush_rules(self, node: str | None = None) -> None:
        """`iptables -F` and `-X` in all tables of both families on a node, or on all of them: chains of the
        user's go, policies stay. Kube-proxy finds out when it next looks (see `advance`).
        """
        for name in self._each(node):
            rules = self._proxies.rules(name)
            families: tuple[Family, ...] = ("ipv4", "ipv6")
            self._proxies.put(
                name,
                {family: flushed(rules.ruleset(family)) for family in families},
                self._now,
                flushed=True,
            )
        self._changed(rules=True)

    def restore(
        self,
        node: str,
        text: str,
        family: Family | None = None,
        *,
        noflush: bool = True,
        name: str = "<rules>",
    ) -> None:
        """Change the rules of a node by a text, as `iptables-restore` does: with `noflush` chains that the
        text does not declare stay as they are, and rules may be added to them; without, each table of the
        text is emptied first. The family is told by the addresses where it is not given.

        Raises InputError with every line of `name` that iptables would refuse.
        """
        self._check_node(node)
        after = restored(self._proxies.rules(node), text, family, noflush=noflush, name=name)
        canary_goes = not noflush and any(line.strip() == "*mangle" for line in text.splitlines())
        self._proxies.put(node, {after.family: after}, self._now, flushed=canary_goes)
        self._changed(rules=True)

    def conntrack(self, node: str) -> tuple[Connection, ...]:
        """The entries of a node's connection table, oldest first."""
        self._check_node(node)
        return self._connections(node).entries()

    def _check_health(self) -> None:
        """The balancer asks the nodes."""
        answering = balanced_addresses(self.cluster, self._heard)
        self._balancer = self._balancer.observe(answering, self._now)
        self._balanced, self._made_router = self._balancer.takers(self.cluster, self._now), None

    def _heard(self, node: str) -> Cluster | None:
        return self.cluster if node in self.given_rules else self._proxies.heard(node)

    def _each(self, node: str | None) -> tuple[str, ...]:
        if node is None:
            return tuple(one.name for one in self.cluster.nodes)
        self._check_node(node)
        return (node,)

    def _connections(self, node: str) -> Conntrack:
        return self._state(f"node/{node}").conntrack

    def _state(self, host: str) -> HostState:
        state = self._states.get(host)
        if state is None:
            state = self._states[host] = HostState()
        state.clock = self._now
        return state

    def _changed(self, *, rules: bool = False, layout: bool = False) -> None:
        """The state of the world is another one: what was worked out from the old one goes.

        `rules`: nodes have other rules; `layout`: hosts, addresses or sockets are other ones as well.
        """
        self._precedents = None
        if layout:
            self._known_topologies = {}
            self._made_router = None
        elif rules:
            self._known_topologies = {
                clients: topology.with_rules(self._rules)
                for clients, topology in self._known_topologies.items()
            }
        if layout or rules:
            self._guests = {}

    def _is_fresh(self) -> bool:
        """Has nothing happened yet that a host or the edge remembers?"""
        return self._edge_memory.is_fresh and all(state.is_fresh for state in self._states.values())

    def _check_node(self, name: str) -> None:
        """Raises InputError (KPS703) for a node that is not there."""
        if all(node.name != name for node in self.cluster.nodes):
            known = ", ".join(node.name for node in self.cluster.nodes) or "none"
            raise InputError.of(
                "KPS703", f"there is no node {name!r}", found=name, notes=(f"known nodes: {known}",)
            )

    # where things are

    def _rules(self, node: str) -> Callable[[int], ChainGraph | None]:
        return self._proxies.rules(node).graph

    def _topologies(self, clients: frozenset[Address]) -> Topology:
        """The topology with these clients in it."""
        known = self._known_topologies.get(clients)
        if known is None:
            known = self._known_topologies[clients] = self._lay_out(clients)
        return known

    def _hosted(self, address: Address) -> Topology:
        """The topology with somebody on the internet who has no name here."""
        known = self._guests.get(address)
        if known is None:
            if len(self._guests) >= _KNOWN_GUESTS:
                self._guests.pop(next(iter(self._guests)))
            known = self._guests[address] = self.topology.with_guest(address)
        return known

    def _lay_out(self, clients: frozenset[Address]) -> Topology:
        return build(
            self.cluster,
            self.pods,
            sorted(clients, key=_by_number),
            self.edge,
            self.facts,
            self._rules,
            self._proxies.effects,
            self._balanced,
            self.pod_network,
        )

    def _router(self, topology: Topology) -> EdgeRouter:
        """What the edge knows of the cluster, which is the same whoever sends."""
        if self._made_router is None:
            self._made_router = edge_router(self.cluster, self.edge, self._balanced, topology, self.pods)
        return self._made_router


def _by_number(address: Address) -> tuple[int, int]:
    return address.version, int(address)


def _has_health_check(thing: object) -> bool:
    return isinstance(thing, Service) and bool(thing.spec.health_check_node_port)
