"""Rules, chains and tables as values. What a rule's text means is read in `syntax`, on first use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import NamedTuple

from kproxysim.values import dataclass

__all__ = ["Chain", "Origin", "Rule", "Table"]


class Origin(NamedTuple):
    """What made a rule: the object and the field, in the user's words.

    `object` is "Service default/echo", `field` a path in it ("spec.externalIPs[0]"), `port` the name of the
    service port ("http", or its number as text where it has no name), empty where the rule belongs to no
    port. A named tuple, for a large cluster has 100,000 of them: half the time of a frozen dataclass.
    """

    object: str
    field: str = ""
    port: str = ""


@dataclass(slots=True, eq=False)
class Rule:
    """One rule as it was written: everything that follows `-A CHAIN`.

    `line` is the line of the dump that it was read from, 0 if it was not. The parsed form is computed once,
    by `Ruleset`, and kept in `parsed`.
    """

    chain: str
    text: str
    origin: Origin | None = None
    line: int = 0
    parsed: object = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"-A {self.chain} {self.text}" if self.text else f"-A {self.chain}"


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain:

    its rules in order. `policy` is "ACCEPT" or "DROP" for a base chain and None for a user's chain.
    """

    name: str
    policy: str | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(slots=True)
class Table:
    """A table: chains by name, base chains first and in hook order."""

    name: str
    chains: dict[str, Chain] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Chain]:
        return iter(self.chains.values())
