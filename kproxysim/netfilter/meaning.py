"""The meaning of a rule as a value: what it asks, in which order, and what follows.

The kernel asks a rule's matches one after the other and stops at the first that fails. That order shows
where asking changes something (`recent`, `statistic --mode nth`) and where chance or a rate decides; such a
rule carries `ordered`. All others are conditions without effect, and any order gives the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts, no_cut
from kproxysim.netfilter.condition import Condition, Match, Surroundings, Unmodelled
from kproxysim.netfilter.matches.limit import LimitMatch
from kproxysim.netfilter.matches.statistic import RandomMatch
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets.connection import ConnmarkTarget, CtTarget
from kproxysim.netfilter.targets.header import FieldTarget, TcpmssTarget
from kproxysim.netfilter.targets.log import LogTarget, NflogTarget, TraceTarget
from kproxysim.netfilter.targets.mark import MarkTarget
from kproxysim.netfilter.targets.nat import MasqueradeTarget, NatTarget, NetmapTarget, RedirectTarget
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.tproxy import TproxyTarget
from kproxysim.netfilter.targets.ttl import TtlTarget
from kproxysim.netfilter.targets.verdict import Accept, Drop, Jump, Return, UnknownTarget
from kproxysim.values import dataclass

__all__ = ["Draw", "NatTargets", "Parsed", "Passing", "Target", "UnknownMatch"]

Draw = RandomMatch | LimitMatch
"""A match that is not decided by the packet: both ways are followed, or one is drawn."""

NatTargets = NatTarget | MasqueradeTarget | RedirectTarget | NetmapTarget

Passing = (
    MarkTarget
    | ConnmarkTarget
    | CtTarget
    | LogTarget
    | NflogTarget
    | TraceTarget
    | TcpmssTarget
    | FieldTarget
    | TtlTarget
)
"""Targets after which the next rule is asked."""

Target = Accept | Drop | Return | Jump | RejectTarget | NatTargets | Passing | TproxyTarget | UnknownTarget


@dataclass(frozen=True, slots=True)
class UnknownMatch:
    """A match that the engine does not know, with its words as they were written."""

    field: ClassVar[str] = "unknown"
    may_be_unknown: ClassVar[bool] = True
    name: str
    words: str = ""
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        raise Unmodelled(f"match {self.name!r}")

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition(self.name, self.words or "?", "not modelled", False)

    def save(self) -> str:
        return self.words


_SILENT = ("comment", "nfacct")
"""Matches that ask nothing."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A rule's meaning.

    `extensions` pairs each `-m` with its match; `checks` are all matches that can be asked (draws apart).
    `target` is None for a rule that only counts. `draw` is the first match that chance or a rate decides.
    `ordered` is empty unless the order of asking shows: then it is everything, draws included, in order.
    `has_effect` tells whether asking changes something, so that it cannot be asked again.
    """

    header: tuple[Match, ...]
    extensions: tuple[tuple[str, Match], ...]
    target: Target | None
    checks: tuple[Match, ...]
    draw: Draw | None = None
    ordered: tuple[Match, ...] = ()
    has_effect: bool = False

    @classmethod
    def of(
        cls, header: tuple[Match, ...], extensions: tuple[tuple[str, Match], ...], target: Target | None
    ) -> Parsed:
        """A rule of its parts as they were written."""
        asked = [*header, *(match for _, match in extensions if match.field not in _SILENT)]
        draws = [match for match in asked if isinstance(match, Draw)]
        has_effect = any(_has_effect(match) for match in asked)
        ordered = tuple(_unknown_last(asked)) if draws or has_effect else ()
        checks = tuple(match for match in ordered or _unknown_last(asked) if not isinstance(match, Draw))
        return cls(header, extensions, target, checks, draws[0] if draws else None, ordered, has_effect)

    def save(self) -> str:
        """The text as iptables-save prints it, after `-A CHAIN`."""
        words = [text for match in self.header if (text := match.save())]
        for name, match in self.extensions:
            words.append(f"-m {name} {match.save()}".rstrip(" "))
        if isinstance(self.target, Jump):
            words.append(f"{'-g' if self.target.goto else '-j'} {self.target.chain}")
        elif self.target is not None:
            words.append(f"-j {self.target.save()}")
        return " ".join(words)

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Every condition of the rule, asked of one packet.

        Comments and counters are left out: they ask nothing.
        """
        return list(self._asked(skb, host))

    def _asked(self, skb: Skb, host: Surroundings) -> Iterator[Condition]:
        for match in (*self.header, *(match for _, match in self.extensions)):
            if match.field in _SILENT:
                continue
            several = getattr(match, "conditions", None)
            if several is not None:
                yield from several(skb, host)
            else:
                yield match.condition(skb, host)

    def cut(self, cuts: Cuts) -> bool:
        """Put in what the rule tells apart. False if what it does hangs on more than ranges."""
        for match in (*self.header, *(match for _, match in self.extensions)):
            if match.field not in _SILENT and not (hasattr(match, "cut") and match.cut(cuts)):
                return False
        return self.target is None or (hasattr(self.target, "cut") and self.target.cut(cuts))

    def first_miss(self, skb: Skb, host: Surroundings) -> Condition | None:
        """The first condition that fails, or None if all hold. A draw is taken to hold."""
        return next((condition for condition in self._asked(skb, host) if not condition.held), None)


def _has_effect(match: Match) -> bool:
    return getattr(match, "has_effect", False)


def _unknown_last(matches: Iterable[Match]) -> list[Match]:
    """What is not modelled is asked after what is known: a rule that fails on something known fails in any
    case. It stays before whatever changes something when it is asked.
    """
    ordered: list[Match] = []
    unknown: list[Match] = []
    for match in matches:
        if _has_effect(match):
            ordered += [*unknown, match]
            unknown = []
        elif getattr(match, "may_be_unknown", False):
            unknown.append(match)
        else:
            ordered.append(match)
    return ordered + unknown
