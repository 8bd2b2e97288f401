"""`-j LOG`, `-j NFLOG`, `-j TRACE`: write down the packet and go on with the next rule.

Sources: net/netfilter/xt_LOG.c, xt_NFLOG.c, xt_TRACE.c. What is written is the host's, not the packet's; a
trace here shows the rule anyway.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Extension, Given, Option, RuleSyntaxError, by_name
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.quoting import first_bytes, quote
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "LogTarget", "NflogTarget", "TraceTarget"]

_LEVELS = {
    "emerg": 0, "panic": 0, "alert": 1, "crit": 2, "error": 3, "warning": 4, "notice": 5, "info": 6,
    "debug": 7,
}  # fmt: skip
_FLAGS = ("log-tcp-sequence", "log-tcp-options", "log-ip-options", "log-uid", "log-macdecode")
_DEFAULT_LEVEL = 4


@dataclass(frozen=True, slots=True)
class LogTarget:
    """To the kernel's log. `prefix` is the text in front of each line."""

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    prefix: str = ""
    level: int = _DEFAULT_LEVEL
    flags: tuple[str, ...] = ()
    name = "LOG"
    cut = no_cut

    def carried_out(self, skb: Skb) -> Skb:
        """The packet, as it was."""
        return skb

    def save(self) -> str:
        words = ["LOG"]
        if self.prefix:
            words.append(f"--log-prefix {quote(self.prefix)}")
        if self.level != _DEFAULT_LEVEL:
            words.append(f"--log-level {self.level}")
        return " ".join(words + [f"--{flag}" for flag in self.flags])


@dataclass(frozen=True, slots=True)
class NflogTarget:
    """To a program that listens on netlink group `group`. `options` are the others as printed."""

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    prefix: str = ""
    group: int = 0
    options: tuple[str, ...] = ()
    name = "NFLOG"
    cut = no_cut

    def carried_out(self, skb: Skb) -> Skb:
        """The packet, as it was."""
        return skb

    def save(self) -> str:
        words = ["NFLOG"]
        if self.prefix:
            words.append(f"--nflog-prefix {quote(self.prefix)}")
        if self.group:
            words.append(f"--nflog-group {self.group}")
        return " ".join((*words, *self.options))


@dataclass(frozen=True, slots=True)
class TraceTarget:
    """Every rule that the packet meets from here on goes to the log."""

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    name = "TRACE"
    cut = no_cut

    def carried_out(self, skb: Skb) -> Skb:
        """The packet, as it was."""
        return skb

    def save(self) -> str:
        return "TRACE"


def _prefix(given: Given | None, limit: int) -> str:
    if given is None:
        return ""
    if not given.value or "\n" in given.value:
        raise RuleSyntaxError("a prefix is one line, and not empty", given.value)
    return first_bytes(given.value, limit)


def _level(text: str) -> int:
    if text in _LEVELS:
        return _LEVELS[text]
    try:
        return parse_number(text, 0, 7)
    except RuleSyntaxError:
        raise RuleSyntaxError(f"{text!r} is no level from 0 to 7 nor {', '.join(_LEVELS)}", text) from None


def _build_log(given: list[Given], family: Family) -> LogTarget:
    values = by_name(given)
    return LogTarget(
        _prefix(values.get("log-prefix"), 29),
        _level(values["log-level"].value) if "log-level" in values else _DEFAULT_LEVEL,
        tuple(flag for flag in _FLAGS if flag in values),
    )


def _build_nflog(given: list[Given], family: Family) -> NflogTarget:
    values = by_name(given)
    if "nflog-range" in values and "nflog-size" in values:
        raise RuleSyntaxError("--nflog-range and --nflog-size exclude each other", "--nflog-size")
    number = {
        name: parse_number(
            values[name].value, 0, 65535 if name in ("nflog-group", "nflog-threshold") else 0xFFFFFFFF
        )
        for name in ("nflog-group", "nflog-size", "nflog-range", "nflog-threshold")
        if name in values
    }
    options = [f"--nflog-size {number['nflog-size']}"] if "nflog-size" in number else []
    if number.get("nflog-range"):
        options.append(f"--nflog-range {number['nflog-range']}")
    if number.get("nflog-threshold"):
        options.append(f"--nflog-threshold {number['nflog-threshold']}")
    return NflogTarget(_prefix(values.get("nflog-prefix"), 63), number.get("nflog-group", 0), tuple(options))


def _build_trace(given: list[Given], family: Family) -> TraceTarget:
    return TraceTarget()


_NOTE = "goes on with the next rule; nothing is written"

EXTENSIONS = (
    Extension(
        "LOG",
        _build_log,
        {"--log-prefix": Option("log-prefix"), "--log-level": Option("log-level")}
        | {f"--{flag}": Option(flag, 0) for flag in _FLAGS},
        note=_NOTE,
        source="net/netfilter/xt_LOG.c",
    ),
    Extension(
        "NFLOG",
        _build_nflog,
        {
            f"--nflog-{name}": Option(f"nflog-{name}")
            for name in ("group", "prefix", "range", "size", "threshold")
        },
        note=_NOTE,
        source="net/netfilter/xt_NFLOG.c",
    ),
    Extension("TRACE", _build_trace, note=_NOTE, source="net/netfilter/xt_TRACE.c"),
)
