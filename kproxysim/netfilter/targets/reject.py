"""`-j REJECT`:

drop, and tell the sender. Source: net/ipv4/netfilter/ipt_REJECT.c, ip6t_REJECT.c, iptables-extensions(8).
"""

from __future__ import annotations

from dataclasses import dataclass

from kproxysim.netfilter.condition import Extension, Given, RuleSyntaxError
from kproxysim.netfilter.script import Family

__all__ = ["EXTENSIONS", "RejectTarget"]

_IPV4 = {
    "icmp-net-unreachable": (3, 0),
    "icmp-host-unreachable": (3, 1),
    "icmp-proto-unreachable": (3, 2),
    "icmp-port-unreachable": (3, 3),
    "icmp-net-prohibited": (3, 9),
    "icmp-host-prohibited": (3, 10),
    "icmp-admin-prohibited": (3, 13),
}
_IPV4_SHORT = {
    "net-unreach": "icmp-net-unreachable", "host-unreach": "icmp-host-unreachable",
    "proto-unreach": "icmp-proto-unreachable", "port-unreach": "icmp-port-unreachable",
    "net-prohib": "icmp-net-prohibited", "host-prohib": "icmp-host-prohibited", "tcp-rst": "tcp-reset",
    "admin-prohib": "icmp-admin-prohibited",
}  # fmt: skip
_IPV6 = {
    "icmp6-no-route": (1, 0),
    "icmp6-adm-prohibited": (1, 1),
    "icmp6-addr-unreachable": (1, 3),
    "icmp6-port-unreachable": (1, 4),
    "icmp6-policy-fail": (1, 5),
    "icmp6-reject-route": (1, 6),
}
_IPV6_SHORT = {
    "no-route": "icmp6-no-route", "adm-prohibited": "icmp6-adm-prohibited",
    "addr-unreach": "icmp6-addr-unreachable", "port-unreach": "icmp6-port-unreachable",
    "policy-fail": "icmp6-policy-fail", "reject-route": "icmp6-reject-route",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RejectTarget:
    """`answer` is the ICMP (type, code), or None for a TCP reset."""

    kind: str
    answer: tuple[int, int] | None
    name = "REJECT"

    def save(self) -> str:
        return f"REJECT --reject-with {self.kind}"


def _build(given: list[Given], family: Family) -> RejectTarget:
    if len(given) > 1:
        raise RuleSyntaxError("-j REJECT takes one --reject-with")
    kinds, short = (_IPV4, _IPV4_SHORT) if family == "ipv4" else (_IPV6, _IPV6_SHORT)
    default = "icmp-port-unreachable" if family == "ipv4" else "icmp6-port-unreachable"
    kind = given[0].value if given else default
    kind = short.get(kind, kind)
    if kind == "tcp-reset":
        return RejectTarget(kind, None)
    if kind not in kinds:
        raise RuleSyntaxError(f"unknown kind of refusal {kind!r}", kind)
    return RejectTarget(kind, kinds[kind])


EXTENSIONS = (Extension("REJECT", _build, {"--reject-with": ("reject-with", 1)}),)
