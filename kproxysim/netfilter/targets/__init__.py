"""Targets, one module a kind. `EXTENSIONS` is what `-j NAME` can load; other names are chains, or unknown."""

from __future__ import annotations

from kproxysim.netfilter.condition import ANYWHERE, Extension, Place
from kproxysim.netfilter.targets import connection, header, log, mark, nat, reject, tproxy, ttl, verdict

__all__ = ["EXTENSIONS", "KERNEL_TARGETS"]

EXTENSIONS: dict[str, Extension] = {
    extension.name: extension
    for module in (connection, header, log, mark, nat, reject, tproxy, ttl, verdict)
    for extension in module.EXTENSIONS
}

_MANGLE = Place.of(tables="mangle")

KERNEL_TARGETS: dict[str, Place] = {
    **dict.fromkeys(("DNPT", "ECN", "SNPT", "TCPOPTSTRIP"), _MANGLE),
    **dict.fromkeys(
        (
            "CLUSTERIP", "CONNSECMARK", "HMARK", "IDLETIMER", "LED", "NFQUEUE", "QUEUE",
            "RATEEST", "SECMARK", "SET", "SYNPROXY", "TEE", "ULOG",
        ),
        ANYWHERE,
    ),
}  # fmt: skip
"""Other targets of iptables-extensions(8), and where the kernel takes them: unmodelled by name."""
