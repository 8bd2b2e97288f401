"""The simulator against a real kernel: every recorded set-up, its connections one after the other, each finding what those before it left.

The kernel's word is in tests/golden/kernel (README there). Of a connection are compared: what the client sees, who answered, the source that the
server saw, whether the client's port was kept, the ICMP errors that the client received; on each node the hooks that the first packet passed, with
devices, addresses, port, mark and every rule that matched; the entries of conntrack afterwards; and where a trace is missing, counters of rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kproxysim.netfilter.conntrack import Connection as Entry
from kproxysim.netfilter.conntrack import Status, Tuple
from kproxysim.netfilter.skb import to_address
from kproxysim.netfilter.walk import Walked
from tests.conformance.kernel_hops import agree
from tests.conformance.kernel_hops import recorded as recorded_way
from tests.conformance.kernel_hops import simulated as simulated_way
from tests.conformance.kernel_recordings import (
    CLIENT_SEES,
    NAMESPACE,
    Connection,
    Recording,
    Replay,
    recordings,
)
from tests.kernel.expected import Expected


@dataclass(frozen=True)
class Verdict:
    """What a connection comes to. `icmp` are the errors that its client received: type, code, source."""

    client: str
    server: str = ""
    saw: str = ""
    port_kept: bool = True
    icmp: tuple[tuple[int, int, str], ...] = ()


def recorded(connection: Connection) -> Verdict:
    """The kernel's verdict."""
    truth = connection.truth
    outcome = truth["outcome"]
    return Verdict(
        CLIENT_SEES.get(outcome, outcome),
        truth.get("server", ""),
        truth.get("saw", ""),
        truth.get("port_kept", True),
        tuple((kind, code, source) for kind, code, source in truth.get("icmp", ())),
    )


def simulated(connection: Connection, way: Expected) -> Verdict:
    """The simulator's verdict, as far as the recording's own point of view reaches: a server whose answer is lost is not seen."""
    branch = way.branch
    reached = branch.delivered_to
    protocol = connection.step.get("proto", "tcp")
    if protocol == "icmp" and branch.client_sees != "answered":
        return Verdict("timeout", icmp=way.errors)  # the recorder's ping knew echo replies only
    if branch.client_sees != "answered" or reached is None or protocol == "tcp-raw":
        return Verdict(branch.client_sees, icmp=way.errors)
    return Verdict(
        "answered",
        reached.pod.removeprefix(f"{NAMESPACE}/") or reached.node,
        str(branch.packet.src),
        branch.packet.sport == connection.packet().sport and branch.sport_range is None,
        way.errors,
    )


def entries(connection: Connection, way: Expected) -> dict[str, list[str]]:
    """The entries of each node as conntrack(8) lists them, client ports as `*`, without what TCP itself has come to ([ASSURED])."""
    version = connection.packet().family
    states = {**connection.before, **way.states}
    found = {
        name.removeprefix("node/"): sorted(entry_text(entry, version) for entry in state.conntrack.entries())
        for name, state in states.items()
        if name.startswith("node/")
    }
    return {node: lines for node, lines in found.items() if lines}


def entry_text(entry: Entry, version: int) -> str:
    replied = [] if entry.status & Status.SEEN_REPLY else ["[UNREPLIED]"]
    words = [entry.original.protocol, direction(entry.original, version, client="sport")]
    return " ".join([*words, *replied, direction(entry.reply, version, client="dport")])


def direction(one: Tuple, version: int, *, client: str) -> str:
    addresses = f"src={to_address(one.src, version)} dst={to_address(one.dst, version)}"
    if one.sport < 0 or one.dport < 0:
        return addresses
    return f"{addresses} " + (
        f"sport=* dport={one.dport}" if client == "sport" else f"sport={one.sport} dport=*"
    )


def recorded_entries(connection: Connection) -> dict[str, list[str]]:
    return {
        node: sorted(line.removesuffix(" [ASSURED]") for line in lines)
        for node, lines in connection.truth["conntrack"].items()
    }


def differences(connection: Connection, way: Expected) -> Iterator[str]:
    """What a way that the simulator tells of has, and the kernel's has not."""
    truth = connection.truth
    verdict, wanted = simulated(connection, way), recorded(connection)
    if verdict != wanted:
        yield f"verdict: kernel {wanted}, simulator {verdict}"
    ours, theirs = simulated_way(way.branch), recorded_way(truth)
    if theirs and not agree(theirs, ours, is_cut=truth.get("trace_cut", False)):
        yield f"way: kernel {theirs}, simulator {ours}"
    left, wanted_left = entries(connection, way), recorded_entries(connection)
    if left != wanted_left:
        yield f"entries: kernel {wanted_left}, simulator {left}"
    # a socket of IPv6 takes no port unreachable for an answer before it has sent a second SYN (1.03 s later)
    sent = 2 if truth["outcome"] == "refused" else 1
    for node, counted in truth.get("counters", {}).items():
        for table, chain, number, count in counted:
            mine = way.counters.get((f"node/{node}", f"{table}/{chain}/{number}"), 0) * sent
            if mine != count:
                yield f"{node} {table}/{chain}/{number}: kernel {count}, simulator {mine}"


DRAWN = {("affinity", 0), ("affinity", 10)}
"""First calls of a client for which both runs drew the same endpoint by chance, so that they are not marked as drawn."""


def check_first(connection: Connection, replay: Replay) -> None:
    """A connection from its first packet on. What is not drawn goes one way only, and that is the kernel's."""
    truth = connection.truth
    ways = connection.ways()
    found = [(way, list(differences(connection, way))) for way in ways]
    closest, lines = min(found, key=lambda one: len(one[1]))
    assert not lines, "\n".join(lines)
    if truth["stable"] and (truth["case"], truth["step"]) not in DRAWN:
        assert {simulated(connection, way) for way in ways} == {simulated(connection, closest)}
    replay.keep(closest)


def check_held(connection: Connection) -> None:
    """A packet of a connection that was held open, and its answer: to the same server from the same source, and nat reads no rule."""
    truth = connection.truth
    out, back = connection.goes_on()
    server, packet = out.end.host, out.end.outcome.skb.packet
    assert (server, str(packet.src)) == (f"pod/{NAMESPACE}/{truth['server']}", truth["saw"])
    assert (back.end.outcome.kind, back.end.host) == ("deliver", connection.source())
    tables = {
        step.table
        for leg in (out, back)
        for hop in leg.hops
        for step in hop.steps
        if isinstance(step, Walked)
    }
    assert "nat" not in tables


@pytest.mark.parametrize("recording", recordings().values(), ids=recordings())
def test_as_the_kernel_did(recording: Recording) -> None:
    replay = Replay(recording)
    done = 0
    for connection in replay.connections():
        if connection.is_held:
            check_held(connection)
        else:
            check_first(connection, replay)
        done += 1
    assert done == len(recording.truth)


def test_every_connection_is_there() -> None:
    assert sum(len(one.truth) for one in recordings().values()) == 136
