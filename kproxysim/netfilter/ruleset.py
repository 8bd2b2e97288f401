"""All tables of one host and one address family: what iptables-save would print."""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.netfilter.contents import Contents
from kproxysim.netfilter.dump import read_script
from kproxysim.netfilter.rule import Chain, Rule, Table
from kproxysim.netfilter.script import Family, Script
from kproxysim.netfilter.syntax import Parsed, parsed, saved
from kproxysim.netfilter.tables import BASE_CHAINS, TABLES
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.values import dataclass

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

    __slots__ = ("_tables", "_waiting", "family", "notes", "script")

    def __init__(self, family: Family = "ipv4") -> None:
        self.family: Family = family
        self._tables: dict[str, Table] = {}
        self._waiting: list[Script] = []
        self.script: Script | None = None
        self.notes: tuple[Note, ...] = ()

    @property
    def tables(self) -> dict[str, Table]:
        """The tables by name.

        Scripts are carried out when somebody looks: often only their text is wanted, and for 170,000 rules
        the tables take as long as the text.
        """
        waiting, self._waiting = self._waiting, []
        for script in waiting:
            self._carry_out(script)
        return self._tables

    def table(self, name: str) -> Table:
        """The table called `name`, made with its base chains (policy ACCEPT) if it is not there yet."""
        tables = self.tables
        table = tables.get(name)
        if table is None:
            table = tables[name] = Table(name, {chain: Chain(chain, "ACCEPT") for chain in BASE_CHAINS[name]})
            self._tables = {known: tables[known] for known in TABLES if known in tables}
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

    def meaning(self, rule: Rule) -> Parsed:
        """What the text of a rule of this ruleset says, read on first use."""
        return parsed(rule, self.family)

    def ensure_chain(self, table: str, name: str) -> None:
        """`iptables -t TABLE -N NAME`, unless it exists."""
        self.table(table).chains.setdefault(name, Chain(name))

    def ensure_rule(self, table: str, rule: Rule, *, at_end: bool = False) -> None:
        """`iptables -C`, and `-I` at position 1 (or `-A`) if the very rule is not in its chain yet."""
        chain = self.table(table).chains[rule.chain]
        wanted = saved(rule.text, self.family)
        if all(saved(other.text, self.family) != wanted for other in chain.rules):
            rules = (*chain.rules, rule) if at_end else (rule, *chain.rules)
            self.table(table).chains[rule.chain] = Chain(rule.chain, chain.policy, rules)

    def copy(self) -> Ruleset:
        """An independent copy. Chains are shared until one of the two writes them anew."""
        other = Ruleset(self.family)
        other._tables = {name: Table(name, dict(table.chains)) for name, table in self.tables.items()}
        other.script, other.notes = self.script, self.notes
        return other

    def is_whole(self) -> bool:
        """Is every chain there that a rule jumps to? If not, no restore could have made these tables."""
        for table in self.tables.values():
            for chain in table:
                for rule in chain.rules:
                    target = self.meaning(rule).target
                    if isinstance(target, Jump) and target.chain not in table.chains:
                        return False
        return True

    def apply(self, script: Script) -> None:
        """Carry out `script` as `iptables-restore --noflush` does."""
        self._waiting.append(script)
        self.script = script

    def _carry_out(self, script: Script) -> None:
        for section in script.sections:
            table = self.table(section.table)
            contents = Contents(table, self.family)
            contents.carry_out_all(section)
            table.chains = contents.chains()

    def restore(self, text: str, *, noflush: bool = False, name: str = "<restore>") -> None:
        """Do what `iptables-restore` does with a text; with `noflush`, leave in place what it does not name.

        Raises InputError with every line that iptables would refuse, and changes nothing then. (iptables goes
        table by table: those before the first mistake it has changed.)
        """
        script = read_script(text, self.family, name, self.tables if noflush else None)
        if not noflush:
            for section in script.sections:
                self.tables.pop(section.table, None)
        self.apply(script)

    def to_restore(self) -> str:
        """The input of iptables-restore that made this ruleset, byte for byte: kube-proxy's chains only.

        Raises ValueError for a ruleset that was not made by a script.
        """
        if self.script is None:
            raise ValueError("this ruleset was not made by an iptables-restore script")
        return self.script.to_text()

    def to_save(self) -> str:
        """All tables as iptables-save prints them, without its comment lines:

        base chains in hook order, other chains by name.
        """
        lines: list[str] = []
        for table in self.tables.values():
            base = BASE_CHAINS[table.name]
            names = [*(name for name in base if name in table.chains), *sorted(set(table.chains) - set(base))]
            lines.append(f"*{table.name}")
            lines += [f":{name} {table.chains[name].policy or '-'} [0:0]" for name in names]
            for name in names:
                for rule in table.chains[name].rules:
                    lines.append(f"-A {name} {self.meaning(rule).save()}".rstrip(" "))
            lines.append("COMMIT")
        return "".join(line + "\n" for line in lines)

    @classmethod
    def from_save(cls, text: str, family: Family | None = None, name: str = "<dump>") -> Ruleset:
        """Read what iptables-save printed, or restore text.

        The family is told by the addresses where it is not given.

        Raises InputError with every line that iptables would refuse.
        """
        script = read_script(text, family, name)
        ruleset = cls(script.family)
        ruleset.apply(script)
        return ruleset

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ruleset):
            return NotImplemented
        return self.family == other.family and self.to_save() == other.to_save()

    __hash__ = None  # type: ignore[assignment]
