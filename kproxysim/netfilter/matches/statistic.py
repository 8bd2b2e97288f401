"""`-m statistic`: chance. Source: net/netfilter/xt_statistic.c, extensions/libxt_statistic.c.

iptables stores a probability as a whole number of 2^31 parts (`lround`); the kernel compares 31 random bits
with it. Mode nth counts the packets that come as far as the match, on a counter of the rule's own.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    RuleSyntaxError,
    Surroundings,
    by_name,
)
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "NthMatch", "RandomMatch"]

_PARTS = 1 << 31
_DECIMAL = re.compile(r"\+?(?:\d{1,40}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class RandomMatch:
    """`--mode random`. `parts` of 2^31; `meant` is the fraction that the writer had in mind.

    Deciding is the walk's business, since both ways may be followed; `holds` is never asked.
    """

    field: ClassVar[str] = "statistic"
    lost: ClassVar[str] = "not drawn"
    parts: int
    meant: Fraction
    negated: bool = False
    cut = no_cut

    @property
    def says(self) -> tuple[str, str]:
        """What it is called when it matches, and when it does not; both empty for the rule itself."""
        return "", ""

    @property
    def kernel(self) -> Fraction:
        """The chance that the kernel gives."""
        return Fraction(self.parts, _PARTS)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition(
            "statistic", ("! " if self.negated else "") + f"drawn with chance {self.meant}", "drawn", True
        )

    def save(self) -> str:
        return f"--mode random {'! ' if self.negated else ''}--probability {self.parts / _PARTS:.11f}"


@dataclass(frozen=True, slots=True, eq=False)
class NthMatch:
    """`--mode nth`: one packet in `every`, the first of them after `packet` others."""

    field: ClassVar[str] = "statistic"
    lost: ClassVar[str] = "not its turn"
    has_effect: ClassVar[bool] = True
    one_of_a_kind: ClassVar[bool] = True
    every: int
    packet: int
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return host.take_turn(self, self.packet, self.every) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        """Without counting: what it wants, taken to hold."""
        wanted = f"{'not ' if self.negated else ''}packet {self.packet} of every {self.every}"
        return Condition("statistic", wanted, "its turn", True)

    def save(self) -> str:
        return f"--mode nth {'! ' if self.negated else ''}--every {self.every} --packet {self.packet}"


def _meant(parts: int, written: Decimal) -> Fraction:
    """kube-proxy writes 1/n with ten digits: where the kernel's number is that of 1/n, 1/n was meant."""
    if parts:
        n = round(_PARTS / parts)
        if n < 1 << 15 and _to_parts(Fraction(1, n)) == parts:
            return Fraction(1, n)
    return Fraction(written)


def _to_parts(fraction: Fraction) -> int:
    return int(fraction * _PARTS + Fraction(1, 2))


def _build(given: list[Given], family: Family) -> RandomMatch | NthMatch:
    values = by_name(given)
    mode = values.pop("mode", None)
    if mode is None:
        raise RuleSyntaxError("-m statistic needs --mode random or --mode nth")
    if mode.value == "random" and set(values) == {"probability"}:
        return _random(values["probability"])
    if mode.value == "nth" and set(values) == {"every", "packet"}:
        every = parse_number(values["every"].value, 1)
        packet = parse_number(values["packet"].value, 0, every - 1)
        return NthMatch(every, packet, values["every"].negated)
    if mode.value not in ("random", "nth"):
        raise RuleSyntaxError(f"mode {mode.value!r} is neither random nor nth", mode.value)
    wants = "exactly one --probability" if mode.value == "random" else "--every and --packet"
    raise RuleSyntaxError(f"--mode {mode.value} takes {wants}", mode.value)


def _random(probability: Given) -> RandomMatch:
    text = probability.value
    if not _DECIMAL.match(text) or (written := Decimal(text)) > 1:
        raise RuleSyntaxError(f"{text!r} is no probability: a number from 0 to 1", text)
    parts = int((written * _PARTS).to_integral_value(ROUND_HALF_UP))
    return RandomMatch(parts, _meant(parts, written), probability.negated)


EXTENSIONS = (
    Extension(
        "statistic",
        _build,
        {
            "--mode": Option("mode"),
            "--probability": Option("probability", 1, True),
            "--every": Option("every", 1, True),
            "--packet": Option("packet"),
        },
        modelled="fork",
        note="`random` follows every branch with its exact fraction; `nth` counts from the load of the rules",
        source="net/netfilter/xt_statistic.c",
    ),
)
