"""What the text of a rule means. Source: iptables(8), iptables/xshared.c of iptables 1.8.9 (`do_parse`).

The text is everything after `-A CHAIN`. Matches keep the order of iptables: addresses, devices and protocol
first, then the extensions as they were loaded. What this package does not know stays in the rule as an
unknown match or target, with its name and words: it is never skipped, and a packet whose fate hangs on it
ends as unmodelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

from kproxysim.netfilter.condition import Extension, Given, Match, Option, RuleSyntaxError
from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
from kproxysim.netfilter.matches.header import (
    DeviceMatch,
    FragmentMatch,
    PrefixMatch,
    ProtocolMatch,
    protocol_name,
)
from kproxysim.netfilter.meaning import Parsed, Target, UnknownMatch
from kproxysim.netfilter.numbers import parse_device, parse_network, parse_number
from kproxysim.netfilter.quoting import Quoted, quote, split_words
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets import KERNEL_TARGETS
from kproxysim.netfilter.targets.nat import PORT_TRANSLATED, translates_ports
from kproxysim.netfilter.targets.verdict import Jump, UnknownTarget

__all__ = ["Parsed", "Target", "UnknownMatch", "parse_rule", "parse_rules", "parsed", "saved"]

_HEADER: dict[str, Option] = {
    spelling: Option(name, values, name in ("-s", "-d", "-i", "-o", "-p", "-f"))
    for name, values, spellings in (
        ("-s", 1, "-s --source --src"),
        ("-d", 1, "-d --destination --dst"),
        ("-i", 1, "-i --in-interface"),
        ("-o", 1, "-o --out-interface"),
        ("-p", 1, "-p --protocol --proto"),
        ("-f", 0, "-f --fragments"),
        ("-m", 1, "-m --match"),
        ("-j", 1, "-j --jump"),
        ("-g", 1, "-g --goto"),
        ("-c", 2, "-c --set-counters"),
        ("-4", 0, "-4 --ipv4"),
        ("-6", 0, "-6 --ipv6"),
    )
    for spelling in spellings.split()
}

_COMMANDS = (
    "--append", "--check", "--delete", "--delete-chain", "--exact", "--flush", "--help", "--insert",
    "--line-numbers", "--list", "--list-rules", "--modprobe", "--new-chain", "--numeric", "--policy",
    "--rename-chain", "--replace", "--table", "--verbose", "--version", "--wait", "--wait-interval", "--zero",
)  # fmt: skip
"""What else iptables takes and no rule has: a beginning that may be one of them is none of an option."""

_MATCH_ALIASES = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6"}
_SAVED_HEADER = ("-s", "-d", "-i", "-o", "-p", "-f")


def parsed(rule: Rule, family: Family) -> Parsed:
    """The meaning of a rule, read once."""
    meaning = rule.parsed
    if meaning is None:
        meaning = rule.parsed = _read_once(rule.text, family)
    assert isinstance(meaning, Parsed)
    return meaning


_read: dict[tuple[str, Family], Parsed] = {}
"""Kube-proxies write the same rules on many nodes, and again at every full sync."""

_READ_LIMIT = 1 << 12


def _read_once(text: str, family: Family) -> Parsed:
    meaning = _read.get((text, family))
    if meaning is None:
        meaning = parse_rule(text, family)
        parts = (*(match for _, match in meaning.extensions), meaning.target)
        if not any(getattr(part, "one_of_a_kind", False) for part in parts):
            if len(_read) >= _READ_LIMIT:
                _read.clear()
            _read[text, family] = meaning
    return meaning


@lru_cache(maxsize=_READ_LIMIT)
def saved(text: str, family: Family) -> str:
    """The text of one rule as iptables-save prints it. Raises what `parse_rule` raises."""
    return _read_once(text, family).save()


def parse_rule(text: str, family: Family) -> Parsed:
    """Read the text of one rule. Raises RuleSyntaxError for what iptables would refuse."""
    meanings = parse_rules(text, family)
    if len(meanings) != 1:
        raise RuleSyntaxError(f"this text is {len(meanings)} rules, not one")
    return meanings[0]


def parse_rules(text: str, family: Family) -> tuple[Parsed, ...]:
    """Read a text that may be several rules: one for each pair of a source and a destination in lists with
    commas. None at all for a rule that `-4` or `-6` keeps for the other family.

    Raises RuleSyntaxError for what iptables would refuse.
    """
    return _Reader(split_words(text), family).read()


class _Loaded:
    """A `-m` or `-j` extension whose options are being collected."""

    __slots__ = ("extension", "given", "is_target", "name", "protocol")

    def __init__(self, name: str, extension: Extension | None, *, is_target: bool) -> None:
        self.name = name
        self.extension = extension
        self.is_target = is_target
        self.given: list[Given] = []
        self.protocol: ProtocolMatch | None = None


class _Reader:
    """One pass over the words of a rule."""

    __slots__ = (
        "addresses",
        "family",
        "header",
        "jump",
        "loaded",
        "other_family",
        "unknown",
        "unknown_words",
        "words",
    )

    def __init__(self, words: Sequence[str], family: Family) -> None:
        self.words = words
        self.family: Family = family
        self.header: dict[str, Match | None] = {}
        self.addresses: dict[str, tuple[PrefixMatch, ...]] = {}
        self.loaded: list[_Loaded] = []
        self.unknown: _Loaded | None = None
        self.unknown_words: list[str] = []
        self.jump: tuple[str, bool, _Loaded] | None = None
        self.other_family = False

    def read(self) -> tuple[Parsed, ...]:
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
        return () if self.other_family else self._assemble()

    def _values(self, position: int, count: int, option: str) -> tuple[str, ...]:
        values = tuple(self.words[position : position + count])
        if len(values) < count:
            raise RuleSyntaxError(f"{option} needs {count} value{'s' if count > 1 else ''}", option)
        return values

    def _option(self, word: str, negated: bool, position: int) -> int:
        option = _HEADER.get(word)
        if option is None or (word[:2] == "--" and self._is_of_extension(word)):
            return self._extension_option(word, negated, position)
        self._close_unknown()
        values = self._values(position, option.values, word)
        if negated and not option.negatable:
            raise RuleSyntaxError(f"there can be no '!' before {word}", word)
        name = option.name
        if name == "-m":
            self._load_match(values[0])
        elif name in ("-j", "-g"):
            if self.jump is not None:
                raise RuleSyntaxError("a rule has one target only", word)
            self._load_target(values[0], name == "-g")
        elif name in ("-4", "-6"):
            self.other_family |= name != ("-4" if self.family == "ipv4" else "-6")
        else:
            if name in self.header:
                raise RuleSyntaxError(f"{word} stands twice", word)
            self._add_header(name, values, negated)
        return position + option.values

    def _is_of_extension(self, word: str) -> bool:
        """Has a loaded extension taken this word, as `-m policy` takes --proto?"""
        known = (owner.extension for owner in self.loaded)
        return any(extension is not None and word in extension.options for extension in known)

    def _add_header(self, name: str, values: tuple[str, ...], negated: bool) -> None:
        match: Match | None = None
        if name in ("-s", "-d"):
            self._add_addresses(name, values[0], negated)
        elif name == "-p":
            protocol = protocol_name(values[0])
            if protocol == "all" and negated:
                raise RuleSyntaxError("'! -p all' matches nothing", values[0])
            match = None if protocol == "all" else ProtocolMatch(protocol, negated)
        elif name == "-f":
            if self.family == "ipv6":
                raise RuleSyntaxError("-f is for IPv4 only; IPv6 has -m frag", "-f")
            match = FragmentMatch(negated)
        elif name == "-c":
            for value in values:
                parse_number(value, 0, (1 << 64) - 1)
        else:
            match = DeviceMatch("in" if name == "-i" else "out", parse_device(values[0], name), negated)
        self.header[name] = match

    def _add_addresses(self, name: str, value: str, negated: bool) -> None:
        side, version = ("src" if name == "-s" else "dst"), 4 if self.family == "ipv4" else 6
        self.addresses[name] = tuple(
            PrefixMatch(side, *parse_network(one.lstrip(), self.family), version, negated)
            for one in value.split(",")
        )

    def _load_match(self, name: str) -> None:
        name = _MATCH_ALIASES.get(name, name)
        _check_name(name, "a match")
        extension = MATCHES.get(name)
        if extension is not None and extension.family not in (None, self.family):
            other = "IPv6" if self.family == "ipv4" else "IPv4"
            raise RuleSyntaxError(f"-m {name} is for {other} only", name)
        self.loaded.append(_Loaded(name, extension, is_target=False))
        if extension is None:
            self.unknown = self.loaded[-1]

    def _load_target(self, name: str, goto: bool) -> None:
        _check_name(name, "a chain or target")
        extension = None if goto else TARGETS.get(name)
        if extension is not None and extension.family not in (None, self.family):
            extension = None
        loaded = _Loaded(name, extension, is_target=True)
        self.jump = (name, goto, loaded)
        self.loaded.append(loaded)
        if extension is None and not goto:
            self.unknown = loaded

    def _extension_option(self, word: str, negated: bool, position: int) -> int:
        if self.unknown is not None and isinstance(word, Quoted):
            self.unknown_words.append(word)
            return position
        for owner in reversed(self.loaded):
            if owner.extension is not None and (option := owner.extension.options.get(word)) is not None:
                self._close_unknown()
                self._give(owner, option, word, negated, self._values(position, option.values, word))
                return position + option.values
        if self.unknown is not None:
            self.unknown_words += (["!"] if negated else []) + [word]
            return position
        return self._implied_protocol(word, negated, position)

    def _give(
        self, owner: _Loaded, option: Option, word: str, negated: bool, values: tuple[str, ...]
    ) -> None:
        if negated and not option.negatable:
            raise RuleSyntaxError(f"{word} of {owner.name} cannot be negated", word)
        repeats = owner.extension is not None and option.name in owner.extension.repeated
        if not repeats and any(given.option == option.name for given in owner.given):
            raise RuleSyntaxError(f"{word} stands twice", word)
        owner.given.append(Given(option.name, negated, values))
        protocol = self.header.get("-p")
        owner.protocol = protocol if isinstance(protocol, ProtocolMatch) else None

    def _implied_protocol(self, word: str, negated: bool, position: int) -> int:
        """`-p tcp --dport 80` without `-m tcp`: iptables loads the match of the protocol."""
        protocol = self.header.get("-p")
        if isinstance(protocol, ProtocolMatch):
            name = _MATCH_ALIASES.get(protocol.protocol, protocol.protocol)
            extension = MATCHES.get(name)
            if extension is not None and word in extension.options and extension.protocols:
                self._load_match(name)
                return self._extension_option(word, negated, position)
        return self._other_spelling(word, negated, position)

    def _other_spelling(self, word: str, negated: bool, position: int) -> int:
        """What getopt_long takes besides: beginnings of long options, and `--option=value` of extensions."""
        option, equals, value = word.partition("=")
        if word[:2] == "--" and len(option) > 2:
            known = self._known_options()
            begun: dict[Option | str, str] = {known[one]: one for one in known if one.startswith(option)}
            begun |= {one: "" for one in _COMMANDS if one.startswith(option)}
            name = option if option in known else next(iter(begun.values())) if len(begun) == 1 else ""
            if name and (not equals or (known[name].values and name not in _HEADER)) and name != word:
                words = [name, value] if equals else [name]
                self.words = [*self.words[: position - 1], *words, *self.words[position:]]
                return self._option(name, negated, position)
        if option in ("--dport", "--sport", "--destination-port", "--source-port"):
            raise RuleSyntaxError(f"{option} needs -p tcp, udp or sctp before it", word)
        raise RuleSyntaxError(f"unknown option {word!r}", word)

    def _known_options(self) -> dict[str, Option]:
        known = dict(_HEADER)
        protocol = self.header.get("-p")
        implied = MATCHES.get(protocol.protocol) if isinstance(protocol, ProtocolMatch) else None
        for extension in (implied, *(owner.extension for owner in self.loaded)):
            known |= extension.options if extension is not None else {}
        return known

    def _close_unknown(self) -> None:
        if self.unknown is not None:
            words = " ".join(quote(word) if isinstance(word, Quoted) else word for word in self.unknown_words)
            self.unknown.given = [Given("words", False, (words,))]
            self.unknown = None
            self.unknown_words = []

    def _assemble(self) -> tuple[Parsed, ...]:
        several = any(len(one) > 1 for one in self.addresses.values())
        if several and any(one[0].negated for one in self.addresses.values()):
            raise RuleSyntaxError("'!' does not go with several addresses")
        extensions: list[tuple[str, Match]] = []
        for loaded in self.loaded:
            if loaded.extension is not None:
                self._check_protocol(loaded)
            if not loaded.is_target:
                match: Match
                if loaded.extension is None:
                    match = UnknownMatch(loaded.name, loaded.given[0].value)
                else:
                    match = _built(loaded, self.family)  # type: ignore[assignment]
                extensions.append((loaded.name, match))
        target = self._build_target()
        alone: tuple[tuple[PrefixMatch | None, ...], ...] = ((None,),)
        pairs = product(self.addresses.get("-s", alone[0]), self.addresses.get("-d", alone[0]))
        return tuple(self._one(pair, tuple(extensions), target) for pair in pairs)

    def _one(
        self,
        addresses: tuple[PrefixMatch | None, ...],
        extensions: tuple[tuple[str, Match], ...],
        target: Target | None,
    ) -> Parsed:
        named: dict[str, Match | None] = self.header | dict(zip(("-s", "-d"), addresses, strict=True))
        header = tuple(match for name in _SAVED_HEADER if (match := named.get(name)) is not None)
        return Parsed.of(header, extensions, target)

    def _check_protocol(self, loaded: _Loaded) -> None:
        """A match of a protocol's own fields wants exactly that protocol (`xt_check_match`)."""
        assert loaded.extension is not None
        wanted = loaded.extension.protocols
        if not wanted:
            return
        protocol = self.header.get("-p")
        if not (isinstance(protocol, ProtocolMatch) and protocol.protocol in wanted and not protocol.negated):
            *most, last = wanted
            which = f"{', '.join(most)} or {last}" if most else last
            raise RuleSyntaxError(f"-m {loaded.name} needs -p {which}", loaded.name)
        if loaded.name == "multiport" and loaded.given and loaded.protocol is None:
            raise RuleSyntaxError("-m multiport needs -p before its ports", "multiport")

    def _build_target(self) -> Target | None:
        if self.jump is None:
            return None
        name, goto, loaded = self.jump
        if loaded.extension is not None:
            target: Target = _built(loaded, self.family)  # type: ignore[assignment]
            if translates_ports(target) and (
                loaded.protocol is None or loaded.protocol.protocol not in PORT_TRANSLATED
            ):
                raise RuleSyntaxError(
                    f"ports of -j {name} need -p tcp, udp, sctp, dccp or icmp before them", name
                )
            return target
        words = loaded.given[0].value if loaded.given else ""
        if words or (name in KERNEL_TARGETS and not goto):
            return UnknownTarget(name, words)
        return Jump(name, goto)


def _check_name(name: str, what: str) -> None:
    if not 1 <= len(name.encode(errors="surrogatepass")) <= 28:
        raise RuleSyntaxError(f"{name!r} is no name of {what}: they have 1 to 28 characters", name)
    if '"' in name or any(character.isspace() for character in name):
        raise RuleSyntaxError(f"{name!r} is no name of {what}: a blank or a quote in it", name)


_known: dict[tuple[str, bool, tuple[Given, ...], Family], object] = {}
"""Matches and targets by the words that make them: a dump of 700,000 rules has a few thousand of them."""

_KNOWN_LIMIT = 1 << 17


def _built(loaded: _Loaded, family: Family) -> object:
    assert loaded.extension is not None
    key = (loaded.name, loaded.is_target, tuple(loaded.given), family)
    built = _known.get(key)
    if built is None:
        try:
            built = loaded.extension.build(loaded.given, family)
        except RuleSyntaxError as error:
            raise RuleSyntaxError(str(error), error.word or loaded.name) from None
        if not getattr(built, "one_of_a_kind", False):
            if len(_known) >= _KNOWN_LIMIT:
                _known.clear()
            _known[key] = built
    return built
