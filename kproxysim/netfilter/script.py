"""iptables-restore input as data: what a program asks the kernel to change, table by table.

A script is what kube-proxy writes in one sync. Applying it to a `Ruleset` (`Ruleset.apply`) is what the
kernel does with it under `--noflush`: a declared chain is created or emptied, rules are appended, deleted
chains go, everything else stays. What each statement does to a table is in `contents`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Literal

from kproxysim.netfilter.rule import Origin, Rule
from kproxysim.values import dataclass

__all__ = [
    "Declare",
    "Delete",
    "Family",
    "Flush",
    "Insert",
    "Remove",
    "Rename",
    "Replace",
    "Script",
    "Section",
    "Statement",
]

Family = Literal["ipv4", "ipv6"]

_Block = tuple[str, Origin | None, Sequence[str]]
"""Lines with newlines between them, their origin, and the field of each where they differ in it."""


@dataclass(frozen=True, slots=True)
class Delete:
    """`-X CHAIN`: remove a chain."""

    chain: str

    def __str__(self) -> str:
        return f"-X {self.chain}"


@dataclass(frozen=True, slots=True)
class Declare:
    """`:CHAIN POLICY` behind other statements, `-N CHAIN` or `-P CHAIN POLICY`.

    A chain of the user's is made, or emptied if it is there; a base chain keeps its rules. `policy` is
    "ACCEPT", "DROP", or None to leave the one that there is.
    """

    chain: str
    policy: str | None = None

    def __str__(self) -> str:
        return f":{self.chain} {self.policy or '-'} [0:0]"


@dataclass(frozen=True, slots=True)
class Insert:
    """`-I CHAIN POSITION`: a rule in front of the one at `position`, which counts from 1."""

    rule: Rule
    position: int = 1

    def __str__(self) -> str:
        return _with(f"-I {self.rule.chain} {self.position}", self.rule.text)


@dataclass(frozen=True, slots=True)
class Replace:
    """`-R CHAIN POSITION`: a rule in place of the one at `position`."""

    rule: Rule
    position: int

    def __str__(self) -> str:
        return _with(f"-R {self.rule.chain} {self.position}", self.rule.text)


def _with(head: str, text: str) -> str:
    return f"{head} {text}" if text else head


@dataclass(frozen=True, slots=True)
class Remove:
    """`-D CHAIN POSITION`: the rule at `position` goes. A rule that was named by its text has one too."""

    chain: str
    position: int

    def __str__(self) -> str:
        return f"-D {self.chain} {self.position}"


@dataclass(frozen=True, slots=True)
class Flush:
    """`-F CHAIN`: all rules of a chain go."""

    chain: str

    def __str__(self) -> str:
        return f"-F {self.chain}"


@dataclass(frozen=True, slots=True)
class Rename:
    """`-E OLD NEW`: a chain of the user's gets another name, and the rules that jump to it follow."""

    old: str
    new: str

    def __str__(self) -> str:
        return f"-E {self.old} {self.new}"


Statement = Rule | Delete | Declare | Insert | Replace | Remove | Flush | Rename


@dataclass(slots=True)
class Section:
    """One `*table ... COMMIT`: chain lines first, then statements in order.

    `declared` maps a chain to its policy ("ACCEPT", "DROP", or None for a chain of the user's).

    Statements are added as text (`write`) or as values (`statements.append`). Text is made into values when
    somebody asks for them: often it is all that is wanted, and 170,000 rules are many objects.
    """

    table: str
    declared: dict[str, str | None] = field(default_factory=dict)
    _made: list[Statement] = field(default_factory=list, repr=False)
    _written: list[_Block] = field(default_factory=list, repr=False)

    def write(self, lines: Sequence[str], origin: Origin | None = None, fields: Sequence[str] = ()) -> None:
        """Add statements as they stand in the text, `-A CHAIN ...` or `-X CHAIN`.

        `origin` is that of all of them; `fields`, if given, has the field of each.
        """
        if lines:
            self._written.append(("\n".join(lines), origin, fields))

    @property
    def statements(self) -> list[Statement]:
        """The statements as values, in order."""
        written, self._written = self._written, []
        for block in written:
            self._made += _statements(*block)
        return self._made

    def lines(self) -> list[str]:
        """The text of this section as iptables-restore reads it, cut into one or more lines at a time."""
        text = [f"*{self.table}"]
        text += [f":{chain} {policy or '-'} [0:0]" for chain, policy in self.declared.items()]
        text += map(str, self._made)
        text += [block for block, _, _ in self._written]
        text.append("COMMIT")
        return text


def _statements(block: str, origin: Origin | None, fields: Sequence[str]) -> Iterator[Rule | Delete]:
    """The statements of a block. Origins that are equal are one."""
    by_field = {} if origin is None else {name: origin._replace(field=name) for name in fields}
    for index, line in enumerate(block.split("\n")):
        command, chain, *text = line.split(" ", 2)
        if command == "-X":
            yield Delete(chain)
        else:
            made_by = by_field[fields[index]] if by_field else origin
            yield Rule(chain, text[0] if text else "", made_by)


@dataclass(slots=True)
class Script:
    """A whole iptables-restore input for one address family."""

    family: Family
    sections: list[Section] = field(default_factory=list)

    def to_text(self) -> str:
        """The bytes handed to iptables-restore: words joined by single blanks, lines ended by a newline."""
        lines = [line for section in self.sections for line in section.lines()]
        lines.append("")
        return "\n".join(lines)
