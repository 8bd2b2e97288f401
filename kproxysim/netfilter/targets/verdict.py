"""The targets without options: ACCEPT, DROP, RETURN, and jumps to other chains."""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import ANYWHERE, Extension, Given, Place
from kproxysim.netfilter.script import Family
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "Accept", "Drop", "Jump", "Return", "UnknownTarget"]


@dataclass(frozen=True, slots=True)
class Accept:
    """Ends the table with the packet going on."""

    then: ClassVar[Literal["ends"]] = "ends"
    name = "ACCEPT"
    cut = no_cut

    def save(self) -> str:
        return "ACCEPT"


@dataclass(frozen=True, slots=True)
class Drop:
    """Ends the packet without a word."""

    then: ClassVar[Literal["ends"]] = "ends"
    name = "DROP"
    cut = no_cut

    def save(self) -> str:
        return "DROP"


@dataclass(frozen=True, slots=True)
class Return:
    """Back to the calling chain; in a base chain, its policy."""

    then: ClassVar[Literal["returns"]] = "returns"
    name = "RETURN"
    cut = no_cut

    def save(self) -> str:
        return "RETURN"


@dataclass(frozen=True, slots=True)
class Jump:
    """To another chain, and back behind this rule when that ends; `goto` does not come back here."""

    then: ClassVar[Literal["jumps"]] = "jumps"
    chain: str
    goto: bool = False
    cut = no_cut

    @property
    def name(self) -> str:
        return self.chain

    def save(self) -> str:
        return self.chain


@dataclass(frozen=True, slots=True)
class UnknownTarget:
    """A target that the engine does not know, with its options as they were written."""

    then: ClassVar[Literal["unknown"]] = "unknown"
    name: str
    options: str = ""
    cut = no_cut

    def save(self) -> str:
        return f"{self.name} {self.options}" if self.options else self.name


def _simple(name: str, value: object, place: Place = ANYWHERE) -> Extension:
    def build(given: list[Given], family: Family) -> object:
        return value

    return Extension(name, build, place=place, source="net/netfilter/x_tables.c")


_NOT_NAT = Place.of(tables="raw mangle filter security")
"""iptables itself inhibits DROP in table nat (`do_parse`)."""

EXTENSIONS = (_simple("ACCEPT", Accept()), _simple("DROP", Drop(), _NOT_NAT), _simple("RETURN", Return()))
