"""The way of one packet through one host: hooks, tables, translation, routing.

Sources: net/ipv4/ip_input.c, ip_forward.c, ip_output.c, route.c, net/netfilter/nf_nat_core.c; the order
of hooks and tables is in `tables`. Where a fact was measured on a kernel rather than read, the comment says
so.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NoReturn

from kproxysim.netfilter.answers import error_about, refusal
from kproxysim.netfilter.bridging import by_bridge, is_redirected
from kproxysim.netfilter.chance import Alternative, Chance
from kproxysim.netfilter.condition import Unmodelled
from kproxysim.netfilter.conntrack import Connection, CtState, Flow
from kproxysim.netfilter.events import Event, Log, OfDestination, Outcome, Said, rewrite_text
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.nat import DESTINATION, HOOK_SIDE, Wanted, bind, is_bound, translate
from kproxysim.netfilter.nat_range import pick_address, redirect_address
from kproxysim.netfilter.routing import Route
from kproxysim.netfilter.sets import AddressSet
from kproxysim.netfilter.skb import NO_SOCKET, OF_THE_KERNEL, Owner, Skb, written
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.tables import HOOK_ORDER
from kproxysim.netfilter.targets.nat import MasqueradeTarget, NatTarget, NetmapTarget, RedirectTarget
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.netfilter.walk import Verdict, walk_chain
from kproxysim.packet import Packet

__all__ = ["Passage"]

_NO_WAY = ("unreachable", "blackhole", "prohibit")
"""Kinds of routes that lead nowhere: looking for one of them fails (`fib_props`)."""

_DRAWN_PORTS = 64
"""How many ports a random DNAT may draw from before the ways to go on are too many to follow."""


_REFUSING_ROUTES = {"": "net", "unreachable": "host", "prohibit": "prohibited", "blackhole": None}
"""What a router tells the sender where there is no route, or one that refuses (`ip_error` in ipv4/route.c).

IPv6 tells of an unreachable route as of none (`ip6_pkt_discard` in ipv6/route.c).
"""


_EVERYBODY = 0xFFFFFFFF
"""255.255.255.255: all hosts on the link."""

_WITHOUT_RULES = {
    hook: tuple(step for step in steps if step in ("conntrack", "nat")) for hook, steps in HOOK_ORDER.items()
}
"""What happens at each hook of a host without rules where connections are tracked."""


class _Stop(Exception):  # noqa: N818 - it ends a passage, nothing went wrong
    """Ends a passage early."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


