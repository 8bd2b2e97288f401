"""Conditions: what a match asks of a packet, and what every match and target must be able to do.

An `Extension` is one match or target as iptables' command line knows it: the options it takes, what they
make, and where the kernel lets it stand. The registries in `matches` and `targets` are tables of these; the
parser, the checks of a dump and the list of what is supported are all read from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

if TYPE_CHECKING:
    from kproxysim.netfilter.conntrack import Connection
    from kproxysim.netfilter.sets import AddressSet

__all__ = [
    "ANYWHERE",
    "Condition",
    "Extension",
    "Given",
    "Match",
    "Modelled",
    "Option",
    "Place",
    "RuleSyntaxError",
    "Surroundings",
    "Unmodelled",
    "by_name",
]


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

    @property
    def clock(self) -> float:
        """The time in seconds."""
        ...

    def address_type(self, address: int, device: str = ...) -> str:
        """The kernel's type of an address ("LOCAL", "UNICAST", ...), on one device if `device` is given."""
        ...

    def has_way_back(self, source: int, device: str, *, loose: bool, accept_local: bool) -> bool:
        """Would a packet to `source` leave by `device` (by any, if `loose`)? Own addresses count if
        `accept_local`.
        """
        ...

    def recently_seen(self, name: str, address: int, seconds: int | None, hits: int, ttl: int = ...) -> bool:
        """Has `recent` list `name` this address, seen at least `hits` times in the last `seconds`, and with
        this time to live the last time unless `ttl` is 0?
        """
        ...

    def remember(self, name: str, address: int, ttl: int) -> None:
        """Put an address into a `recent` list, or refresh it."""
        ...

    def forget(self, name: str, address: int) -> bool:
        """Take an address out of a `recent` list. Was it there?"""
        ...

    def reap(self, name: str, seconds: int, keep: int | None) -> None:
        """Drop the address of a `recent` list that was refreshed longest ago, if that is more than `seconds`
        ago and it is not `keep`.
        """
        ...

    def update(self, connection: Connection) -> None:
        """Put a changed connection where later packets will find it, if they could find it before."""
        ...

    def take_turn(self, counter: object, start: int, every: int) -> bool:
        """Count a packet on `counter`, which begins at `start`; is it the one in `every` that is meant?"""
        ...

    def by_bridge(self, skb: Skb) -> tuple[bool, bool] | None:
        """Did the packet come by a port of a bridge, and does it leave by one? None where that is not
        known.
        """
        ...

    def address_set(self, name: str) -> AddressSet | None:
        """The ipset of this name, None where its members are not known."""
        ...


class Match(Protocol):
    """One match of a rule. Evaluated in the order in which iptables keeps them.

    A match that changes something when it is asked, as `recent` does, has `has_effect` true: it is asked when
    the kernel would ask it, and only once. One that may raise `Unmodelled` has `may_be_unknown` true.
    """

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

    # One whose answer hangs on a packet's addresses and ports by ranges alone has a method `cut`, which puts
    # them into a `Cuts`; it returns False where there is more to it.


class Option(NamedTuple):
    """One spelling of an option: its canonical name, how many values it takes, whether `!` may stand before
    it.
    """

    name: str
    values: int = 1
    negatable: bool = False


class Given(NamedTuple):
    """One option as it was written: its canonical name, whether `!` stood before it, its values."""

    option: str
    negated: bool
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The only value of an option that takes one."""
        return self.values[0]


def by_name(given: list[Given]) -> dict[str, Given]:
    """The options by canonical name. The parser has made sure that none stands twice."""
    return {option.option: option for option in given}


class Build(Protocol):
    """Makes a match or target of its options. Raises `RuleSyntaxError`."""

    def __call__(self, given: list[Given], family: Family) -> object: ...


class Place(NamedTuple):
    """Where the kernel takes a match or target: tables, and hooks from which its chain may be reached.

    None for no restriction. `direct` asks only about the base chains themselves: what the nft back end does
    not check for chains that are jumped to.
    """

    tables: frozenset[str] | None = None
    hooks: frozenset[str] | None = None
    direct: bool = False

    @classmethod
    def of(cls, tables: str = "", hooks: str = "", *, direct: bool = False) -> Place:
        """From names separated by blanks."""
        return cls(
            frozenset(tables.split()) if tables else None,
            frozenset(hooks.split()) if hooks else None,
            direct,
        )


ANYWHERE = Place()

Modelled = Literal["yes", "fork", "partly", "no"]
"""How well a match or target is known: "fork" follows both ways, "partly" depends on what is given."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A match or target as iptables' command line knows it.

    `options` maps each spelling of an option to what it is. `place` is where the kernel takes it; a match or
    target whose place hangs on its options has an attribute `place` of its own. `protocols` are those of
    which one must be asked for by `-p`, `family` is the only one it exists for, `repeated` names the options
    that may stand twice. `modelled` and `note` tell a reader how far it can be relied upon, `source` where
    its behaviour comes from.
    """

    name: str
    build: Build
    options: Mapping[str, Option] = field(default_factory=dict)
    place: Place = ANYWHERE
    protocols: tuple[str, ...] = ()
    family: Family | None = None
    repeated: tuple[str, ...] = ()
    modelled: Modelled = "yes"
    note: str = ""
    source: str = ""
