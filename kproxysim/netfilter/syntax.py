"""What the text of a rule means. Source: iptables(8), xshared.c of iptables 1.8.9.

The text is everything after `-A CHAIN`. Matches keep the order of iptables: addresses, devices and protocol
first, then the extensions as they were loaded. What this package does not know stays in the rule as an
unknown match or target, with its name and words: it is never skipped, and a packet whose fate hangs on it
ends as unmodelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Match,
    RuleSyntaxError,
    Surroundings,
    Unmodelled,
)
from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
from kproxysim.netfilter.matches.header import (
    DeviceMatch,
    PrefixMatch,
    ProtocolMatch,
    parse_prefix,
    protocol_name,
)
from kproxysim.netfilter.matches.ports import PortsMatch
from kproxysim.netfilter.matches.statistic import RandomMatch
from kproxysim.netfilter.quoting import split_words
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets.mark import MarkTarget
from kproxysim.netfilter.targets.nat import MasqueradeTarget, NatTarget
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.verdict import Accept, Drop, Jump, Return, UnknownTarget

__all__ = ["Parsed", "Target", "UnknownMatch", "parse_rule", "parsed"]

Target = (
    Accept | Drop | Return | Jump | RejectTarget | NatTarget | MasqueradeTarget | MarkTarget | UnknownTarget
)

_HEADER = {
    "-s": "-s", "--source": "-s", "--src": "-s", "-d": "-d", "--destination": "-d", "--dst": "-d",
    "-i": "-i", "--in-interface": "-i", "-o": "-o", "--out-interface": "-o",
    "-p": "-p", "--protocol": "-p", "--proto": "-p",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnknownMatch:
    """A match that the engine does not know, with its words as they were written."""

    field: ClassVar[str] = "unknown"
    name: str
    words: str = ""

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        raise Unmodelled(f"match {self.name!r}")

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition(self.name, self.words or "?", "not modelled", False)

    def save(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Parsed:
    """A rule's meaning.

    `extensions` pairs each `-m` with its match; `checks` are all matches that can be asked (the drawn one
    apart).

    `target` is None for a rule that only counts.
    """

    header: tuple[Match, ...]
    extensions: tuple[tuple[str, Match], ...]
    target: Target | None
    checks: tuple[Match, ...]
    draw: RandomMatch | None = None

    def save(self) -> str:
        """The text as iptables-save prints it, after `-A CHAIN`."""
        words = [text for match in self.header if (text := match.save())]
        for name, match in self.extensions:
            words.append(f"-m {name} {match.save()}".rstrip())
        if isinstance(self.target, Jump):
            words.append(f"{'-g' if self.target.goto else '-j'} {self.target.chain}")
        elif self.target is not None:
            words.append(f"-j {self.target.save()}")
        return " ".join(words)

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Every condition of the rule, asked of one packet.

        Comments and counters are left out: they ask nothing.
        """
        found: list[Condition] = []
        for match in (*self.header, *(match for _, match in self.extensions)):
            if match.field in ("comment", "nfacct"):
                continue
            several = getattr(match, "conditions", None)
            if several is not None:
                found.extend(several(skb, host))
            else:
                found.append(match.condition(skb, host))
        return found

    def first_miss(self, skb: Skb, host: Surroundings) -> Condition | None:
        """The first condition that fails, or None if all hold. A draw is taken to hold."""
        return next((condition for condition in self.conditions(skb, host) if not condition.held), None)


def parsed(rule: Rule, family: Family) -> Parsed:
    """The meaning of a rule, read once."""
    meaning = rule.parsed
    if meaning is None:
        meaning = rule.parsed = parse_rule(rule.text, family)
    assert isinstance(meaning, Parsed)
    return meaning


class _Loaded:
    """A `-m` or `-j` extension whose options are being collected."""

    __slots__ = ("extension", "given", "name")

    def __init__(self, name: str, extension: Extension | None) -> None:
        self.name = name
        self.extension = extension
        self.given: list[Given] = []


def parse_rule(text: str, family: Family) -> Parsed:
    """Read the text of a rule. Raises RuleSyntaxError for what iptables would refuse."""
    return _Reader(split_words(text), family).read()


