"""Matches that ask for what nothing here has: `-m socket --transparent`, `-m helper`, `-m rt`.

Sources: net/netfilter/xt_socket.c, xt_helper.c, net/ipv6/netfilter/ip6t_rt.c. No socket is transparent, no
connection was expected by another one's helper, no packet carries a routing header. So each has its answer.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    Place,
    RuleSyntaxError,
    Surroundings,
    Unmodelled,
)
from kproxysim.netfilter.numbers import address_text, parse_address, parse_number
from kproxysim.netfilter.quoting import quote
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "HelperMatch", "RtMatch", "SocketMatch"]

_SOCKET_OPTIONS = ("transparent", "nowildcard", "restore-skmark")


@dataclass(frozen=True, slots=True)
class SocketMatch:
    """Is there a socket for this packet already, and a transparent one (IP_TRANSPARENT) if it must be?"""

    cut = no_cut
    field: ClassVar[str] = "socket"
    options: tuple[str, ...]

    @property
    def may_be_unknown(self) -> bool:
        """Only that no socket is transparent is known."""
        return "transparent" not in self.options

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if self.may_be_unknown:
            raise Unmodelled("match 'socket' without --transparent")
        return False

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        if self.may_be_unknown:
            return Condition("socket", "any", "not modelled", False)
        return Condition("socket", "transparent", "not transparent", False)

    def save(self) -> str:
        return " ".join(f"--{option}" for option in self.options)


def _build_socket(given: list[Given], family: Family) -> SocketMatch:
    names = {one.option for one in given}
    return SocketMatch(tuple(option for option in _SOCKET_OPTIONS if option in names))


@dataclass(frozen=True, slots=True)
class HelperMatch:
    """`--helper`: was the connection expected by that helper of another one, as FTP's data is?"""

    cut = no_cut
    field: ClassVar[str] = "helper"
    helper: str
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + (self.helper or "any")
        return Condition("helper", wanted, "none", self.negated)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--helper {quote(self.helper)}"


def _build_helper(given: list[Given], family: Family) -> HelperMatch:
    if not given:
        raise RuleSyntaxError("-m helper needs --helper")
    return HelperMatch(given[0].value, given[0].negated)


@dataclass(frozen=True, slots=True)
class RtMatch:
    """Routing headers of IPv6. A packet without one fails, negated or not."""

    cut = no_cut
    field: ClassVar[str] = "routing header"
    words: tuple[str, ...]

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return False

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("routing header", self.save() or "any", "none", False)

    def save(self) -> str:
        return " ".join(self.words)


_RT_NUMBERS = ("rt-type", "rt-segsleft", "rt-len")
_RT_OPTIONS = (*_RT_NUMBERS, "rt-0-res", "rt-0-addrs", "rt-0-not-strict")
_RT_HOPS = 16


def _build_rt(given: list[Given], family: Family) -> RtMatch:
    words: dict[str, str] = {}
    for one in given:
        name = one.option
        if name not in _RT_NUMBERS and words.get("rt-type") != "--rt-type 0":
            raise RuleSyntaxError(f"--rt-type 0 is required before --{name}", f"--{name}")
        if name == "rt-0-not-strict" and "rt-0-addrs" not in words:
            raise RuleSyntaxError("--rt-0-addrs is required before --rt-0-not-strict", "--rt-0-not-strict")
        words[name] = f"{'! ' if one.negated else ''}--{name}{_rt_value(one, family)}"
    return RtMatch(tuple(words[name] for name in _RT_OPTIONS if name in words))


def _rt_value(given: Given, family: Family) -> str:
    if not given.values:
        return ""
    if given.option == "rt-0-addrs":
        texts = given.value.split(",")
        if len(texts) > _RT_HOPS:
            raise RuleSyntaxError(f"{len(texts)} addresses are more than {_RT_HOPS}", given.value)
        return " " + ",".join(address_text(parse_address(one, family, given.value), 6) for one in texts)
    low, colon, high = given.value.partition(":")
    if given.option != "rt-segsleft" or not colon:
        return f" {parse_number(given.value)}"
    first = parse_number(low, word=given.value) if low else 0
    last = parse_number(high, word=given.value) if high else 0xFFFFFFFF
    return f" {first}" if first == last else f" {first}:{last}"


EXTENSIONS = (
    Extension(
        "socket",
        _build_socket,
        {f"--{option}": Option(option, 0) for option in _SOCKET_OPTIONS},
        place=Place.of(hooks="PREROUTING INPUT"),
        modelled="partly",
        note="no socket is transparent; without `--transparent` unmodelled",
        source="net/netfilter/xt_socket.c",
    ),
    Extension(
        "helper",
        _build_helper,
        {"--helper": Option("helper", 1, True)},
        note="no connection is expected by another one's helper",
        source="net/netfilter/xt_helper.c",
    ),
    Extension(
        "rt",
        _build_rt,
        {f"--{name}": Option(name, 1, True) for name in _RT_NUMBERS}
        | {f"--{name}": Option(name, int(name == "rt-0-addrs")) for name in _RT_OPTIONS[3:]},
        family="ipv6",
        note="packets carry no routing header, so that it fails, negated or not",
        source="net/ipv6/netfilter/ip6t_rt.c",
    ),
)
