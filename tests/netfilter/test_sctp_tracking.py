"""SCTP associations as conntrack sees them. All the ways: tests/kernel/test_tracking_others.py."""

import pytest

from kproxysim.netfilter.conntrack import Conntrack
from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet

OPEN = "> INIT, < INIT_ACK, > COOKIE_ECHO, < COOKIE_ACK"


def after(words: str) -> str:
    """What the last of some packets is called, and state and seconds of the entry; `>` is from the client."""
    table, told = Conntrack(), ""
    for word in words.split(", "):
        side, chunk = word.split()
        ends = ("10.0.0.5", "10.1.0.9", 4000, 80) if side == ">" else ("10.1.0.9", "10.0.0.5", 80, 4000)
        skb = confirm(track(Skb.of(Packet("sctp", *ends, chunk)), table, Sysctls()), table)
        assert skb.flow is not None
        told = skb.flow.state
    entry = next(iter(table.entries()), None)
    return f"{told}: {'none' if entry is None else f'{entry.state} {entry.expires:g}'}"


@pytest.mark.parametrize(
    "packets, wanted",
    [
        ("> INIT", "NEW: CLOSED 10"),
        ("> INIT, < INIT_ACK", "ESTABLISHED: COOKIE_WAIT 3"),
        (OPEN, "ESTABLISHED: ESTABLISHED 210"),
        (f"{OPEN}, > DATA", "ESTABLISHED: ESTABLISHED 210"),
        (f"{OPEN}, > SHUTDOWN", "ESTABLISHED: SHUTDOWN_SENT 3"),
        (f"{OPEN}, > SHUTDOWN, < SHUTDOWN_ACK, > SHUTDOWN_COMPLETE", "ESTABLISHED: CLOSED 10"),
        (f"{OPEN}, < ABORT", "ESTABLISHED: CLOSED 10"),
        ("> DATA", "INVALID: none"),
        ("> HEARTBEAT", "NEW: HEARTBEAT_SENT 30"),
    ],
)
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
