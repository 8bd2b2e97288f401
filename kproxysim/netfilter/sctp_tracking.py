"""What an SCTP packet makes of its association's entry.

Source: `nf_conntrack_sctp_packet` and its table in nf_conntrack_proto_sctp.c; held against Linux 6.18. A
packet is named by its first chunk, `Packet.flags`. Tags are not kept: it is taken to have the right one.
"""

from __future__ import annotations

from kproxysim.netfilter.conntrack import Connection, Status
from kproxysim.netfilter.timeouts import Timeouts

__all__ = ["follow_sctp"]

_OPENED = {
    "INIT": "CLOSED",
    "HEARTBEAT": "HEARTBEAT_SENT",
    "HEARTBEAT_ACK": "CLOSED",
    "SHUTDOWN_ACK": "SHUTDOWN_ACK_SENT",
}
"""Chunks that may open an entry, with its state then."""

_ORIGINAL = {
    ("INIT", "SHUTDOWN_SENT"): "CLOSED",
    ("INIT", "SHUTDOWN_RECD"): "CLOSED",
    ("INIT", "HEARTBEAT_SENT"): "COOKIE_WAIT",
    ("COOKIE_ECHO", "COOKIE_WAIT"): "COOKIE_ECHOED",
    ("COOKIE_ACK", "COOKIE_ECHOED"): "ESTABLISHED",
    ("SHUTDOWN", "ESTABLISHED"): "SHUTDOWN_SENT",
    ("SHUTDOWN_ACK", "SHUTDOWN_SENT"): "SHUTDOWN_ACK_SENT",
    ("SHUTDOWN_ACK", "SHUTDOWN_RECD"): "SHUTDOWN_ACK_SENT",
    ("SHUTDOWN_ACK", "HEARTBEAT_SENT"): "SHUTDOWN_ACK_SENT",
    ("SHUTDOWN_COMPLETE", "SHUTDOWN_ACK_SENT"): "CLOSED",
} | {
    (chunk, "HEARTBEAT_SENT"): "CLOSED"
    for chunk in ("INIT_ACK", "SHUTDOWN", "ERROR", "COOKIE_ECHO", "COOKIE_ACK", "SHUTDOWN_COMPLETE")
}
"""Chunk and state to the state after; where nothing stands the state stays."""

_REPLY = {
    ("INIT_ACK", "CLOSED"): "COOKIE_WAIT",
    ("COOKIE_ECHO", "COOKIE_WAIT"): "COOKIE_ECHOED",
    ("COOKIE_ACK", "COOKIE_ECHOED"): "ESTABLISHED",
    ("ERROR", "COOKIE_ECHOED"): "CLOSED",
    ("SHUTDOWN", "ESTABLISHED"): "SHUTDOWN_RECD",
    ("SHUTDOWN_ACK", "SHUTDOWN_SENT"): "SHUTDOWN_ACK_SENT",
    ("SHUTDOWN_ACK", "SHUTDOWN_RECD"): "SHUTDOWN_ACK_SENT",
    ("SHUTDOWN_COMPLETE", "SHUTDOWN_ACK_SENT"): "CLOSED",
    ("HEARTBEAT_ACK", "HEARTBEAT_SENT"): "ESTABLISHED",
}
"""The same for answers."""

_HARMLESS = ("HEARTBEAT", "HEARTBEAT_ACK", "DATA", "SACK")
"""Chunks that may answer a HEARTBEAT that opened the entry."""


def follow_sctp(
    connection: Connection, chunk: str, timeouts: Timeouts, clock: float, *, is_reply: bool
) -> Connection | None:
    """The entry after a packet, None if the packet is INVALID. `clock` is in seconds."""
    old = connection.state
    confirmed = connection.status & Status.CONFIRMED
    if not confirmed:
        if chunk not in _OPENED:
            return None
        new = _OPENED[chunk]
    elif is_reply and old == "HEARTBEAT_SENT" and chunk not in _HARMLESS:
        return None
    else:
        new = "CLOSED" if chunk == "ABORT" else (_REPLY if is_reply else _ORIGINAL).get((chunk, old), old)
    if confirmed and chunk == "INIT" and old == new == "CLOSED":
        return connection  # sent again it must not keep the entry alive
    status = connection.status | (Status.ASSURED if new == "ESTABLISHED" != old else 0)
    timeout = getattr(timeouts, f"sctp_timeout_{new.lower()}")
    return connection._replace(state=new, status=status, expires=clock + timeout)
