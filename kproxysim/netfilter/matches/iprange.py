"""`-m iprange`: addresses between two others. Source: net/netfilter/xt_iprange.c."""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.condition import Condition, Extension, Given, Option, RuleSyntaxError, Surroundings
from kproxysim.netfilter.numbers import address_text, parse_address
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, written
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "IpRangeMatch"]


@dataclass(frozen=True, slots=True)
class Range:
    """`--src-range` or `--dst-range`, both ends included."""

    side: str
    low: int
    high: int
    version: int
    negated: bool = False

    def had(self, skb: Skb) -> int:
        """The address that is looked at."""
        return skb.src if self.side == "src" else skb.dst

    def holds(self, skb: Skb) -> bool:
        return (self.low <= self.had(skb) <= self.high) is not self.negated

    @property
    def text(self) -> str:
        """`low-high`."""
        return f"{address_text(self.low, self.version)}-{address_text(self.high, self.version)}"


@dataclass(frozen=True, slots=True)
class IpRangeMatch:
    """A range of sources, of destinations, or both."""

    field: ClassVar[str] = "iprange"
    ranges: tuple[Range, ...]

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return all(one.holds(skb) for one in self.ranges)

    def cut(self, cuts: Cuts) -> bool:
        """The ends of the ranges."""
        for one in self.ranges:
            cuts.addresses(one.low, one.high, one.version)
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return self.conditions(skb, host)[0]

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Source and destination, each on its own."""
        return [
            Condition(
                one.side,
                ("! " if one.negated else "") + one.text,
                written(one.had(skb), one.version),
                one.holds(skb),
            )
            for one in self.ranges
        ]

    def save(self) -> str:
        return " ".join(f"{'! ' if one.negated else ''}--{one.side}-range {one.text}" for one in self.ranges)


def _build(given: list[Given], family: Family) -> IpRangeMatch:
    if not given:
        raise RuleSyntaxError("-m iprange needs --src-range or --dst-range")
    ranges = []
    for option in sorted(given, reverse=True):  # sources first
        low, dash, high = option.value.partition("-")
        first = parse_address(low, family, option.value)
        last = parse_address(high, family, option.value) if dash else first
        ranges.append(Range(option.option[:3], first, last, 4 if family == "ipv4" else 6, option.negated))
    return IpRangeMatch(tuple(ranges))


EXTENSIONS = (
    Extension(
        "iprange",
        _build,
        {"--src-range": Option("src-range", 1, True), "--dst-range": Option("dst-range", 1, True)},
        source="net/netfilter/xt_iprange.c",
    ),
)
