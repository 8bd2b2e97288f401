"""`-m mark`: bits of the packet's mark. Source: net/netfilter/xt_mark.c."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, RuleSyntaxError, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb

__all__ = ["EXTENSIONS", "MarkMatch", "parse_mark"]

_ALL = 0xFFFFFFFF


def parse_mark(text: str) -> tuple[int, int]:
    """`value[/mask]`, decimal, hexadecimal or octal as C writes them. Raises RuleSyntaxError."""
    value, slash, mask = text.partition("/")
    return _number(value, text), _number(mask, text) if slash else _ALL


def _number(text: str, word: str) -> int:
    try:
        number = int(text, 8) if len(text) > 1 and text[0] == "0" and text[1:].isdigit() else int(text, 0)
    except ValueError:
        raise RuleSyntaxError(f"{text!r} is no number", word) from None
    if not 0 <= number <= _ALL:
        raise RuleSyntaxError(f"{text!r} does not fit in 32 bits", word)
    return number


@dataclass(frozen=True, slots=True)
class MarkMatch:
    """`mark & mask == value`."""

    field: ClassVar[str] = "mark"
    value: int
    mask: int
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return ((skb.mark & self.mask) == self.value) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + self._text()
        return Condition("mark", wanted, f"{skb.mark:#x}", self.holds(skb, host))

    def _text(self) -> str:
        return f"{self.value:#x}" + ("" if self.mask == _ALL else f"/{self.mask:#x}")

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--mark {self._text()}"


def _build(given: list[Given], family: Family) -> MarkMatch:
    if len(given) != 1:
        raise RuleSyntaxError("-m mark takes exactly one --mark")
    value, mask = parse_mark(given[0].value)
    return MarkMatch(value, mask, given[0].negated)


EXTENSIONS = (Extension("mark", _build, {"--mark": ("mark", 1)}),)
