"""A router that tracks, and segments made for it: real numbers for each step of a TCP connection that conntrack takes part in."""

import os
import shutil
import struct
from ipaddress import ip_address

import pytest

from kproxysim.netfilter.conntrack import Connection, Conntrack, CtState
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tcp_states import IGNORED, TRANSITIONS, kind_of
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet
from tests.kernel.held import Held
from tests.kernel.plan import Cable, HostPlan, Plan

LEFT, RIGHT = "10.1.0.9", "10.2.0.9"
THOUGHTS = {1: CtState.INVALID, 2: CtState.NEW, 3: CtState.ESTABLISHED}
WINDOW = 8192
OUTSIDE = 100_000
"""So far ahead is a sequence number outside of any window."""

DATA = b"data"
FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}

MACS = {
    "left": "02:00:00:00:01:02", "l0": "02:00:00:00:01:01", "right": "02:00:00:00:02:02", "r0": "02:00:00:00:02:01",
}  # fmt: skip

TOLD = "".join(
    f"-A FORWARD -m conntrack --ctstate {state} -j DSCP --set-dscp {number}\n"
    for number, state in THOUGHTS.items()
)


def needs_conntrack() -> None:
    """Leave the test out where the program is missing; where CI=true it fails."""
    if shutil.which("conntrack") is None:
        missing = "the program conntrack (Debian: conntrack) is not installed"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


def plan(sysctls: dict[str, str]) -> Plan:
    """`sysctls` are the router's, by name without `net.netfilter.`."""
    routes = {"left": ("10.0.1.2", "10.0.1.1"), "right": ("10.0.2.2", "10.0.2.1")}
    settings = {f"net/netfilter/{name}": value for name, value in sysctls.items()}
    router = HostPlan(
        {"net/ipv4/ip_forward": "1", "net/netfilter/nf_conntrack_checksum": "0", **settings},
        [
            "address add 10.0.1.1/24 dev l0",
            "address add 10.0.2.1/24 dev r0",
            "link set l0 up",
            "link set r0 up",
            f"neighbour add 10.0.1.2 lladdr {MACS['left']} dev l0 nud permanent",
            f"neighbour add 10.0.2.2 lladdr {MACS['right']} dev r0 nud permanent",
            f"route add {LEFT} via 10.0.1.2",
            f"route add {RIGHT} via 10.0.2.2",
        ],
        {"ipv4": f"*mangle\n{TOLD}COMMIT\n"},
    )
    ends = {
        side: HostPlan(
            {"net/ipv4/ip_forward": "0"},
            [
                f"address add {own}/24 dev eth0",
                "link set eth0 up",
                f"neighbour add {gateway} lladdr {MACS['l0' if side == 'left' else 'r0']} dev eth0 nud permanent",
                f"route add default via {gateway}",
            ],
        )
        for side, (own, gateway) in routes.items()
    }
    cables = [
        Cable([("left", "eth0", MACS["left"]), ("router", "l0", MACS["l0"])]),
        Cable([("right", "eth0", MACS["right"]), ("router", "r0", MACS["r0"])]),
    ]
    return Plan("nft", {"router": router, **ends}, cables)


class Router(Held):
    """The router of a plan, its links up: the first packets over a new one are lost."""

    def __init__(self, sysctls: dict[str, str]) -> None:
        super().__init__(plan(sysctls))
        pong = struct.pack("!BBHHH", 0, 0, 0, 0, 0)  # an answer that nobody asked for leaves no entry
        probes = [("left", wire(LEFT, RIGHT, 1, pong, 1)), ("right", wire(RIGHT, LEFT, 1, pong, 2))]
        for _ in range(100):
            if None not in self.carry(probes, 0.05):
                return
        self.close()
        raise TimeoutError("no packet gets through the router")

    def carry(self, packets: list[tuple[str, bytes]], patience: float = 5) -> list[str | None]:
        """Send packets, each from its side. What conntrack called each, None for one that did not arrive."""
        sent = [(side, data.hex()) for side, data in packets]
        seen = self.ask({"carry": {"packets": sent, "patience": patience}})
        return [THOUGHTS.get(dscp) for dscp in seen]

    def list(self) -> str:
        """What `conntrack -L` prints."""
        text = self.ask({"conntrack": {"host": "router", "arguments": ["-L"]}})
        assert isinstance(text, str)
        return text

    def flush(self) -> None:
        self.ask({"conntrack": {"host": "router", "arguments": ["-F"]}})


