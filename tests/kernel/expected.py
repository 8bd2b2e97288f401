"""What the simulator says of a connection, packet for packet: the branch that `World.send` tells, and the packets that it leads to but leaves out.

A TCP client acknowledges, and whoever gets an answer that he never asked for says so. The kernel's counters hold these packets as well.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from kproxysim.netfilter.chance import Enumeration, enumerate_runs
from kproxysim.netfilter.events import Outcome
from kproxysim.netfilter.skb import OF_THE_KERNEL, Owner
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.walk import Walked
from kproxysim.network import Branch, World
from kproxysim.network.journey import ON, Journey, Leg
from kproxysim.network.topology import Topology
from kproxysim.network.trace import Hop, Reply
from kproxysim.network.verdict import Call, branch_of
from kproxysim.packet import Packet
from tests.kernel.plan import Arrival

MOST = 64
"""Ways of which a lab can find the one that was gone."""


@dataclass(frozen=True)
class Expected:
    """One way that a connection may go. `counters` as in `Seen`; `ports` are the source ports that the server may see.

    `states` is what the hosts that it passed remember afterwards, `outcomes` how each of its packets ended.
    """

    branch: Branch
    client: str
    arrival: Arrival | None
    ports: range
    errors: tuple[tuple[int, int, str], ...]
    counters: dict[tuple[str, str], int]
    states: dict[str, HostState]
    outcomes: tuple[Outcome, ...]

    @property
    def unmodelled(self) -> str:
        """What is not known of it, by name; "" if all is."""
        return next((one.detail for one in self.outcomes if one.kind == "unmodelled"), "")

    @property
    def never_ends(self) -> bool:
        return any(one.detail == ON for one in self.outcomes)

    def meets(self, reason: str) -> bool:
        """Did any of its packets, or of what was said about them, end so?"""
        return any(one.reason == reason for one in self.outcomes)


@dataclass(slots=True)
class _Followed(Journey):
    """A journey that keeps every leg of it."""

    legs: list[Leg] = field(default_factory=list)

    def _follow(self, host: str, outcome: Outcome, hops: list[Hop]) -> Leg:
        leg = Journey._follow(self, host, outcome, hops)
        self.legs.append(leg)
        return leg


def expected(
    world: World,
    topology: Topology,
    packet: Packet,
    source: str,
    via: str | None = None,
    *,
    raw: bool = False,
    before: Mapping[str, HostState] | None = None,
    owner: Owner | None = None,
    mark: int = 0,
) -> list[Expected]:
    """All ways that it may go, or one more than `MOST`; only its first packet has the `mark` (of UDP that is all). A `raw` packet has no socket behind it that could use an answer. `before` is what hosts remember, by their names
    in the topology.
    """
    router = world._router(topology)
    _, sender = world._sender(source)
    call = Call(packet, sender, topology, world.cluster, world.edge, world.pods, mark, owner)

    def run(chance: Enumeration) -> Expected:
        journey = _Followed(topology, router, before or {}, chance, via)
        branch = branch_of(call, journey)
        out = journey.legs[0].end
        _go_on(journey, branch, sender.host, packet, raw=raw, owner=owner)
        arrival = None
        legs, client, final = journey.legs, branch.client_sees, branch.packet
        if out.outcome.kind == "deliver":
            arrival = Arrival(out.host, str(final.src), final.sport or 0, str(final.dst), final.dport or 0)
            if packet.protocol == "sctp":  # no host of the lab speaks it, so nothing comes back
                legs, client = legs[:1], "timeout"
        low, high = branch.sport_range or (final.sport or 0, final.sport or 0)
        errors = tuple(_errors(legs[1:], sender.host, packet))
        counters = dict(_counted(legs))
        outcomes = tuple(leg.end.outcome for leg in journey.legs)
        ports = range(low, high + 1)
        return Expected(branch, client, arrival, ports, errors, counters, journey.states, outcomes)

    return [found for _, found in islice(enumerate_runs(run), MOST + 1)]


def _go_on(
    journey: _Followed, branch: Branch, sender: str, packet: Packet, *, raw: bool, owner: Owner | None
) -> None:
    """The packets after the answer, and what is said about any of them but the first, which a branch tells itself."""
    if branch.reply is not None:
        _use(journey, branch, branch.reply, sender, packet, raw=raw, owner=owner)
    told = 1
    while told < len(journey.legs):
        end = journey.legs[told].end
        if end.outcome.answer is not None:
            journey.answer(end.host, end.outcome.answer)
        told += 1


def _use(
    journey: _Followed,
    branch: Branch,
    reply: Reply,
    sender: str,
    packet: Packet,
    *,
    raw: bool,
    owner: Owner | None,
) -> None:
    """What whoever gets the answer does with it."""
    if packet.icmp is not None or (packet.protocol == "tcp" and "SYN" not in reply.packet.flags):
        return
    end = journey.legs[-1].end
    if branch.client_sees == "answered" and raw:
        journey.send(sender, reply.packet.reply("RST"), owner=OF_THE_KERNEL)
    elif branch.client_sees == "answered" and packet.protocol == "tcp":
        journey.send(
            sender,
            Packet("tcp", packet.src, packet.dst, packet.sport, packet.dport, "ACK", ttl=packet.ttl),
            owner=owner,
        )
    elif reply.reason == "reply-from-stranger" and packet.protocol == "tcp":
        journey.send(end.host, end.outcome.skb.packet.reply("RST"), owner=OF_THE_KERNEL)
    elif reply.reason == "reply-from-stranger":
        journey.refuse(end.host, end.outcome.skb)


def _errors(legs: list[Leg], sender: str, packet: Packet) -> Iterator[tuple[int, int, str]]:
    """What the sender hears of its packets: of the first, or of the acknowledgement of an answer."""
    for leg in legs:
        told = leg.end.outcome.skb.packet
        if leg.end.host != sender or leg.end.outcome.kind != "deliver" or told.inner is None:
            continue
        about = told.inner
        if (about.protocol, about.source, about.destination) == (
            packet.protocol,
            packet.source,
            packet.destination,
        ):
            assert told.icmp is not None
            yield *told.icmp, str(told.src)


def _counted(legs: list[Leg]) -> Counter[tuple[str, str]]:
    return Counter(
        (f"node/{hop.where}", f"{step.table}/{step.chain}/{0 if step.kind == 'policy' else step.number}")
        for leg in legs
        for hop in leg.hops
        if hop.kind == "node"
        for step in _walked(hop)
    )


def _walked(hop: Hop) -> Iterator[Walked]:
    for step in hop.steps:
        if isinstance(step, Walked) and step.kind != "return":
            yield step
