"""Hosts and the links between them, as a networkx graph: who hears a packet that leaves by a device.

Hosts are nodes of the graph, and so are the segments they are plugged into; an edge carries the device. Every
host is a network stack of its own, a pod and a client as well as a node; what a node's API object does not
tell comes from its `NodeFacts`, or is made up the way common clusters are built:

- "ptp": each pod on a veth pair of its own, the host's end carries the first address of the node's pod
  network, a /32 route per pod;
- "ptp-bare": the same, the host's end without an address;
- "bridge": all pods of a node on bridge `cbr0`, with bridge-nf-call-iptables=1 and hairpin mode on, so that
  the node's rules see all of it; with `net.bridge.bridge-nf-call-iptables: 0` they see what is routed only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import lru_cache, partial
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING

from kproxysim.cluster import Cluster, Node, NodeFacts
from kproxysim.cluster.addresses import Network, parse_cidr, parse_ip
from kproxysim.kubeproxy import NodeEffects
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host, Socket
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.network.edge import Edge
from kproxysim.network.pods import Pod
from kproxysim.network.router import CLUSTER_SIDE, INTERNET_SIDE
from kproxysim.network.settings import settings_of
from kproxysim.packet import Address
from kproxysim.values import dataclass

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["EDGE", "POD_NETWORKS", "Placed", "Topology", "uplinks"]

POD_NETWORKS = ("ptp", "ptp-bare", "bridge")

EDGE = "edge"
"""The edge's name in the graph."""

_NODE_DEVICE = "eth0"
_BRIDGE = "cbr0"
_USUAL_SOCKETS = frozenset({Socket("tcp", 10250), Socket("tcp", 10256)})
"""Every node has a kubelet and kube-proxy's own health check."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A host with its place: `kind` "node", "pod" or "internet", and the name by which people know it."""

    host: Host
    kind: str
    label: str


