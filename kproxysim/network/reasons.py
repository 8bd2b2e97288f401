"""The codes of a trace: why a packet's way ended as it did, and what advice there may be.

Each has its page (`kproxysim explain CODE`) among the codes of this room or of netfilter.
"""

from __future__ import annotations

__all__ = ["ADVICE", "REASONS"]

REASONS = (
    "served-by-endpoint",
    "dialled-directly",
    "no-rule-matched",
    "endpoint-does-not-listen",
    "no-such-connection",
    "no-endpoints",
    "no-local-endpoints",
    "source-not-in-ranges",
    "localnet-blocked",
    "invalid-state",
    "firewall-closed",
    "egress-refuses-source",
    "nobody-has-this-address",
    "routing-loop",
    "unmodelled",
    "dropped-by-rule",
    "dropped-by-policy",
    "rejected-by-rule",
    "loopback-address-on-the-wire",
    "address-of-no-host",
    "loopback-source-leaves",
    "own-address-as-source",
    "reverse-path-filter",
    "forwarding-off",
    "no-route",
    "no-route-from-here",
    "no-route-after-dnat",
    "no-address-to-masquerade",
    "broadcast-not-forwarded",
    "no-address-to-redirect",
)
"""Reasons of the way out (`Branch.reason`)."""

ADVICE = (
    "cloud-nat-first",
    "no-endpoints",
    "no-local-endpoints",
    "source-not-in-ranges",
    "firewall-closed",
    "reply-from-stranger",
    "reply-lost",
    "masqueraded-by-cluster-policy",
)
"""Codes of advice (`Advice.code`)."""
