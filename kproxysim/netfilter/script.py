"""iptables-restore input as data: what a program asks the kernel to change, table by table.

A script is what kube-proxy writes in one sync. Applying it to a `Ruleset` (`Ruleset.apply`) is what the
kernel does with it under `--noflush`: a declared chain is created or emptied, rules are appended, deleted
chains go, everything else stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kproxysim.netfilter.rule import Rule

__all__ = ["Delete", "Family", "Script", "Section"]

Family = Literal["ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Delete:
    """`-X CHAIN`: remove a chain."""

    chain: str

    def __str__(self) -> str:
        return f"-X {self.chain}"


@dataclass(slots=True)
class Section:
    """One `*table ... COMMIT`: chain lines first, then statements in order.

    `declared` maps a chain to its policy ("ACCEPT", "DROP", or None for a chain of the user's).
    """

    table: str
    declared: dict[str, str | None] = field(default_factory=dict)
    statements: list[Rule | Delete] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The lines of this section as iptables-restore reads them."""
        text = [f"*{self.table}"]
        text += [f":{chain} {policy or '-'} [0:0]" for chain, policy in self.declared.items()]
        text += [str(statement) for statement in self.statements]
        text.append("COMMIT")
        return text


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
