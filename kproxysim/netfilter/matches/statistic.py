"""`-m statistic`: chance. Source: net/netfilter/xt_statistic.c, extensions/libxt_statistic.c.

iptables stores a probability as a whole number of 2^31 parts (`lround`); the kernel compares 31 random bits
with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, RuleSyntaxError, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb

__all__ = ["EXTENSIONS", "RandomMatch"]

_PARTS = 1 << 31


@dataclass(frozen=True, slots=True)
class RandomMatch:
    """`--mode random`. `parts` of 2^31; `meant` is the fraction that the writer had in mind.

    Deciding is the walk's business, since both ways may be followed; `holds` is never asked.
    """

    field: ClassVar[str] = "statistic"
    parts: int
    meant: Fraction
    negated: bool = False

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


def _meant(parts: int, written: Decimal) -> Fraction:
    """kube-proxy writes 1/n with ten digits: where the kernel's number is that of 1/n, 1/n was meant."""
    if parts:
        n = round(_PARTS / parts)
        if 0 < n < 1 << 15 and _to_parts(Fraction(1, n)) == parts:
            return Fraction(1, n)
    return Fraction(written)


def _to_parts(fraction: Fraction) -> int:
    return int((fraction * _PARTS * 2 + 1) // 2)


def _build(given: list[Given], family: Family) -> RandomMatch:
    values = {option.option: option for option in given}
    mode = values.get("mode")
    if mode is None:
        raise RuleSyntaxError("-m statistic needs --mode")
    if mode.value != "random":
        raise RuleSyntaxError(
            f"mode {mode.value!r} of -m statistic is not supported, only random", mode.value
        )
    probability = values.get("probability")
    if probability is None or len(given) != 2:
        raise RuleSyntaxError("--mode random takes exactly one --probability")
    try:
        written = Decimal(probability.value)
    except InvalidOperation:
        raise RuleSyntaxError(f"{probability.value!r} is no probability", probability.value) from None
    if not 0 <= written <= 1:
        raise RuleSyntaxError(f"probability {probability.value} is not between 0 and 1", probability.value)
    parts = int((written * _PARTS).to_integral_value(ROUND_HALF_UP))
    return RandomMatch(parts, _meant(parts, written), probability.negated)


EXTENSIONS = (Extension("statistic", _build, {"--mode": ("mode", 1), "--probability": ("probability", 1)}),)
