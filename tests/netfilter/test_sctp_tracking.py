"""SCTP associations as conntrack sees them; a kernel is asked for the same in tests/kernel/test_tracking_others.py."""

import pytest

from kproxysim.netfilter.conntrack import Conntrack, Status
from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet

OPEN = "> INIT, < INIT_ACK, > COOKIE_ECHO, < COOKIE_ACK"


def after(words: str) -> str:
    """What the last of some packets is called, and state and seconds of the entry; `>` is from the client, `5s` lets time pass."""
    table, told = Conntrack(), ""
    for word in words.split(", "):
        if word.endswith("s"):
            table.clock += float(word.removesuffix("s"))
            continue
        side, chunk = word.split()
        ends = ("10.0.0.5", "10.1.0.9", 4000, 80) if side == ">" else ("10.1.0.9", "10.0.0.5", 80, 4000)
        skb = confirm(track(Skb.of(Packet("sctp", *ends, chunk)), table, Sysctls()), table)
        assert skb.flow is not None
        told = skb.flow.state
    entry = next(iter(table.entries()), None)
    if entry is None:
        return f"{told}: none"
    assured = " ASSURED" if entry.status & Status.ASSURED else ""
    return f"{told}: {entry.state} {entry.expires - table.clock:g}{assured}"


ROWS = {
    "> INIT": "NEW: CLOSED 10",
    "> INIT, < INIT_ACK": "ESTABLISHED: COOKIE_WAIT 3",
    "> INIT, < INIT_ACK, > COOKIE_ECHO": "ESTABLISHED: COOKIE_ECHOED 3",
    "> INIT, < INIT_ACK, > COOKIE_ECHO, < ERROR": "ESTABLISHED: CLOSED 10",
    OPEN: "ESTABLISHED: ESTABLISHED 210 ASSURED",
    f"{OPEN}, > DATA": "ESTABLISHED: ESTABLISHED 210 ASSURED",
    f"{OPEN}, > SHUTDOWN": "ESTABLISHED: SHUTDOWN_SENT 3 ASSURED",
    f"{OPEN}, < SHUTDOWN": "ESTABLISHED: SHUTDOWN_RECD 3 ASSURED",
    f"{OPEN}, > SHUTDOWN, > INIT": "ESTABLISHED: CLOSED 10 ASSURED",
    f"{OPEN}, > SHUTDOWN, < SHUTDOWN_ACK": "ESTABLISHED: SHUTDOWN_ACK_SENT 3 ASSURED",
    f"{OPEN}, > SHUTDOWN, < SHUTDOWN_ACK, > SHUTDOWN_COMPLETE": "ESTABLISHED: CLOSED 10 ASSURED",
    f"{OPEN}, < ABORT": "ESTABLISHED: CLOSED 10 ASSURED",
    "> DATA": "INVALID: none",
    "> ABORT": "INVALID: none",
    # an INIT that is sent again does not keep the entry
    "> INIT, 4s, > INIT": "NEW: CLOSED 6",
    "> INIT, 4s, > DATA": "NEW: CLOSED 10",
    f"{OPEN}, < ABORT, 4s, > INIT": "ESTABLISHED: CLOSED 6 ASSURED",
    f"{OPEN}, 4s, > INIT": "ESTABLISHED: ESTABLISHED 210 ASSURED",
    # a second path
    "> HEARTBEAT": "NEW: HEARTBEAT_SENT 30",
    "> HEARTBEAT, < DATA": "ESTABLISHED: HEARTBEAT_SENT 30",
    "> HEARTBEAT, < HEARTBEAT_ACK": "ESTABLISHED: ESTABLISHED 210 ASSURED",
    "> HEARTBEAT, < INIT_ACK": "INVALID: HEARTBEAT_SENT 30",
    "> HEARTBEAT, < ABORT": "INVALID: HEARTBEAT_SENT 30",
    "> HEARTBEAT, > ABORT": "NEW: CLOSED 10",
    "> HEARTBEAT_ACK": "NEW: CLOSED 10",
    "> SHUTDOWN_ACK": "NEW: SHUTDOWN_ACK_SENT 3",
}


@pytest.mark.parametrize("packets, wanted", ROWS.items())
def test_what_becomes_of_an_association(packets: str, wanted: str) -> None:
    assert after(packets) == wanted


def test_a_packet_of_sctp_opens_an_association_unless_it_says_otherwise() -> None:
    first = Packet("sctp", "10.0.0.5", "10.1.0.9", 4000, 80)
    assert (first.flags, "flags" in first.to_dict()) == ("INIT", False)
    assert first.reply("INIT_ACK").to_dict()["flags"] == "INIT_ACK"


def test_lines_of_a_list() -> None:
    """As conntrack 1.4.7 printed them (tests/kernel/test_tracking_others.py compares them all)."""
    table = Conntrack()
    for packet in (
        Packet("tcp", "10.0.0.5", "10.1.0.9", 4000, 80),
        Packet("udp", "fd00::5", "fd00::9", 4000, 53),
        Packet("icmp", "10.0.0.5", "10.1.0.9", icmp=(8, 0)),
        Packet("icmp", "10.1.0.9", "10.0.0.5", icmp=(0, 0)),
    ):
        confirm(track(Skb.of(packet), table, Sysctls()), table)
    table.clock = 0.5
    first, second = "src=10.0.0.5 dst=10.1.0.9", "src=10.1.0.9 dst=10.0.0.5"
    six, back = "src=fd00::5 dst=fd00::9", "src=fd00::9 dst=fd00::5"
    assert conntrack_list(table.entries(), table.clock).splitlines() == [
        f"tcp      6 119 SYN_SENT {first} sport=4000 dport=80 [UNREPLIED] {second} sport=80 dport=4000 mark=0 use=1",
        f"udp      17 29 {six} sport=4000 dport=53 [UNREPLIED] {back} sport=53 dport=4000 mark=0 use=1",
        f"icmp     1 29 {first} type=8 code=0 id=0 {second} type=0 code=0 id=0 mark=0 use=1",
    ]
