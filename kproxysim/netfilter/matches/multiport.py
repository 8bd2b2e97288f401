"""`-m multiport`: up to 15 ports and ranges. Source: net/netfilter/xt_multiport.c, libxt_multiport.c."""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.condition import Condition, Extension, Given, Option, RuleSyntaxError, Surroundings
from kproxysim.netfilter.numbers import parse_port
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "MultiportMatch"]

_SLOTS = 15
"""Ports that one match holds (XT_MULTI_PORTS); a range takes two."""


@dataclass(frozen=True, slots=True)
class MultiportMatch:
    """`side` is "sports", "dports", or "ports" for either. Ranges are inclusive."""

    field: ClassVar[str] = "multiport"
    side: str
    ranges: tuple[tuple[int, int], ...]
    negated: bool = False

    def _in(self, port: int) -> bool:
        return any(low <= port <= high for low, high in self.ranges)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        found = (self.side != "dports" and self._in(skb.sport)) or (
            self.side != "sports" and self._in(skb.dport)
        )
        return found is not self.negated

    def cut(self, cuts: Cuts) -> bool:
        """The ends of the ranges."""
        for low, high in self.ranges:
            cuts.ports(low, high)
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        ports = {"sports": (skb.sport,), "dports": (skb.dport,)}.get(self.side, (skb.sport, skb.dport))
        had = ", ".join(str(port) for port in ports if port >= 0) or "none"
        wanted = ("! " if self.negated else "") + self._text()
        return Condition(self.side, wanted, had, self.holds(skb, host))

    def _text(self) -> str:
        return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in self.ranges)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--{self.side} {self._text()}"


def _build(given: list[Given], family: Family) -> MultiportMatch:
    if len(given) != 1:
        raise RuleSyntaxError("-m multiport takes exactly one of --sports, --dports, --ports")
    ranges: list[tuple[int, int]] = []
    slots = 0
    for word in given[0].value.split(","):
        low, colon, high = word.partition(":")
        first = parse_port(low)
        last = parse_port(high) if colon else first
        if colon and first >= last:
            raise RuleSyntaxError(f"port range {word!r} does not run upwards", word)
        ranges.append((first, last))
        slots += 2 if colon else 1
    if slots > _SLOTS:
        raise RuleSyntaxError(f"more than {_SLOTS} ports (a range counts as two)", given[0].value)
    return MultiportMatch(given[0].option, tuple(ranges), given[0].negated)


EXTENSIONS = (
    Extension(
        "multiport",
        _build,
        {
            "--sports": Option("sports", 1, True),
            "--source-ports": Option("sports", 1, True),
            "--dports": Option("dports", 1, True),
            "--destination-ports": Option("dports", 1, True),
            "--ports": Option("ports", 1, True),
        },
        protocols=("tcp", "udp", "udplite", "sctp", "dccp"),
        source="net/netfilter/xt_multiport.c",
    ),
)
