"""All tables of one host and one address family: what iptables-save would print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .rule import Chain, Rule, Table
from .script import Delete, Family, Script
from .tables import BASE_CHAINS, TABLES

__all__ = ["Note", "Ruleset"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the rules should know: `code` for `kproxysim explain`, `message` one line."""

    code: str
    message: str
    objects: tuple[str, ...] = ()


class Ruleset:
    """Tables, chains and rules of one family.

    Built by `apply`-ing scripts and by `ensure_chain`/`ensure_rule`, the two ways in which kube-proxy writes.
    `script` is the last script applied, `notes` what its author has to say about it.
    """

    __slots__ = ("family", "notes", "script", "tables")

    def __init__(self, family: Family = "ipv4") -> None:
        self.family: Family = family
        self.tables: dict[str, Table] = {}
        self.script: Script | None = None
        self.notes: tuple[Note, ...] = ()

    def table(self, name: str) -> Table:
        """The table called `name`, made with its base chains (policy ACCEPT) if it is not there yet."""
        table = self.tables.get(name)
        if table is None:
            table = Table(name, {chain: Chain(chain, "ACCEPT") for chain in BASE_CHAINS[name]})
            self.tables[name] = table
            self.tables = {known: self.tables[known] for known in TABLES if known in self.tables}
        return table

    def chain(self, table: str, name: str) -> Chain | None:
        """A chain, or None if there is no such chain."""
        found = self.tables.get(table)
        return None if found is None else found.chains.get(name)

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Every rule with the name of its table."""
        for table in self.tables.values():
            for chain in table.chains.values():
                for rule in chain.rules:
                    yield table.name, rule

    def ensure_chain(self, table: str, name: str) -> None:
        """`iptables -t TABLE -N NAME`, unless it exists."""
        self.table(table).chains.setdefault(name, Chain(name))

    def ensure_rule(self, table: str, rule: Rule) -> None:
        """`iptables -C`, and `-I` at position 1 if the very rule is not in its chain yet."""
        chain = self.table(table).chains[rule.chain]
        if all(rule.text != other.text for other in chain.rules):
            chain.rules = (rule, *chain.rules)

    def apply(self, script: Script) -> None:
        """Carry out `script` as `iptables-restore --noflush` does."""
        for section in script.sections:
            chains = self.table(section.table).chains
            added: dict[str, list[Rule]] = {}
            for name, policy in section.declared.items():
                chains[name] = Chain(name, policy)
                added[name] = []
            for statement in section.statements:
                if isinstance(statement, Delete):
                    del chains[statement.chain]
                    added.pop(statement.chain, None)
                    continue
                rules = added.get(statement.chain)
                if rules is None:
                    rules = added[statement.chain] = list(chains[statement.chain].rules)
                rules.append(statement)
            for name, rules in added.items():
                chains[name].rules = tuple(rules)
        self.script = script

    def to_restore(self) -> str:
        """The input of iptables-restore that made this ruleset, byte for byte: kube-proxy's chains only.

        Raises ValueError for a ruleset that was not made by a script.
        """
        if self.script is None:
            raise ValueError("this ruleset was not made by an iptables-restore script")
        return self.script.to_text()