@dataclass(slots=True)
class Topology:
    """All hosts by name ("node/node-a", "pod/default/echo-1", "internet/203.0.113.7"), and the graph that
    joins them.
    """

    hosts: dict[str, Placed] = field(default_factory=dict)
    node_addresses: dict[str, dict[int, Address]] = field(default_factory=dict)
    gateway: dict[int, Address] = field(default_factory=dict)
    owners: dict[tuple[int, int], str] = field(default_factory=dict)
    _segments: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _plugged: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    _routers: dict[str, tuple[str, str]] = field(default_factory=dict)
    _bridges: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def graph(self) -> nx.Graph[str]:
        """Hosts and segments (`kind`) as nodes, plugs as edges that carry the device.

        For questions of structure: who is connected to whom, by which way. Made when it is asked for, since
        networkx takes longer to load than a packet to be followed.
        """
        import networkx as nx

        graph: nx.Graph[str] = nx.Graph()
        for segment, plugs in self._plugged.items():
            graph.add_node(segment, kind="segment")
            for host, device in plugs:
                graph.add_node(host, kind="edge" if host == EDGE else self.hosts[host].kind)
                graph.add_edge(host, segment, device=device)
        return graph

    def plug(
        self, host: str, device: str, segment: str, *, routes: bool = False, bridges: bool = False
    ) -> None:
        """Connect a host's device to a segment. A host that `routes` there takes what nobody else owns.

        A device that `bridges` is plugged into a segment for each of its ports: what goes from port to port
        passes its host, and nothing else that is not for the host itself.
        """
        self._segments.setdefault((host, device), []).append(segment)
        self._plugged.setdefault(segment, []).append((host, device))
        if routes:
            self._routers[segment] = (host, device)
        if bridges:
            self._bridges[segment] = (host, device)

    def with_rules(self, rules: Callable[[str], Callable[[int], ChainGraph | None]]) -> Topology:
        """The same hosts and links, the nodes with other rules."""
        hosts = {
            name: replace(placed, host=replace(placed.host, rules=rules(placed.label)))
            if placed.kind == "node"
            else placed
            for name, placed in self.hosts.items()
        }
        return replace(self, hosts=hosts)

    def with_guest(self, address: Address) -> Topology:
        """The same hosts and links, and one client more: somebody on the internet who sends a packet.

        The hosts are those of this topology; all packets of a long run may come from other addresses.
        """
        guest = Topology(
            dict(self.hosts),
            self.node_addresses,
            self.gateway,
            dict(self.owners),
            dict(self._segments),
            {**self._plugged, INTERNET_SIDE: list(self._plugged[INTERNET_SIDE])},
            self._routers,
            self._bridges,
        )
        guest.add_client(address)
        return guest

    def add_client(self, address: Address) -> None:
        """A host on the internet: one address, everything else behind its link."""
        name = f"internet/{address}"
        table = RoutingTable()
        table.add_interface(_loopback())
        table.add_interface(Interface("eth0", (_single(address),)))
        table.add(Route(0, 0, address.version, "eth0"))
        self.place(name, Host(name, table), "internet", str(address))
        self.plug(name, "eth0", INTERNET_SIDE)

    def place(self, name: str, host: Host, kind: str, label: str) -> None:
        """Add a host with all its addresses; who has one already keeps it."""
        self.hosts[name] = Placed(host, kind, label)
        for interface in host.routing.interfaces.values():
            if not interface.is_loopback:
                for address in interface.addresses:
                    self.owners.setdefault((address.version, int(address.ip)), name)

    def neighbour(self, host: str, device: str, next_hop: int, version: int) -> tuple[str, str] | None:
        """Who takes a packet that `host` sends by `device` to `next_hop`: (host, its device).

        None if nobody answers there.
        """
        segments = self._segments.get((host, device), [])
        owner = self._owner(segments, host, next_hop, version)
        if owner is not None:
            return owner
        for segment in segments:
            bridge = self._bridges.get(segment)
            if bridge is not None and bridge[0] != host:
                far = self._owner(self._segments[bridge], host, next_hop, version)
                settings = self.hosts[bridge[0]].host.sysctls
                seen = settings.bridge_iptables if version == 4 else settings.bridge_ip6tables
                return bridge if seen and far is not None else far
        if not self._asks_router(host, next_hop, version):
            return None
        routers = (self._routers[segment] for segment in segments if segment in self._routers)
        return next((router for router in routers if router[0] != host), None)

    def _asks_router(self, host: str, next_hop: int, version: int) -> bool:
        """Would a router answer for this next hop? Not for a neighbour who is not there: only where a route
        names it, or where a host sends everything into its link.
        """
        if host == EDGE:
            return True
        table = self.hosts[host].host.routing
        route = table.lookup(next_hop, version)
        if route is None or route.length == 0:
            return True
        return any(one.via == next_hop and one.version == version for one in table.routes())

    def _owner(
        self, segments: Iterable[str], asking: str, address: int, version: int
    ) -> tuple[str, str] | None:
        """Who on one of these segments has an address, other than who asks."""
        for segment in segments:
            for taker in self._plugged[segment]:
                other = taker[0]
                if other not in (asking, EDGE) and self.hosts[other].host.routing.is_local(address, version):
                    return taker
        return None


def build(
    cluster: Cluster,
    pods: Iterable[Pod],
    clients: Iterable[Address],
    edge: Edge,
    facts: Mapping[str, NodeFacts],
    rules: Callable[[str], Callable[[int], ChainGraph | None]],
    effects: Callable[[str], NodeEffects],
    balanced: Iterable[Address],
    pod_network: str = "ptp",
) -> Topology:
    """Lay out a cluster.

    `rules` and `effects` give each node's chains and what kube-proxy did beside them; `balanced` are the
    addresses of load balancers.

    Raises ValueError for an unknown kind of pod network.
    """
    if pod_network not in POD_NETWORKS:
        raise ValueError(f"{pod_network!r} is no pod network: {', '.join(POD_NETWORKS)}")
    topology = Topology()
    builder = _Builder(topology, cluster, edge, pod_network)
    builder.edge()
    by_node: dict[str, list[Pod]] = {node.name: [] for node in cluster.nodes}
    for pod in pods:
        by_node.get(pod.node, []).append(pod)
    local = list(balanced) if edge.traits.balanced_addresses_are_local else []
    for node in cluster.nodes:
        known = facts.get(node.name) or NodeFacts()
        builder.node(node, by_node[node.name], known, rules(node.name), effects(node.name), local)
    for client in clients:
        topology.add_client(client)
    return topology


