"""The edge at work:

one packet from the internet to a node, from a node to the internet, or from a node back to the cluster.

One-to-one NAT holds no state: what comes in is translated by destination, what goes out by source, each
packet for itself. The firewall does: it lets in what answers a connection from within.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.chance import Alternative, Chance
from kproxysim.netfilter.events import Event, Log, OfDestination, Outcome, Said
from kproxysim.netfilter.skb import Skb, to_address, written
from kproxysim.network.edge import Edge
from kproxysim.network.edge_memory import Call, EdgeMemory
from kproxysim.packet import Address, Packet
from kproxysim.values import dataclass

__all__ = ["CLUSTER_SIDE", "INTERNET_SIDE", "EdgeRouter"]

INTERNET_SIDE = "internet"
CLUSTER_SIDE = "cluster"


@dataclass(slots=True)
class EdgeRouter:
    """An `Edge` with what it knows of the cluster: whose addresses are whose.

    `inside` maps each address within the cluster's network to the next hop that has it; `pod_networks` lead
    to a next hop as well; `balanced` maps a load balancer's address to the nodes it spreads over; `nodes`
    maps a node's name to its addresses by family.
    """

    edge: Edge
    inside: Mapping[Address, Address]
    pod_networks: Mapping[IPv4Network | IPv6Network, Address]
    balanced: Mapping[Address, tuple[str, ...]]
    nodes: Mapping[str, Mapping[int, Address]]
    gateway: Mapping[int, Address]
    _internal: dict[Address, Address] = field(default_factory=dict)
    _public: dict[Address, Address] = field(default_factory=dict)
    _own: set[int] = field(default_factory=set)
    _routed: list[tuple[IPv4Network | IPv6Network, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.edge.traits.counts_as_hop:
            addresses = (self.gateway.get(4), self.edge.outside.get(4))
            own = {ip_address(one) for one in addresses if one is not None}
            self._own.update(int(one) for one in own if one not in self.inside)  # a guess may be a node's
        for public, internal in self.edge.one_to_one.items():
            self._internal[ip_address(public)] = ip_address(internal)
            self._public[ip_address(internal)] = ip_address(public)
        self._routed += [(ip_network(text), name) for text, name in self.edge.routes.items()]

    def receive(
        self,
        skb: Skb,
        side: str,
        chance: Chance,
        log: Log,
        calls: EdgeMemory,
        via: str | None = None,
    ) -> Outcome:
        """Take a packet in by `side` and say where it goes.

        `calls` are connections, kept by the caller: those opened from within, since the firewall lets their
        answers in; and those that came in without translation, since an edge that knows connections leaves
        their answers alone. `via` names the node for addresses that several nodes take.
        """
        skb = skb.arriving(side)
        if self._is_own(skb):
            log(
                Event.of(
                    "edge:route", "dropped as martian", skb, detail="the source is an address of the edge"
                )
            )
            return Outcome("martian", skb, reason="own-address-as-source", at="edge:route")
        if side == INTERNET_SIDE:
            outcome = self._from_internet(skb, chance, log, via, calls)
            as_it_is = outcome.skb.dst == skb.dst and self.edge.traits.knows_connections
        else:
            outcome = self._from_cluster(skb, chance, log, via, calls)
            as_it_is = outcome.device == INTERNET_SIDE
        if outcome.kind == "transmit" and as_it_is:
            calls.let_through(_call(outcome.skb))
        return outcome

    def _from_internet(
        self, skb: Skb, chance: Chance, log: Log, via: str | None, calls: EdgeMemory
    ) -> Outcome:
        translated = self._inward(skb, log)
        hop = self._next_hop(translated.packet.dst, skb.family, chance, log, translated, via, calls)
        if hop is None:
            return self.unreachable(skb, log)
        firewall = self.edge.firewall
        if firewall is not None and skb.inner is None and not calls.passes(_call_answered(skb)):
            packet = skb.packet
            if not any(opening.admits(packet) for opening in firewall):
                log(Event.of("edge:firewall", _shut_text, translated))
                return Outcome("filtered", translated, reason="firewall-closed", at="edge:firewall")
            log(Event.of("edge:firewall", _open_text, translated))
        return Outcome("transmit", translated, CLUSTER_SIDE, int(hop), at="edge:route")

    def _from_cluster(
        self, skb: Skb, chance: Chance, log: Log, via: str | None, calls: EdgeMemory
    ) -> Outcome:
        packet = skb.packet
        public = packet.dst in self._internal
        hop = self._next_hop(self._inward_address(packet.dst), skb.family, chance, log, skb, via, calls)
        if hop is not None and not public:
            log(Event.of("edge:route", OfDestination("", " is in the cluster's network"), skb))
            return Outcome("transmit", skb, CLUSTER_SIDE, int(hop), at="edge:route")
        untouched = self.edge.traits.knows_connections and calls.passes(_call_answered(skb))
        outward = skb if untouched else self._outward(skb, log)
        foreign = outward is skb and packet.src not in self.balanced and packet.src not in self.inside
        foreign = foreign and not _is_private(packet.dst)
        if self.edge.traits.refuses_foreign_sources and foreign:
            detail = "packets to public addresses must come from one"
            log(Event.of("edge:egress", _foreign_text, skb, detail=detail))
            return Outcome("filtered", skb, reason="egress-refuses-source", at="edge:egress")
        if hop is not None:
            return Outcome("transmit", self._inward(outward, log), CLUSTER_SIDE, int(hop), at="edge:route")
        return Outcome("transmit", outward, INTERNET_SIDE, int(packet.dst), at="edge:route")

    def send(self, skb: Skb, chance: Chance, log: Log) -> Outcome:
        """A packet that the edge itself makes: to a node or a pod inside, or out to the internet.

        What it says about a packet that went out under a public address is told to the internal one.
        """
        skb = self._inward(skb, log)
        hop = self._next_hop(skb.packet.dst, skb.family, chance, log, skb, None, EdgeMemory())
        if hop is not None:
            return Outcome("transmit", skb, CLUSTER_SIDE, int(hop), at="edge:route")
        return Outcome("transmit", skb, INTERNET_SIDE, skb.dst, at="edge:route")

    def cut(self, cuts: Cuts) -> None:
        """What the edge tells apart, and the addresses that it gives to packets."""
        for network in _PRIVATE:
            cuts.prefix(int(network.network_address), network.prefixlen, network.version)
        networks = [*self.pod_networks, *(network for network, _ in self._routed)]
        for opening in self.edge.firewall or ():
            cuts.ports(opening.low, opening.high)
            networks.append(ip_network(opening.source))
        for one in networks:
            cuts.prefix(int(one.network_address), one.prefixlen, one.version)
        outside = (ip_address(text) for text in self.edge.outside.values())
        for address in chain(
            self._internal, self._public, self.inside, self.balanced, self.gateway.values(), outside
        ):
            cuts.address(int(address), address.version)

    def unreachable(self, skb: Skb, log: Log) -> Outcome:
        """The internet has nobody with this address: told to senders by routers, swallowed by a cloud."""
        log(Event.of("edge:route", OfDestination("nobody has ", ""), skb))
        answer = self._error_about(skb, (3, 0) if skb.family == 4 else (1, 0))
        return Outcome("unreachable", skb, reason="nobody-has-this-address", at="edge:route", answer=answer)

    def expired(self, skb: Skb, log: Log) -> Outcome:
        """The packet was forwarded as often as its time to live allows."""
        log(Event.of("edge:route", "time to live is used up", skb, detail="the packet runs in a circle"))
        answer = self._error_about(skb, (11, 0) if skb.family == 4 else (3, 0))
        return Outcome("unreachable", skb, reason="routing-loop", at="edge:route", answer=answer)

    def _error_about(self, skb: Skb, icmp: tuple[int, int]) -> Skb | None:
        source = self._speaks_from(skb.packet.src)
        if not self.edge.traits.reports_unreachable or source is None or skb.inner is not None:
            return None
        protocol = "icmp" if skb.family == 4 else "ipv6-icmp"
        return Skb.of(Packet(protocol, source, skb.packet.src, icmp=icmp, inner=skb.packet))

    def _speaks_from(self, towards: Address) -> Address | None:
        """The edge's own address on the side where `towards` is (`icmp_send` goes by the route back)."""
        outside = self.edge.outside.get(towards.version)
        if outside is None or self._is_inside(self._inward_address(towards)):
            return self.gateway.get(towards.version)
        return ip_address(outside)

    def _is_own(self, skb: Skb) -> bool:
        """Does it come from the edge's own address, as its ICMP errors do that are sent back to it? A router
        drops that, in IPv4.
        """
        return skb.family == 4 and skb.src in self._own

    def _is_inside(self, address: Address) -> bool:
        prefixes = (*self.pod_networks, *(network for network, _ in self._routed))
        known = address in self.inside or address in self.balanced
        return known or any(address in one for one in prefixes if one.version == address.version)

    def _inward_address(self, address: Address) -> Address:
        return self._internal.get(address, address)

    def _inward(self, skb: Skb, log: Log) -> Skb:
        """Public destination to internal; inside an ICMP error the source that the error is about as well."""
        before = to_address(skb.dst, skb.family)
        internal = self._inward_address(before)
        after = skb.with_destination(int(internal), skb.dport)
        if skb.inner is not None:
            after = after.with_inner(_moved(skb.inner, src=self._inward_address(skb.inner.src)))
        if after.dst != skb.dst:
            owner = next((name for name, own in self.nodes.items() if internal in own.values()), "")
            log(
                Event.of(
                    "edge:one-to-one nat",
                    f"dst {before} -> {internal}",
                    skb,
                    after,
                    f"{owner}, external -> internal address" if owner else "external -> internal address",
                )
            )
        return after if after.dst != skb.dst else skb

    def _outward(self, skb: Skb, log: Log) -> Skb:
        """Internal source to public; inside an ICMP error the destination that the error is about as well."""
        before = to_address(skb.src, skb.family)
        outside = self._public.get(before)
        if self.edge.traits.knows_connections and skb.inner is not None and skb.inner.dst not in self._public:
            outside = None
        after = skb
        if outside is not None:
            after = skb.with_source(int(outside), skb.sport)
        if skb.inner is not None:
            inner_outside = self._public.get(skb.inner.dst)
            if inner_outside is not None:
                after = after.with_inner(_moved(skb.inner, dst=inner_outside))
        if outside is not None:
            log(
                Event.of(
                    "edge:one-to-one nat",
                    f"src {before} -> {outside}",
                    skb,
                    after,
                    "internal -> external address",
                )
            )
        return after

    def _next_hop(
        self,
        address: Address,
        family: int,
        chance: Chance,
        log: Log,
        skb: Skb,
        via: str | None,
        calls: EdgeMemory,
    ) -> Address | None:
        own = self.inside.get(address)
        if own is not None:
            return own
        routed = [
            (network.prefixlen, name)
            for network, name in self._routed
            if network.version == family and address in network
        ]
        if routed:
            name = max(routed)[1]
            log(Event.of("edge:route", _of(address, skb, "is routed to", name), skb))
            return self.nodes[name][family]
        takers = tuple(name for name in self.balanced.get(address, ()) if family in self.nodes[name])
        before = calls.node_of(_call(skb))
        stays = before in takers or (skb.protocol == "tcp" and family in self.nodes.get(before, ()))
        if stays and address in self.balanced:
            name, others = before, "as the packets before it"
        elif takers:
            name = self._pick(address, takers, chance, via)
            others = (
                "the only node that takes it" if len(takers) == 1 else f"one of {len(takers)} that take it"
            )
        else:
            name = others = ""
        if name:
            calls.hand_to(_call(skb), name)
            log(Event.of("edge:balance", _of(address, skb, "is handed to", name), skb, detail=others))
            return self.nodes[name][family]
        lengths = [
            (network.prefixlen, hop) for network, hop in self.pod_networks.items() if address in network
        ]
        return max(lengths, key=lambda one: one[0])[1] if lengths else None

    @staticmethod
    def _pick(address: Address, takers: tuple[str, ...], chance: Chance, via: str | None) -> str:
        if via in takers:
            return via
        if len(takers) == 1:
            return takers[0]
        share = Fraction(1, len(takers))
        return takers[chance.choose([Alternative(f"{address} to {name}", share, share) for name in takers])]


