"""What conntrack makes of TCP, packet by packet: random ones in both directions through a router.

After each are compared: is it NEW, ESTABLISHED or INVALID to `-m conntrack --ctstate`; is there an entry; its state, [UNREPLIED], [ASSURED],
and for how long it is kept. KPROXYSIM_KERNEL_SEGMENTS says how many segments to send at least.
"""

import os
import re
from random import Random

import pytest

from kproxysim.netfilter.conntrack import Status
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.timeouts import Timeouts
from tests.kernel.tracker import Router, Segments, needs_conntrack

SEGMENTS = int(os.environ.get("KPROXYSIM_KERNEL_SEGMENTS", "3000"))
STEPS = 14
FLOWS = 40

USUAL = ("SYN", "SYN,ACK", "ACK", "PSH,ACK", "FIN,ACK", "RST", "RST,ACK")
WEIGHTS = (5, 5, 8, 6, 5, 2, 2)
ODD = ("FIN", "FIN,SYN", "PSH", "ACK,URG", "FIN,RST,ACK", "SYN,ACK,URG")

DISTINCT = {
    f"nf_conntrack_tcp_timeout_{name}": str(seconds)
    for name, seconds in {
        "syn_sent": 1000, "syn_recv": 1100, "established": 9000, "fin_wait": 1200, "close_wait": 1300, "last_ack": 1400,
        "time_wait": 1500, "close": 1600, "max_retrans": 2100, "unacknowledged": 3100,
    }.items()
}  # fmt: skip
"""No two alike, and the two that only shorten others in the middle."""

SHORTENED = DISTINCT | {
    "nf_conntrack_tcp_timeout_max_retrans": "700",
    "nf_conntrack_tcp_timeout_unacknowledged": "600",
}

SETTINGS: dict[str, dict[str, str]] = {
    "defaults": {},
    "distinct": DISTINCT,
    "shortened": SHORTENED,
    "liberal": DISTINCT | {"nf_conntrack_tcp_be_liberal": "1"},
    "strict": DISTINCT | {"nf_conntrack_tcp_loose": "0"},
    "impatient": DISTINCT | {"nf_conntrack_tcp_max_retrans": "1"},
}


def sysctls_of(values: dict[str, str]) -> Sysctls:
    return Sysctls(
        tcp_loose=values.get("nf_conntrack_tcp_loose") != "0",
        tcp_be_liberal=values.get("nf_conntrack_tcp_be_liberal") == "1",
        tcp_max_retrans=int(values.get("nf_conntrack_tcp_max_retrans", "3")),
        timeouts=Timeouts.of({f"net.netfilter.{name}": value for name, value in values.items()}),
    )


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


@pytest.mark.parametrize("name", SETTINGS)
def test_each_segment(name: str) -> None:
    needs_conntrack()
    values = SETTINGS[name]
    drawn = Random(name)
    sysctls = sysctls_of(values)
    disagreements: list[str] = []
    sent = 0
    with Router(values) as router:
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
