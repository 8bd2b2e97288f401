"""One run: a packet followed from host to host until somebody keeps it, and what comes back.

Nothing is decided here. Hosts decide by their rules and routes, the edge by its settings, chance by who is
asked for it; a journey carries the packet between them and writes down what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from kproxysim.netfilter.answers import error_about
from kproxysim.netfilter.bridging import came_for_another_port
from kproxysim.netfilter.chance import Chance
from kproxysim.netfilter.conntrack import CtState, Flow
from kproxysim.netfilter.events import Event, OfDestination, Outcome
from kproxysim.netfilter.host import ECHO
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.skb import NO_SOCKET, OF_THE_KERNEL, Owner, Skb
from kproxysim.netfilter.state import HostState
from kproxysim.network.edge_memory import EdgeMemory
from kproxysim.network.router import EdgeRouter
from kproxysim.network.session import taking
from kproxysim.network.topology import EDGE, Topology
from kproxysim.network.trace import Hop
from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = ["ON", "End", "Journey", "Leg"]

_SCTP_ANSWERS = {
    "INIT": "INIT_ACK",
    "COOKIE_ECHO": "COOKIE_ACK",
    "DATA": "SACK",
    "HEARTBEAT": "HEARTBEAT_ACK",
    "SHUTDOWN": "SHUTDOWN_ACK",
    "SHUTDOWN_ACK": "SHUTDOWN_COMPLETE",
}
"""Chunks that are answered at once, with the answer (RFC 9260)."""


_FOR_EVER = 1024
"""Hosts that a packet may pass: more than its time to live allows, unless rules give it another each time."""

ON = "it goes round for ever: rules renew its time to live"
"""What an outcome says of a packet that never stops."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a packet stopped: the host, and how it stands there.

    `new_port`: on its way a host drew a source port for it, so that it comes from a port that no packet
    before it came from.
    """

    host: str
    outcome: Outcome
    new_port: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """One packet's way, from the host that made it to its end."""

    hops: tuple[Hop, ...]
    end: End