def uplinks(node: Node, facts: NodeFacts, edge: Edge) -> list[Interface]:
    """The devices of a node itself, `lo` last where it is known: as given, or one with the Node's addresses.
    An edge that translates keeps public addresses to itself.
    """
    if facts.interfaces is not None:
        known: dict[str, list[IPv4Interface | IPv6Interface]] = {}
        for device, address in facts.interface_addresses():
            known.setdefault(device, []).append(address)
        found = [Interface(device, tuple(addresses)) for device, addresses in known.items()]
        return sorted(found, key=lambda one: one.name == "lo")
    addresses = [parse_ip(text) for text in node.addresses("InternalIP")]
    if not edge.traits.translates:
        addresses += [parse_ip(text) for text in node.addresses("ExternalIP")]
    own = tuple(_single(address) for address in dict.fromkeys(addresses))
    return [Interface(_NODE_DEVICE, own, is_bridge=False)]


class _Builder:
    """Adds one host after the other."""

    def __init__(self, topology: Topology, cluster: Cluster, edge: Edge, pod_network: str) -> None:
        self.topology = topology
        self.cluster = cluster
        self.settings = edge
        self.pod_network = pod_network
        for node in cluster.nodes:
            internal: dict[int, Address] = {}
            for text in node.addresses("InternalIP"):
                address = parse_ip(text)
                internal.setdefault(address.version, address)
            topology.node_addresses[node.name] = internal
        for version in (4, 6):
            given = edge.gateway.get(version)
            first = next((own[version] for own in topology.node_addresses.values() if version in own), None)
            if given is not None:
                topology.gateway[version] = ip_address(given)
            elif first is not None:
                network = ip_network(f"{first}/{24 if version == 4 else 64}", strict=False)
                topology.gateway[version] = network.network_address + 1

    def edge(self) -> None:
        self.topology.plug(EDGE, CLUSTER_SIDE, CLUSTER_SIDE, routes=True)
        self.topology.plug(EDGE, INTERNET_SIDE, INTERNET_SIDE, routes=True)

    def node(
        self,
        node: Node,
        pods: list[Pod],
        facts: NodeFacts,
        rules: Callable[[int], ChainGraph | None],
        effects: NodeEffects,
        local: list[Address],
    ) -> None:
        name = f"node/{node.name}"
        table = RoutingTable()
        links = uplinks(node, facts, self.settings)
        table.add_interface(_loopback(next((one.addresses for one in links if one.name == "lo"), ())))
        for interface in links:
            if interface.name != "lo":
                table.add_interface(interface)
        for address in local:
            table.add(
                Route(int(address), address.max_prefixlen, address.version, links[0].name, kind="local")
            )
        sockets = {*_sockets(facts), *(Socket("tcp", port) for port in effects.listening)}
        for pod in pods:
            if pod.host_network:
                sockets |= _parse_sockets(pod.listening)
        host = Host(
            node.name,
            table,
            rules,
            frozenset(sockets),
            settings_of({**effects.sysctls, **facts.sysctls}),
            tracking=facts.conntrack,
            has_neighbour=partial(self._has_neighbour, name),
        )
        self.topology.place(name, host, "node", node.name)
        for interface in links:
            if interface.name != "lo":
                self.topology.plug(name, interface.name, CLUSTER_SIDE)
        self._pod_links(name, node, table, [pod for pod in pods if not pod.host_network])
        self._routes(node, table, facts, links[0].name)

    def _has_neighbour(self, host: str, device: str, next_hop: int, version: int) -> bool:
        return self.topology.neighbour(host, device, next_hop, version) is not None

    def _pod_links(self, name: str, node: Node, table: RoutingTable, pods: list[Pod]) -> None:
        networks = [parse_cidr(text) for text in node.spec.pod_cidrs]
        gateways = tuple(_gateway(network) for network in networks)
        bridged = self.pod_network == "bridge"
        if bridged:
            table.add_interface(Interface(_BRIDGE, gateways, is_bridge=True))
        ends = () if self.pod_network == "ptp-bare" else tuple(_single(gateway.ip) for gateway in gateways)
        for number, pod in enumerate(pods):
            addresses = tuple(parse_ip(text) for text in pod.ips)
            device = _BRIDGE if bridged else f"veth{number}"
            if not bridged:
                table.add_interface(Interface(device, ends, is_bridge=False))
            for address in addresses:
                table.add(Route(int(address), address.max_prefixlen, address.version, device))
            segment = f"link/{pod.key}"
            self.topology.plug(name, device, segment, routes=not bridged, bridges=bridged)
            end = f"pod/{pod.key}"
            self.topology.place(end, _pod(pod, gateways if bridged else ()), "pod", pod.key)
            self.topology.plug(end, "eth0", segment)

    def _routes(self, node: Node, table: RoutingTable, facts: NodeFacts, device: str) -> None:
        if facts.routes is not None:
            for given in facts.routes:
                route = _given_route(
                    given.to, given.via, given.dev or device, given.src, given.kind, given.table
                )
                if given.table == "local":
                    table.replace_local(route)
                else:
                    table.add(route)
            return
        own = self.topology.node_addresses[node.name]
        for other in self.cluster.nodes:
            if other.name == node.name:
                continue
            for version, address in self.topology.node_addresses[other.name].items():
                if version in own:
                    table.add(Route(int(address), address.max_prefixlen, version, device))
            for text in other.spec.pod_cidrs:
                network = parse_cidr(text)
                hop = self.topology.node_addresses[other.name].get(network.version)
                if hop is not None and network.version in own:
                    table.add(
                        Route(
                            int(network.network_address), network.prefixlen, network.version, device, int(hop)
                        )
                    )
        for version in own:
            table.add(Route(0, 0, version, device, int(self.topology.gateway[version])))