def _shut_text(skb: Skb, _after: Skb) -> str:
    packet = skb.packet
    return f"no rule lets {packet.protocol}/{packet.dport} in from {packet.src}"


def _open_text(skb: Skb, _after: Skb) -> str:
    packet = skb.packet
    return f"{packet.protocol}/{packet.dport} is let in"


def _foreign_text(skb: Skb, _after: Skb) -> str:
    return f"{written(skb.src, skb.family)} is no address of a node"


def _of(address: Address, skb: Skb, what: str, name: str) -> Said:
    """`ADDRESS is routed to NAME`: of an address of the edge's own tables, or of the packet's destination."""
    if int(address) == skb.dst:
        return OfDestination("", f" {what} {name}")
    return f"{address} {what} {name}"


def _call(skb: Skb) -> Call:
    return skb.protocol, skb.src, skb.sport, skb.dst, skb.dport


def _call_answered(skb: Skb) -> Call:
    """The connection that an answer belongs to; for an ICMP error that of the packet that it is about."""
    inner = skb.inner
    if inner is not None:
        return _call(Skb.of(inner))
    return skb.protocol, skb.dst, skb.dport, skb.src, skb.sport


_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def _is_private(address: Address) -> bool:
    """Is this an address of RFC 1918 or RFC 4193, which nobody on the internet has?"""
    return any(address in network for network in _PRIVATE if network.version == address.version)


def _moved(packet: Packet, *, src: Address | None = None, dst: Address | None = None) -> Packet:
    return Packet(
        packet.protocol,
        src or packet.src,
        dst or packet.dst,
        packet.sport,
        packet.dport,
        packet.flags,
        packet.icmp,
    )
