"""What conntrack makes of TCP, packet by packet: known ways and random ones, in both directions through a router.

After each are compared: is it NEW, ESTABLISHED or INVALID to `-m conntrack --ctstate`; is there an entry; its state, [UNREPLIED], [ASSURED],
and for how long it is kept. KPROXYSIM_KERNEL_SEGMENTS says how many segments to send at least.
"""

import os
import re
from collections.abc import Iterable, Iterator
from random import Random

import pytest

from kproxysim.netfilter.conntrack import Status
from kproxysim.netfilter.host import Sysctls
from tests.kernel.tracker import Router, Segments, needs_conntrack
from tests.netfilter.tcp_rows import ROWS, SETTINGS, segments, sysctls_of

SEGMENTS = int(os.environ.get("KPROXYSIM_KERNEL_SEGMENTS", "3000"))
STEPS = 14
FLOWS = 40

USUAL = ("SYN", "SYN,ACK", "ACK", "PSH,ACK", "FIN,ACK", "RST", "RST,ACK")
WEIGHTS = (5, 5, 8, 6, 5, 2, 2)
ODD = ("FIN", "FIN,SYN", "PSH", "ACK,URG", "FIN,RST,ACK", "SYN,ACK,URG")

ENTRY = re.compile(
    r"^tcp +6 (\d+) (\S+) src=(\S+) dst=\S+ sport=(\d+) dport=(\d+) (\[UNREPLIED\] )?src=.*$", re.MULTILINE
)
SLACK = 20
"""Seconds between the last packet and the list, on a slow machine."""


def listed(text: str) -> dict[int, tuple[int, str]]:
    """By port of LEFT: seconds left, and the rest in words."""
    found = {}
    for line in ENTRY.finditer(text):
        seconds, state, src, sport, dport, unreplied = line.groups()
        words = [state, "from left" if src.startswith("10.1.") else "from right"]
        words += ["UNREPLIED"] if unreplied else []
        words += ["ASSURED"] if "[ASSURED]" in line.group() else []
        found[int(dport) if sport == "80" else int(sport)] = int(seconds), " ".join(words)
    return found


def expected(flow: Segments) -> tuple[float, str] | None:
    entry = flow.entry
    if entry is None:
        return None
    words = [entry.state, "from right" if entry.original.sport == 80 else "from left"]
    words += [] if entry.status & Status.SEEN_REPLY else ["UNREPLIED"]
    words += ["ASSURED"] if entry.status & Status.ASSURED else []
    return entry.expires, " ".join(words)


def is_same(theirs: tuple[int, str] | None, ours: tuple[float, str] | None) -> bool:
    if theirs is None or ours is None:
        return theirs is ours
    kept_as_long = ours[0] - SLACK <= theirs[0] <= ours[0]
    # what comes after a reset belongs to nothing any more: for how long it keeps the entry is not compared
    return theirs[1] == ours[1] and (kept_as_long or theirs[1].startswith("CLOSE "))


def disagreements_of(rows: Iterable[str], router: Router, sysctls: Sysctls) -> Iterator[str]:
    """The rows without pauses, all at once: one packet of each in a turn."""
    ways = [
        [one for one in segments(row) if not isinstance(one, float)]
        for row in rows
        if not re.search(r"\d+s,", row)
    ]
    flows = [Segments(1024 + n, sysctls, (3 << 28, 7 << 27)) for n in range(len(ways))]
    for turn in range(max(map(len, ways))):
        packets: list[tuple[str, bytes]] = []
        thoughts = {}
        for flow, way in zip(flows, ways, strict=True):
            if turn < len(way):
                side, flags, in_window = way[turn]
                data, thought = flow.step(side, flags, in_window=in_window, number=len(packets) + 1)
                packets.append(("right" if side else "left", data))
                thoughts[flow] = thought, f"{way[: turn + 1]}"
        seen = router.carry(packets)
        entries = listed(router.list())
        for called, (flow, (thought, way_there)) in zip(seen, thoughts.items(), strict=True):
            theirs, ours = entries.get(flow.port), expected(flow)
            if called != thought or not is_same(theirs, ours):
                yield f"kernel {called} {theirs}: {thought} {ours} after {way_there}"
    router.flush()


@pytest.mark.parametrize("name", SETTINGS)
def test_each_segment(name: str) -> None:
    needs_conntrack()
    values = SETTINGS[name]
    drawn = Random(name)
    sysctls = sysctls_of(values)
    sent = 0
    with Router(values) as router:
        disagreements = list(disagreements_of(ROWS[name], router, sysctls))
        while sent * len(SETTINGS) < SEGMENTS and not disagreements:
            flows = [Segments(1024 + n, sysctls, (3 << 28, 7 << 27)) for n in range(FLOWS)]
            told = {flow.port: "" for flow in flows}
            for _ in range(STEPS):
                packets, thoughts = [], []
                for number, flow in enumerate(flows, 1):
                    side = drawn.choices((0, 1), (3, 2))[0]
                    flags = drawn.choice(ODD) if drawn.random() < 0.03 else drawn.choices(USUAL, WEIGHTS)[0]
                    if flow.must_wait(side) and not {"SYN", "RST"} & set(flags.split(",")):
                        side, flags = 1 - side, "ACK"
                    in_window = drawn.random() > 0.08 or not flow.may_be_outside(side, flags)
                    data, thought = flow.step(side, flags, in_window=in_window, number=number)
                    packets.append(("right" if side else "left", data))
                    thoughts.append(thought)
                    told[flow.port] += (
                        f"{'<' if side else '>'}{flags}{'' if in_window else '!'} {thought} {expected(flow)}; "
                    )
                seen = router.carry(packets)
                entries = listed(router.list())
                sent += len(packets)
                for flow, thought, called in zip(flows, thoughts, seen, strict=True):
                    theirs, ours = (called, entries.get(flow.port)), expected(flow)
                    if theirs[0] != thought or not is_same(theirs[1], ours):
                        disagreements.append(f"kernel {theirs}: {told[flow.port]}")
                if disagreements:
                    break
            router.flush()
    assert not disagreements, f"{len(disagreements)} of {sent}:\n" + "\n".join(disagreements[:12])
    assert sent * len(SETTINGS) >= SEGMENTS
