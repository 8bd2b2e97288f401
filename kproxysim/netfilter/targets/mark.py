"""`-j MARK`: new mark = (mark & ~mask) ^ value. Source: net/netfilter/xt_mark.c, extensions/libxt_MARK.c."""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Extension, Given, Option, RuleSyntaxError
from kproxysim.netfilter.matches.mark import parse_mark
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "MARK_OPTIONS", "MarkTarget", "set_mark"]

_ALL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class MarkTarget:
    """Every spelling comes down to value and mask; iptables-save prints all as `--set-xmark value/mask`."""

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    value: int
    mask: int
    name = "MARK"
    cut = no_cut

    def apply(self, mark: int) -> int:
        """The mark after this target."""
        return ((mark & ~self.mask) ^ self.value) & _ALL

    def carried_out(self, skb: Skb) -> Skb:
        """The packet after this target."""
        return skb.with_mark(self.apply(skb.mark))

    def save(self) -> str:
        return f"MARK --set-xmark {self.value:#x}/{self.mask:#x}"


MARK_OPTIONS = tuple(f"--{name}" for name in ("set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"))


def set_mark(given: Given) -> tuple[int, int]:
    """Value and mask that an option comes down to. Raises RuleSyntaxError."""
    option = given.option
    if option in ("set-xmark", "set-mark"):
        value, mask = parse_mark(given.value)
        return value, mask | value if option == "set-mark" else mask
    value = parse_number(given.value)
    if option == "and-mark":
        return 0, ~value & _ALL
    return value, value if option == "or-mark" else 0


def _build(given: list[Given], family: Family) -> MarkTarget:
    if len(given) != 1:
        raise RuleSyntaxError(f"-j MARK takes exactly one of {', '.join(MARK_OPTIONS)}")
    return MarkTarget(*set_mark(given[0]))


EXTENSIONS = (
    Extension(
        "MARK", _build, {name: Option(name[2:]) for name in MARK_OPTIONS}, source="net/netfilter/xt_mark.c"
    ),
)
