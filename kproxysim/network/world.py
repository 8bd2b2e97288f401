"""World: all state of one simulation. Send a packet, follow it to its end, follow the reply back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.errors import InputError
from kproxysim.kubeproxy import NodeEffects, compile_rules, node_effects
from kproxysim.netfilter.chance import Draw, enumerate_runs
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.state import HostState
from kproxysim.network.balancing import balanced_addresses
from kproxysim.network.edge import Edge
from kproxysim.network.journey import Journey
from kproxysim.network.pods import Pod, pods_of
from kproxysim.network.router import EdgeRouter
from kproxysim.network.topology import Topology, build
from kproxysim.network.trace import Branch, Trace
from kproxysim.network.verdict import Call, branch_of
from kproxysim.network.who import Sender, find_sender, parse_target
from kproxysim.packet import Address, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["World"]

_EPHEMERAL_PORT = 51514
"""The source port of packets for which nobody names one; from Linux's default range of 32768 to 60999."""


class World:
    """A cluster, its edge and its clients.

    - `edge`: the cloud's edge; by default what the Node objects tell (`Edge.of`).
    - `pods`: pods that no EndpointSlice names. `clients`: names of internet addresses.
    - `facts`: what is known of each node. `rules`: rules to use on a node instead of those that kube-proxy
      would write, one ruleset a family.
    - `config`, `version`: kube-proxy's settings and version, on all nodes; by default its own defaults and
      the newest version.
    - `pod_network`: "ptp", "ptp-bare" or "bridge" (see `topology`).

    Every `send` starts from the state that the world is in and leaves it as it was: each branch is a future
    of its own. Raises InputError for facts or rules of unknown nodes and for what `compile_rules` refuses.
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
        self.edge = Edge.of(cluster) if edge is None else edge
        self.config = config
        self.version = version
        self.pod_network = pod_network
        self.pods = pods_of(cluster, pods)
        self.facts = dict(facts or {})
        self.clients: dict[str, Address] = {name: ip_address(text) for name, text in (clients or {}).items()}
        self._given_rules = {name: tuple(rulesets) for name, rulesets in (rules or {}).items()}
        self._check_nodes()
        self._graph = cache(self._make_graph)
        self._states: dict[str, HostState] = {}
        self._balanced = balanced_addresses(cluster)
        self._topologies = cache(self._lay_out)
        self._made_router: EdgeRouter | None = None

    @property
    def topology(self) -> Topology:
        """Hosts and links, the clients that have names included."""
        return self._topologies(frozenset(self.clients.values()))

    def ruleset(self, node: str, family: Family = "ipv4") -> Ruleset:
        """The rules of a node:

        those given, or those that kube-proxy writes there. Raises InputError for an unknown node.
        """
        graph = self._graph(node, 4 if family == "ipv4" else 6)
        return Ruleset(family) if graph is None else graph.ruleset

    def packet(self, source: str, to: str, *, sport: int | None = None) -> Packet:
        """The first packet of a connection from `source` to "ADDRESS:PORT[/protocol]", with the source
        address that its socket would take.

        Raises InputError for a sender nobody knows or a destination that is none.
        """
        address, port, protocol = parse_target(to)
        topology, sender = self._sender(source)
        src = self._source_address(topology, sender, address)
        return Packet(protocol, src, address, _EPHEMERAL_PORT if sport is None else sport, port)

    def send(
        self,
        packet: Packet,
        source: str | None = None,
        *,
        via: str | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Trace:
        """Send `packet` from `source` (by default:

        whoever has its source address, else the internet) and follow all that may become of it.

        `via` is the node at which the edge lets in what several nodes could take; `pick` keeps the branches
        that reach one endpoint (pod, namespace/pod, address or address:port); `rng` draws one branch. Raises
        InputError for names nobody knows.
        """
        topology, sender = self._sender(
            f"internet/{packet.src}" if source == "internet" else source or self._owner(packet)
        )
        if via is not None and via not in topology.node_addresses:
            raise self._unknown_node(via)
        router = self._router(topology)
        call = Call(packet, sender, topology, self.cluster, self.edge, self.pods)
        if rng is not None:
            branches = [branch_of(call, Journey(topology, router, self._states, Draw(rng), via))]
        else:
            branches = [
                branch
                for _, branch in enumerate_runs(
                    lambda chance: branch_of(call, Journey(topology, router, self._states, chance, via))
                )
            ]
        assumptions = tuple(dict.fromkeys(text for branch in branches for text in call.assumptions(branch)))
        if pick is not None:
            branches = _picked(branches, pick)
        return Trace(packet, sender.label, tuple(branches), assumptions, self._notes(branches))

    def _check_nodes(self) -> None:
        names = {node.name for node in self.cluster.nodes}
        for name in (*self.facts, *self._given_rules, *self.edge.routes.values()):
            if name not in names:
                raise self._unknown_node(name)

    def _unknown_node(self, name: str) -> InputError:
        known = ", ".join(node.name for node in self.cluster.nodes) or "none"
        return InputError.of(
            "KPS703", f"there is no node {name!r}", found=name, notes=(f"known nodes: {known}",)
        )

    def _make_graph(self, node: str, version: int) -> ChainGraph | None:
        family: Family = "ipv4" if version == 4 else "ipv6"
        given = self._given_rules.get(node)
        if given is not None:
            return next((ChainGraph(ruleset) for ruleset in given if ruleset.family == family), None)
        return ChainGraph(
            compile_rules(
                self.cluster,
                node,
                family,
                version=self.version,
                config=self.config,
                facts=self.facts.get(node),
            )
        )

    def _lay_out(self, clients: frozenset[Address]) -> Topology:
        def rules(node: str) -> Callable[[int], ChainGraph | None]:
            return lambda version: self._graph(node, version)

        def effects(node: str) -> NodeEffects:
            if node in self._given_rules:
                return NodeEffects({}, ())
            return node_effects(
                self.cluster, node, version=self.version, config=self.config, facts=self.facts.get(node)
            )

        return build(
            self.cluster,
            self.pods,
            sorted(clients, key=lambda address: (address.version, int(address))),
            self.edge,
            self.facts,
            rules,
            effects,
            self._balanced,
            self.pod_network,
        )

    def _sender(self, source: str) -> tuple[Topology, Sender]:
        topology = self.topology
        sender = find_sender(source, topology, self.clients)
        if sender.host not in topology.hosts:
            topology = topology.with_guest(ip_address(sender.host.removeprefix("internet/")))
        return topology, sender

    def _owner(self, packet: Packet) -> str:
        owner = self.topology.owners.get((packet.family, int(packet.src)))
        return owner or f"internet/{packet.src}"

    def _source_address(self, topology: Topology, sender: Sender, towards: Address) -> Address:
        placed = topology.hosts[sender.host]
        chosen = placed.host.source_for(int(towards), towards.version)
        if chosen is None:
            own = next(
                (
                    owner
                    for owner, host in topology.owners.items()
                    if host == sender.host and owner[0] == towards.version
                ),
                None,
            )
            if own is None:
                family = "IPv4" if towards.version == 4 else "IPv6"
                raise InputError.of(
                    "KPS704",
                    f"{sender.label} has no {family} address to call {towards} from",
                    found=str(towards),
                )
            chosen = own[1]
        return type(towards)(chosen)

    def _router(self, topology: Topology) -> EdgeRouter:
        """What the edge knows of the cluster, which is the same whoever sends."""
        if self._made_router is None:
            self._made_router = self._make_router(topology)
        return self._made_router

    def _make_router(self, topology: Topology) -> EdgeRouter:
        inside: dict[Address, Address] = {}
        pod_networks = {}
        for node in self.cluster.nodes:
            own = topology.node_addresses[node.name]
            for address in (
                parse_ip(entry.address)
                for entry in node.status.addresses
                if entry.type in ("InternalIP", "ExternalIP")
            ):
                translated = str(address) in self.edge.one_to_one
                if not translated and address.version in own:
                    inside[address] = own[address.version]
            for text in node.spec.pod_cidrs:
                network = parse_cidr(text)
                if network.version in own:
                    pod_networks[ip_network(network)] = own[network.version]
        return EdgeRouter(
            self.edge, inside, pod_networks, self._balanced, topology.node_addresses, topology.gateway
        )

    def _notes(self, branches: Iterable[Branch]) -> tuple[str, ...]:
        """What the authors of the rules that were read have to say about them."""
        nodes = dict.fromkeys(
            (hop.where, step.before.family)
            for branch in branches
            for hop, step in branch.rules()
            if hop.kind == "node"
        )
        found: dict[str, None] = {}
        for node, version in nodes:
            graph = self._graph(node, version)
            if graph is not None:
                found.update(dict.fromkeys(f"{note.code}: {note.message}" for note in graph.ruleset.notes))
        return tuple(found)


def _picked(branches: list[Branch], pick: str) -> list[Branch]:
    """The branches that reach one endpoint.

    Raises InputError (KPS705) that lists the endpoints reached if none does.
    """
    names: dict[str, None] = {}
    kept = []
    for branch in branches:
        reached = branch.delivered_to
        if reached is None:
            continue
        names[reached.pod or f"{reached.ip}:{reached.port}"] = None
        if pick in (
            reached.pod,
            reached.pod.rpartition("/")[2],
            reached.ip,
            f"{reached.ip}:{reached.port}",
            f"[{reached.ip}]:{reached.port}",
        ):
            kept.append(branch)
    if not kept:
        known = ", ".join(names) or "none"
        raise InputError.of(
            "KPS705", f"this packet never reaches {pick!r}", found=pick, notes=(f"it reaches: {known}",)
        )
    return kept
