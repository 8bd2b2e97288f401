"""Reading what iptables-save prints and what iptables-restore takes.

Both are the same language: `*table`, `:CHAIN POLICY [packets:bytes]`, one line a rule, `COMMIT`. Every line
is accepted or refused by number and reason; all refusals of a text are reported together.

A large dump repeats itself: its rules differ in addresses, comments and the chains they jump to. The first
rule of each shape is read in full; another one of the same shape differs in nothing that could be wrong, and
is read when somebody asks for its meaning.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from kproxysim.errors import Diagnostic, InputError, Position, Severity
from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.meaning import Parsed
from kproxysim.netfilter.placing import NO_CHAIN_NAMES, Layout, Need, needs_of, reset_without_tcp
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.script import Delete, Family, Script, Section
from kproxysim.netfilter.syntax import parse_rules
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets import KERNEL_TARGETS
from kproxysim.netfilter.targets.verdict import Jump, UnknownTarget

__all__ = ["family_of", "read_script"]

_CHAIN_NAME_LIMIT = 28

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}\Z", re.ASCII)
_CHAIN = re.compile(r"[A-Za-z0-9_-]{1,28}\Z", re.ASCII)
_NOT_A_CHAIN = frozenset((*TARGETS, *KERNEL_TARGETS, "QUEUE"))
_VARYING = "\x00"
_COMMENT_LIMIT = 200


def _shape_of(text: str) -> str:
    """The text of an IPv4 rule without what may differ between two rules that are right or wrong together:

    source and destination, the address of DNAT, the comment, the chain that is jumped to. Empty for a text
    that is not told apart so easily.
    """
    head, quote, rest = text.partition('"')
    words = head.split(" ")
    if quote:
        inside, _, tail = rest.partition('"')
        if words[-2:] != ["--comment", ""] or len(inside) > _COMMENT_LIMIT or "\\" in inside or '"' in tail:
            return ""
        words[-1] = _VARYING
        words += tail.split(" ")
    for option in ("-s", "-d", "--to-destination"):
        if option in words[:-1]:
            place = words.index(option) + 1
            end = ":" if option == "--to-destination" else "/"
            address, mark, more = words[place].partition(end)
            if _ADDRESS.match(address):
                words[place] = f"{_VARYING}{mark}{more}"
    if words[-2:-1] == ["-j"] and words[-1] not in _NOT_A_CHAIN and _CHAIN.match(words[-1]):
        words[-1] = _VARYING
    return " ".join(words)


_JUMP = f"-j {_VARYING}"


class _Shape(NamedTuple):
    """What is known of every rule of a shape."""

    jumps: bool
    needs: tuple[Need, ...]


class _Reader:
    """One text, line by line."""

    def __init__(self, text: str, family: Family, name: str) -> None:
        self.family: Family = family
        self.name = name
        self.lines = text.removesuffix("\n").split("\n")
        self.script = Script(family)
        self.section: Section | None = None
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
        if line[0] == "*":
            self._open(line[1:].strip(" \t"), number)
        elif line == "COMMIT":
            if self.section is None:
                self._refuse("KPS501", number, "COMMIT without a table before it")
            else:
                self._close()
        elif self.section is None:
            self._refuse(
                "KPS501", number, "a line outside a table", hint="a dump begins with a line such as *nat"
            )
        elif line[0] == ":":
            self._declare(self.section, line, number)
        else:
            self._statement(self.section, line, number)

    def _open(self, table: str, number: int) -> None:
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
        self.section = Section(table)
        self.layout = Layout(table)
        self.known = set(BASE_CHAINS[table])
        # without --noflush a table that comes again begins anew
        self.script.sections = [one for one in self.script.sections if one.table != table]
        self.script.sections.append(self.section)

    def _close(self) -> None:
        for refused in self.layout.refused():
            self._refuse(*refused)
        self.section = None

    def _declare(self, section: Section, line: str, number: int) -> None:
        words = [word for word in line[1:].replace("\t", " ").split(" ") if word]
        if not 2 <= len(words) <= 3:
            self._refuse("KPS501", number, "a chain line is `:NAME POLICY [packets:bytes]`")
            return
        name, policy = words[0], words[1]
        if name in BASE_CHAINS[section.table]:
            if policy not in ("ACCEPT", "DROP", "-"):
                self._refuse("KPS503", number, f"{policy!r} is no policy", policy, "write ACCEPT or DROP")
            section.declared[name] = "ACCEPT" if policy == "-" else policy
            return
        self._check_name(name, number)
        section.declared[name] = None
        self.known.add(name)

    def _check_name(self, name: str, number: int) -> None:
        if not 1 <= len(name.encode(errors="surrogatepass")) <= _CHAIN_NAME_LIMIT:
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
        command, _, rest = line.partition(" ")
        name, _, text = rest.lstrip(" \t").partition(" ")
        if command in ("-A", "--append"):
            if name not in self.known:
                self._refuse(
                    "KPS503", number, f"chain {name!r} is not declared in table {section.table}", name
                )
                return
            self._rule(section, name, text.strip(" \t"), number)
        elif command in ("-X", "--delete-chain") and name and name not in BASE_CHAINS[section.table]:
            if name not in self.known:
                self._refuse("KPS503", number, f"there is no chain {name!r} to delete", name)
                return
            self.known.discard(name)
            section.statements.append(Delete(name))
        elif command in ("-N", "--new-chain") and name:
            self._check_name(name, number)
            section.declared[name] = None
            self.known.add(name)
        else:
            self._refuse(
                "KPS504", number, f"{command!r} is not supported in a dump", command, "write rules with -A"
            )

    def _rule(self, section: Section, chain: str, text: str, number: int) -> None:
        if "\x00" in text:
            raise RuleSyntaxError("a NUL byte in a rule")
        shape = (_shape_of(text) if self.family == "ipv4" else "") or text
        known = self.shapes.get(shape)
        if known is None:
            meanings = parse_rules(text, self.family)
            for meaning in meanings:
                if isinstance(meaning.target, UnknownTarget) and meaning.target.name in self.known:
                    options = meaning.target.options
                    raise RuleSyntaxError(f"a jump to a chain takes no options ({options})", options)
                rule = Rule(chain, text if len(meanings) == 1 else meaning.save(), None, number, meaning)
                section.statements.append(rule)
                target = meaning.target.chain if isinstance(meaning.target, Jump) else None
                self._place(chain, target, self._shape(shape, meaning, number, len(meanings)), number)
            return
        section.statements.append(Rule(chain, text, None, number))
        self._place(chain, text[text.rindex(" ") + 1 :] if known.jumps else None, known, number)

    def _shape(self, shape: str, meaning: Parsed, number: int, count: int) -> _Shape:
        """What is known of a shape from its first rule; kept if what follows can be told without reading."""
        known = _Shape(shape.endswith(_JUMP), needs_of(meaning))
        if count == 1 and known.jumps == isinstance(meaning.target, Jump):
            self.shapes[shape] = known
        if reset_without_tcp(meaning):
            self._refuse("KPS505", number, "--reject-with tcp-reset needs -p tcp", "tcp-reset")
        return known

    def _place(self, chain: str, target: str | None, shape: _Shape, number: int) -> None:
        if target is not None:
            if target not in self.known or target in BASE_CHAINS[self.layout.table]:
                what = "a base chain" if target in self.known else "which does not exist"
                self._refuse("KPS503", number, f"jump to chain {target!r}, {what}", target)
            else:
                self.layout.add_jump(chain, target, number)
        if shape.needs:
            self.layout.add_needs(chain, shape.needs, number)


_BOTH_FAMILIES = (
    "-s",
    "-d",
    "--source",
    "--destination",
    "--to-destination",
    "--to-source",
    "--mask",
    "--to",
)


def family_of(text: str) -> Family:
    """The family that a dump is for, by what only one of them can hold; IPv4 where nothing tells."""
    for line in text.split("\n"):
        if line.startswith("# Generated by ip6tables"):
            return "ipv6"
        if line.startswith("# Generated by iptables"):
            return "ipv4"
        if not line.startswith(("-A", "[")):
            continue
        for option, value in pairwise(line.split()):
            if option in _BOTH_FAMILIES:
                return "ipv6" if value.count(":") > 1 else "ipv4"
            if option == "--reject-with" and value.startswith("icmp"):
                return "ipv6" if value.startswith("icmp6") else "ipv4"
            if option in ("--icmp-type", "--icmpv6-type") or value in ("icmpv6", "ipv6-icmp", "icmp6"):
                return "ipv4" if option == "--icmp-type" else "ipv6"
    return "ipv4"


def read_script(text: str, family: Family | None = None, name: str = "<dump>") -> Script:
    """Read a dump or a restore text. Raises InputError with every line that iptables would refuse."""
    return _Reader(text, family or family_of(text), name).read()
