"""Reading what iptables-save prints and what iptables-restore takes.

Both are the same language: `*table`, `:CHAIN POLICY [packets:bytes]`, one line a rule, `COMMIT`. Every line
is accepted or refused by number and reason; all refusals of a text are reported together. Restore text may
hold other commands than `-A`, which ask what the table holds at that point; what it held before is there as
well if it is not flushed first.

A large dump repeats itself: its rules differ in addresses, comments and the chains they jump to. The first
rule of each shape is read in full; another one of the same shape differs in nothing that could be wrong, and
is read when somebody asks for its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kproxysim.errors import Diagnostic, InputError, Position, Severity
from kproxysim.netfilter.commands import Command, read_command
from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.contents import Contents, found_at
from kproxysim.netfilter.family import family_of
from kproxysim.netfilter.meaning import Parsed
from kproxysim.netfilter.placing import NO_CHAIN_NAMES, Layout, Need, needs_of, reset_without_tcp
from kproxysim.netfilter.rule import Chain, Rule, Table
from kproxysim.netfilter.script import (
    Declare,
    Delete,
    Family,
    Flush,
    Insert,
    Remove,
    Rename,
    Replace,
    Script,
    Section,
    Statement,
)
from kproxysim.netfilter.shape import is_jump, shape_of
from kproxysim.netfilter.syntax import parse_rules, parsed
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.targets.verdict import Jump, UnknownTarget

__all__ = ["read_script"]

_CHAIN_NAME_LIMIT = 28


class _Shape(NamedTuple):
    """What is known of every rule of a shape."""

    jumps: bool
    needs: tuple[Need, ...]


class _Reader:
    """One text, line by line. `existing` are the tables that it changes; None if they are flushed first."""

    def __init__(
        self, text: str, family: Family, name: str, existing: Mapping[str, Table] | None = None
    ) -> None:
        self.family: Family = family
        self.existing = existing
        self.contents: Contents | None = None
        self.name = name
        self.lines = text.removesuffix("\n").split("\n")
        self.script = Script(family)
        self.section: Section | None = None
        self.opened = 0
        self.astray = False
        self.layout = Layout("filter")
        self.known: set[str] = set()
        self.shapes: dict[str, _Shape] = {}
        self.found: list[Diagnostic] = []

    def read(self) -> Script:
        for number, raw in enumerate(self.lines, 1):
            line = raw.strip(" \t\r")
            if line and line[0] != "#":
                try:
                    self._line(line, number)
                except RuleSyntaxError as error:
                    self._refuse("KPS502", number, str(error), error.word)
        if self.section is not None:
            self._refuse("KPS501", len(self.lines), f"table {self.section.table} ends without COMMIT")
            self._close()
        if self.found:
            raise InputError(sorted(self.found, key=lambda one: one.position or Position(self.name)))
        return self.script

    def _refuse(self, code: str, number: int, message: str, word: str = "", hint: str = "") -> None:
        source = self.lines[number - 1]
        self.found.append(
            Diagnostic(
                code,
                Severity.ERROR,
                message,
                Position(self.name, number, _column(source, word)),
                found=word,
                help=hint,
                source=source[:400],
                width=max(1, len(word)),
            )
        )

    def _line(self, line: str, number: int) -> None:
        if line[0] == "*":
            self._open(line[1:].strip(" \t"), number)
        elif line == "COMMIT":
            if self.section is None:
                self._refuse("KPS501", number, "COMMIT without a table before it")
            else:
                self._close()
        elif self.section is None:
            self._stray(number)
        elif line[0] == ":":
            self._declare(self.section, line, number)
        else:
            self._statement(self.section, line, number)

    def _stray(self, number: int) -> None:
        """A line outside a table is told of once, with those behind it; without any table, it is no dump."""
        if not self.astray:
            begins = any(line.lstrip().startswith("*") for line in self.lines)
            message = "a line outside a table" if begins else "this is no dump of rules"
            hint = "give what iptables-save printed on the node; it begins with a line such as *nat"
            self._refuse("KPS501", number, message, hint=hint)
        self.astray = True

    def _open(self, table: str, number: int) -> None:
        self.astray = False
        self.opened = number
        if self.section is not None:
            self._refuse(
                "KPS501", number, f"table {table} begins before COMMIT of table {self.section.table}"
            )
            self._close()
        if table not in BASE_CHAINS:
            self._refuse(
                "KPS501", number, f"there is no table {table!r}", table, f"tables: {', '.join(BASE_CHAINS)}"
            )
            table = "filter"
        self.layout = Layout(table)
        self.contents = None
        if self.existing is None:  # a table that comes again begins anew
            self.script.sections = [one for one in self.script.sections if one.table != table]
        self.section = Section(table)
        self.script.sections.append(self.section)
        self.known = set(BASE_CHAINS[table])
        if self.existing is not None:
            there = self._now(self.section).rules
            self.known |= there.keys()
            for chain in there:
                self._place_again(chain)

    def _close(self) -> None:
        for refused in self.layout.refused():
            self._refuse(*refused)
        self.section = None

    def _declare(self, section: Section, line: str, number: int) -> None:
        words = [word for word in line[1:].replace("\t", " ").split(" ") if word]
        if len(words) < 2:
            self._refuse("KPS501", number, "a chain line is `:NAME POLICY [packets:bytes]`")
            return
        name, policy = words[:2]
        is_base = name in BASE_CHAINS[section.table]
        if not is_base:
            self._check_name(name, number)
        if is_base and policy != "-":
            self._set_policy(section, name, policy, number)
        else:  # nft passes over a policy of a chain that can have none
            self._declare_as(section, name, None)

    def _declare_as(self, section: Section, name: str, policy: str | None) -> None:
        """Chain lines stand in front, usually; one that comes later empties a chain of the user's."""
        self.known.add(name)
        if name not in BASE_CHAINS[section.table]:
            self.layout.forget(name)
        if self.contents is None and not section.statements:
            section.declared[name] = policy or section.declared.get(name)
        else:
            self._add(section, Declare(name, policy))

    def _check_name(self, name: str, number: int) -> None:
        if len(name.encode(errors="surrogatepass")) > _CHAIN_NAME_LIMIT:
            self._refuse(
                "KPS503", number, f"chain name {name!r} is longer than {_CHAIN_NAME_LIMIT} characters", name
            )
        if '"' in name:
            self._refuse("KPS503", number, f"chain name {name!r} holds a double quote", name)
        if name in NO_CHAIN_NAMES:
            self._refuse("KPS503", number, f"{name} is a target, no chain may have that name", name)

    def _statement(self, section: Section, line: str, number: int) -> None:
        if line[0] == "[":
            _, closed, line = line.partition("]")
            line = line.lstrip(" \t")
            if not closed:
                self._refuse("KPS502", number, "counters are not closed by `]`", "[")
                return
        if line.startswith("-A "):
            name, _, text = line[3:].partition(" ")
            if name in self.known:
                self._rule(section, name, text.lstrip(" \t"), number)
                return
        command = read_command(line)
        if command is None:
            word = line.split()[0]
            hint = "write rules with -A"
            self._refuse("KPS504", number, f"{word!r} is no command of iptables-restore", word, hint)
        elif command.letter != "A":
            self._command(section, command, number)
        elif command.chain in self.known:
            self._rule(section, command.chain, command.rest, number)
        else:
            chain = command.chain
            self._refuse("KPS503", number, f"chain {chain!r} is not declared in table {section.table}", chain)

    # commands other than -A

    def _now(self, section: Section) -> Contents:
        """What the table of this section holds at this point. Kept up to date once somebody has asked."""
        if self.contents is None:
            table = section.table
            before = self.existing.get(table) if self.existing is not None else None
            chains = before or (Chain(name, "ACCEPT") for name in BASE_CHAINS[table])
            self.contents = Contents(found_at(self.opened, chains, self.family), self.family)
            for one in self.script.sections:
                if one.table == table:
                    self.contents.carry_out_all(one)
        return self.contents

    def _add(self, section: Section, statement: Statement) -> None:
        section.statements.append(statement)
        if self.contents is not None:
            self.contents.carry_out(statement)

    def _command(self, section: Section, command: Command, number: int) -> None:
        contents, base = self._now(section), BASE_CHAINS[section.table]
        letter, chain = command.letter, command.chain
        if letter == "N":
            self._check_name(chain, number)
            if chain in self.known:
                self._refuse("KPS506", number, f"chain {chain!r} is there already", chain)
            else:
                self._declare_as(section, chain, None)
            return
        if chain and chain not in self.known:
            self._refuse("KPS503", number, f"there is no chain {chain!r} in table {section.table}", chain)
        elif letter == "P":
            self._set_policy(section, chain, command.rest, number)
        elif letter == "F":
            for name in [chain] if chain else list(contents.rules):
                self.layout.forget(name)
                self._add(section, Flush(name))
        elif letter == "X":
            for name in [chain] if chain else [name for name in contents.rules if name not in base]:
                self._delete_chain(section, name, number)
        elif letter == "E":
            self._rename(section, command, number)
        elif letter in "CDIR":
            self._change_rules(section, command, number)
            self._place_again(chain)

    def _set_policy(self, section: Section, chain: str, policy: str, number: int) -> None:
        if chain not in BASE_CHAINS[section.table]:
            self._refuse("KPS506", number, f"{chain} is no base chain, and only these have a policy", chain)
        elif policy not in ("ACCEPT", "DROP"):
            self._refuse("KPS503", number, f"{policy!r} is no policy", policy, "write ACCEPT or DROP")
        else:
            self._declare_as(section, chain, policy)

    def _delete_chain(self, section: Section, chain: str, number: int) -> None:
        callers = self.layout.callers(chain)
        if chain in BASE_CHAINS[section.table]:
            self._refuse("KPS506", number, f"{chain} is a base chain, which stays", chain)
        elif self._now(section).rules[chain]:
            self._refuse("KPS506", number, f"chain {chain!r} has rules", chain, f"write -F {chain} before")
        elif callers:
            self._refuse("KPS506", number, f"chain {callers[0]} jumps to chain {chain!r}", chain)
        else:
            self.known.discard(chain)
            self._add(section, Delete(chain))

    def _rename(self, section: Section, command: Command, number: int) -> None:
        old, new = command.chain, command.rest
        self._check_name(new, number)
        if old in BASE_CHAINS[section.table]:
            self._refuse("KPS506", number, f"{old} is a base chain, which keeps its name", old)
        elif new in self.known:
            self._refuse("KPS506", number, f"chain {new!r} is there already", new)
        else:
            moved = [old, *self.layout.callers(old)]
            self.known = self.known - {old} | {new}
            self._add(section, Rename(old, new))
            for chain in moved:
                self.layout.forget(chain)
                self._place_again(new if chain == old else chain)

    def _change_rules(self, section: Section, command: Command, number: int) -> None:
        """-C, -D, -I or -R: what asks for rules by their number, or by what they say."""
        contents, chain, place = self._now(section), command.chain, command.number
        count = len(contents.rules[chain]) + (command.letter == "I")
        if place is not None and place > count:
            message = f"rule {place} of chain {chain} is asked for, and it has {len(contents.rules[chain])}"
            self._refuse("KPS506", number, message, str(place))
            return
        if command.letter == "D" and place is not None:
            self._add(section, Remove(chain, place))
            return
        rules = self._rules_of(chain, command.rest, number)
        if command.letter == "R" and len(rules) != 1:
            raise RuleSyntaxError("-R takes one rule, and this is several", command.rest)
        for rule in rules:
            if command.letter == "I":
                self._add(section, Insert(rule, place or 1))
            elif command.letter == "R":
                assert place is not None
                self._add(section, Replace(rule, place))
            else:
                found = contents.position_of(rule)
                if found is None:
                    self._refuse("KPS506", number, f"chain {chain} has no rule {rule.text!r}", command.rest)
                elif command.letter == "D":
                    self._add(section, Remove(chain, found))

    def _rules_of(self, chain: str, text: str, number: int) -> list[Rule]:
        if "\x00" in text:
            raise RuleSyntaxError("a NUL byte in a rule")
        meanings = parse_rules(text, self.family)
        for meaning in meanings:
            if isinstance(meaning.target, UnknownTarget) and meaning.target.name in self.known:
                options = meaning.target.options
                raise RuleSyntaxError(f"a jump to a chain takes no options ({options})", options)
        if any(map(reset_without_tcp, meanings)):
            self._refuse("KPS505", number, "--reject-with tcp-reset needs -p tcp", "tcp-reset")
        one = len(meanings) == 1
        return [Rule(chain, text if one else meaning.save(), None, number, meaning) for meaning in meanings]

    def _place_again(self, chain: str) -> None:
        """What the rules of a chain need of their place, after they have changed."""
        assert self.contents is not None
        self.layout.forget(chain)
        for rule in self.contents.rules.get(chain, ()):
            meaning = parsed(rule, self.family)
            target = meaning.target.chain if isinstance(meaning.target, Jump) else None
            self._place(chain, target, _Shape(target is not None, needs_of(meaning)), rule.line)

    # rules

    def _rule(self, section: Section, chain: str, text: str, number: int) -> None:
        shape = (shape_of(text) if self.family == "ipv4" else "") or text
        known = self.shapes.get(shape)
        if known is None:
            rules = self._rules_of(chain, text, number)
            for rule in rules:
                self._add(section, rule)
                meaning = parsed(rule, self.family)
                target = meaning.target.chain if isinstance(meaning.target, Jump) else None
                self._place(chain, target, self._shape(shape, meaning, len(rules)), number)
            return
        self._add(section, Rule(chain, text, None, number))
        self._place(chain, text[text.rindex(" ") + 1 :] if known.jumps else None, known, number)

    def _shape(self, shape: str, meaning: Parsed, count: int) -> _Shape:
        """What is known of a shape from its first rule; kept if what follows can be told without reading."""
        known = _Shape(is_jump(shape), needs_of(meaning))
        if count == 1 and known.jumps == isinstance(meaning.target, Jump):
            self.shapes[shape] = known
        return known

    def _place(self, chain: str, target: str | None, shape: _Shape, number: int) -> None:
        if target is not None:
            if target not in self.known or target in BASE_CHAINS[self.layout.table]:
                what = "is a base chain" if target in self.known else "does not exist"
                self._refuse("KPS503", number, f"jump to chain {target!r}, which {what}", target)
            else:
                self.layout.add_jump(chain, target, number)
        if shape.needs:
            self.layout.add_needs(chain, shape.needs, number)


def _column(source: str, word: str) -> int:
    """Where a word stands in a line, between blanks if it does anywhere; 1 if it does not stand there."""
    alone = f" {source} ".replace("\t", " ").find(f" {word} ")
    return 1 + max(0, source.find(word) if alone < 0 else alone)


def read_script(
    text: str,
    family: Family | None = None,
    name: str = "<dump>",
    existing: Mapping[str, Table] | None = None,
) -> Script:
    """Read a dump or a restore text.

    `existing` are the tables that it changes, by name; without them it begins with empty ones. Raises
    InputError with every line that iptables would refuse.
    """
    return _Reader(text, family or family_of(text), name, existing).read()
