"""`-m tcp`, `-m udp`, `-m sctp`:

ports and TCP flags. Source: net/netfilter/xt_tcpudp.c, xt_sctp.c, iptables-extensions(8).
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts, no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    RuleSyntaxError,
    Surroundings,
    Unmodelled,
    by_name,
)
from kproxysim.netfilter.numbers import parse_number, parse_port
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "TCP_FLAGS", "FlagsMatch", "PortMatch", "PortsMatch", "port_range"]

TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
"""In the order in which iptables-save prints them."""


@dataclass(frozen=True, slots=True)
class PortMatch:
    """`--sport` or `--dport`: a port in an inclusive range."""

    field: ClassVar[str] = "port"
    side: str
    low: int
    high: int
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return (
            self.low <= (skb.sport if self.side == "sport" else skb.dport) <= self.high
        ) is not self.negated

    def cut(self, cuts: Cuts) -> bool:
        """The ends of the range."""
        cuts.ports(self.low, self.high)
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        port = skb.sport if self.side == "sport" else skb.dport
        wanted = ("! " if self.negated else "") + self.text
        return Condition(self.side, wanted, "none" if port < 0 else str(port), self.holds(skb, host))

    @property
    def text(self) -> str:
        """`80` or `1024:65535`."""
        return str(self.low) if self.low == self.high else f"{self.low}:{self.high}"

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--{self.side} {self.text}"


@dataclass(frozen=True, slots=True)
class FlagsMatch:
    """`--tcp-flags MASK SET`: of the flags in the mask, exactly those in the set are on."""

    field: ClassVar[str] = "tcp flags"
    mask: frozenset[str]
    wanted: frozenset[str]
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return (self.mask.intersection(skb.flags.split(",")) == self.wanted) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + f"{_flags_text(self.wanted)} of {_flags_text(self.mask)}"
        return Condition("tcp flags", wanted, skb.flags or "NONE", self.holds(skb, host))

    def save(self) -> str:
        return (
            f"{'! ' if self.negated else ''}--tcp-flags {_flags_text(self.mask)} {_flags_text(self.wanted)}"
        )


def _flags_text(flags: frozenset[str]) -> str:
    return ",".join(flag for flag in TCP_FLAGS if flag in flags) or "NONE"


def _parse_flags(text: str) -> frozenset[str]:
    flags: set[str] = set()
    for name in filter(None, text.upper().split(",")):
        if name == "ALL":
            flags.update(TCP_FLAGS)
        elif name in TCP_FLAGS:
            flags.add(name)
        elif name != "NONE":
            known = f"{', '.join(TCP_FLAGS)}, ALL and NONE"
            raise RuleSyntaxError(f"unknown TCP flag in {text!r}: there are {known}", text)
    return frozenset(flags)


@dataclass(frozen=True, slots=True)
class HiddenMatch:
    """`--tcp-option` or `--chunk-types`: packets here carry neither options nor chunks, so nobody knows."""

    field: ClassVar[str] = "option"
    option: str
    wanted: str
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        raise Unmodelled(f"option --{self.option}")

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition(self.option, ("! " if self.negated else "") + self.wanted, "not modelled", False)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--{self.option} {self.wanted}"


Part = PortMatch | FlagsMatch | HiddenMatch


@dataclass(frozen=True, slots=True)
class PortsMatch:
    """`-m tcp`, `-m udp` or `-m sctp` with all its options; without any it asks for the protocol alone."""

    field: ClassVar[str] = "protocol"
    protocol: str
    parts: tuple[Part, ...] = ()

    @property
    def may_be_unknown(self) -> bool:
        """Is there an option that a packet here cannot answer?"""
        return any(isinstance(part, HiddenMatch) for part in self.parts)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return skb.protocol == self.protocol and all(part.holds(skb, host) for part in self.parts)

    def cut(self, cuts: Cuts) -> bool:
        """What its options ask for."""
        return all(part.cut(cuts) for part in self.parts)

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("protocol", self.protocol, skb.protocol, skb.protocol == self.protocol)

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Each option on its own."""
        return [part.condition(skb, host) for part in self.parts]

    def save(self) -> str:
        """The options; `--sport 0:65535` of tcp and udp is left out by iptables-save, even negated."""
        return " ".join(
            part.save()
            for part in self.parts
            if self.protocol == "sctp"
            or not (
                (isinstance(part, PortMatch) and (part.low, part.high) == (0, 65535))
                or (isinstance(part, FlagsMatch) and not part.mask and not part.negated)
            )
        )


def port_range(given: Given, side: str) -> PortMatch:
    """`80`, `80:90`, `:90` or `80:`. Raises RuleSyntaxError."""
    low, colon, high = given.value.partition(":")
    first = parse_port(low) if low or not colon else 0
    last = (parse_port(high) if high else 65535) if colon else first
    if first > last:
        raise RuleSyntaxError(f"port range {given.value!r} runs backwards", given.value)
    return PortMatch(side, first, last, given.negated)