class Passage:
    """One packet on its way through one host, in one run:

    what it meets goes to `log`, chance is asked where things are open.

    A `Passage` is also what matches see of the host (`Surroundings`).
    """

    __slots__ = ("_family", "_graph", "_tracked", "chance", "host", "log", "state")

    def __init__(self, host: Host, state: HostState, chance: Chance, log: Log) -> None:
        self.host = host
        self.state = state
        self.chance = chance
        self.log = log
        self._family = 4
        self._graph: ChainGraph | None = None
        self._tracked = False

    # what matches ask

    @property
    def clock(self) -> float:
        """See `HostState.clock`."""
        return self.state.clock

    def address_type(self, address: int, device: str = "") -> str:
        """The kernel's type of an address, by this host's routes."""
        return self.host.routing.address_type(address, self._family, device)

    def has_way_back(self, source: int, device: str, *, loose: bool, accept_local: bool) -> bool:
        """See `RoutingTable.has_way_back`."""
        return self.host.routing.has_way_back(
            source, self._family, device, loose=loose, accept_local=accept_local
        )

    def recently_seen(self, name: str, address: int, seconds: int | None, hits: int, ttl: int = 0) -> bool:
        """See `HostState.recently_seen`."""
        return self.state.recently_seen(name, address, seconds, hits, ttl)

    def remember(self, name: str, address: int, ttl: int) -> None:
        """See `HostState.remember`."""
        self.state.remember(name, address, ttl)

    def forget(self, name: str, address: int) -> bool:
        """See `HostState.forget`."""
        return self.state.forget(name, address)

    def reap(self, name: str, seconds: int, keep: int | None) -> None:
        """See `HostState.reap`."""
        self.state.reap(name, seconds, keep)

    def take_turn(self, counter: object, start: int, every: int) -> bool:
        """See `HostState.take_turn`."""
        return self.state.take_turn(counter, start, every)

    def update(self, connection: Connection) -> None:
        """See `Conntrack.update`."""
        self.state.conntrack.update(connection)

    def by_bridge(self, skb: Skb) -> tuple[bool, bool] | None:
        """See `bridging.by_bridge`."""
        return by_bridge(self.host, skb)

    def address_set(self, name: str) -> AddressSet | None:
        """The ipset of this name, if its members are known."""
        return self.host.sets.get(name)

    # the three ways

    def receive(self, packet: Packet, device: str) -> Outcome:
        """A packet that arrives by `device`: to a process here, or on to somewhere else."""
        return self.take_in(Skb.of(packet, iif=device, owner=NO_SOCKET))

    def take_in(self, skb: Skb) -> Outcome:
        """The same for a packet as it comes from another host (`Skb.arriving`)."""
        try:
            return self._receive(skb)
        except _Stop as stop:
            return stop.outcome

    def send(
        self,
        packet: Packet,
        flow: Flow | None = None,
        mark: int = 0,
        owner: Owner | None = None,
        *,
        answers: bool = False,
    ) -> Outcome:
        """A packet made on this host. `flow` ties an ICMP error or reset to the connection it is about;
        `mark` is what its socket marks it with (SO_MARK); `owner` whose socket that is: by default that of a
        process nobody named, of the kernel for an ICMP error, of nobody for another packet that is tied to a
        connection. One that `answers` is routed with its source; another may be forged.
        """
        if owner is None:
            owner = Owner() if flow is None else OF_THE_KERNEL if packet.icmp is not None else NO_SOCKET
        try:
            return self._send(packet, flow, mark, owner, answers)
        except _Stop as stop:
            return stop.outcome

    def _begin(self, family: int) -> None:
        self._family = family
        graph, tracking = self.host.rules(family), self.host.tracking
        self._graph = graph
        self._tracked = (graph is not None and graph.tracks) if tracking is None else tracking

    # the way in

    def _receive(self, skb: Skb) -> Outcome:
        self._begin(skb.family)
        if skb.family == 6 and skb.iif != "lo":
            self._check_martian(skb)  # `ip6_rcv_core`, before any rule
        skb = self._hook("PREROUTING", skb)
        route = self._input_route(skb)
        if route.kind in ("local", "broadcast"):
            return self._deliver(skb)
        return self._forward(skb, route)

    def _input_route(self, skb: Skb) -> Route:
        """Routing of an arriving packet, with the checks of its addresses (`ip_route_input_slow`,
        `fib_validate_source`).
        """
        routing = self.host.routing
        arrived_by_loopback = skb.iif == "lo"
        if skb.family == 4:
            self._check_hosts(skb)
            if not arrived_by_loopback:
                self._check_martian(skb)
        if routing.address_type(skb.dst, skb.family) == "MULTICAST":
            raise _Stop(Outcome("no-route", skb, reason="broadcast-not-forwarded", at="routing"))
        if skb.family == 6:
            self._check_anycast(skb)
        route = routing.lookup(skb.dst, skb.family)
        if skb.family == 4 and skb.dst == _EVERYBODY:
            route = Route(_EVERYBODY, 32, 4, skb.iif, kind="broadcast")  # whatever the tables say
        if skb.family == 6 and skb.dst == 1 and not arrived_by_loopback:
            # translated to loopback: the ways out are those by the device that it came by (`rt6_need_strict`)
            route = routing.lookup_by(skb.iif, skb.dst, 6)
        leads_away = route is None or route.kind not in ("local", "broadcast")
        if route is not None and self._is_bridged(skb, route) and not is_redirected(skb):
            return route  # a frame for another port: nobody routes it, so nothing is asked of a way
        if skb.family == 4 and leads_away and not self._forwards(skb):
            self._keep_from_forwarding(skb, f"net.ipv4.conf.{skb.iif}.forwarding")
        if route is None or route.kind in _NO_WAY:
            self._no_route(skb, route)
        assert route is not None
        if not arrived_by_loopback and skb.family == 4 and skb.src:
            self._check_source(skb)
        if route.kind == "local":
            self._note("routing", self._route_said(route, skb.family), skb, "local delivery")
        return route

    def _check_source(self, skb: Skb) -> None:
        """`fib_validate_source`: asked once there is a route, and by IPv4 alone."""
        routing, settings = self.host.routing, self.host.sysctls.of(skb.iif)
        mode = settings.rp_filter
        if routing.is_own_source(skb.src, filtering=mode > 0) and not settings.accept_local:
            self._martian(skb, "own-address-as-source", "the source is an address of this very host")
        if mode:
            back = routing.lookup(skb.src, 4)
            if back is None or back.kind in _NO_WAY or (mode == 1 and back.device != skb.iif):
                detail = "the way back to the source leaves by another device"
                self._martian(skb, "reverse-path-filter", detail)

    def _check_hosts(self, skb: Skb) -> None:
        """`ip_route_input_slow`: from 0.0.0.0 a host asks everybody for an address; the rest of 0.0.0.0/8 is
        as any other (`ipv4_is_zeronet`, since 5.3).
        """
        for address, groups in ((skb.src, True), (skb.dst, False)):
            nobody = address == 0 and skb.dst != _EVERYBODY
            if nobody or (groups and (address >> 28 == 0xE or address == _EVERYBODY)):
                self._martian(skb, "address-of-no-host", f"{written(address, 4)} is no host's address")

    def _check_martian(self, skb: Skb) -> None:
        if skb.family == 4 and not self.host.sysctls.of(skb.iif).route_localnet:
            for address, what in ((skb.src, "source"), (skb.dst, "destination")):
                if address >> 24 == 127:
                    self._martian(skb, "loopback-address-on-the-wire", f"{what} in 127.0.0.0/8 from outside")
        elif skb.family == 6 and 1 in (skb.src, skb.dst):
            self._martian(skb, "loopback-address-on-the-wire", "::1 from outside")

    def _martian(self, skb: Skb, reason: str, detail: str) -> None:
        self._note("routing", "dropped as martian", skb, detail)
        raise _Stop(Outcome("martian", skb, reason=reason, at="routing", detail=detail))

    def _no_route(self, skb: Skb, route: Route | None) -> None:
        self._note("routing", OfDestination("no route to ", ""), skb)
        kind = _REFUSING_ROUTES["" if route is None else route.kind]
        if skb.family == 6 and kind == "host":
            kind = "net"
        bridged = by_bridge(self.host, skb)
        if skb.family == 6 and bridged is not None and bridged[0] and is_redirected(skb):
            kind = None  # its bridge finds no way, and drops it (`br_nf_pre_routing_finish_ipv6`)
        answer = None if kind is None else error_about(self.host, skb, kind)
        raise _Stop(Outcome("no-route", skb, reason="no-route", at="routing", answer=answer))

    def _deliver(self, skb: Skb) -> Outcome:
        skb = self._hook("INPUT", skb.with_devices(skb.iif, ""))
        skb = confirm(skb, self.state.conntrack)
        return Outcome("deliver", skb, at="socket")

    def _forward(self, skb: Skb, route: Route) -> Outcome:
        """On to another host. A router takes one off the time to live, a bridge does not."""
        onwards = skb.with_devices(skb.iif, route.device)
        if self._is_bridged(skb, route):
            next_hop = skb.dst if route.via is None else route.via
            if is_redirected(skb) and not self.host.has_neighbour(route.device, next_hop, skb.family):
                # asked for before the frame goes on (`br_nf_pre_routing_finish_bridge`)
                return Outcome("transmit", onwards, route.device, next_hop, at="routing")
            said = OfDestination("", f" is behind {route.device}")
            self._note("routing", said, skb, "carried to another port")
            return self._transmit(self._hook("FORWARD", onwards), route)
        if skb.family == 6 and not self._forwards(skb):
            self._keep_from_forwarding(skb, "net.ipv6.conf.all.forwarding")
        if skb.ttl <= 1:
            self._note("routing", "time to live is used up", skb, "the packet runs in a circle")
            answer = error_about(self.host, skb, "ttl")
            raise _Stop(Outcome("unreachable", skb, reason="routing-loop", at="routing", answer=answer))
        self._note("routing", self._route_said(route, skb.family), skb, "forwarded")
        return self._transmit(self._hook("FORWARD", onwards.with_ttl(skb.ttl - 1)), route)

    def _is_bridged(self, skb: Skb, route: Route) -> bool:
        """Does it go from port to port of a bridge?"""
        if route.device != skb.iif or route.kind != "unicast":
            return False
        bridged = by_bridge(self.host, skb.with_devices(skb.iif, route.device))
        return bridged is not None and bridged[1]

    def _forwards(self, skb: Skb) -> bool:
        settings = self.host.sysctls
        device = settings.of(skb.iif)
        if skb.family == 4:
            return device.forwarding
        return settings.ipv6_forward or device.force_forwarding

    def _keep_from_forwarding(self, skb: Skb, name: str) -> NoReturn:
        self._note("routing", f"not forwarded: {name} is off", skb)
        raise _Stop(Outcome("dropped", skb, reason="forwarding-off", at="routing"))

    # the way out

    def _send(self, packet: Packet, flow: Flow | None, mark: int, owner: Owner, answers: bool) -> Outcome:
        self._begin(packet.family)
        skb = Skb.of(packet, owner=owner)
        if mark:
            skb = skb.with_mark(mark)
        if flow is not None:
            skb = skb.with_flow(flow)
        if skb.family == 6:
            self._check_group(skb)  # every device has a route to all groups
        route = self.host.routing.lookup(skb.dst, skb.family)
        if route is None or route.kind in _NO_WAY:
            self._note("routing", OfDestination("no route to ", ""), skb)
            kind = "" if route is None else route.kind
            raise _Stop(Outcome("no-route", skb, reason="no-route-from-here", at="routing", detail=kind))
        if skb.family == 4:
            self._check_group(skb)
        if skb.family == 6:
            self._check_anycast(skb)
        first = "lo" if route.kind == "local" else route.device
        if answers and skb.family == 4 and skb.src >> 24 == 127 and first != "lo":
            self._check_loopback_source(skb, first)
        skb = self._hook("OUTPUT", skb.with_devices("", first), before_filter=self._reroute)
        route = self.host.routing.lookup(skb.dst, skb.family)
        assert route is not None
        return self._transmit(skb, route)

    def _check_loopback_source(self, skb: Skb, device: str) -> None:
        """From 127.0.0.0/8 there is no way out by a device that does not allow it (`__mkroute_output`)."""
        if not self.host.sysctls.of(device).route_localnet:
            self._note("routing", "no way out from 127.0.0.0/8 while route_localnet is 0", skb)
            raise _Stop(
                Outcome("no-route", skb, reason="no-route-from-here", at="routing", detail="loopback")
            )

    def _check_group(self, skb: Skb) -> None:
        """A socket may not send to everybody unless it asked to, and TCP never."""
        kind = self.host.routing.address_type(skb.dst, skb.family).lower()
        if kind not in ("broadcast", "multicast"):
            return
        self._note("routing", OfDestination("", f" is a {kind} address"), skb)
        if kind == "multicast" and skb.protocol != "tcp":
            raise _Stop(
                Outcome(
                    "unmodelled", skb, reason="unmodelled", at="routing", detail="a multicast destination"
                )
            )
        raise _Stop(Outcome("no-route", skb, reason="no-route-from-here", at="routing", detail=kind))

    def _check_anycast(self, skb: Skb) -> None:
        """A router answers for the address of each of its IPv6 networks as well (`addrconf_join_anycast`)."""
        if skb.dst in self.host.routing.subnets and self.host.sysctls.ipv6_forward:
            detail = "the anycast address of a router's network"
            self._note("unmodelled", detail, skb)
            raise _Stop(Outcome("unmodelled", skb, reason="unmodelled", at="routing", detail=detail))

    def _reroute(self, skb: Skb) -> None:
        """After DNAT in OUTPUT the packet is routed again (`ip_route_me_harder`); the source stays as the
        socket chose it.
        """
        route = self.host.routing.lookup(skb.dst, skb.family)
        if route is None or route.kind in _NO_WAY:
            self._note("routing", OfDestination("no route to ", ""), skb)
            kind = "" if route is None else route.kind
            raise _Stop(Outcome("no-route", skb, reason="no-route-after-dnat", at="routing", detail=kind))
        if skb.family == 6:
            self._check_anycast(skb)
        device = "lo" if route.kind == "local" else route.device
        from_loopback = skb.family == 4 and skb.src >> 24 == 127
        if from_loopback and device != "lo" and not self.host.sysctls.of(device).route_localnet:
            self._note(
                "routing", "dropped: a 127.0.0.0/8 source may not leave while route_localnet is 0", skb
            )
            raise _Stop(
                Outcome("martian", skb, reason="loopback-source-leaves", at="routing", detail="loopback")
            )
        self._note("routing", self._route_said(route, skb.family), skb, "routed again after DNAT")

    def _transmit(self, skb: Skb, route: Route) -> Outcome:
        device = "lo" if route.kind == "local" else route.device
        skb = self._hook("POSTROUTING", skb.with_devices(skb.iif, device))
        skb = confirm(skb, self.state.conntrack)
        if device == "lo":
            skb = skb.with_devices("lo", "")
            self._note("routing", "comes back in by lo", skb, "local delivery")
            return self._deliver(self._hook("PREROUTING", skb))
        next_hop = skb.dst if route.via is None else route.via
        return Outcome("transmit", skb, device, next_hop, at="routing")

    # hooks

    def _hook(self, hook: str, skb: Skb, before_filter: Callable[[Skb], None] | None = None) -> Skb:
        """Everything at one hook, in the kernel's order."""
        graph = self._graph
        if graph is not None:
            tables = graph.busy_tables(hook, tracked=self._tracked)
        else:
            tables = _WITHOUT_RULES[hook] if self._tracked else ()
        for table in tables:
            if table == "conntrack":
                skb = track(skb, self.state.conntrack, self.host.sysctls)
            elif table == "nat":
                before = skb
                skb = self._nat(hook, skb)
                if before_filter is not None and skb.dst != before.dst:
                    before_filter(skb)
            elif graph is not None:
                skb = self._filter(graph, table, hook, skb)
        return skb

    def _walk(self, graph: ChainGraph, table: str, hook: str, skb: Skb) -> Verdict:
        try:
            return walk_chain(graph, table, hook, skb, self, self.chance, self.log)
        except Unmodelled as unknown:
            self._note("unmodelled", unknown.what, skb, f"in table {table} at {hook}")
            raise _Stop(
                Outcome("unmodelled", skb, reason="unmodelled", at=f"{table}:{hook}", detail=unknown.what)
            ) from None

    def _filter(self, graph: ChainGraph, table: str, hook: str, skb: Skb) -> Skb:
        verdict = self._walk(graph, table, hook, skb)
        if verdict.name == "DROP":
            raise _Stop(
                Outcome(
                    "dropped",
                    verdict.skb,
                    reason="dropped-by-rule" if verdict.rule else "dropped-by-policy",
                    at=verdict.at,
                )
            )
        if verdict.name == "REJECT":
            assert isinstance(verdict.target, RejectTarget)
            answer = refusal(self.host, verdict.skb, verdict.target)
            if answer is not None and answer.icmp is None:
                self._close(verdict.skb)
            raise _Stop(
                Outcome(
                    "rejected",
                    verdict.skb,
                    reason="rejected-by-rule",
                    at=verdict.at,
                    answer=answer,
                    detail=verdict.target.kind,
                )
            )
        return verdict.skb

    def _close(self, skb: Skb) -> None:
        """A reset of REJECT closes the entry, if the packet has one already (`nf_ct_set_closing`)."""
        if skb.flow is not None and skb.flow.connection is not None:
            timeout = self.host.sysctls.timeouts.tcp_timeout_close
            closed = skb.flow.connection._replace(state="CLOSE", expires=self.state.clock + timeout)
            self.update(closed)

    def _nat(self, hook: str, skb: Skb) -> Skb:
        flow = skb.flow
        if flow is None or flow.connection is None:
            return skb
        side = HOOK_SIDE[hook]
        undecided = flow.state == CtState.NEW or (flow.state == CtState.RELATED and skb.icmp is None)
        if undecided and not is_bound(flow.connection, side):  # a reset may come before the last decision
            skb = self._bind(hook, side, skb)
            return translate(skb, hook)
        translated = translate(skb, hook)
        if translated is not skb:
            self._note(
                "conntrack",
                rewrite_text,
                skb,
                "as the connection says; no nat rule is read",
                translated,
            )
        return translated

    def _bind(self, hook: str, side: str, skb: Skb) -> Skb:
        graph = self._graph
        verdict = None
        if graph is not None and graph.has_rules("nat", hook):
            verdict = self._walk(graph, "nat", hook, skb)
        flow = skb.flow if verdict is None else verdict.skb.flow
        assert flow is not None
        assert flow.connection is not None
        wanted = Wanted()
        if verdict is not None:
            skb = verdict.skb
            if verdict.name == "DROP":
                raise _Stop(Outcome("dropped", skb, reason="dropped-by-rule", at=verdict.at))
            wanted = self._wanted(hook, skb, flow.connection, verdict)
        connection = bind(self.state.conntrack, flow.connection, side, wanted)
        bound = skb.with_flow(flow.updated(connection))
        translated = translate(bound, hook)
        if verdict is not None and verdict.target is not None:
            self._note("nat", rewrite_text, bound, verdict.target.name, translated)
        elif translated is not bound:
            self._note(
                "conntrack",
                rewrite_text,
                bound,
                "another connection holds that source port",
                translated,
            )
        return bound

    def _wanted(self, hook: str, skb: Skb, connection: Connection, verdict: Verdict) -> Wanted:
        """What a nat target asks for this connection."""
        target = verdict.target
        if isinstance(target, MasqueradeTarget):
            source = self._masquerade_address(skb)
            return Wanted(source, target.ports, bool(target.random), masquerades=True)
        if isinstance(target, RedirectTarget):
            address = redirect_address(self.host.routing, hook, skb)
            if address is None:
                raise _Stop(Outcome("dropped", skb, reason="no-address-to-redirect", at=verdict.at))
            return self._drawn(Wanted(address, target.ports, bool(target.random)), skb, verdict)
        if isinstance(target, NetmapTarget):
            return Wanted(target.map(skb.dst if HOOK_SIDE[hook] == DESTINATION else skb.src))
        if isinstance(target, NatTarget):
            address = pick_address(connection, target)
            wanted = Wanted(address, target.ports, bool(target.random), target.base)
            if target.name == "DNAT":
                return self._drawn(wanted, skb, verdict)
            first, last = target.address, target.last
            if first is not None and last is not None:
                return wanted._replace(first=int(first), last=int(last))
            return wanted
        return Wanted()

    def _drawn(self, wanted: Wanted, skb: Skb, verdict: Verdict) -> Wanted:
        """A destination port that the kernel draws from a range: every port is a way to go on."""
        if not wanted.random or wanted.ports is None or wanted.ports[0] == wanted.ports[1]:
            return wanted
        low, high = wanted.ports
        count = high - low + 1
        if count > _DRAWN_PORTS:
            detail = f"a destination port drawn from {count}"
            raise _Stop(Outcome("unmodelled", skb, reason="unmodelled", at=verdict.at, detail=detail))
        share = Fraction(1, count)
        port = low + self.chance.choose([Alternative(f"port {low + i}", share, share) for i in range(count)])
        return wanted._replace(ports=(port, port), random=False)

    def _masquerade_address(self, skb: Skb) -> int:
        routing = self.host.routing
        if skb.family == 6:
            address = routing.select_ipv6_address(skb.oif, skb.dst)
        else:
            route = routing.lookup(skb.dst, 4)
            next_hop = route.via if route is not None and route.via is not None else skb.dst
            address = routing.select_ipv4_address(skb.oif, next_hop)
        if address is None:
            raise _Stop(Outcome("dropped", skb, reason="no-address-to-masquerade", at="nat:POSTROUTING"))
        return address

    def _note(self, at: str, said: Said, before: Skb, detail: str = "", after: Skb | None = None) -> None:
        self.log(Event.of(at, said, before, after, detail))

    def _route_said(self, route: Route, family: int) -> OfDestination:
        if route.kind == "local":
            return OfDestination("", " is an address of ", self.host.name)
        via = "" if route.via is None else f" via {written(route.via, family)}"
        return OfDestination("", f"{via} dev {route.device} ({route.text})")
