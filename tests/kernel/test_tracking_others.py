"""What conntrack makes of SCTP, drawn chunk by chunk, and of protocols without states; and how `conntrack -L` prints all of them."""

import re
import struct
from random import Random

from kproxysim.netfilter.conntrack import Conntrack, CtState
from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet
from tests.kernel.tracker import LEFT, RIGHT, Router, needs_conntrack, wire
from tests.netfilter.test_sctp_tracking import ROWS

FLOWS, STEPS = 60, 12
WAYS = [row.split(", ") for row in ROWS if not re.search(r"\ds,", row)]
"""Those of the first flows; the others are drawn."""

CHUNKS = {
    "DATA": 0, "INIT": 1, "INIT_ACK": 2, "SACK": 3, "HEARTBEAT": 4, "HEARTBEAT_ACK": 5, "ABORT": 6, "SHUTDOWN": 7,
    "SHUTDOWN_ACK": 8, "ERROR": 9, "COOKIE_ECHO": 10, "COOKIE_ACK": 11, "SHUTDOWN_COMPLETE": 14,
}  # fmt: skip
USUAL = ("INIT", "INIT_ACK", "COOKIE_ECHO", "COOKIE_ACK", "SHUTDOWN", "SHUTDOWN_ACK", "SHUTDOWN_COMPLETE")
TAG = 0x1111
"""Of both sides: so it is right wherever one is asked for."""

DISTINCT = {
    f"nf_conntrack_sctp_timeout_{name}": str(500 + 100 * place)
    for place, name in enumerate(
        ("closed", "cookie_wait", "cookie_echoed", "established", "shutdown_sent", "shutdown_recd",
         "shutdown_ack_sent", "heartbeat_sent")
    )
}  # fmt: skip


class Tracked:
    """Packets between LEFT and RIGHT as the simulator tracks them, and what conntrack expects of their tags."""

    def __init__(self, sysctls: Sysctls) -> None:
        self.table = Conntrack()
        self.sysctls = sysctls
        self._tags = [0, 0]

    def see(self, packet: Packet) -> str:
        skb = confirm(track(Skb.of(packet), self.table, self.sysctls), self.table)
        assert skb.flow is not None
        return skb.flow.state

    def chunk(self, side: int, port: int, chunk: str, number: int) -> tuple[bytes, str]:
        """A packet on the wire, and what the simulator thinks of it."""
        packet = between(side, "sctp", port, 80, chunk)
        tag = 0 if chunk == "INIT" else self._tags[side] if len(self.table) else TAG
        is_new = not len(self.table)
        thought = self.see(packet)
        if thought != CtState.INVALID:
            if chunk in ("INIT", "INIT_ACK"):
                self._tags[1 - side] = TAG
            elif is_new:
                self._tags[side] = TAG if chunk.startswith("HEARTBEAT") else 0
                self._tags[1 - side] = TAG if chunk == "SHUTDOWN_ACK" else 0
        body = struct.pack("!IIHHI", TAG, 65536, 1, 1, 1) if chunk.startswith("INIT") else b""
        head = struct.pack("!BBH", CHUNKS[chunk], 0, 4 + len(body))
        ports = struct.pack("!HHII", packet.sport, packet.dport, tag, 0)
        return wire(str(packet.src), str(packet.dst), 132, ports + head + body, number), thought


def between(side: int, protocol: str, left: int | None, right: int | None, flags: str = "") -> Packet:
    if side == 0:
        return Packet(protocol, LEFT, RIGHT, left, right, flags)
    return Packet(protocol, RIGHT, LEFT, right, left, flags)


def read(text: str) -> dict[str, int]:
    """Lines without the seconds, and those; ids of pings are 0."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"(\S+ +\d+) (\d+) (.*)", line)
        assert match is not None, line
        head, seconds, rest = match.groups()
        found[f"{head} {re.sub(r'id=[0-9]+', 'id=0', rest)}"] = int(seconds)
    return found


def compare(theirs: str, ours: str) -> None:
    kernel, simulator = read(theirs), read(ours)
    assert kernel.keys() == simulator.keys()
    slow = 20
    assert all(simulator[line] - slow <= seconds <= simulator[line] for line, seconds in kernel.items())


def test_sctp_chunk_by_chunk() -> None:
    needs_conntrack()
    drawn = Random(1)
    sysctls = Sysctls(
        timeouts=Timeouts.of({f"net.netfilter.{name}": text for name, text in DISTINCT.items()})
    )
    with Router(DISTINCT) as router:
        flows = [Tracked(sysctls) for _ in range(FLOWS)]
        told = [""] * FLOWS
        for step in range(STEPS):
            packets, thoughts = [], []
            for number, flow in enumerate(flows, 1):
                side = drawn.randrange(2)
                chunk = drawn.choice(USUAL) if drawn.random() < 0.7 else drawn.choice(list(CHUNKS))
                if step < 4 and drawn.random() < 0.6:
                    side, chunk = step % 2, USUAL[step]
                if number <= len(WAYS) and step < len(WAYS[number - 1]):
                    end, chunk = WAYS[number - 1][step].split()
                    side = int(end == "<")
                data, thought = flow.chunk(side, 1024 + number, chunk, number)
                packets.append(("right" if side else "left", data))
                thoughts.append(thought)
                told[number - 1] += f"{'<' if side else '>'} {chunk}, "
            seen = router.carry(packets)
            differ = [
                f"{what}kernel {called}, simulator {thought}"
                for what, thought, called in zip(told, thoughts, seen, strict=True)
                if called != thought
            ]
            assert not differ
            compare(router.list(), "".join(conntrack_list(flow.table.entries(), 0) for flow in flows))


def test_protocols_without_states() -> None:
    needs_conntrack()
    ping = struct.pack("!BBHHH", 8, 0, 0, 77, 1)
    pong = struct.pack("!BBHHH", 0, 0, 0, 77, 1)
    udp = struct.pack("!HHHH", 4000, 53, 8, 0), struct.pack("!HHHH", 53, 4000, 8, 0)
    gre = b"\0\0\x08\0"
    echo = [Packet("icmp", LEFT, RIGHT, icmp=(8, 0)), Packet("icmp", RIGHT, LEFT, icmp=(0, 0))]
    sent = [
        (0, echo[0], 1, ping), (0, between(0, "udp", 4000, 53), 17, udp[0]), (0, between(0, "esp", None, None), 50, b"x" * 8),
        (0, between(0, "gre", None, None), 47, gre), (1, echo[1], 1, pong), (1, between(1, "udp", 4000, 53), 17, udp[1]),
        (1, between(1, "gre", None, None), 47, gre), (0, between(0, "gre", None, None), 47, gre),
    ]  # fmt: skip
    flow = Tracked(Sysctls())
    with Router({}) as router:
        for side, packet, protocol, payload in sent:
            data = wire(str(packet.src), str(packet.dst), protocol, payload, 1)
            assert router.carry([("right" if side else "left", data)]) == [flow.see(packet)]
            compare(router.list(), conntrack_list(flow.table.entries(), 0))
