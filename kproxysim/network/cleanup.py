"""Carrying out what kube-proxy asks of a node's connection table: `conntrack -D`, or single entries.

Source of what the options mean: conntrack(8) and `filter_nat` in conntrack-tools' src/conntrack.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from kproxysim.kubeproxy import Cleanup, Entry
from kproxysim.netfilter.conntrack import Connection, Conntrack, Status
from kproxysim.netfilter.skb import to_address

__all__ = ["carry_out", "listed"]


def listed(table: Conntrack, version: int) -> Iterator[Entry]:
    """The entries of a family, as kube-proxy reads them from the kernel."""
    for one in table.entries():
        if one.original.family == version:
            original, reply = one.original, one.reply
            yield Entry(
                original.protocol.upper(),
                str(to_address(original.src, version)),
                original.sport,
                str(to_address(original.dst, version)),
                original.dport,
                str(to_address(reply.src, version)),
                reply.sport,
            )


def carry_out(cleanup: Cleanup, table: Conntrack, version: int) -> tuple[Connection, ...]:
    """Delete from a node's table what a sync of this family wants gone: which entries went."""
    if not cleanup.commands and not cleanup.deleted:
        return ()
    wanted = set(cleanup.deleted)
    commands = [_options(command) for command in cleanup.commands]
    gone = [
        connection
        for connection, entry in zip(_of(table, version), listed(table, version), strict=True)
        if entry in wanted or any(_fits(connection, options) for options in commands)
    ]
    for connection in gone:
        table.delete(connection)
    return tuple(gone)


def _of(table: Conntrack, version: int) -> Iterator[Connection]:
    return (one for one in table.entries() if one.original.family == version)


def _options(command: tuple[str, ...]) -> dict[str, str]:
    """`conntrack -D --orig-dst 10.8.0.53 -p udp` as options with their values."""
    words = command[2:]
    return dict(zip(words[::2], words[1::2], strict=True))


def _fits(connection: Connection, options: dict[str, str]) -> bool:
    original, reply = connection.original, connection.reply
    if "--dst-nat" in options and (
        not connection.status & Status.DST_NAT or reply.src != int(ip_address(options["--dst-nat"]))
    ):
        return False
    return (
        original.protocol == options["-p"]
        and options.get("--dport", str(original.dport)) == str(original.dport)
        and int(ip_address(options.get("--orig-dst", to_address(original.dst, connection.original.family))))
        == original.dst
    )
