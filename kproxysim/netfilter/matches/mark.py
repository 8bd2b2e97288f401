"""`-m mark` and `-m connmark`: bits of the mark of a packet, or of its connection.

Sources: net/netfilter/xt_mark.c, xt_connmark.c.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Condition, Extension, Given, Option, RuleSyntaxError, Surroundings
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "ConnmarkMatch", "MarkMatch", "parse_mark"]

_ALL = 0xFFFFFFFF


def parse_mark(text: str) -> tuple[int, int]:
    """`value[/mask]`, decimal, hexadecimal or octal as C writes them. Raises RuleSyntaxError."""
    value, slash, mask = text.partition("/")
    return parse_number(value, word=text), parse_number(mask, word=text) if slash else _ALL


def _text(value: int, mask: int) -> str:
    return f"{value:#x}" + ("" if mask == _ALL else f"/{mask:#x}")


@dataclass(frozen=True, slots=True)
class MarkMatch:
    """`mark & mask == value`."""

    field: ClassVar[str] = "mark"
    value: int
    mask: int
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return ((skb.mark & self.mask) == self.value) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + _text(self.value, self.mask)
        return Condition("mark", wanted, f"{skb.mark:#x}", self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--mark {_text(self.value, self.mask)}"


@dataclass(frozen=True, slots=True)
class ConnmarkMatch:
    """`connection's mark & mask == value`. A packet without a connection fails, negated or not."""

    field: ClassVar[str] = "connmark"
    value: int
    mask: int
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if skb.flow is None or skb.flow.connection is None:
            return False
        return ((skb.flow.connection.mark & self.mask) == self.value) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        connection = None if skb.flow is None else skb.flow.connection
        had = "no connection" if connection is None else f"{connection.mark:#x}"
        wanted = ("! " if self.negated else "") + _text(self.value, self.mask)
        return Condition("connmark", wanted, had, self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--mark {_text(self.value, self.mask)}"


def _extension(name: str, kind: type[MarkMatch | ConnmarkMatch]) -> Extension:
    def build(given: list[Given], family: Family) -> MarkMatch | ConnmarkMatch:
        if not given:
            raise RuleSyntaxError(f"-m {name} takes exactly one --mark")
        value, mask = parse_mark(given[0].value)
        return kind(value, mask, given[0].negated)

    return Extension(name, build, {"--mark": Option("mark", 1, True)}, source=f"net/netfilter/xt_{name}.c")


EXTENSIONS = (_extension("mark", MarkMatch), _extension("connmark", ConnmarkMatch))
