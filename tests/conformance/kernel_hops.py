"""The way of a connection's first packet through each node, hook by hook and rule by rule, in the same words from a recording and from a Branch.

A recording (README in tests/golden/kernel) has devices, addresses, port and mark on entry to each hook, and the rules that matched, by number and
with their verdict.
"""

from typing import Any

from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.walk import Walked
from kproxysim.network import Branch
from kproxysim.network.trace import Hop

Passing = tuple[str, str, str, str, str, int | None, str, tuple[tuple[str, int | None, str], ...]]
"""One hook: "table:HOOK", device in, device out, source, destination, destination port, mark, and what matched."""

Passes = list[tuple[Passing, ...]]
Way = dict[str, Passes]
"""For each node the times that a packet passed it, and of each the hooks that hold rules."""

RECORDER = ("raw:PREROUTING", "raw:OUTPUT")
"""The recorder's own table, in which its TRACE rule stood."""

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


def recorded(truth: dict[str, Any]) -> Way:
    """All hooks but the recorder's own; two traces begin with a line that it could not read."""
    return {
        node: [tuple(read(hook) for hook in hooks if hook[0] not in (None, *RECORDER)) for hooks in packets]
        for node, packets in truth["first_packets"].items()
    }


def agree(kernel: Way, ours: Way, *, is_cut: bool) -> bool:
    """The same passes of the same nodes. The recorder's trace ends where a packet enters lo, and if it `is_cut` anywhere: its tool gave up there."""
    return sorted(kernel) == sorted(ours) and all(
        begins_with(ours[node], found, is_cut=is_cut) for node, found in kernel.items()
    )


def begins_with(ours: Passes, kernel: Passes, *, is_cut: bool) -> bool:
    rest = ours[len(kernel) :]
    if any(hook[1] != "lo" for one in rest for hook in one) or len(ours) < len(kernel):
        return False
    return all(
        one == whole or (is_cut and is_start(one, whole)) for one, whole in zip(kernel, ours, strict=False)
    )


def is_start(kernel: tuple[Passing, ...], ours: tuple[Passing, ...]) -> bool:
    cut = len(kernel) - 1
    if kernel[:cut] != ours[:cut] or len(kernel) > len(ours):
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
