"""The way of a connection's first packet through each node, hook by hook and rule by rule: the simulator against a real kernel.

The kernel's word is in tests/golden/kernel (README there): devices, addresses, port and mark on entry to each hook, and the rules that matched, by
number and with their verdict.
"""

from typing import Any

import pytest

from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.walk import Walked
from kproxysim.network import Branch
from kproxysim.network.trace import Hop
from tests.conformance.kernel_recordings import Connection, recordings

Passing = tuple[str, str, str, str, str, int | None, str, tuple[tuple[str, int | None, str], ...]]
"""One hook: "table:HOOK", device in, device out, source, destination, destination port, mark, and what matched."""

Passes = list[tuple[Passing, ...]]
Way = dict[str, Passes]
"""For each node the times that a packet passed it, and of each the hooks that hold rules."""

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
TERMINAL = {"DNAT": "ACCEPT", "SNAT": "ACCEPT", "MASQUERADE": "ACCEPT", "REJECT": "DROP"}


def words(step: Walked) -> str:
    """What a step did, as the kernel's trace says it."""
    if step.kind == "policy":
        return f"policy:{step.action}"
    verb, _, rest = step.action.partition(" ")
    if verb in ("jump", "goto"):
        return f"{verb.upper()}:{rest}"
    return TERMINAL.get(verb, verb if verb in ("ACCEPT", "DROP", "RETURN") else "CONTINUE")


def device(name: str) -> str:
    """A device of the simulator by the name that the recorder gave it: veth pairs are v0 and v1 there."""
    return name.replace("veth", "v")


def passes(hop: Hop) -> Passes:
    """The walks through base chains, one after the other; what comes back by lo is a pass of its own, as it is for the tracer."""
    walks: list[list[Walked]] = []
    for step in hop.steps:
        if not isinstance(step, Walked) or step.kind == "return":
            continue
        is_base = step.chain in BASE_CHAINS[step.table]
        if not walks or (is_base and (step.table, step.chain) != (walks[-1][0].table, walks[-1][0].chain)):
            walks.append([])
        walks[-1].append(step)
    found = [passing(walk) for walk in walks]
    first = tuple(one for one in found if one[1] != "lo")
    back = tuple(one for one in found if one[1] == "lo")
    return [one for one in (first, back) if one]


def passing(walk: list[Walked]) -> Passing:
    entry = walk[0].before
    packet = entry.packet
    return (
        f"{walk[0].table}:{walk[0].chain}",
        device(entry.iif),
        device(entry.oif),
        str(packet.src),
        str(packet.dst),
        packet.dport,
        f"{entry.mark:#x}",
        tuple((step.chain, None if step.kind == "policy" else step.number, words(step)) for step in walk),
    )


def simulated(branch: Branch) -> Way:
    way: Way = {}
    for hop in branch.hops:
        if hop.kind == "node":
            way.setdefault(hop.where, []).extend(passes(hop))
    return {node: found for node, found in way.items() if found}


def recorded(connection: Connection) -> Way:
    """As far as hooks with rules go: a table without rules at a hook is not there for the simulator."""
    way: Way = {}
    for node, packets in connection.truth["first_packets"].items():
        rulesets = [connection.world.ruleset(node, family) for family in FAMILIES]
        way[node] = [
            tuple(read(hook) for hook in hooks if any(holds(ruleset, hook[0]) for ruleset in rulesets))
            for hooks in packets
        ]
    return way


def agree(kernel: Way, ours: Way) -> bool:
    """The same passes of the same nodes. The recorder's trace ends where a packet enters lo, and for IPv6 anywhere: its tool gave up there."""
    return sorted(kernel) == sorted(ours) and all(
        begins_with(ours[node], found) for node, found in kernel.items()
    )


def begins_with(ours: Passes, kernel: Passes) -> bool:
    rest = ours[len(kernel) :]
    if any(hook[1] != "lo" for one in rest for hook in one) or len(ours) < len(kernel):
        return False
    return all(is_start(one, whole) for one, whole in zip(kernel, ours, strict=False))


def is_start(kernel: tuple[Passing, ...], ours: tuple[Passing, ...]) -> bool:
    if kernel == ours:
        return True
    cut = len(kernel) - 1
    is_ipv6 = ":" in ours[0][3]
    if not is_ipv6 or kernel[:cut] != ours[:cut] or len(kernel) > len(ours):
        return False
    if not kernel:
        return True
    last, whole = kernel[cut], ours[cut]
    return last[:-1] == whole[:-1] and last[-1] == whole[-1][: len(last[-1])]


def read(hook: list[Any]) -> Passing:
    at, inward, outward, src, dst, dport, mark, steps = hook
    return (
        at,
        inward,
        outward,
        src,
        dst,
        dport,
        mark,
        tuple((chain, number, verdict) for chain, number, verdict in steps),
    )


def holds(ruleset: Ruleset, at: str | None) -> bool:
    if at is None:
        return False
    table, _, hook = at.partition(":")
    chain = ruleset.chain(table, hook)
    return chain is not None and (bool(chain.rules) or chain.policy == "DROP")


STICKY = "affinity"
"""Its connections go where those before them went, and each is held against a fresh World here."""

CONNECTIONS = [
    pytest.param(connection, id=f"{name}: {connection.truth['name']}")
    for name, recording in recordings().items()
    if name != STICKY
    for connection in recording.connections()
    if connection.truth.get("first_packets")
]


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_hook_by_hook_as_the_kernel_did(connection: Connection) -> None:
    wanted = recorded(connection)
    found = [simulated(branch) for branch in connection.branches()]
    assert any(agree(wanted, one) for one in found), (wanted, found)


def test_every_trace_is_there() -> None:
    """Of 134 connections the recorder has no trace of 12, and 17 are sticky."""
    assert len(CONNECTIONS) == 105