@lru_cache(maxsize=1 << 12)
def _pod(pod: Pod, gateways: tuple[IPv4Interface | IPv6Interface, ...]) -> Host:
    """A pod on a bridge finds the others of its node there, and sends the rest to the bridge's address;
    another sends everything to the other end of its link. Remembered, since pods stay while others come
    and go: nobody changes a pod's routes.
    """
    addresses = tuple(parse_ip(text) for text in pod.ips)
    table = RoutingTable()
    table.add_interface(_loopback())
    own = tuple(
        next(
            (
                ip_interface((address, gateway.network.prefixlen))
                for gateway in gateways
                if address in gateway.network
            ),
            _single(address),
        )
        for address in addresses
    )
    table.add_interface(Interface("eth0", own))
    for version in {address.version for address in addresses}:
        hop = next((int(gateway.ip) for gateway in gateways if gateway.version == version), None)
        table.add(Route(0, 0, version, "eth0", hop))
    return Host(pod.key, table, sockets=_parse_sockets(pod.listening))


_LOOPBACK = (ip_interface("127.0.0.1/8"), ip_interface("::1/128"))


def _loopback(further: Iterable[IPv4Interface | IPv6Interface] = ()) -> Interface:
    """Device lo: the kernel's first, and with the addresses that it always has."""
    return Interface("lo", (*_LOOPBACK, *(address for address in further if address not in _LOOPBACK)))


@lru_cache(maxsize=1 << 12)
def _single(address: Address) -> IPv4Interface | IPv6Interface:
    return ip_interface((address, address.max_prefixlen))


@lru_cache(maxsize=1 << 12)
def _gateway(network: Network) -> IPv4Interface | IPv6Interface:
    """A node's end of its pods' links: the first address of their network."""
    return ip_interface((network.network_address + 1, network.prefixlen))


def _given_route(to: str, via: str | None, device: str, src: str | None, kind: str, table: str) -> Route:
    hop = parse_ip(via) if via else None
    if to == "default":
        version = hop.version if hop is not None else 4
        network, length = 0, 0
    else:
        prefix = parse_cidr(to if "/" in to else f"{to}/{parse_ip(to).max_prefixlen}")
        version, network, length = prefix.version, int(prefix.network_address), prefix.prefixlen
    return Route(
        network,
        length,
        version,
        device,
        None if hop is None else int(hop),
        None if src is None else int(parse_ip(src)),
        "local" if table == "local" and kind == "unicast" and hop is None else kind,
    )


def _sockets(facts: NodeFacts) -> frozenset[Socket]:
    if facts.listening is None:
        return _USUAL_SOCKETS
    return frozenset(
        Socket(one.protocol, one.port, None if one.address is None else int(parse_ip(one.address)))
        for one in facts.listening
    )


@lru_cache(maxsize=1 << 12)
def _parse_sockets(texts: tuple[str, ...]) -> frozenset[Socket]:
    words = (text.partition("/") for text in texts)
    return frozenset(Socket(protocol, int(port)) for protocol, _, port in words)