class _Reader:
    """One pass over the words of a rule."""

    def __init__(self, words: Sequence[str], family: Family) -> None:
        self.words = words
        self.family: Family = family
        self.header: dict[str, Match] = {}
        self.loaded: list[_Loaded] = []
        self.unknown: _Loaded | None = None
        self.unknown_words: list[str] = []
        self.jump: tuple[str, bool] | None = None
        self.target: _Loaded | None = None

    def read(self) -> Parsed:
        position = 0
        negated = False
        while position < len(self.words):
            word = self.words[position]
            position += 1
            if word == "!":
                if negated:
                    raise RuleSyntaxError("two '!' in a row", word)
                negated = True
                continue
            position = self._option(word, negated, position)
            negated = False
        if negated:
            raise RuleSyntaxError("a '!' with nothing behind it", "!")
        self._close_unknown()
        return self._assemble()

    def _values(self, position: int, count: int, option: str) -> tuple[str, ...]:
        values = tuple(self.words[position : position + count])
        if len(values) < count:
            raise RuleSyntaxError(f"{option} needs {count} value{'s' if count > 1 else ''}", option)
        return values

    def _option(self, word: str, negated: bool, position: int) -> int:
        if word in _HEADER:
            self._close_unknown()
            (value,) = self._values(position, 1, word)
            self._add_header(_HEADER[word], value, negated, word)
            return position + 1
        if word in ("-m", "--match"):
            self._close_unknown()
            (name,) = self._values(position, 1, word)
            self._load_match(name)
            return position + 1
        if word in ("-j", "--jump", "-g", "--goto"):
            self._close_unknown()
            if self.jump is not None:
                raise RuleSyntaxError("a rule has one target only", word)
            (name,) = self._values(position, 1, word)
            self._load_target(name, word in ("-g", "--goto"))
            return position + 1
        if word in ("-f", "--fragment"):
            raise RuleSyntaxError("-f (fragments) is not supported: packets here are whole", word)
        return self._extension_option(word, negated, position)

    def _add_header(self, option: str, value: str, negated: bool, word: str) -> None:
        if option in self.header:
            raise RuleSyntaxError(f"{word} stands twice", word)
        if option in ("-s", "-d"):
            if "," in value:
                raise RuleSyntaxError(
                    "several addresses in one rule are not supported: write one rule each", value
                )
            network, mask = parse_prefix(value, self.family)
            side = "src" if option == "-s" else "dst"
            self.header[option] = PrefixMatch(side, network, mask, 4 if self.family == "ipv4" else 6, negated)
        elif option == "-p":
            name = protocol_name(value)
            if name == "all" and negated:
                raise RuleSyntaxError("'! -p all' matches nothing", value)
            if name != "all":
                self.header[option] = ProtocolMatch(name, negated)
        else:
            if len(value) > 15:
                raise RuleSyntaxError(f"device name {value!r} is longer than 15 characters", value)
            self.header[option] = DeviceMatch("in" if option == "-i" else "out", value, negated)

    def _load_match(self, name: str) -> None:
        extension = MATCHES.get(name)
        loaded = _Loaded(name, extension)
        self.loaded.append(loaded)
        if extension is None:
            self.unknown = loaded

    def _load_target(self, name: str, goto: bool) -> None:
        self.jump = (name, goto)
        extension = None if goto else TARGETS.get(name)
        self.target = _Loaded(name, extension)
        if extension is None:
            self.unknown = self.target

    def _extension_option(self, word: str, negated: bool, position: int) -> int:
        owners = [*reversed(self.loaded), *([self.target] if self.target else [])]
        for owner in owners:
            if owner.extension is not None and word in owner.extension.options and owner is not self.unknown:
                name, count = owner.extension.options[word]
                values = self._values(position, count, word)
                owner.given.append(Given(name, negated, values))
                return position + count
        if self.unknown is not None:
            self.unknown_words += (["!"] if negated else []) + [word]
            return position
        return self._implied_protocol(word, negated, position)

    def _implied_protocol(self, word: str, negated: bool, position: int) -> int:
        """`-p tcp --dport 80` without `-m tcp`: iptables loads the match of the protocol."""
        protocol = self.header.get("-p")
        if isinstance(protocol, ProtocolMatch) and not protocol.negated:
            extension = MATCHES.get(protocol.protocol)
            if extension is not None and word in extension.options:
                self.loaded.append(_Loaded(protocol.protocol, extension))
                return self._extension_option(word, negated, position)
        if word in ("--dport", "--sport", "--destination-port", "--source-port"):
            raise RuleSyntaxError(f"{word} needs -p tcp, udp or sctp before it", word)
        raise RuleSyntaxError(f"unknown option {word!r}", word)

    def _close_unknown(self) -> None:
        if self.unknown is not None:
            self.unknown.given = [Given("words", False, tuple(self.unknown_words))]
            self.unknown = None
            self.unknown_words = []

    def _assemble(self) -> Parsed:
        header = tuple(
            self.header[option] for option in ("-s", "-d", "-i", "-o", "-p") if option in self.header
        )
        extensions: list[tuple[str, Match]] = []
        for loaded in self.loaded:
            match: Match
            if loaded.extension is None:
                match = UnknownMatch(loaded.name, " ".join(loaded.given[0].values))
            else:
                match = loaded.extension.build(loaded.given, self.family)  # type: ignore[assignment]
            extensions.append((loaded.name, match))
        self._check_protocol(extensions)
        draws = [match for _, match in extensions if isinstance(match, RandomMatch)]
        if len(draws) > 1:
            raise RuleSyntaxError("more than one -m statistic in a rule is not supported")
        checks = (
            *header,
            *(match for _, match in extensions if match.field not in ("comment", "nfacct", "statistic")),
        )
        # what is not modelled is asked last: a rule that fails on something known fails in any case
        checks = tuple(sorted(checks, key=lambda match: (match.field == "unknown", match.field == "recent")))
        return Parsed(header, tuple(extensions), self._build_target(), checks, draws[0] if draws else None)

    def _check_protocol(self, extensions: list[tuple[str, Match]]) -> None:
        protocol = self.header.get("-p")
        for name, match in extensions:
            if isinstance(match, PortsMatch) and not (
                isinstance(protocol, ProtocolMatch)
                and protocol.protocol == match.protocol
                and not protocol.negated
            ):
                raise RuleSyntaxError(f"-m {name} needs -p {name}", name)

    def _build_target(self) -> Target | None:
        if self.jump is None or self.target is None:
            return None
        name, goto = self.jump
        if self.target.extension is not None:
            return self.target.extension.build(self.target.given, self.family)  # type: ignore[return-value]
        words = " ".join(self.target.given[0].values)
        if words or (name.isupper() and name in _KERNEL_TARGETS):
            return UnknownTarget(name, words)
        return Jump(name, goto)


_KERNEL_TARGETS = frozenset({
    "AUDIT", "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "ECN", "HL",
    "HMARK", "IDLETIMER", "LED", "LOG", "NETMAP", "NFLOG", "NFQUEUE", "NOTRACK", "QUEUE", "RATEEST",
    "REDIRECT", "SECMARK", "SET", "SYNPROXY", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TPROXY", "TRACE", "TTL",
    "ULOG",
})  # fmt: skip
"""Targets of iptables-extensions(8) that the engine does not know: names that no chain is likely to have."""
