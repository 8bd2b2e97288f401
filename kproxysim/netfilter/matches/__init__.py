"""Matches, one module a kind. `EXTENSIONS` is what `-m NAME` can load; other names stay unknown."""

from __future__ import annotations

from kproxysim.netfilter.condition import Extension
from kproxysim.netfilter.matches import (
    absent,
    addrtype,
    comment,
    connection,
    icmp,
    iprange,
    limit,
    link,
    mark,
    multiport,
    nfacct,
    owner,
    policy,
    ports,
    recent,
    rpfilter,
    set,  # noqa: A004 - the match has that name
    statistic,
    ttl,
)

__all__ = ["EXTENSIONS", "KERNEL_MATCHES"]

EXTENSIONS: dict[str, Extension] = {
    extension.name: extension
    for module in (
        absent, addrtype, comment, connection, icmp, iprange, limit, link, mark, multiport, nfacct, owner,
        policy, ports, recent, rpfilter, set, statistic, ttl,
    )
    for extension in module.EXTENSIONS
}  # fmt: skip

KERNEL_MATCHES = (
    "ah", "bpf", "cgroup", "cluster", "connbytes", "connlabel", "cpu", "dccp", "devgroup",
    "dscp", "dst", "ecn", "esp", "eui64", "frag", "hbh", "ipcomp", "ipv6header", "ipvs",
    "length", "mh", "osf", "rateest", "realm", "srh", "string",
    "tcpmss", "time", "tos", "u32",
)  # fmt: skip
"""Other matches of iptables-extensions(8): unmodelled by name."""
