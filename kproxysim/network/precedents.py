"""Classes of packets: the first of each is walked, the others go the way that it went.

`World.send` leaves the world as it is, so a trace is a function of the packet and its sender. Everything that
looks at a packet in one world tells only some values apart (`netfilter.atoms`). Packets whose values lie in
the same atoms, and are equal to one another where the first one's are, get the same answer everywhere.

A class speaks for all its packets only if each number in its trace is either the packet's own or one that is
told apart from all others. Where something else came in (a port drawn since another was taken, a rule that
asks a list of `recent`) every packet of the class is walked.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.netfilter.atoms import Atoms, Cuts
from kproxysim.netfilter.conntrack import Connection
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Walked
from kproxysim.network.router import EdgeRouter
from kproxysim.network.told import Precedent
from kproxysim.network.topology import Topology
from kproxysim.network.trace import Hop, Trace
from kproxysim.network.who import Sender
from kproxysim.packet import Packet

__all__ = ["Precedents"]

_KEPT = 1024
"""Classes whose precedent is kept, about 20 kB each; the one asked for longest ago goes first."""

_RULES_A_WALK = 100
"""As long as it takes to see what so many rules and hosts tell apart, a packet can be walked."""

_RULES_FOR_ALL = 100
"""What it takes besides, in rules: a world in which one packet is sent remembers nothing."""

Key = tuple[object, ...]


class Precedents:
    """The classes of one world as it stands now.

    To know what rules tell apart takes as long as reading them all. So nothing is remembered until as much
    time was spent on walking.
    """

    __slots__ = (
        "_addresses",
        "_cost",
        "_cuts",
        "_graphs",
        "_known",
        "_ports",
        "_router",
        "_topology",
        "_walked",
    )

    def __init__(self, topology: Topology, router: EdgeRouter) -> None:
        self._topology = topology
        self._router = router
        self._walked = 0
        self._cost = len(topology.hosts) + _RULES_FOR_ALL
        self._cuts: Cuts | None = None
        self._graphs: set[ChainGraph] = set()
        self._known: dict[Key, Precedent | None] = {}
        self._addresses: dict[int, Atoms] = {}
        self._ports = Atoms(())

    def is_of(self, topology: Topology, router: EdgeRouter) -> bool:
        """Are these the classes of a world with this topology and this edge?"""
        return self._topology is topology and self._router is router

    def find(self, packet: Packet, sender: Sender, via: str | None, mark: int) -> Precedent | None:
        """The precedent of a packet's class, None if it has none."""
        if self._cuts is None or packet.inner is not None:
            return None
        key = self._key(packet, sender, via, mark)
        found = self._known.get(key)
        if found is not None:
            self._known[key] = self._known.pop(key)
        return found

    def learn(self, precedent: Precedent) -> None:
        """Keep a packet that was walked as the precedent of its class, if it speaks for it."""
        self._visit(precedent)
        if self._cuts is None or precedent.packet.inner is not None:
            return
        key = self._key_of(precedent)
        if key in self._known:
            return
        if self._is_general(precedent):
            precedent.speaks_for(self._addresses[precedent.packet.family].is_single, self._ports.is_single)
            self._known[key] = precedent
        else:
            self._known[key] = None
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    def _visit(self, precedent: Precedent) -> None:
        """What the rules of the nodes tell apart that this packet passed."""
        new = []
        for name in dict.fromkeys(hop.where for hop in _hops(precedent.trace) if hop.kind == "node"):
            graph = self._topology.hosts[f"node/{name}"].host.rules(precedent.packet.family)
            if graph is not None and graph not in self._graphs:
                self._graphs.add(graph)
                new.append(graph)
        if self._cuts is None:
            self._walked += 1
            self._cost += sum(sum(1 for _ in graph.ruleset.rules()) for graph in new)
            if self._walked * _RULES_A_WALK < self._cost:
                return
            self._cuts = Cuts()
            self._router.cut(self._cuts)
            for placed in self._topology.hosts.values():
                placed.host.cut(self._cuts)
            self._cut(list(self._graphs), self._cuts)
        elif new:
            self._cut(new, self._cuts)

    def _cut(self, graphs: list[ChainGraph], cuts: Cuts) -> None:
        """Finer atoms: what was in one class may be in several now."""
        for graph in graphs:
            graph.cut(cuts)
        self._addresses = {version: cuts.atoms(version) for version in (4, 6)}
        self._ports = cuts.port_atoms()
        self._known = {self._key_of(one): one for one in self._known.values() if one is not None}

    def _key_of(self, precedent: Precedent) -> Key:
        call = precedent.call
        return self._key(call.packet, call.sender, precedent.via, call.mark)

    def _key(self, packet: Packet, sender: Sender, via: str | None, mark: int) -> Key:
        version = packet.src.version
        atoms, ports = self._addresses[version], self._ports
        src, dst = int(packet.src), int(packet.dst)
        sport = -1 if packet.sport is None else packet.sport
        dport = -1 if packet.dport is None else packet.dport
        who: object = sender.host
        if sender.guest is not None:
            own = int(sender.guest)
            who = (
                sender.guest.version,
                self._addresses[sender.guest.version].number(own),
                own == src,
                own == dst,
            )
        return (
            who,
            via,
            packet.protocol,
            version,
            packet.flags,
            packet.icmp,
            packet.in_window,
            packet.ttl,
            packet.echo_id,
            mark,
            atoms.number(src),
            atoms.number(dst),
            ports.number(sport),
            ports.number(dport),
            src == dst,
            sport == dport,
        )

    def _is_general(self, precedent: Precedent) -> bool:
        """Is every number in this trace the packet's own, or told apart from all others?"""
        assert self._cuts is not None
        exact = self._cuts.exact
        numbers = _Numbers()
        for hop in _hops(precedent.trace):
            for step in hop.steps:
                if isinstance(step, Walked):
                    if step.position in exact or any(one.position in exact for one in step.missed):
                        return False
                elif step.at == "unmodelled":  # what the rule asked before is not in the trace
                    return False
                numbers.add(step.before)
                if step.after is not step.before:
                    numbers.add(step.after)
        for branch in precedent.trace.branches:
            numbers.add(Skb.of(branch.packet))
            if branch.reply is not None:
                numbers.add(Skb.of(branch.reply.packet))
        sent, guest = precedent.packet, precedent.call.sender.guest
        own = {int(sent.src), int(sent.dst)} | (set() if guest is None else {int(guest)})
        atoms, ports = self._addresses[sent.family], self._ports
        return (
            all(address in own or atoms.is_single(address) for address in numbers.addresses)
            and all(port in (sent.sport, sent.dport) or ports.is_single(port) for port in numbers.ports)
            and all(
                one.reply.dport in (sent.sport, one.free_ports[0])
                for one in numbers.drawn
                if one.free_ports is not None
            )
        )


class _Numbers:
    """The addresses and ports in a trace, and the connections whose source port is not known for sure."""

    __slots__ = ("addresses", "drawn", "ports")

    def __init__(self) -> None:
        self.addresses: set[int] = set()
        self.ports: set[int] = set()
        self.drawn: set[Connection] = set()

    def add(self, skb: Skb) -> None:
        """All that a packet carries with it."""
        self.addresses.update((skb.src, skb.dst))
        self.ports.update((skb.sport, skb.dport))
        if skb.inner is not None:
            self.add(Skb.of(skb.inner))
        connection = None if skb.flow is None else skb.flow.connection
        if connection is None:
            return
        for one in (connection.original, connection.reply):
            self.addresses.update((one.src, one.dst))
            self.ports.update((one.sport, one.dport))
        if connection.free_ports is not None:
            self.drawn.add(connection)


def _hops(trace: Trace) -> Iterator[Hop]:
    for branch in trace.branches:
        yield from branch.hops
        if branch.reply is not None:
            yield from branch.reply.hops
