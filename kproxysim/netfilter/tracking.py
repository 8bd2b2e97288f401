"""Which connection a packet belongs to, and which packets may open one.

Sources: net/netfilter/nf_conntrack_core.c (`nf_conntrack_in`), nf_conntrack_proto_icmp.c,
nf_conntrack_proto_icmpv6.c, nf_conntrack_proto_tcp.c.
"""

from __future__ import annotations

from kproxysim.netfilter.conntrack import Conntrack, CtState, Flow, Status, Tuple
from kproxysim.netfilter.skb import Skb

__all__ = ["confirm", "track"]

_REPLIES = {4: {0: 8, 14: 13, 16: 15, 18: 17}, 6: {129: 128}}
"""ICMP types that answer, with those that ask: echo, timestamp, information, address mask; for IPv6 echo."""

_ASKED = -2
"""Counted down from here an ICMP type is no port."""


def track(skb: Skb, table: Conntrack, *, tcp_loose: bool) -> Skb:
    """The packet with the connection that it belongs to or opens; as it is if that is known already."""
    if skb.flow is not None:
        return skb
    if skb.icmp is not None and skb.inner is not None:
        found = table.find(_tuple_of(Skb.of(skb.inner)).inverse())
        if found is None:
            return skb.with_flow(Flow(CtState.INVALID))
        return skb.with_flow(Flow(CtState.RELATED, found[0], found[1]))
    key = _tuple_of(skb)
    found = table.find(key)
    if found is not None:
        connection, is_reply = found
        is_first_reset = "RST" in skb.flags and not connection.status & Status.SEEN_REPLY
        if is_reply:
            connection = table.seen_reply(connection)
        if is_first_reset:  # what nothing ever answered but a reset is forgotten (`nf_conntrack_tcp_packet`)
            table.delete(connection)
        state = CtState.ESTABLISHED if is_reply or connection.status & Status.SEEN_REPLY else CtState.NEW
        return skb.with_flow(Flow(state, connection, is_reply))
    if not _may_open(skb, tcp_loose=tcp_loose):
        return skb.with_flow(Flow(CtState.INVALID))
    return skb.with_flow(Flow(CtState.NEW, table.open(key)))


def confirm(skb: Skb, table: Conntrack) -> Skb:
    """The packet at the end of its way: a connection that it opened enters the table."""
    flow = skb.flow
    if flow is None or flow.connection is None or flow.state != CtState.NEW:
        return skb
    if table.is_gone(flow.connection):
        return skb
    return skb.with_flow(flow.updated(table.confirm(flow.connection)))


def _may_open(skb: Skb, *, tcp_loose: bool) -> bool:
    """May a packet without an entry open one?

    Of ICMP only a request may. Of TCP a SYN, and with tcp_loose a lone ACK too.
    """
    if skb.icmp is not None:
        return skb.icmp[0] in _REPLIES[skb.family].values()
    if skb.protocol != "tcp" or skb.flags == "SYN":
        return True
    present = set(skb.flags.split(","))
    if present & {"RST", "FIN"}:
        return False
    if "SYN" in present:
        return "ACK" not in present
    return tcp_loose and "ACK" in present


def _tuple_of(skb: Skb) -> Tuple:
    """The direction that a packet belongs to.

    For ICMP the request stands in for a port on the side that is asked, so that a question and its answer
    belong together and two hosts that ask each other the same do not.
    """
    sport, dport = skb.sport, skb.dport
    if skb.icmp is not None:
        asked = _REPLIES[skb.family].get(skb.icmp[0])
        sport, dport = (_ASKED - asked, -1) if asked is not None else (-1, _ASKED - skb.icmp[0])
    return Tuple(skb.protocol, skb.src, sport, skb.dst, dport)
