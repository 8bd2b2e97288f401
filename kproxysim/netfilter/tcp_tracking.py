"""What a TCP packet makes of its connection's entry.

Source: `nf_conntrack_tcp_packet`, `tcp_in_window` and `nf_tcp_handle_invalid` in nf_conntrack_proto_tcp.c.
Sequence numbers are not kept: a packet that lies outside the window says so itself, an acknowledgement is
taken to acknowledge all that went before it, and a SYN-ACK to answer the last SYN.
"""

from __future__ import annotations

from typing import NamedTuple

from kproxysim.netfilter.conntrack import Connection, Status
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.tcp_states import IGNORED, INVALID, TRANSITIONS, Memory, kind_of
from kproxysim.netfilter.timeouts import Timeouts

__all__ = ["ACCEPTED", "GONE", "REFUSED", "REOPENED", "Step", "follow"]

ACCEPTED, REFUSED, GONE, REOPENED = "accepted", "refused", "gone", "reopened"

_SOON = 120
"""Seconds that an entry may stay although both ends try to close it with packets outside the window."""

_LAST_STATES = ("TIME_WAIT", "CLOSE", "SYN_SENT2")
_TIMEOUTS = {
    state: f"tcp_timeout_{state.lower()}"
    for state in (
        "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
    )
} | {"SYN_SENT2": "tcp_timeout_syn_sent"}  # fmt: skip


class Step(NamedTuple):
    """What became of a packet, and of its entry.

    `verdict`: "accepted" and `connection` is the entry's new form; "refused": the packet is INVALID; "gone":
    accepted, and the entry leaves the table at once; "reopened": the entry leaves the table, and the packet
    opens a new one.
    """

    verdict: str
    connection: Connection


def follow(
    connection: Connection, flags: str, *, is_reply: bool, in_window: bool, sysctls: Sysctls, clock: float
) -> Step:
    """One packet of a connection; its first one if the entry is not confirmed.

    `in_window` is false for sequence numbers that lie outside the window seen so far, `clock` is in seconds.
    """
    kind = kind_of(flags)
    if not kind:
        return Step(REFUSED, connection)
    if not connection.status & Status.CONFIRMED:
        is_syn = kind == "SYN"
        if not is_syn and not sysctls.tcp_loose:
            return Step(REFUSED, connection)
        memory = Memory(known=(is_syn, False), lenient=not is_syn)
        connection, in_window = connection._replace(state="NONE", tcp=memory), True
    memory, old = connection.tcp, connection.state
    new = TRANSITIONS[is_reply][kind][old]
    if new == INVALID:
        return Step(REFUSED, connection)
    other_spoke_last = memory.last_is_reply != is_reply
    if new == "SYN_SENT" and old in _LAST_STATES:
        if memory.closing or (memory.last == "RST" and not other_spoke_last):
            return Step(REOPENED, connection)
        new = IGNORED
    if new == IGNORED:
        if kind != "SYN-ACK" or memory.last != "SYN" or not other_spoke_last:
            return Step(ACCEPTED, _ignored(connection, kind, is_reply=is_reply))
        # it answers a SYN that was ignored: the two ends are in step, and the entry comes after them
        memory = Memory("SYN", not is_reply, known=(is_reply, not is_reply), acks_seen=memory.acks_seen)
        connection, new = connection._replace(state="SYN_SENT", tcp=memory), "SYN_RECV"
    if in_window or _is_excused(connection, kind, sysctls, is_reply=is_reply):
        return _accepted(connection, kind, flags, new, sysctls, clock, is_reply=is_reply)
    return Step(REFUSED, _refused(connection, kind, sysctls.timeouts, clock, is_reply=is_reply))


def _is_excused(connection: Connection, kind: str, sysctls: Sysctls, *, is_reply: bool) -> bool:
    """Does a packet outside the window go on all the same? A stray reset never does."""
    memory = connection.tcp
    if kind == "RST" and memory.acked[not is_reply]:
        return False
    return memory.lenient or sysctls.tcp_be_liberal


