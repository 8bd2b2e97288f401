"""`-m limit`, `-m hashlimit`, `-m connlimit` and `-m quota`: what hangs on what came before. Sources:
net/netfilter/xt_limit.c, xt_hashlimit.c, xt_connlimit.c, xt_quota.c, extensions/libxt_limit.c and the like.

How many packets and connections there were is not known, so both ways are followed. The fraction of each way
is a half for want of a better one, and says nothing.
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
    RuleSyntaxError,
    Surroundings,
    by_name,
)
from kproxysim.netfilter.matches.hashlimit import OPTIONS, hashlimit_text
from kproxysim.netfilter.matches.rates import packet_rate, rate_text
from kproxysim.netfilter.numbers import parse_number, parse_prefix_length
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "LimitMatch"]

_LIMIT_SCALE = 10000
_RATE = "3/hour"
_BURST = 5


@dataclass(frozen=True, slots=True)
class LimitMatch:
    """A rate, or another `bound`, that packets may not exceed (must exceed, for `--hashlimit-above`)."""

    field: ClassVar[str] = "limit"
    meant: ClassVar[Fraction] = Fraction(1, 2)
    kernel: ClassVar[Fraction] = Fraction(1, 2)
    negated: ClassVar[bool] = False
    text: str
    above: bool = False
    bound: str = "rate"
    cut = no_cut

    @property
    def lost(self) -> str:
        """What is said of the way on past the rule."""
        return f"the {self.bound} is not known: the way on if it does not hold"

    @property
    def says(self) -> tuple[str, str]:
        """What each way is called."""
        within, over = f"within the {self.bound} ({self.text})", f"over the {self.bound} ({self.text})"
        return (over, within) if self.above else (within, over)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        """Deciding is the walk's business, since both ways are followed; this is never asked."""
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = f"the {self.bound} is not known: the way on if it holds"
        return Condition("limit", self.says[0], had, True)

    def save(self) -> str:
        return self.text


def _build_limit(given: list[Given], family: Family) -> LimitMatch:
    values = by_name(given)
    period = packet_rate(values["limit"].value if "limit" in values else _RATE, _LIMIT_SCALE)
    burst = parse_number(values["limit-burst"].value, 0, 10000) if "limit-burst" in values else _BURST
    text = f"--limit {rate_text(period, _LIMIT_SCALE)}"
    # legacy refuses a burst of 0, nft takes it for the usual one
    return LimitMatch(text if burst in (0, _BURST) else f"{text} --limit-burst {burst}")


def _build_hashlimit(given: list[Given], family: Family) -> LimitMatch:
    text = hashlimit_text(by_name(given), family)
    return LimitMatch(text, above=text.startswith("--hashlimit-above"))


def _build_connlimit(given: list[Given], family: Family) -> LimitMatch:
    values = by_name(given)
    bounds = [values[name] for name in ("connlimit-above", "connlimit-upto") if name in values]
    if len(bounds) != 1:
        raise RuleSyntaxError("-m connlimit takes exactly one of --connlimit-above and --connlimit-upto")
    if "connlimit-saddr" in values and "connlimit-daddr" in values:
        raise RuleSyntaxError(
            "--connlimit-saddr and --connlimit-daddr exclude each other", "--connlimit-daddr"
        )
    (bound,) = bounds
    above = (bound.option == "connlimit-above") is not bound.negated
    length = 32 if family == "ipv4" else 128
    if "connlimit-mask" in values:
        length = parse_prefix_length(values["connlimit-mask"].value, family)
    side = "daddr" if "connlimit-daddr" in values else "saddr"
    words = f"{parse_number(bound.value)} --connlimit-mask {length} --connlimit-{side}"
    return LimitMatch(f"--connlimit-{'above' if above else 'upto'} {words}", above, "limit of connections")


def _build_quota(given: list[Given], family: Family) -> LimitMatch:
    if not given:
        raise RuleSyntaxError("-m quota needs --quota")
    (one,) = given
    number = parse_number(one.value, 0, (1 << 64) - 1)
    return LimitMatch(f"{'! ' if one.negated else ''}--quota {number}", one.negated, "quota")


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
    Extension(
        "connlimit",
        _build_connlimit,
        {
            "--connlimit-above": Option("connlimit-above", 1, True),
            "--connlimit-upto": Option("connlimit-upto", 1, True),
            "--connlimit-mask": Option("connlimit-mask"),
            "--connlimit-saddr": Option("connlimit-saddr", 0),
            "--connlimit-daddr": Option("connlimit-daddr", 0),
        },
        modelled="fork",
        note="how many connections are open is not known: both ways are followed",
        source="net/netfilter/xt_connlimit.c",
    ),
    Extension(
        "quota",
        _build_quota,
        {"--quota": Option("quota", 1, True)},
        modelled="fork",
        note=_NOTE,
        source="net/netfilter/xt_quota.c",
    ),
)
