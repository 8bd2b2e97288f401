"""The fixed part of netfilter: tables, their base chains, and the order of tables at each hook.

Source: iptables(8), section TABLES; priorities from linux/netfilter_ipv4.h (raw -300, conntrack -200, mangle
-150, nat dst -100, filter 0, security 50, nat src 100).
"""

from __future__ import annotations

__all__ = ["BASE_CHAINS", "HOOKS", "HOOK_ORDER", "TABLES"]

HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

BASE_CHAINS: dict[str, tuple[str, ...]] = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
"""Base chains of each table in the order in which iptables-save prints them."""

TABLES = tuple(BASE_CHAINS)

HOOK_ORDER: dict[str, tuple[str, ...]] = {
    "PREROUTING": ("raw", "conntrack", "mangle", "nat"),
    "INPUT": ("mangle", "filter", "security", "nat"),
    "FORWARD": ("mangle", "filter", "security"),
    "OUTPUT": ("raw", "conntrack", "mangle", "nat", "filter", "security"),
    "POSTROUTING": ("mangle", "nat"),
}
"""What a packet meets at each hook, in order. "conntrack" is the look-up of the connection, no table."""
