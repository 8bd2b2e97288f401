"""`-j TTL` and `-j HL`: another time to live, or hop limit. Source: net/netfilter/xt_HL.c."""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Extension, Given, Option, Place, RuleSyntaxError
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "TtlTarget"]


@dataclass(frozen=True, slots=True)
class TtlTarget:
    """`how` is "set", "dec" or "inc"; `name` is "TTL" or "HL"."""

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    name: str
    how: str
    value: int
    cut = no_cut

    def carried_out(self, skb: Skb) -> Skb:
        """The packet with its new time to live: 0 to 255."""
        change = {"set": self.value - skb.ttl, "dec": -self.value, "inc": self.value}[self.how]
        return skb.with_ttl(min(max(skb.ttl + change, 0), 255))

    def save(self) -> str:
        return f"{self.name} --{self.name.lower()}-{self.how} {self.value}"


def _extension(name: str, only: Family) -> Extension:
    options = {f"--{name.lower()}-{how}": Option(how) for how in ("set", "dec", "inc")}

    def build(given: list[Given], family: Family) -> TtlTarget:
        if len(given) != 1:
            raise RuleSyntaxError(f"-j {name} takes exactly one of {', '.join(options)}")
        (one,) = given
        return TtlTarget(name, one.option, parse_number(one.value, 0 if one.option == "set" else 1, 255))

    place = Place.of(tables="mangle")
    return Extension(name, build, options, place=place, family=only, source="net/netfilter/xt_HL.c")


EXTENSIONS = (_extension("TTL", "ipv4"), _extension("HL", "ipv6"))
