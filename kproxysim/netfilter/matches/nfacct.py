"""`-m nfacct`: counts in a named counter, matches everything. Source: net/netfilter/xt_nfacct.c."""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, Option, RuleSyntaxError, Surroundings
from kproxysim.netfilter.quoting import first_bytes, quote
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "NfacctMatch"]


@dataclass(frozen=True, slots=True)
class NfacctMatch:
    """A counter by name. iptables-save 1.8.9 prints two blanks before the name."""

    field: ClassVar[str] = "nfacct"
    name: str

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("nfacct", self.name, "", True)

    def save(self) -> str:
        return f"--nfacct-name  {quote(self.name)}"


def _build(given: list[Given], family: Family) -> NfacctMatch:
    if not given or not given[0].value:
        raise RuleSyntaxError("-m nfacct needs --nfacct-name with the name of a counter")
    return NfacctMatch(first_bytes(given[0].value, 31))


EXTENSIONS = (
    Extension(
        "nfacct",
        _build,
        {"--nfacct-name": Option("nfacct-name")},
        note="counts, and matches everything; counters with a quota are not known",
        source="net/netfilter/xt_nfacct.c",
    ),
)
