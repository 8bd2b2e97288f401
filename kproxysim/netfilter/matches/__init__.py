"""Matches, one module a kind. `EXTENSIONS` is what `-m NAME` can load."""

from __future__ import annotations

from kproxysim.netfilter.condition import Extension
from kproxysim.netfilter.matches import addrtype, comment, connection, mark, nfacct, ports, recent, statistic

__all__ = ["EXTENSIONS"]

EXTENSIONS: dict[str, Extension] = {
    extension.name: extension
    for module in (addrtype, comment, connection, mark, nfacct, ports, recent, statistic)
    for extension in module.EXTENSIONS
}
