"""Matches that ask for what nothing here has: `-m socket --transparent`, `-m helper`, `-m rt`.

Sources: net/netfilter/xt_socket.c, xt_helper.c, net/ipv6/netfilter/ip6t_rt.c. No socket is transparent, no
connection was expected by another one's helper, no packet carries a routing header. So each has its answer.
"""

from __future__ import annotations

from ipaddress import IPv6Address
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
    by_name,
)
from kproxysim.netfilter.numbers import parse_address, parse_number
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


def _build_rt(given: list[Given], family: Family) -> RtMatch:
    values = by_name(given)
    words = [_rt_number(values[name]) for name in _RT_NUMBERS if name in values]
    for one in given:
        is_of_type_0 = one.option not in _RT_NUMBERS
        if is_of_type_0 and "rt-type" not in [other.option for other in given[: given.index(one)]]:
            raise RuleSyntaxError(f"--rt-type 0 is required before --{one.option}", f"--{one.option}")
    if any(name not in _RT_NUMBERS for name in values) and words[0] != "--rt-type 0":
        raise RuleSyntaxError("--rt-0-res, --rt-0-addrs and --rt-0-not-strict need --rt-type 0", "--rt-type")
    if "rt-0-not-strict" in values and "rt-0-addrs" not in values:
        raise RuleSyntaxError("--rt-0-not-strict needs --rt-0-addrs", "--rt-0-not-strict")
    if "rt-0-res" in values:
        words.append("--rt-0-res")
    if "rt-0-addrs" in values:
        texts = values["rt-0-addrs"].value.split(",")
        words.append(
            f"--rt-0-addrs {','.join(str(IPv6Address(parse_address(one, family))) for one in texts)}"
        )
    if "rt-0-not-strict" in values:
        words.append("--rt-0-not-strict")
    return RtMatch(tuple(words))


def _rt_number(given: Given) -> str:
    low, colon, high = given.value.partition(":")
    if given.option == "rt-type" or not colon:
        numbers = str(parse_number(given.value))
    else:
        first = parse_number(low, word=given.value) if low else 0
        last = parse_number(high, word=given.value) if high else 0xFFFFFFFF
        numbers = str(first) if first == last else f"{first}:{last}"
    return f"{'! ' if given.negated else ''}--{given.option} {numbers}"


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
        | {
            "--rt-0-res": Option("rt-0-res", 0),
            "--rt-0-addrs": Option("rt-0-addrs", 1),
            "--rt-0-not-strict": Option("rt-0-not-strict", 0),
        },
        family="ipv6",
        note="packets carry no routing header, so that it fails, negated or not",
        source="net/ipv6/netfilter/ip6t_rt.c",
    ),
)
