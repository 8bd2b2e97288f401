"""The kernel against the simulator: where one flow went, in the same words from both."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kproxysim.netfilter.skb import Owner, to_address
from kproxysim.netfilter.state import HostState
from kproxysim.network import World
from kproxysim.packet import TIME_TO_LIVE, Packet
from tests.kernel.expected import MOST, Expected, expected
from tests.kernel.lab import LATECOMERS, ROOT_OWNER, Lab
from tests.kernel.linux_edge import as_stateless, differs
from tests.kernel.plan import Seen

PATIENCE = 0.9
"""Seconds to wait for an answer that is to come: less than it takes TCP to try again."""

SILENCE = 0.03
"""Seconds to wait where no answer is to come. A link takes microseconds."""

TOKEN = 1.1
"""Seconds until a router that had told a sender of five packets without a route may tell it again (`ip_error`)."""

QUESTIONS = 0.1
"""Seconds to wait where somebody who is not there is asked for first."""

TRIES = 3
"""A difference counts when it is there each time: on a busy machine a packet may turn up after its flow was given up."""

ENOUGH = 40
"""Times that a flow is sent until each way it may go was seen; one of two is missed once in 10^12."""


NOBODY = "nobody-has-this-address"
SENT_TO_MANY = ("broadcast", "multicast")
"""What a branch's detail says where a socket may not connect at all."""


@dataclass
class Tally:
    """What was compared. `rules` counts rules that matched on both sides, `left_out` what this lab cannot compare, by reason."""

    flows: int = 0
    rules: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        left_out = ", ".join(f"{reason} {number}" for reason, number in sorted(self.left_out.items()))
        agreed = self.flows - len(self.disagreements)
        return (
            f"{self.flows} flows, {agreed} agreements, {len(self.disagreements)} disagreements, "
            f"{self.rules} rules counted alike; left out: {left_out or 'nothing'}"
        )


@dataclass(frozen=True)
class _Sent:
    """All ways that a packet may go, the one that comes closest to what the kernel did, and what differs all the same."""

    ways: list[Expected]
    way: Expected
    lines: list[str]
    left_out: str = ""


def compare(
    lab: Lab,
    tally: Tally,
    source: str,
    to: str,
    via: str | None = None,
    *,
    flags: str = "",
    owner: Owner = ROOT_OWNER,
    mark: int = 0,
    ttl: int = TIME_TO_LIVE,
) -> _Sent | None:
    """Send it on both sides, and write down what differs. TCP with `flags` is sent as it stands, by no socket.

    What was sent, None where it is left out.
    """
    packet = lab.packet(source, to, flags, ttl)
    reason = differs(lab.world, packet, source)
    if reason is not None:
        tally.left_out[reason] += 1
        return None
    sent = _send(lab, packet, source, via, raw=bool(flags), owner=owner, mark=mark)
    if sent.left_out:
        tally.left_out[sent.left_out] += 1
        return None
    tally.flows += 1
    for _ in range(TRIES - 1):
        if not sent.lines:
            break
        lab.settle(TOKEN if any(way.meets("no-route") for way in sent.ways) else LATECOMERS)
        packet = lab.packet(source, to, flags, ttl)
        sent = _send(lab, packet, source, via, raw=bool(flags), owner=owner, mark=mark)
    if sent.lines:
        tally.disagreements.append("\n  ".join([f"{packet} {flags} from {source} via {via}", *sent.lines]))
    else:
        tally.rules += sum(sent.way.counters.values())
    return sent