_CHUNKS = (
    "DATA", "INIT", "INIT_ACK", "SACK", "HEARTBEAT", "HEARTBEAT_ACK", "ABORT", "SHUTDOWN", "SHUTDOWN_ACK",
    "ERROR", "COOKIE_ECHO", "COOKIE_ACK", "ECN_ECNE", "ECN_CWR", "SHUTDOWN_COMPLETE", "I_DATA", "ASCONF_ACK",
    "RE_CONFIG", "PAD", "FORWARD_TSN", "ASCONF", "I_FORWARD_TSN",
)  # fmt: skip
"""Kinds of SCTP chunks in the order of their numbers, in which iptables-save prints them."""
_CHUNK_FLAGS = {"DATA": "IUBE", "I_DATA": "IUBE", "ABORT": "T", "SHUTDOWN_COMPLETE": "T"}
"""Those that a chunk has, in the order in which they are printed: in small letters where they are off."""


def _chunks(given: Given) -> str:
    scope, names = given.values
    if scope.lower() not in ("all", "any", "only"):
        raise RuleSyntaxError(f"{scope!r} is none of all, any, only", scope)
    if names.upper() in ("ALL", "NONE"):
        return f"{scope.lower()} {names.upper()}"
    wanted: dict[str, str] = {}
    for one in filter(None, names.split(",")):
        name, _, flags = one.partition(":")
        name = name.upper()
        if name not in _CHUNKS:
            raise RuleSyntaxError(f"unknown SCTP chunk {name!r}", names)
        if any(flag.upper() not in _CHUNK_FLAGS.get(name, "") for flag in flags):
            raise RuleSyntaxError(f"SCTP chunk {name} has no such flag in {flags!r}", names)
        wanted[name] = wanted.get(name, "") + flags
    ordered = (_chunk(name, wanted[name]) for name in _CHUNKS if name in wanted)
    return f"{scope.lower()} {','.join(ordered) or 'NONE'}"


def _chunk(name: str, flags: str) -> str:
    """With its flags as they are printed; one that is asked for both ways is on."""
    known = _CHUNK_FLAGS.get(name, "")
    text = "".join(flag if flag in flags else flag.lower() for flag in known if flag in flags.upper())
    return f"{name}:{text}" if text else name


def _part(option: Given) -> Part:
    if option.option == "tcp-flags":
        if option.values[1][:1] in ("-", "!"):
            raise RuleSyntaxError("--tcp-flags takes two lists of flags", option.values[1])
        return FlagsMatch(_parse_flags(option.values[0]), _parse_flags(option.values[1]), option.negated)
    if option.option == "syn":
        return FlagsMatch(frozenset({"FIN", "SYN", "RST", "ACK"}), frozenset({"SYN"}), option.negated)
    if option.option == "tcp-option":
        return HiddenMatch("tcp-option", str(parse_number(option.value, 1, 255)), option.negated)
    if option.option == "chunk-types":
        return HiddenMatch("chunk-types", _chunks(option), option.negated)
    return port_range(option, option.option)


_ORDER = ("sport", "dport", "tcp-option", "tcp-flags", "syn", "chunk-types")


def _builder(protocol: str, note: str = "") -> Extension:
    def build(given: list[Given], family: Family) -> PortsMatch:
        found = by_name(given)
        if "syn" in found and "tcp-flags" in found:
            raise RuleSyntaxError("--syn and --tcp-flags exclude each other", "--syn")
        return PortsMatch(protocol, tuple(_part(found[name]) for name in _ORDER if name in found))

    options = {
        "--sport": Option("sport", 1, True),
        "--source-port": Option("sport", 1, True),
        "--dport": Option("dport", 1, True),
        "--destination-port": Option("dport", 1, True),
    }
    if protocol == "tcp":
        options |= {
            "--tcp-flags": Option("tcp-flags", 2, True),
            "--syn": Option("syn", 0, True),
            "--tcp-option": Option("tcp-option", 1, True),
        }
    elif protocol == "sctp":
        options["--chunk-types"] = Option("chunk-types", 2, True)
    source = "net/netfilter/xt_sctp.c" if protocol == "sctp" else "net/netfilter/xt_tcpudp.c"
    return Extension(
        protocol,
        build,
        options,
        protocols=(protocol,),
        modelled="partly" if note else "yes",
        note=note,
        source=source,
    )


EXTENSIONS = (
    _builder("tcp", "`--tcp-option` is unmodelled: packets carry no options"),
    _builder("udp"),
    _builder("sctp", "`--chunk-types` is unmodelled: packets carry no chunks"),
)
