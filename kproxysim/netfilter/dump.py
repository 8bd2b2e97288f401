"""Reading what iptables-save prints and what iptables-restore takes.

Both are the same language: `*table`, `:CHAIN POLICY [packets:bytes]`, one line a rule, `COMMIT`. Every line
is accepted or refused by number and reason; all refusals of a text are reported together.
"""

from __future__ import annotations

from itertools import pairwise

from kproxysim.errors import Diagnostic, InputError, Position, Severity
from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.quoting import split_words
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.script import Delete, Family, Script, Section
from kproxysim.netfilter.syntax import parsed
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.targets.nat import MasqueradeTarget, NatTarget
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.verdict import Jump

__all__ = ["family_of", "read_script"]

_CHAIN_NAME_LIMIT = 28


class _Reader:
    """One text, line by line."""

    def __init__(self, text: str, family: Family, name: str) -> None:
        self.family: Family = family
        self.name = name
        self.lines = text.splitlines()
        self.script = Script(family)
        self.section: Section | None = None
        self.known: set[str] = set()
        self.found: list[Diagnostic] = []

    def read(self) -> Script:
        for number, raw in enumerate(self.lines, 1):
            line = raw.strip()
            if line and not line.startswith("#"):
                try:
                    self._line(line, number)
                except RuleSyntaxError as error:
                    self._refuse("KPS502", number, str(error), error.word)
        if self.section is not None:
            self._refuse("KPS501", len(self.lines), f"table {self.section.table} ends without COMMIT")
        for section in self.script.sections:
            self._check_targets(section)
        if self.found:
            raise InputError(sorted(self.found, key=lambda one: one.position or Position(self.name)))
        return self.script

    def _refuse(self, code: str, number: int, message: str, word: str = "", hint: str = "") -> None:
        source = self.lines[number - 1] if 0 < number <= len(self.lines) else ""
        column = source.find(word) + 1 if word and word in source else 1
        self.found.append(
            Diagnostic(
                code,
                Severity.ERROR,
                message,
                Position(self.name, number, column),
                found=word,
                help=hint,
                source=source[:400],
                width=max(1, len(word)),
            )
        )

    def _line(self, line: str, number: int) -> None:
        if line.startswith("*"):
            self._open(line[1:].strip(), number)
        elif line == "COMMIT":
            if self.section is None:
                self._refuse("KPS501", number, "COMMIT without a table before it")
            self.section = None
        elif self.section is None:
            self._refuse(
                "KPS501", number, "a line outside a table", hint="a dump begins with a line such as *nat"
            )
        elif line.startswith(":"):
            self._declare(self.section, line, number)
        else:
            self._statement(self.section, line, number)

    def _open(self, table: str, number: int) -> None:
        if self.section is not None:
            self._refuse(
                "KPS501", number, f"table {table} begins before COMMIT of table {self.section.table}"
            )
        if table not in BASE_CHAINS:
            self._refuse(
                "KPS501", number, f"there is no table {table!r}", table, f"tables: {', '.join(BASE_CHAINS)}"
            )
            table = "filter"
        self.section = Section(table)
        self.known = set(BASE_CHAINS[table])
        self.script.sections.append(self.section)

    def _declare(self, section: Section, line: str, number: int) -> None:
        words = line[1:].split()
        if len(words) not in (2, 3):
            self._refuse("KPS501", number, "a chain line is `:NAME POLICY [packets:bytes]`")
            return
        name, policy = words[0], words[1]
        if len(name) > _CHAIN_NAME_LIMIT:
            self._refuse(
                "KPS503", number, f"chain name {name!r} is longer than {_CHAIN_NAME_LIMIT} characters", name
            )
        if name in BASE_CHAINS[section.table]:
            if policy not in ("ACCEPT", "DROP", "-"):
                self._refuse("KPS503", number, f"{policy!r} is no policy", policy, "write ACCEPT or DROP")
            section.declared[name] = "ACCEPT" if policy == "-" else policy
        else:
            if policy != "-":
                self._refuse(
                    "KPS503", number, f"chain {name!r} is no base chain of {section.table}, it has no policy"
                )
            section.declared[name] = None
        self.known.add(name)

    def _statement(self, section: Section, line: str, number: int) -> None:
        if line.startswith("["):
            line = line.partition("]")[2].lstrip()
        command, _, rest = line.partition(" ")
        name, _, text = rest.strip().partition(" ")
        if command in ("-A", "--append"):
            if name not in self.known:
                self._refuse(
                    "KPS503", number, f"chain {name!r} is not declared in table {section.table}", name
                )
                return
            rule = Rule(name, text.strip(), None, number)
            parsed(rule, self.family)
            section.statements.append(rule)
        elif command in ("-X", "--delete-chain") and name:
            section.statements.append(Delete(name))
        elif command in ("-N", "--new-chain") and name:
            section.declared[name] = None
            self.known.add(name)
        else:
            self._refuse(
                "KPS504", number, f"{command!r} is not supported in a dump", command, "write rules with -A"
            )

    def _check_targets(self, section: Section) -> None:
        jumps: dict[str, dict[str, int]] = {}
        for rule in section.statements:
            if not isinstance(rule, Rule):
                continue
            target = parsed(rule, self.family).target
            if isinstance(target, Jump):
                jumps.setdefault(rule.chain, {}).setdefault(target.chain, rule.line)
                if target.chain not in section.declared:
                    self._refuse(
                        "KPS503",
                        rule.line,
                        f"jump to chain {target.chain!r}, which does not exist",
                        target.chain,
                    )
            elif isinstance(target, NatTarget | MasqueradeTarget) and section.table != "nat":
                self._refuse("KPS505", rule.line, f"{target.name} works in table nat only", target.name)
            elif isinstance(target, RejectTarget) and section.table not in ("filter", "security", "mangle"):
                self._refuse("KPS505", rule.line, f"REJECT does not work in table {section.table}", "REJECT")
            elif isinstance(target, RejectTarget) and target.answer is None:
                header = parsed(rule, self.family).header
                if not any(match.save() == "-p tcp" for match in header):
                    self._refuse("KPS505", rule.line, "--reject-with tcp-reset needs -p tcp", "tcp-reset")
        self._check_loops(jumps)

    def _check_loops(self, jumps: dict[str, dict[str, int]]) -> None:
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_edges_from((chain, target) for chain, targets in jumps.items() for target in targets)
        for component in nx.strongly_connected_components(graph):
            start = min(component)
            if len(component) > 1 or graph.has_edge(start, start):
                chain, target = next(
                    (one, other)
                    for one in sorted(component)
                    for other in graph.successors(one)
                    if other in component
                )
                self._refuse(
                    "KPS503", jumps[chain][target], f"chains call each other in a circle: {chain} -> {target}"
                )


def family_of(text: str) -> Family:
    """The family that a dump is for, by what only one of them can hold; IPv4 where nothing tells."""
    for line in text.splitlines():
        if line.startswith(("-A", "[")):
            words = split_words(line) if line.count('"') % 2 == 0 else line.split()
            for option, value in pairwise(words):
                if option in ("-s", "-d", "--to-destination", "--to-source", "--mask"):
                    return "ipv6" if value.count(":") > 1 else "ipv4"
                if option == "--reject-with" and value.startswith("icmp"):
                    return "ipv6" if value.startswith("icmp6") else "ipv4"
    return "ipv4"


def read_script(text: str, family: Family | None = None, name: str = "<dump>") -> Script:
    """Read a dump or a restore text. Raises InputError with every line that iptables would refuse."""
    return _Reader(text, family or family_of(text), name).read()
