"""The words that the two ends of a connection use: TCP flags (RFC 9293) and SCTP chunks (RFC 9260)."""

from __future__ import annotations

from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = ["SPEECH", "Speech", "is_reset", "saying"]


@dataclass(frozen=True, slots=True)
class Speech:
    """`opened` answers the first packet, `confirmed` answers that; `data` is answered, and `taken` says that
    it came; `ended` asks to close, `last` is the last word; `broken` needs no answer.
    """

    opened: str
    confirmed: str
    data: str
    taken: str
    ended: str
    last: str
    broken: str


SPEECH = {
    "tcp": Speech("SYN,ACK", "ACK", "PSH,ACK", "ACK", "FIN,ACK", "ACK", "RST,ACK"),
    "sctp": Speech("INIT_ACK", "COOKIE_ECHO", "DATA", "SACK", "SHUTDOWN", "SHUTDOWN_COMPLETE", "ABORT"),
}
"""Of protocols that have connections; others have none."""


def is_reset(packet: Packet) -> bool:
    """Does this packet break a connection off?"""
    return packet.flags == "ABORT" or "RST" in packet.flags


def saying(packet: Packet, words: str, *, in_window: bool = True) -> Packet:
    """A packet the same way with these flags or this chunk."""
    return Packet(
        packet.protocol,
        packet.src,
        packet.dst,
        packet.sport,
        packet.dport,
        words,
        packet.icmp,
        in_window=in_window,
        ttl=packet.ttl,
    )
