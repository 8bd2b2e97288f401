"""What a TCP packet makes of its connection's entry.

Source: `nf_conntrack_tcp_packet`, `tcp_in_window` and `nf_tcp_handle_invalid` in nf_conntrack_proto_tcp.c;
held packet by packet against Linux 6.18. Before 6.1 what lay below the window was INVALID as well.
Sequence numbers are not kept: a packet that lies outside the window says so itself, an acknowledgement is
taken to acknowledge all that went before it, and a SYN-ACK to answer the last SYN.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from kproxysim.netfilter.conntrack import Connection, Status
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.tcp_states import IGNORED, INVALID, TRANSITIONS, Memory, kind_of
from kproxysim.netfilter.timeouts import Timeouts

__all__ = ["ACCEPTED", "GONE", "REFUSED", "REOPENED", "Step", "follow"]

ACCEPTED, REFUSED, GONE, REOPENED = "accepted", "refused", "gone", "reopened"

_SOON = 120
"""Seconds that an entry may stay although both ends try to close it with packets outside the window."""

_LAST_STATES = ("TIME_WAIT", "CLOSE")
_ENDING = ("FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE")
_SYN_SENT2 = 120
"""Seconds: of this state alone there is no sysctl."""


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
        memory = Memory(known=(not is_syn, False), lenient=(not is_syn, not is_syn))
        connection = connection._replace(state="NONE", tcp=memory)
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
        lenient = (False, memory.lenient[1])
        memory = Memory(known=(True, False), lenient=lenient, acks_seen=memory.acks_seen)
        connection, new = connection._replace(tcp=memory), "SYN_RECV"
    if _is_not_asked(connection, kind, flags, is_reply=is_reply):
        memory = _moved(connection.tcp, kind, is_reply=is_reply)
        return _kept(connection._replace(state=new, tcp=memory), connection.state, kind, sysctls, clock)
    in_window = _is_in_window(connection, kind, flags, is_reply=is_reply, said=in_window)
    if in_window or connection.tcp.lenient[is_reply] or sysctls.tcp_be_liberal:
        return _accepted(connection, kind, flags, new, sysctls, clock, is_reply=is_reply, in_window=in_window)
    return Step(REFUSED, _refused(connection, kind, sysctls.timeouts, clock, is_reply=is_reply))


def _is_not_asked(connection: Connection, kind: str, flags: str, *, is_reply: bool) -> bool:
    """Resets that answer a SYN which was ignored, or come when the end has begun, may have any number."""
    if kind != "RST":
        return False
    return connection.state in _ENDING or ("ACK" in flags and _answers_ignored(connection, is_reply))


def _is_in_window(connection: Connection, kind: str, flags: str, *, is_reply: bool, said: bool) -> bool:
    """Do the numbers of a packet fit what was seen? No window is known of a side that has not spoken yet, and
    nothing may be acknowledged to it.
    """
    known = connection.tcp.known
    if kind != "RST" and "ACK" in flags and not known[not is_reply]:
        return False
    return said or not known[is_reply]


def _answers_ignored(connection: Connection, is_reply: bool) -> bool:
    """Was the last packet the other side's SYN, and no part of the connection's begin?"""
    memory = connection.tcp
    is_other = memory.last == "SYN" and memory.last_is_reply != is_reply
    return is_other and connection.state not in ("SYN_SENT", "SYN_SENT2")


def _accepted(
    connection: Connection,
    kind: str,
    flags: str,
    new: str,
    sysctls: Sysctls,
    clock: float,
    *,
    is_reply: bool,
    in_window: bool,
) -> Step:
    """A packet that moves its connection to state `new`, unless it only answers a SYN that was ignored."""
    memory, old = connection.tcp, connection.state
    if kind == "ACK" and old == "LAST_ACK" and memory.challenge and _answers_ignored(connection, is_reply):
        return Step(ACCEPTED, connection._replace(tcp=memory._replace(challenge=False)))
    if new == "SYN_SENT2":
        memory = memory._replace(simultaneous=True)
    elif new == "SYN_RECV" and is_reply and kind == "ACK" and memory.simultaneous:
        new = "ESTABLISHED"
    elif kind == "RST" and _is_established(connection) and not in_window and memory.last != "SYN":
        new = old  # may be a stray one, but the entry shall not stay long
    if in_window:
        memory = _noted(memory, kind, flags, is_reply=is_reply)
    memory = _moved(memory, kind, is_reply=is_reply, closes=new == "FIN_WAIT" != old)
    return _kept(connection._replace(state=new, tcp=memory), old, kind, sysctls, clock)


def _is_established(connection: Connection) -> bool:
    return connection.state == "ESTABLISHED" and bool(connection.status & Status.ASSURED)


def _ignored(connection: Connection, kind: str, *, is_reply: bool) -> Connection:
    memory = connection.tcp._replace(last=kind, last_is_reply=is_reply, bare_from=None, acks_seen=True)
    if kind == "SYN":
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
    if connection.expires - clock <= _SOON:
        return connection
    return connection._replace(expires=min(connection.expires, clock + timeouts.tcp_timeout_unacknowledged))


@lru_cache(maxsize=4096)
def _moved(memory: Memory, kind: str, *, is_reply: bool, closes: bool = False) -> Memory:
    """What every packet that goes on leaves in memory."""
    return memory._replace(last=kind, last_is_reply=is_reply, closing=memory.closing or closes)


@lru_cache(maxsize=4096)
def _noted(memory: Memory, kind: str, flags: str, *, is_reply: bool) -> Memory:
    """What the numbers of a packet tell (`tcp_in_window`)."""
    bare_from, repeats, acks_seen = memory.bare_from, memory.repeats, memory.acks_seen
    if kind == "ACK":
        is_bare = "PSH" not in flags
        again = is_bare and bare_from == memory.last_is_reply == is_reply
        bare_from, repeats, acks_seen = is_reply if is_bare else None, (repeats + 1 if again else 0), True
    elif kind != "RST":
        bare_from = None
    # only what follows a side's first packet counts as data: the first one tells where its numbers stand
    sends = memory.known[is_reply] and (kind == "FIN" or "PSH" in flags)
    known = memory.known
    own = memory.unacknowledged[is_reply] or sends
    return memory._replace(
        bare_from=bare_from,
        repeats=repeats,
        known=(known[0], True) if is_reply else (True, known[1]),
        unacknowledged=(False, own) if is_reply else (own, False),
        acks_seen=acks_seen,
    )


def _kept(connection: Connection, old: str, kind: str, sysctls: Sysctls, clock: float) -> Step:
    """How long the entry is kept after a packet inside the window."""
    new, memory, timeouts = connection.state, connection.tcp, sysctls.timeouts
    usual = _SYN_SENT2 if new == "SYN_SENT2" else getattr(timeouts, f"tcp_timeout_{new.lower()}")
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
