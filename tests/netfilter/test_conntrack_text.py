"""The table of connections in the words of `conntrack -L` (`nfct_snprintf_conntrack_default`)."""

from ipaddress import ip_address

import pytest

from kproxysim.netfilter.conntrack import Connection, Conntrack, Status, Tuple
from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tracking import track
from kproxysim.packet import Packet

BOTH = Status.SEEN_REPLY | Status.ASSURED


def entry(protocol: str, src: str, dst: str, sport: int = -1, dport: int = -1) -> Connection:
    family = ip_address(src).version
    one = Tuple(protocol, int(ip_address(src)), sport, int(ip_address(dst)), dport, family)
    return Connection(1, one, one.inverse(), BOTH, expires=30)


def ping(packet: Packet) -> Connection:
    flow = track(Skb.of(packet), Conntrack(), Sysctls()).flow
    assert flow is not None
    assert flow.connection is not None
    return flow.connection._replace(status=BOTH, expires=30)


TCP = entry("tcp", "10.0.0.5", "10.0.0.9", 4000, 80)._replace(state="ESTABLISHED")
THERE, BACK = "src=10.0.0.5 dst=10.0.0.9 sport=4000 dport=80", "src=10.0.0.9 dst=10.0.0.5 sport=80 dport=4000"

LINES = [
    (TCP, f"tcp      6 30 ESTABLISHED {THERE} {BACK} [ASSURED] mark=0 use=1"),
    (TCP._replace(status=Status.SEEN_REPLY), f"tcp      6 30 ESTABLISHED {THERE} {BACK} mark=0 use=1"),
    (
        TCP._replace(status=Status.CONFIRMED),
        f"tcp      6 30 ESTABLISHED {THERE} [UNREPLIED] {BACK} mark=0 use=1",
    ),
    (TCP._replace(mark=0x4000), f"tcp      6 30 ESTABLISHED {THERE} {BACK} [ASSURED] mark=16384 use=1"),
    (TCP._replace(expires=0), f"tcp      6 0 ESTABLISHED {THERE} {BACK} [ASSURED] mark=0 use=1"),
    (
        entry("udp", "fd00::5", "fd00::9", 4000, 0),
        (
            "udp      17 30 src=fd00::5 dst=fd00::9 sport=4000 dport=0"
            " src=fd00::9 dst=fd00::5 sport=0 dport=4000 [ASSURED] mark=0 use=1"
        ),
    ),
    (
        entry("sctp", "10.0.0.5", "10.0.0.9", 4000, 80)._replace(state="CLOSED"),
        f"sctp     132 30 CLOSED {THERE} {BACK} [ASSURED] mark=0 use=1",
    ),
    (
        ping(Packet("icmp", "10.0.0.5", "10.0.0.9", icmp=(8, 0))),
        (
            "icmp     1 30 src=10.0.0.5 dst=10.0.0.9 type=8 code=0 id=0"
            " src=10.0.0.9 dst=10.0.0.5 type=0 code=0 id=0 [ASSURED] mark=0 use=1"
        ),
    ),
    (
        ping(Packet("ipv6-icmp", "fd00::5", "fd00::9", icmp=(128, 0))),
        (
            "icmpv6   58 30 src=fd00::5 dst=fd00::9 type=128 code=0 id=0"
            " src=fd00::9 dst=fd00::5 type=129 code=0 id=0 [ASSURED] mark=0 use=1"
        ),
    ),
    (
        entry("gre", "10.0.0.5", "10.0.0.9"),
        (
            "gre      47 30 src=10.0.0.5 dst=10.0.0.9 srckey=0x0 dstkey=0x0"
            " src=10.0.0.9 dst=10.0.0.5 srckey=0x0 dstkey=0x0 [ASSURED] mark=0 use=1"
        ),
    ),
    (
        entry("esp", "10.0.0.5", "10.0.0.9"),
        "unknown  50 30 src=10.0.0.5 dst=10.0.0.9 src=10.0.0.9 dst=10.0.0.5 [ASSURED] mark=0 use=1",
    ),
    (
        entry("253", "10.0.0.5", "10.0.0.9"),
        "unknown  253 30 src=10.0.0.5 dst=10.0.0.9 src=10.0.0.9 dst=10.0.0.5 [ASSURED] mark=0 use=1",
    ),
]


@pytest.mark.parametrize("connection, line", LINES)
def test_a_line(connection: Connection, line: str) -> None:
    assert conntrack_list([connection], 0) == f"{line}\n"


@pytest.mark.parametrize("clock, left", [(0.5, 29), (29.5, 0), (30, 0), (31, 0), (90, 0)])
def test_what_is_left_of_its_time_in_whole_seconds(clock: float, left: int) -> None:
    assert conntrack_list([TCP], clock).split()[2] == str(left)


def test_a_line_for_each() -> None:
    assert conntrack_list([TCP, LINES[1][0]], 0) == f"{LINES[0][1]}\n{LINES[1][1]}\n"
    assert conntrack_list([], 0) == ""
