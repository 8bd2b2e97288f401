"""The table of connections as `conntrack -L` prints it.

Source: `nfct_snprintf_conntrack_default` in libnetfilter_conntrack, src/conntrack/snprintf_default.c; held
against conntrack 1.4.7.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.netfilter.conntrack import Connection, Status, Tuple
from kproxysim.netfilter.matches.header import PROTOCOL_NUMBERS
from kproxysim.netfilter.skb import to_address
from kproxysim.netfilter.tracking import icmp_type

__all__ = ["conntrack_list"]

_NAMES = {"tcp": "tcp", "udp": "udp", "sctp": "sctp", "icmp": "icmp", "ipv6-icmp": "icmpv6", "gre": "gre"}
"""Protocols that it knows by name."""


def conntrack_list(entries: Iterable[Connection], clock: float) -> str:
    """One line an entry, in the order given, as of `clock` (seconds).

    The kernel lists the families apart (`-f ipv6`), in the order of its hash. The id that the sender of a
    ping chose is not known and is 0, and so are the keys of GRE.
    """
    return "".join(f"{_line(entry, clock)}\n" for entry in entries)


def _line(entry: Connection, clock: float) -> str:
    protocol = entry.original.protocol
    number = PROTOCOL_NUMBERS.get(protocol) or int(protocol)
    words = [f"{_NAMES.get(protocol, 'unknown'):8} {number} {max(0, int(entry.expires - clock))}"]
    words += [entry.state] if entry.state else []
    words.append(_direction(entry.original))
    words += [] if entry.status & Status.SEEN_REPLY else ["[UNREPLIED]"]
    words.append(_direction(entry.reply))
    words += ["[ASSURED]"] if entry.status & Status.ASSURED else []
    return " ".join([*words, f"mark={entry.mark}", "use=1"])


def _direction(one: Tuple) -> str:
    addresses = f"src={to_address(one.src, one.family)} dst={to_address(one.dst, one.family)}"
    if one.protocol in ("icmp", "ipv6-icmp"):
        return f"{addresses} type={icmp_type(one)} code=0 id={-1 - one.echo_id}"
    if one.protocol == "gre":
        return f"{addresses} srckey=0x0 dstkey=0x0"
    if one.sport < 0:
        return addresses
    return f"{addresses} sport={one.sport} dport={one.dport}"