def wire(src: str, dst: str, protocol: int, payload: bytes, number: int) -> bytes:
    """An IPv4 packet with this number as its id."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, 0, 64, protocol, 0)
    return header + ip_address(src).packed + ip_address(dst).packed + payload


class Segments:
    """One connection between LEFT and RIGHT as the simulator tracks it, and the numbers that make a real one of it.

    A side's numbers go on with what conntrack has accepted from it, for only that may be acknowledged.
    """

    def __init__(self, port: int, sysctls: Sysctls, isn: tuple[int, int]) -> None:
        self.port = port
        self.sysctls = sysctls
        self.table = Conntrack()
        self._isn = isn
        self._next = list(isn)
        self._acked: list[int | None] = [None, None]

    @property
    def entry(self) -> Connection | None:
        found = self.table.entries()
        return found[0] if found else None

    @property
    def _both_opened(self) -> bool:
        entry = self.entry
        return entry is not None and entry.state == "SYN_SENT2"

    def may_be_outside(self, side: int, flags: str) -> bool:
        """Has this side a window that conntrack knows and asks for?"""
        entry = self.entry
        if entry is None or "SYN" in flags:
            return False
        if "RST" in flags and (entry.state.startswith("SYN_SENT") or any(entry.tcp.lenient)):
            return False
        return entry.tcp.known[self._is_reply(entry, side)]

    def must_wait(self, side: int) -> bool:
        """Has it sent what nobody has acknowledged, at the beginning, when it knows of no window?"""
        return self._acked[side] is None and self._next[side] > self._isn[side] + 1

    def step(self, side: int, flags: str, *, in_window: bool, number: int) -> tuple[bytes, str]:
        """The next segment on the wire, and what the simulator thinks of it."""
        ends, ports = ((LEFT, RIGHT), (self.port, 80)) if side == 0 else ((RIGHT, LEFT), (80, self.port))
        packet = Packet("tcp", *ends, *ports, flags, in_window=in_window)
        before = self.entry
        answers_syn = (
            before is not None
            and before.tcp.last == "SYN"
            and before.tcp.last_is_reply != self._is_reply(before, side)
        )
        sequence, acknowledged = self._numbers(side, flags, answers_syn=answers_syn)
        data = segment(packet, sequence + (0 if in_window else OUTSIDE), acknowledged, number)
        skb = confirm(track(Skb.of(packet), self.table, self.sysctls), self.table)
        assert skb.flow is not None
        if skb.flow.state != CtState.INVALID:
            end = sequence + len(DATA) * ("PSH" in flags) + ("SYN" in flags) + ("FIN" in flags)
            synchronises = flags == "SYN,ACK" and answers_syn
            self._go_on(side, flags, before, end if in_window else None, acknowledged, synchronises)
        return data, skb.flow.state

    def _is_reply(self, entry: Connection, side: int) -> bool:
        return (entry.original.src == int(ip_address(LEFT))) == (side == 1)

    def _numbers(self, side: int, flags: str, *, answers_syn: bool) -> tuple[int, int]:
        """A reset has the number that was acknowledged last, or none at all where it answers a SYN."""
        answers_syn = answers_syn and flags in ("SYN,ACK", "RST,ACK")
        acknowledged = self._isn[1 - side] + 1 if answers_syn else self._next[1 - side]
        acked = self._acked[side]
        if "SYN" in flags:
            return self._isn[side], acknowledged
        if flags == "RST,ACK" and answers_syn and not self._both_opened:
            return 0, acknowledged
        if (
            "RST" in flags
            and self.entry is not None
            and not self.entry.tcp.known[not self._is_reply(self.entry, side)]
        ):
            acknowledged = 0
        if "RST" in flags and acked is not None:
            return acked, acknowledged
        if "RST" in flags and self.must_wait(side):
            return self._isn[side] + 1, acknowledged
        return self._next[side], acknowledged

    def _go_on(
        self,
        side: int,
        flags: str,
        before: Connection | None,
        end: int | None,
        acknowledged: int,
        synchronises: bool,
    ) -> None:
        after = self.entry
        if after is None:
            self._next, self._acked = list(self._isn), [None, None]
            return
        is_reply = self._is_reply(after, side)
        is_new = before is None or after.number != before.number
        if before is None or is_new:
            self._acked = [None, None]
            if flags.startswith("SYN"):
                self._next[1 - side] = self._isn[1 - side]
        elif synchronises and before.state not in ("SYN_SENT", "SYN_SENT2"):
            self._next[1 - side], self._acked = acknowledged, [None, None]
        elif not synchronises and after.expires == before.expires and after.state == before.state:
            cell = TRANSITIONS[is_reply][kind_of(flags)][before.state]
            if cell == IGNORED or kind_of(flags) == "SYN":
                return
        lenient = after.tcp.lenient[is_reply] and not after.tcp.known[not is_reply]
        if end is not None and (is_new or not lenient):
            first = before is not None and before.tcp.known[is_reply] != after.tcp.known[is_reply]
            if "RST" not in flags or first:
                self._next[side] = end
            if "ACK" in flags and acknowledged and not is_new:
                self._acked[1 - side] = acknowledged


def segment(packet: Packet, sequence: int, acknowledged: int, number: int) -> bytes:
    """A TCP packet on the wire; `number` is its id."""
    bits = sum(FLAGS[name] for name in packet.flags.split(",") if name)
    payload = DATA if "PSH" in packet.flags else b""
    ports = (packet.sport, packet.dport)
    acknowledged = acknowledged if "ACK" in packet.flags else 0
    numbers = (sequence % 2**32, acknowledged % 2**32)
    tcp = struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, bits, WINDOW, 0, 0) + payload
    return wire(str(packet.src), str(packet.dst), 6, tcp, number)