def _accepted(
    connection: Connection, kind: str, flags: str, new: str, sysctls: Sysctls, clock: float, *, is_reply: bool
) -> Step:
    """A packet that moves its connection to state `new`, unless it only answers a SYN that was ignored."""
    memory, old = connection.tcp, connection.state
    answers_ignored_syn = memory.last == "SYN" and memory.last_is_reply != is_reply
    if kind == "ACK" and old == "LAST_ACK" and memory.challenge and answers_ignored_syn:
        return Step(ACCEPTED, connection._replace(tcp=memory._replace(challenge=False)))
    if new == "SYN_SENT2":
        memory = memory._replace(simultaneous=True)
    elif new == "SYN_RECV" and is_reply and kind == "ACK" and memory.simultaneous:
        new = "ESTABLISHED"
    elif kind == "RST" and _is_established(connection) and answers_ignored_syn and "ACK" in flags:
        new = old  # its sequence number is 0: not believed as it stands, but the entry shall not stay long
    memory = _remembered(memory, kind, flags, is_reply=is_reply, closes=new == "FIN_WAIT" != old)
    return _kept(connection._replace(state=new, tcp=memory), old, kind, sysctls, clock)


def _is_established(connection: Connection) -> bool:
    return connection.state == "ESTABLISHED" and bool(connection.status & Status.ASSURED)


def _ignored(connection: Connection, kind: str, *, is_reply: bool) -> Connection:
    memory = connection.tcp._replace(last=kind, last_is_reply=is_reply, bare=False, acks_seen=True)
    if kind == "SYN" and not is_reply:
        memory = memory._replace(simultaneous=False, challenge=connection.state == "LAST_ACK")
    return connection._replace(tcp=memory)


def _refused(
    connection: Connection, kind: str, timeouts: Timeouts, clock: float, *, is_reply: bool
) -> Connection:
    """A FIN or RST outside the window closes nothing; where both ends try, the entry shall not stay long."""
    if kind not in ("RST", "FIN") or not connection.status & Status.ASSURED:
        return connection
    memory = connection.tcp
    if memory.last_is_reply == is_reply or memory.last not in ("RST", "FIN"):
        return connection._replace(tcp=memory._replace(last=kind, last_is_reply=is_reply))
    if connection.expires - clock < _SOON:
        return connection
    return connection._replace(expires=min(connection.expires, clock + timeouts.tcp_timeout_unacknowledged))


def _remembered(memory: Memory, kind: str, flags: str, *, is_reply: bool, closes: bool) -> Memory:
    """What a packet inside the window leaves in memory."""
    acknowledges = "ACK" in flags
    bare = kind == "ACK" and "PSH" not in flags
    repeats, acks_seen = memory.repeats, memory.acks_seen
    if kind == "ACK":
        again = bare and memory.bare and memory.last_is_reply == is_reply
        repeats, acks_seen = (repeats + 1 if again else 0), True
    # only what follows a side's first packet counts as data: the first one tells where its numbers stand
    sends = memory.known[is_reply] and (kind == "FIN" or "PSH" in flags)
    known, acked, unacknowledged = memory.known, memory.acked, memory.unacknowledged
    own = unacknowledged[is_reply] or sends
    other = unacknowledged[not is_reply] and not acknowledges
    if is_reply:
        known, acked = (known[0], True), (acked[0], acked[1] or acknowledges)
        unacknowledged = (other, own)
    else:
        known, acked = (True, known[1]), (acked[0] or acknowledges, acked[1])
        unacknowledged = (own, other)
    return Memory(
        kind, is_reply, bare, repeats, known, acked, unacknowledged, memory.lenient,
        memory.closing or closes, acks_seen, memory.simultaneous, memory.challenge,
    )  # fmt: skip


def _kept(connection: Connection, old: str, kind: str, sysctls: Sysctls, clock: float) -> Step:
    """How long the entry is kept after a packet inside the window."""
    new, memory, timeouts = connection.state, connection.tcp, sysctls.timeouts
    usual: float = getattr(timeouts, _TIMEOUTS[new])
    if memory.repeats >= sysctls.tcp_max_retrans:
        timeout = min(usual, timeouts.tcp_timeout_max_retrans)
    elif kind == "RST":
        timeout = timeouts.tcp_timeout_close
    elif any(memory.unacknowledged):
        timeout = min(usual, timeouts.tcp_timeout_unacknowledged)
    elif not memory.acks_seen:
        timeout = min(usual, timeouts.tcp_timeout_max_retrans)
    else:
        timeout = usual
    status = connection.status
    if not status & Status.SEEN_REPLY:
        if kind == "RST":
            return Step(GONE, connection)
        if kind == "SYN" and old == "SYN_SENT":
            return Step(ACCEPTED, connection)  # a SYN sent again must not keep it alive
        if new == "ESTABLISHED":
            timeout = min(timeout, timeouts.tcp_timeout_unacknowledged)
    elif new == "ESTABLISHED" and old in ("SYN_RECV", "ESTABLISHED"):
        status |= Status.ASSURED
    return Step(ACCEPTED, connection._replace(status=status, expires=clock + timeout))
