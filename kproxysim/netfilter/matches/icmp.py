"""`-m icmp` and `-m icmp6`: type and code. Sources: net/ipv4/netfilter/ip_tables.c (`icmp_match`),
net/ipv6/netfilter/ip6_tables.c, extensions/libxt_icmp.h for the names.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    RuleSyntaxError,
    Surroundings,
    Unmodelled,
)
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "IcmpMatch"]

_ANY = 255
"""The type that stands for all of them in IPv4."""

Names = dict[str, tuple[int, int, int]]

_IPV4: Names = {
    "any": (_ANY, 0, 255), "echo-reply": (0, 0, 255), "pong": (0, 0, 255),
    "destination-unreachable": (3, 0, 255), "network-unreachable": (3, 0, 0), "host-unreachable": (3, 1, 1),
    "protocol-unreachable": (3, 2, 2), "port-unreachable": (3, 3, 3), "fragmentation-needed": (3, 4, 4),
    "source-route-failed": (3, 5, 5), "network-unknown": (3, 6, 6), "host-unknown": (3, 7, 7),
    "network-prohibited": (3, 9, 9), "host-prohibited": (3, 10, 10), "tos-network-unreachable": (3, 11, 11),
    "tos-host-unreachable": (3, 12, 12), "communication-prohibited": (3, 13, 13),
    "host-precedence-violation": (3, 14, 14), "precedence-cutoff": (3, 15, 15),
    "source-quench": (4, 0, 255), "redirect": (5, 0, 255), "network-redirect": (5, 0, 0),
    "host-redirect": (5, 1, 1), "tos-network-redirect": (5, 2, 2), "tos-host-redirect": (5, 3, 3),
    "echo-request": (8, 0, 255), "ping": (8, 0, 255), "router-advertisement": (9, 0, 255),
    "router-solicitation": (10, 0, 255), "time-exceeded": (11, 0, 255), "ttl-exceeded": (11, 0, 255),
    "ttl-zero-during-transit": (11, 0, 0), "ttl-zero-during-reassembly": (11, 1, 1),
    "parameter-problem": (12, 0, 255), "ip-header-bad": (12, 0, 0), "required-option-missing": (12, 1, 1),
    "timestamp-request": (13, 0, 255), "timestamp-reply": (14, 0, 255), "address-mask-request": (17, 0, 255),
    "address-mask-reply": (18, 0, 255),
}  # fmt: skip
_IPV6: Names = {
    "destination-unreachable": (1, 0, 255), "no-route": (1, 0, 0), "communication-prohibited": (1, 1, 1),
    "beyond-scope": (1, 2, 2), "address-unreachable": (1, 3, 3), "port-unreachable": (1, 4, 4),
    "failed-policy": (1, 5, 5), "reject-route": (1, 6, 6), "packet-too-big": (2, 0, 255),
    "time-exceeded": (3, 0, 255), "ttl-exceeded": (3, 0, 255), "ttl-zero-during-transit": (3, 0, 0),
    "ttl-zero-during-reassembly": (3, 1, 1), "parameter-problem": (4, 0, 255), "bad-header": (4, 0, 0),
    "unknown-header-type": (4, 1, 1), "unknown-option": (4, 2, 2), "echo-request": (128, 0, 255),
    "ping": (128, 0, 255), "echo-reply": (129, 0, 255), "pong": (129, 0, 255),
    "router-solicitation": (133, 0, 255), "router-advertisement": (134, 0, 255),
    "neighbour-solicitation": (135, 0, 255), "neighbor-solicitation": (135, 0, 255),
    "neighbour-advertisement": (136, 0, 255), "neighbor-advertisement": (136, 0, 255),
    "redirect": (137, 0, 255),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class IcmpMatch:
    """A type, and codes from `low` to `high`."""

    field: ClassVar[str] = "icmp"
    protocol: str
    type: int
    low: int
    high: int
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if skb.protocol != self.protocol:
            return False
        if self.type == _ANY and self.protocol == "icmp":
            return not self.negated
        if skb.icmp is None:
            raise Unmodelled(f"type of an {self.protocol} packet that was sent without one")
        kind, code = skb.icmp
        return (kind == self.type and self.low <= code <= self.high) is not self.negated

    @property
    def may_be_unknown(self) -> bool:
        """A packet may have been sent without saying its type."""
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = skb.protocol if skb.icmp is None else f"{skb.icmp[0]}/{skb.icmp[1]}"
        try:
            held = self.holds(skb, host)
        except Unmodelled:
            had, held = "not given", False
        return Condition("icmp type", ("! " if self.negated else "") + self._text(), had, held)

    def _text(self) -> str:
        if self.type == _ANY and self.protocol == "icmp":
            return "any"
        return str(self.type) if (self.low, self.high) == (0, 255) else f"{self.type}/{self.low}"

    def save(self) -> str:
        option = "icmp-type" if self.protocol == "icmp" else "icmpv6-type"
        return f"{'! ' if self.negated else ''}--{option} {self._text()}"


def _parse(text: str, names: Names) -> tuple[int, int, int]:
    """A name, the beginning of a single one, or `type[/code]` (`__parse_icmp`). Raises RuleSyntaxError."""
    found = [name for name in names if text and name.startswith(text.lower())]
    if len(found) > 1:
        raise RuleSyntaxError(f"ICMP type {text!r} may be {found[0]} or {found[1]}", text)
    if found:
        return names[found[0]]
    kind, slash, code = text.partition("/")
    low, colon, high = (code if slash else "0:255").partition(":")
    try:
        first = parse_number(low, 0, 255)
        return parse_number(kind, 0, 255), first, parse_number(high, 0, 255) if colon else first
    except RuleSyntaxError:
        raise RuleSyntaxError(
            f"{text!r} is no ICMP type: write a name, or a type and perhaps a code from 0 to 255 as 3/4", text
        ) from None


_OF_FAMILY: dict[Family, tuple[str, str, str, Names]] = {
    "ipv4": ("icmp", "--icmp-type", "icmp", _IPV4),
    "ipv6": ("icmp6", "--icmpv6-type", "ipv6-icmp", _IPV6),
}


def _build(given: list[Given], family: Family) -> IcmpMatch:
    name, option, protocol, names = _OF_FAMILY[family]
    if not given:
        raise RuleSyntaxError(f"-m {name} needs {option}")
    return IcmpMatch(protocol, *_parse(given[0].value, names), given[0].negated)


EXTENSIONS = (
    Extension(
        "icmp",
        _build,
        {"--icmp-type": Option("icmp-type", 1, True)},
        protocols=("icmp",),
        family="ipv4",
        source="net/ipv4/netfilter/ip_tables.c",
    ),
    Extension(
        "icmp6",
        _build,
        {"--icmpv6-type": Option("icmpv6-type", 1, True)},
        protocols=("ipv6-icmp",),
        family="ipv6",
        source="net/ipv6/netfilter/ip6_tables.c",
    ),
)
