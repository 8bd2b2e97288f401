"""`-m limit` and `-m hashlimit`: rates. Sources: net/netfilter/xt_limit.c, xt_hashlimit.c,
extensions/libxt_limit.c, libxt_hashlimit.c.

How many packets came before is not known, so both ways are followed. The fraction of each way is a half for
want of a better one, and says nothing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    Surroundings,
    by_name,
)
from kproxysim.netfilter.matches.hashlimit import OPTIONS, hashlimit_text
from kproxysim.netfilter.matches.rates import packet_rate, rate_text
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "LimitMatch"]

_LIMIT_SCALE = 10000
_BURST = 5


@dataclass(frozen=True, slots=True)
class LimitMatch:
    """A rate that packets may not exceed (or must exceed, for `--hashlimit-above`)."""

    field: ClassVar[str] = "limit"
    lost: ClassVar[str] = "the rate is not known: the way on if it does not hold"
    meant: ClassVar[Fraction] = Fraction(1, 2)
    kernel: ClassVar[Fraction] = Fraction(1, 2)
    negated: ClassVar[bool] = False
    text: str
    above: bool = False
    cut = no_cut

    @property
    def says(self) -> tuple[str, str]:
        """What each way is called."""
        within, over = f"within the rate ({self.text})", f"over the rate ({self.text})"
        return (over, within) if self.above else (within, over)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        """Deciding is the walk's business, since both ways are followed; this is never asked."""
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("limit", self.says[0], "the rate is not known: the way on if it holds", True)

    def save(self) -> str:
        return self.text


def _build_limit(given: list[Given], family: Family) -> LimitMatch:
    values = by_name(given)
    period = packet_rate(values["limit"].value if "limit" in values else "3/hour", _LIMIT_SCALE, 32)
    burst = parse_number(values["limit-burst"].value, 0, 10000) if "limit-burst" in values else _BURST
    text = f"--limit {rate_text(period, _LIMIT_SCALE)}"
    # legacy refuses a burst of 0, nft takes it for the usual one
    return LimitMatch(text if burst in (0, _BURST) else f"{text} --limit-burst {burst}")


def _build_hashlimit(given: list[Given], family: Family) -> LimitMatch:
    text = hashlimit_text(by_name(given), family)
    return LimitMatch(text, above=text.startswith("--hashlimit-above"))


_NOTE = "how many packets came before is not known: both ways are followed"

EXTENSIONS = (
    Extension(
        "limit",
        _build_limit,
        {"--limit": Option("limit"), "--limit-burst": Option("limit-burst")},
        modelled="fork",
        note=_NOTE,
        source="net/netfilter/xt_limit.c",
    ),
    Extension(
        "hashlimit",
        _build_hashlimit,
        OPTIONS,
        modelled="fork",
        note=_NOTE,
        source="net/netfilter/xt_hashlimit.c",
    ),
)
