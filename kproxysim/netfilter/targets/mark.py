"""`-j MARK`: new mark = (mark & ~mask) ^ value. Source: net/netfilter/xt_mark.c, extensions/libxt_MARK.c."""

from __future__ import annotations

from dataclasses import dataclass

from kproxysim.netfilter.condition import Extension, Given, RuleSyntaxError
from kproxysim.netfilter.matches.mark import parse_mark
from kproxysim.netfilter.script import Family

__all__ = ["EXTENSIONS", "MarkTarget"]

_ALL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class MarkTarget:
    """Every spelling comes down to value and mask; iptables-save prints all as `--set-xmark value/mask`."""

    value: int
    mask: int
    name = "MARK"

    def apply(self, mark: int) -> int:
        """The mark after this target."""
        return ((mark & ~self.mask) ^ self.value) & _ALL

    def save(self) -> str:
        return f"MARK --set-xmark {self.value:#x}/{self.mask:#x}"


def _build(given: list[Given], family: Family) -> MarkTarget:
    if len(given) != 1:
        raise RuleSyntaxError(
            "-j MARK takes exactly one of --set-mark, --set-xmark, --and-mark, --or-mark, --xor-mark"
        )
    option, word = given[0].option, given[0].value
    value, mask = parse_mark(word)
    if option == "set-xmark":
        return MarkTarget(value, mask)
    if option == "set-mark":
        return MarkTarget(value, mask | value)
    if "/" in word:
        raise RuleSyntaxError(f"--{option} takes no mask", word)
    if option == "and-mark":
        return MarkTarget(0, ~value & _ALL)
    if option == "or-mark":
        return MarkTarget(value, value)
    return MarkTarget(value, 0)


EXTENSIONS = (
    Extension(
        "MARK",
        _build,
        {f"--{name}": (name, 1) for name in ("set-mark", "set-xmark", "and-mark", "or-mark", "xor-mark")},
    ),
)
