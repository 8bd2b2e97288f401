"""`-j REJECT`:

drop, and tell the sender. Source: net/ipv4/netfilter/ipt_REJECT.c, ip6t_REJECT.c, iptables-extensions(8).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Extension, Given, Option, Place, RuleSyntaxError
from kproxysim.netfilter.script import Family
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "RejectTarget"]

Kinds = dict[str, tuple[str, tuple[int, int] | None]]

_IPV4: Kinds = {
    "icmp-net-unreachable": ("net-unreach", (3, 0)),
    "icmp-host-unreachable": ("host-unreach", (3, 1)),
    "icmp-proto-unreachable": ("proto-unreach", (3, 2)),
    "icmp-port-unreachable": ("port-unreach", (3, 3)),
    "icmp-net-prohibited": ("net-prohib", (3, 9)),
    "icmp-host-prohibited": ("host-prohib", (3, 10)),
    "tcp-reset": ("tcp-rst", None),
    "icmp-admin-prohibited": ("admin-prohib", (3, 13)),
}
_IPV6: Kinds = {
    "icmp6-no-route": ("no-route", (1, 0)),
    "icmp6-adm-prohibited": ("adm-prohibited", (1, 1)),
    "icmp6-addr-unreachable": ("addr-unreach", (1, 3)),
    "icmp6-port-unreachable": ("port-unreach", (1, 4)),
    "tcp-reset": ("tcp-reset", None),
    "icmp6-policy-fail": ("policy-fail", (1, 5)),
    "icmp6-reject-route": ("reject-route", (1, 6)),
}
"""Names with their short forms and the ICMP type and code, in the order in which iptables looks."""


@dataclass(frozen=True, slots=True)
class RejectTarget:
    """`answer` is the ICMP (type, code), or None for a TCP reset."""

    then: ClassVar[Literal["rejects"]] = "rejects"
    kind: str
    answer: tuple[int, int] | None
    name = "REJECT"
    cut = no_cut

    def save(self) -> str:
        return f"REJECT --reject-with {self.kind}"


def _build(given: list[Given], family: Family) -> RejectTarget:
    """The kind may be cut short: the first one that begins so is meant."""
    kinds = _IPV4 if family == "ipv4" else _IPV6
    default = "icmp-port-unreachable" if family == "ipv4" else "icmp6-port-unreachable"
    word = given[0].value if given else default
    for kind, (short, answer) in kinds.items():
        if kind.startswith(word.lower()) or short.startswith(word.lower()):
            return RejectTarget(kind, answer)
    raise RuleSyntaxError(f"{word!r} is no kind of refusal: there are {', '.join(kinds)}", word)


EXTENSIONS = (
    Extension(
        "REJECT",
        _build,
        {"--reject-with": Option("reject-with")},
        place=Place.of(tables="filter", hooks="INPUT FORWARD OUTPUT"),
        note="a reset closes the entry; for what came by a port of a bridge it goes straight back, past "
        "all rules and untranslated",
        source="net/ipv4/netfilter/ipt_REJECT.c, net/ipv6/netfilter/ip6t_REJECT.c",
    ),
)
