"""`-m ttl` and `-m hl`: what is left of a packet's time to live, or of its hop limit in IPv6.

Source: net/netfilter/xt_hl.c. A router has taken one off when FORWARD sees the packet; a bridge takes none.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Condition, Extension, Given, Option, RuleSyntaxError, Surroundings
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "TtlMatch"]

_SIGNS = {"eq": "", "lt": "< ", "gt": "> "}


@dataclass(frozen=True, slots=True)
class TtlMatch:
    """`how` is "eq", "lt" or "gt"; `name` is "ttl" or "hl"."""

    field: ClassVar[str] = "time to live"
    name: str
    how: str
    value: int
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if self.how == "lt":
            return skb.ttl < self.value
        if self.how == "gt":
            return skb.ttl > self.value
        return (skb.ttl == self.value) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = f"{'! ' if self.negated else ''}{_SIGNS[self.how]}{self.value}"
        return Condition(self.field, wanted, str(skb.ttl), self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--{self.name}-{self.how} {self.value}"


def _extension(name: str, only: Family) -> Extension:
    def build(given: list[Given], family: Family) -> TtlMatch:
        if len(given) != 1:
            raise RuleSyntaxError(f"-m {name} takes exactly one of --{name}-eq, --{name}-lt and --{name}-gt")
        (one,) = given
        return TtlMatch(name, one.option, parse_number(one.value, 0, 255), one.negated)

    return Extension(
        name,
        build,
        {
            f"--{name}-eq": Option("eq", 1, True),
            f"--{name}": Option("eq", 1, True),
            f"--{name}-lt": Option("lt"),
            f"--{name}-gt": Option("gt"),
        },
        family=only,
        note="64 for a packet of which nobody said it (`ttl`)",
        source="net/netfilter/xt_hl.c",
    )


EXTENSIONS = (_extension("ttl", "ipv4"), _extension("hl", "ipv6"))