@dataclass(slots=True)
class Journey:
    """One run through a topology.

    `states` is this run's own copy of what hosts remember, made when a host is first entered; `calls` is what
    the edge remembers. `clock` is the time in seconds, None to leave the hosts' own.
    """

    topology: Topology
    router: EdgeRouter
    before: Mapping[str, HostState]
    chance: Chance
    via: str | None = None
    states: dict[str, HostState] = field(default_factory=dict)
    calls: EdgeMemory = field(default_factory=EdgeMemory)
    clock: float | None = None

    def send(
        self,
        host: str,
        packet: Packet,
        flow: Flow | None = None,
        *,
        mark: int = 0,
        owner: Owner | None = None,
        answers: bool = False,
    ) -> Leg:
        """Let `host` make `packet` and follow it. `mark` is what its socket marks it with, `owner` whose
        socket that is; does it answer another packet?
        """
        placed = self.topology.hosts[host]
        hop = Hop(placed.label, placed.kind)
        outcome = self._passage(host, hop).send(packet, flow, mark, owner, answers=answers)
        return self._follow(host, outcome, [hop] if hop.steps else [])

    def answer(self, host: str, answer: Skb) -> Leg:
        """Let `host` send back what it says about a packet: an ICMP error or a reset. A reset that has an
        output device goes out by that, past the host's rules.
        """
        if host == EDGE:
            hop = Hop(self.router.edge.traits.title, "edge")
            return self._follow(EDGE, self.router.send(answer, self.chance, hop.steps.append), [hop])
        if answer.oif:
            placed = self.topology.hosts[host]
            said = f"a reset goes straight back by the port of {answer.oif}"
            told = Event.of("routing", said, answer, detail="past all rules, nothing is translated")
            hop = Hop(placed.label, placed.kind, steps=[told])
            return self._follow(host, Outcome("transmit", answer, answer.oif, answer.dst), [hop])
        owner = NO_SOCKET if answer.icmp is None else OF_THE_KERNEL
        return self.send(host, answer.packet, answer.flow, owner=owner, answers=True)

    def state(self, host: str) -> HostState:
        """What a host remembers, in this run."""
        state = self.states.get(host)
        if state is None:
            earlier = self.before.get(host)
            state = self.states[host] = HostState() if earlier is None else earlier.fork()
        if self.clock is not None:
            state.clock = self.clock
        return state

    def reaction(self, end: End) -> str:
        """What a host makes of a packet that was delivered there: "known" if it belongs to a connection
        of a process or to a connected UDP socket, else what `Host.reaction` says.
        """
        skb = end.outcome.skb
        if skb.icmp is None and not end.new_port and self.state(end.host).has_session(taking(skb)):
            return "known"
        return self.topology.hosts[end.host].host.reaction(skb)

    def accept(self, end: End, *, answered: bool = True) -> Leg | None:
        """The answer of a process that takes a packet, or of the host itself to a ping; None where there is
        none, as to a reset. A process that has nothing to say (`answered` is false) leaves it to TCP or SCTP.
        """
        host, skb = end.host, end.outcome.skb
        packet = skb.packet
        if packet.icmp is not None:
            reply = ECHO[packet.icmp]
            answer = Packet(packet.protocol, packet.dst, packet.src, icmp=reply, echo_id=packet.echo_id)
            return self.send(host, answer, owner=OF_THE_KERNEL, answers=True)
        if packet.flags == "ABORT" or "RST" in packet.flags:
            self.state(host).disconnect(taking(skb))
            return None
        if packet.protocol == "sctp":
            flags = _SCTP_ANSWERS.get(packet.flags, "")
        elif packet.protocol == "tcp":
            known = self.reaction(end) == "known"
            flags = _in_session(packet, answered=answered) if known else "SYN,ACK"
        else:
            return self.send(host, packet.reply(), answers=True) if answered else None
        return self.send(host, packet.reply(flags), answers=True) if flags else None

    def refuse(self, host: str, skb: Skb) -> Leg | None:
        """Nothing listens:

        a reset for TCP, port unreachable for the rest; an SCTP packet that belongs to no association is
        answered by ABORT (RFC 9260, 8.4). None where even that cannot be sent.
        """
        if skb.protocol == "sctp" and skb.flags != "INIT":
            return (
                None
                if skb.flags == "ABORT"
                else self.send(host, skb.packet.reply("ABORT"), owner=OF_THE_KERNEL, answers=True)
            )
        if skb.protocol == "tcp":
            reset = skb.packet.reply("RST" if "ACK" in skb.flags else "RST,ACK")
            return self.send(host, reset, owner=OF_THE_KERNEL, answers=True)
        # a packet that was delivered has let go of its connection (`nf_reset_ct` in `udp_rcv`)
        answer = error_about(self.topology.hosts[host].host, skb, "port")
        return None if answer is None else self.send(host, answer.packet, owner=OF_THE_KERNEL, answers=True)

    def _passage(self, host: str, hop: Hop) -> Passage:
        return Passage(self.topology.hosts[host].host, self.state(host), self.chance, hop.steps.append)

    def _follow(self, host: str, outcome: Outcome, hops: list[Hop]) -> Leg:
        new_port = False
        while outcome.kind == "transmit":
            new_port = new_port or _draws_port(outcome.skb)
            if len(hops) > _FOR_EVER:
                outcome = Outcome("unreachable", outcome.skb, reason="routing-loop", at="routing", detail=ON)
                break
            host, outcome = self._cross(host, outcome, hops)
        return Leg(tuple(hops), End(host, outcome, new_port))

    def _cross(self, host: str, outcome: Outcome, hops: list[Hop]) -> tuple[str, Outcome]:
        """Over one link: to whoever takes the packet there, and through that host."""
        skb = outcome.skb
        assert outcome.next_hop is not None
        found = self.topology.neighbour(host, outcome.device, outcome.next_hop, skb.family)
        if found is None or (found[0] == EDGE and host == EDGE):
            return host, self._nobody(host, outcome, hops)
        taker, device = found
        if taker == EDGE:
            hop = Hop(self.router.edge.traits.title, "edge", device)
            hops.append(hop)
            if self.router.edge.traits.counts_as_hop:
                if skb.ttl <= 1:
                    return EDGE, self.router.expired(skb, hop.steps.append)
                skb = skb.with_ttl(skb.ttl - 1)
            log = hop.steps.append
            return EDGE, self.router.receive(skb, device, self.chance, log, self.calls, self.via)
        placed = self.topology.hosts[taker]
        hop = Hop(placed.label, placed.kind, device)
        hops.append(hop)
        return taker, self._passage(taker, hop).take_in(skb.arriving(device))

    def _nobody(self, host: str, outcome: Outcome, hops: list[Hop]) -> Outcome:
        """Nobody answers for the next hop:

        told by the host that tried (ICMP host unreachable), or by the edge.
        """
        if host == EDGE:
            return self.router.unreachable(outcome.skb, hops[-1].steps.append)
        if not hops:
            placed = self.topology.hosts[host]
            hops.append(Hop(placed.label, placed.kind))
        hop = hops[-1]
        skb = outcome.skb
        hop.steps.append(
            Event.of("routing", OfDestination("nobody answers for ", f" on {outcome.device}"), skb)
        )
        asking = self.topology.hosts[host].host
        answer = None if came_for_another_port(asking, skb) else error_about(asking, skb, "host")
        return Outcome("unreachable", skb, reason="nobody-has-this-address", at="routing", answer=answer)


def _draws_port(skb: Skb) -> bool:
    flow = skb.flow
    return (
        flow is not None
        and flow.state == CtState.NEW
        and flow.connection is not None
        and flow.connection.free_ports is not None
    )


def _in_session(packet: Packet, *, answered: bool) -> str:
    """What answers a packet of an established connection: data, FIN or nothing but an ACK (RFC 9293, 3.10.7).

    A SYN, and data outside the window, are told where the connection stands.
    """
    flags = packet.flags.split(",")
    if "SYN" in flags or not packet.in_window:
        return "ACK"
    for flag in ("FIN", "PSH"):
        if flag in flags:
            return f"{flag},ACK" if answered else "ACK"
    return ""
