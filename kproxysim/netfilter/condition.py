"""Conditions: what a match asks of a packet, and what every match and target must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb

__all__ = ["Condition", "Extension", "Given", "Match", "RuleSyntaxError", "Surroundings", "Unmodelled"]


class RuleSyntaxError(ValueError):
    """A rule that iptables would refuse. `word` is the part of its text that is wrong."""

    def __init__(self, message: str, word: str = "") -> None:
        super().__init__(message)
        self.word = word


class Unmodelled(Exception):  # noqa: N818 - what it says is no error of anybody's
    """A match or target that decides a packet's fate, and the engine does not know it. `what` is its name."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not modelled")
        self.what = what


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule, asked of one packet: the field, what the rule wants, what the packet had."""

    field: str
    wanted: str
    had: str
    held: bool

    def to_dict(self) -> dict[str, str | bool]:
        """Plain values for JSON."""
        return {"field": self.field, "wanted": self.wanted, "had": self.had, "held": self.held}


class Surroundings(Protocol):
    """What a match may ask of the host it is evaluated on."""

    def address_type(self, address: int, device: str = "") -> str:
        """The kernel's type of an address ("LOCAL", "UNICAST", ...), on one device if `device` is given."""
        ...

    def recently_seen(self, name: str, address: int, seconds: int | None, hits: int) -> bool:
        """Has `recent` list `name` this address, seen at least `hits` times in the last `seconds`?"""
        ...

    def remember(self, name: str, address: int) -> None:
        """Put an address into a `recent` list, or refresh it."""
        ...


class Match(Protocol):
    """One match of a rule. Evaluated in the order in which iptables keeps them."""

    field: ClassVar[str]

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        """Does the packet have what the rule wants? Raises `Unmodelled` if that is not known."""
        ...

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        """The same, with the values that were compared."""
        ...

    def save(self) -> str:
        """The match as iptables-save prints it, without `-m NAME`."""
        ...


class Given(NamedTuple):
    """One option as it was written: its canonical name, whether `!` stood before it, its values."""

    option: str
    negated: bool
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The only value of an option that takes one."""
        return self.values[0]


class Build(Protocol):
    """Makes a match or target of its options. Raises `RuleSyntaxError`."""

    def __call__(self, given: list[Given], family: Family) -> object: ...


@dataclass(frozen=True, slots=True)
class Extension:
    """A match or target as iptables' command line knows it.

    `options` maps each spelling of an option to its canonical name and number of values.
    """

    name: str
    build: Build
    options: Mapping[str, tuple[str, int]] = field(default_factory=dict)
