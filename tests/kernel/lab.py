"""A World made of real network stacks. What is done to the one is done to the other, and the kernel is always right."""

from collections.abc import Iterable
from ipaddress import ip_address
from itertools import count

from kproxysim.netfilter.skb import Owner
from kproxysim.network import World
from kproxysim.network.topology import EDGE, Topology
from kproxysim.packet import TIME_TO_LIVE, Address, Packet
from tests.kernel.held import Held
from tests.kernel.layout import plan_of
from tests.kernel.linux_edge import balance
from tests.kernel.plan import Flow, Seen

LATECOMERS = 0.2
"""Seconds in which packets of a flow that was given up arrive on a busy machine."""

FIRST_PORT = 20000

TABLES = ("raw", "mangle", "nat", "filter")


ROOT_OWNER = Owner(uid=0, gid=0)
"""Who sends where nobody is named."""


class Lab(Held):
    """A World's hosts as namespaces. `clients` are internet addresses to make hosts for, beside those that have names."""

    def __init__(self, world: World, clients: Iterable[str] = (), backend: str = "nft") -> None:
        self.world = world
        addresses = {ip_address(text) for text in clients} | set(world.clients.values())
        self._clients = addresses
        self.topology: Topology = world._topologies(frozenset(addresses))
        self.has_affinity = any(one.spec.session_affinity == "ClientIP" for one in world.cluster.services)
        self._takers: dict[Address, str] = {}
        self._ports = count(FIRST_PORT)
        super().__init__(plan_of(world, self.topology, backend))

    def packet(self, source: str, to: str, flags: str = "", ttl: int = TIME_TO_LIVE) -> Packet:
        """The first packet of a connection, from a port that no other has: so no connection changes another's.

        `to` is ADDRESS:PORT[/protocol], or ADDRESS/icmp.
        """
        return self.world.packet(source, to, sport=next(self._ports), flags=flags, ttl=ttl)

    def send(
        self,
        packet: Packet,
        source: str,
        patience: float,
        *,
        raw: bool = False,
        owner: Owner = ROOT_OWNER,
        mark: int = 0,
    ) -> Seen:
        """Let a host send a packet, by a socket or (`raw`) as it stands."""
        flow = Flow(
            source,
            "icmp" if packet.icmp is not None else packet.protocol,
            str(packet.src),
            packet.sport or 0,
            str(packet.dst),
            packet.dport or 0,
            packet.flags if raw else "",
            patience,
            owner.uid or 0,
            owner.gid or 0,
            mark=mark,
            ttl=packet.ttl,
        )
        return Seen.from_json(self.ask({"send": flow.to_json()}))

    def hand_to(self, balanced: Address, node: str | None) -> None:
        """Let the edge hand a load balancer's address to this node from now on, if the node takes it; to another than before, if None."""
        nodes = self.topology.node_addresses
        takers = [name for name in self.world._balanced.get(balanced, ()) if balanced.version in nodes[name]]
        if not takers:
            return
        now = self._takers.get(balanced, takers[0])
        after = (takers.index(now) + 1) % len(takers) if now in takers else 0
        wanted = takers[after] if node is None else node
        if wanted in takers and wanted != now:
            self._takers[balanced] = wanted
            self.ask({"ip": {"host": EDGE, "lines": balance(self.topology, balanced, wanted)}})

    def forget(self) -> None:
        """Empty the lists of `-m recent`."""
        self.ask({"forget": None})

    def load(self, world: World) -> None:
        """Other IPv4 rules on the same nodes: `world` has the hosts of the one before, and rules of its own."""
        self.world = world
        self.topology = world._topologies(frozenset(self._clients))
        for node in world.cluster.nodes:
            text = world.ruleset(node.name, "ipv4").to_save()
            text += "".join(f"*{table}\nCOMMIT\n" for table in TABLES if f"*{table}\n" not in text)
            host = f"node/{node.name}"
            self.ask({"restore": {"host": host, "family": "ipv4", "text": text, "keep": False}})
        self.settle(0)

    def settle(self, seconds: float = LATECOMERS) -> None:
        """Wait until nothing is on its way any more, and count anew."""
        self.ask({"settle": seconds})
