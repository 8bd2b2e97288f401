"""`-m tcp`, `-m udp`, `-m sctp`:

ports and TCP flags. Source: net/netfilter/xt_tcpudp.c, iptables-extensions(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, RuleSyntaxError, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb

__all__ = ["EXTENSIONS", "TCP_FLAGS", "FlagsMatch", "PortMatch", "PortsMatch", "parse_port"]

TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
"""In the order in which iptables-save prints them."""

_SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "ntp": 123,
    "imap2": 143, "snmp": 161, "https": 443,
}  # fmt: skip


def parse_port(text: str) -> int:
    """A port by number or by one of the best-known service names. Raises RuleSyntaxError."""
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    if text in _SERVICES:
        return _SERVICES[text]
    raise RuleSyntaxError(f"{text!r} is no port from 0 to 65535", text)


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

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        flags = frozenset(skb.flags.split(",")) if skb.flags else frozenset()
        return ((flags & self.mask) == self.wanted) is not self.negated

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
    if text.upper() == "ALL":
        return frozenset(TCP_FLAGS)
    if text.upper() == "NONE":
        return frozenset()
    flags = frozenset(text.upper().split(","))
    if not flags <= frozenset(TCP_FLAGS):
        raise RuleSyntaxError(f"unknown TCP flag in {text!r}", text)
    return flags


@dataclass(frozen=True, slots=True)
class PortsMatch:
    """`-m tcp`, `-m udp` or `-m sctp` with all its options; without any it asks for the protocol alone."""

    field: ClassVar[str] = "protocol"
    protocol: str
    parts: tuple[PortMatch | FlagsMatch, ...] = ()

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return skb.protocol == self.protocol and all(part.holds(skb, host) for part in self.parts)

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("protocol", self.protocol, skb.protocol, skb.protocol == self.protocol)

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Each option on its own."""
        return [part.condition(skb, host) for part in self.parts]

    def save(self) -> str:
        return " ".join(part.save() for part in self.parts)


def _port_range(given: Given, side: str) -> PortMatch:
    low, colon, high = given.value.partition(":")
    first = parse_port(low) if low else 0
    last = (parse_port(high) if high else 65535) if colon else first
    if first > last:
        raise RuleSyntaxError(f"port range {given.value!r} runs backwards", given.value)
    return PortMatch(side, first, last, given.negated)


def _builder(protocol: str) -> Extension:
    def build(given: list[Given], family: Family) -> PortsMatch:
        found: dict[str, PortMatch | FlagsMatch] = {}
        for option in given:
            if option.option in found:
                raise RuleSyntaxError(f"--{option.option} stands twice", option.option)
            if option.option == "tcp-flags":
                found["tcp-flags"] = FlagsMatch(
                    _parse_flags(option.values[0]), _parse_flags(option.values[1]), option.negated
                )
            elif option.option == "syn":
                found["tcp-flags"] = FlagsMatch(
                    frozenset({"FIN", "SYN", "RST", "ACK"}), frozenset({"SYN"}), option.negated
                )
            else:
                found[option.option] = _port_range(option, option.option)
        order = ("sport", "dport", "tcp-flags")
        return PortsMatch(protocol, tuple(found[name] for name in order if name in found))

    options = {
        "--sport": ("sport", 1),
        "--source-port": ("sport", 1),
        "--dport": ("dport", 1),
        "--destination-port": ("dport", 1),
    }
    if protocol == "tcp":
        options |= {"--tcp-flags": ("tcp-flags", 2), "--syn": ("syn", 0)}
    return Extension(protocol, build, options)


EXTENSIONS = (_builder("tcp"), _builder("udp"), _builder("sctp"))