def compare_second(lab: Lab, tally: Tally, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Send two packets, each from a source to a target, that have one source port: the second meets what is remembered of the first.

    It counts as a flow; where the first goes another way than `compare` tells, or may go several, nothing is sent after it.
    """
    sent: _Sent | None = None
    for attempt in range(TRIES):
        if attempt:
            lab.settle(TOKEN)
        packet = lab.packet(*first)
        before = _send(lab, packet, first[0], None)
        if before.left_out or before.lines or len(before.ways) > 1:
            tally.left_out["a second packet after one that may go several ways"] += 1
            return
        packet = lab.world.packet(*second, sport=packet.sport)
        sent = _send(lab, packet, second[0], None, states=before.way.states)
        if sent.left_out:
            tally.left_out[sent.left_out] += 1
            return
        if not sent.lines:
            break
    assert sent is not None
    tally.flows += 1
    if sent.lines:
        tally.disagreements.append("\n  ".join([f"{packet} from {second[0]} after {first}", *sent.lines]))
    else:
        tally.rules += sum(sent.way.counters.values())


def every_way(
    lab: Lab,
    tally: Tally,
    source: str,
    to: str,
    via: str | None = None,
    *,
    flags: str = "",
    mark: int = 0,
) -> None:
    """As `compare`, again and again until each way that the flow may go was seen."""
    sent = compare(lab, tally, source, to, via, flags=flags, mark=mark)
    if sent is None:
        return
    wanted = {_end(way) for way in sent.ways}
    seen = set() if sent.lines else {_end(sent.way)}
    for _ in range(ENOUGH):
        if seen == wanted or len(wanted) == 1:
            return
        packet = lab.packet(source, to, flags)
        sent = _send(lab, packet, source, via, raw=bool(flags), mark=mark)
        if not sent.lines:
            seen.add(_end(sent.way))
            tally.flows += 1
            tally.rules += sum(sent.way.counters.values())
    if seen != wanted:
        tally.disagreements.append(
            f"{packet} from {source} via {via}\n  never ended at {sorted(wanted - seen)}"
        )


def _end(way: Expected) -> str:
    return f"{way.client} {way.branch.packet.destination} {way.branch.packet.src}"


def _send(
    lab: Lab,
    packet: Packet,
    source: str,
    via: str | None,
    *,
    raw: bool = False,
    owner: Owner = ROOT_OWNER,
    mark: int = 0,
    states: Mapping[str, HostState] | None = None,
) -> _Sent:
    if lab.has_affinity:
        lab.forget()
    lab.hand_to(packet.dst, via)
    ways = expected(
        lab.world, lab.topology, packet, source, via, raw=raw, before=states, owner=owner, mark=mark
    )
    left_out = _left_out(ways, [int(one) for one in lab.topology.gateway.values()])
    if left_out:
        return _Sent(ways, ways[0], [], left_out)
    seen = lab.send(packet, source, _patience(ways), raw=raw, owner=owner, mark=mark)
    differences = [(way, _differences(lab.world, source, way, seen)) for way in ways]
    closest, lines = min(differences, key=lambda one: len(one[1]))
    host = lab.topology.hosts[source].host
    address = host.source_for(int(packet.dst), packet.family)
    chosen = "" if address is None else str(to_address(address, packet.family))
    if chosen != seen.chosen and closest.branch.detail not in SENT_TO_MANY:
        lines.append(f"source address of an unbound socket: kernel {seen.chosen}, simulator {chosen}")
    return _Sent(ways, closest, lines)


def _left_out(ways: list[Expected], gateways: list[int]) -> str:
    """Why a flow is not sent: nobody says what becomes of it, it would have no end, which way it went could not be told, or it is for the
    router that stands for the edge: a cloud's has no processes that would answer.
    """
    for way in ways:
        if any(one.reason == NOBODY and one.skb.dst in gateways for one in way.outcomes):
            return "for the edge itself"
        if way.unmodelled:
            return f"unmodelled: {way.unmodelled}"
        if way.never_ends:
            return "goes round for ever"
    return f"more than {MOST} ways" if len(ways) > MOST else ""


def _patience(ways: list[Expected]) -> float:
    if any(way.client != "timeout" for way in ways):
        return PATIENCE
    asked = any(way.meets(NOBODY) for way in ways)
    return QUESTIONS if asked else SILENCE


def _differences(world: World, source: str, way: Expected, seen: Seen) -> list[str]:
    lines = []
    if way.client != seen.client:
        ending = f"{way.branch.disposition}, {way.branch.reason} {way.branch.detail}".rstrip()
        lines.append(f"the client: kernel {seen.client}, simulator {way.client} ({ending})")
    lines += _arrivals(way, seen)
    errors = tuple((kind, code, as_stateless(world, source, teller)) for kind, code, teller in seen.errors)
    if way.errors != errors:
        lines.append(f"ICMP errors: kernel {errors}, simulator {way.errors}")
    for host, at in sorted(set(way.counters) | set(seen.counters)):
        ours, theirs = way.counters.get((host, at), 0), seen.counters.get((host, at), 0)
        if ours != theirs and _is_known(world, host, at):
            lines.append(f"{host} {at}: kernel {theirs}, simulator {ours}")
    return lines


def _arrivals(way: Expected, seen: Seen) -> list[str]:
    if way.arrival is None:
        return [f"arrivals: kernel {one}, simulator none" for one in seen.arrivals]
    if len(seen.arrivals) != 1:
        return [f"arrivals: kernel {seen.arrivals}, simulator {way.arrival}"]
    kernel, ours = seen.arrivals[0], way.arrival
    same = (kernel.host, kernel.src, kernel.dst, kernel.dport) == (ours.host, ours.src, ours.dst, ours.dport)
    if same and kernel.sport in way.ports:
        return []
    return [f"arrival: kernel {kernel}, simulator {ours}, source ports {way.ports}"]


def _is_known(world: World, host: str, at: str) -> bool:
    """Is this counter one that the simulator knows of?

    A hook without rules is not walked by the simulator; its policy counts packets all the same. Table raw is the lab's where nobody else uses it.
    """
    table, chain, number = at.split("/")
    rulesets = [world.ruleset(host.removeprefix("node/"), family) for family in ("ipv4", "ipv6")]
    found = [ruleset.chain(table, chain) for ruleset in rulesets]
    if number != "0":
        return any(one is not None for one in found)
    return any(one is not None and (one.rules or one.policy == "DROP") for one in found)
