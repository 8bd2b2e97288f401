"""Which connection a packet belongs to, which packets may open one, and how long it is kept.

Sources: net/netfilter/nf_conntrack_core.c (`nf_conntrack_in`), nf_conntrack_proto_icmp.c, _icmpv6.c, _udp.c,
_gre.c, _generic.c; TCP is in `tcp_tracking`, SCTP in `sctp_tracking`.
"""

from __future__ import annotations

from kproxysim.netfilter.conntrack import ICMP_TYPES, Connection, Conntrack, CtState, Flow, Status, Tuple
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.sctp_tracking import follow_sctp
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tcp_tracking import GONE, REFUSED, REOPENED, follow
from kproxysim.netfilter.timeouts import Timeouts

__all__ = ["confirm", "icmp_type", "track"]

_REPLIES = {4: {0: 8, 14: 13, 16: 15, 18: 17}, 6: {129: 128}}
"""ICMP types that answer, with those that ask: echo, timestamp, information, address mask; for IPv6 echo."""

_STREAM_AFTER = 2
"""Seconds after which a UDP connection that is still in use counts as a stream."""


def track(skb: Skb, table: Conntrack, sysctls: Sysctls) -> Skb:
    """The packet with the connection that it belongs to or opens; as it is if that is known already.

    The entry of a known connection is brought up to date in `table`.
    """
    if skb.flow is not None:
        return skb
    if skb.icmp is not None and skb.inner is not None:
        found = table.find(_tuple_of(Skb.of(skb.inner)).inverse())
        if found is None:
            return skb.with_flow(Flow(CtState.INVALID))
        return skb.with_flow(Flow(CtState.RELATED, found[0], found[1]))
    return skb.with_flow(_flow(skb, _tuple_of(skb), table, sysctls))


def _flow(skb: Skb, key: Tuple, table: Conntrack, sysctls: Sysctls) -> Flow:
    found = table.find(key)
    if found is None:
        if skb.icmp is not None and skb.icmp[0] not in _REPLIES[skb.family].values():
            return Flow(CtState.INVALID)
        connection, is_reply = table.open(key), False
    else:
        connection, is_reply = found
    if skb.protocol == "tcp":
        step = follow(
            connection,
            skb.flags,
            is_reply=is_reply,
            in_window=skb.in_window,
            sysctls=sysctls,
            clock=table.clock,
        )
        if step.verdict == REOPENED:
            table.delete(connection)
            return _flow(skb, key, table, sysctls)
        connection = step.connection
        if step.verdict == REFUSED:
            table.update(connection)
            return Flow(CtState.INVALID)
        if step.verdict == GONE:
            table.delete(connection)
    elif skb.protocol == "sctp":
        followed = follow_sctp(connection, skb.flags, sysctls.timeouts, table.clock, is_reply=is_reply)
        if followed is None:
            return Flow(CtState.INVALID)
        connection = followed
    else:
        connection = _refreshed(connection, sysctls.timeouts, table.clock)
    if found is None:
        return Flow(CtState.NEW, connection)
    if is_reply and not connection.status & Status.SEEN_REPLY:
        connection = connection._replace(status=connection.status | Status.SEEN_REPLY)
    table.update(connection)
    state = CtState.ESTABLISHED if is_reply or connection.status & Status.SEEN_REPLY else CtState.NEW
    return Flow(state, connection, is_reply)


def _refreshed(connection: Connection, timeouts: Timeouts, clock: float) -> Connection:
    """An entry without states of its own after another packet."""
    protocol, status = connection.original.protocol, connection.status
    if protocol == "udp":
        timeout = timeouts.udp_timeout
        if status & Status.SEEN_REPLY and clock > connection.opened + _STREAM_AFTER:
            timeout = timeouts.udp_timeout_stream
            status |= Status.ASSURED
    elif protocol == "gre":
        timeout = timeouts.gre_timeout
        if status & Status.SEEN_REPLY:
            timeout = timeouts.gre_timeout_stream
            status |= Status.ASSURED
    elif protocol == "icmp":
        timeout = timeouts.icmp_timeout
    elif protocol == "ipv6-icmp":
        timeout = timeouts.icmpv6_timeout
    else:
        timeout = timeouts.generic_timeout
    return connection._replace(status=status, expires=clock + timeout)


def confirm(skb: Skb, table: Conntrack) -> Skb:
    """The packet at the end of its way: a connection that it opened enters the table."""
    flow = skb.flow
    if flow is None or flow.connection is None or flow.state != CtState.NEW:
        return skb
    if flow.connection.status & Status.CONFIRMED:
        return skb
    return skb.with_flow(flow.updated(table.confirm(flow.connection)))


def icmp_type(one: Tuple) -> int:
    """The type of the ICMP packets of this direction of a connection."""
    if one.dport <= ICMP_TYPES:
        return ICMP_TYPES - one.dport
    asked = ICMP_TYPES - one.sport
    return next(answer for answer, question in _REPLIES[one.family].items() if question == asked)


def _tuple_of(skb: Skb) -> Tuple:
    """The direction that a packet belongs to.

    For ICMP the request stands in for a port on the side that is asked, so that a question and its answer
    belong together and two hosts that ask each other the same do not; the id is that of the side that asks.
    """
    sport, dport = skb.sport, skb.dport
    if skb.icmp is not None:
        asked = _REPLIES[skb.family].get(skb.icmp[0])
        if asked is None:
            dport = ICMP_TYPES - skb.icmp[0]
        else:
            sport, dport = ICMP_TYPES - asked, sport
    return Tuple(skb.protocol, skb.src, sport, skb.dst, dport, skb.family)
