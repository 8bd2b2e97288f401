"""`-m policy`: has IPsec decrypted the packet, or will it encrypt it? Source: net/netfilter/xt_policy.c,
extensions/libxt_policy.c.

No packet here has been through IPsec or is to go there, so that `--pol none` holds and `--pol ipsec`
does not.
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
    by_name,
)
from kproxysim.netfilter.matches.header import protocol_name
from kproxysim.netfilter.numbers import address_text, parse_host_mask, parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "PolicyMatch"]

_OF_AN_ELEMENT = ("reqid", "spi", "proto", "mode", "tunnel-dst", "tunnel-src")
_ELEMENTS = 4
_PLACES = {
    "in": Place.of(hooks="PREROUTING INPUT FORWARD"),
    "out": Place.of(hooks="FORWARD OUTPUT POSTROUTING"),
}


@dataclass(frozen=True, slots=True)
class PolicyMatch:
    """`direction` is "in" or "out", `wants_none` the policy asked for, `words` the rest as printed."""

    field: ClassVar[str] = "IPsec"
    direction: str
    wants_none: bool
    words: tuple[str, ...] = ()
    cut = no_cut

    @property
    def place(self) -> Place:
        """What has come is asked before it leaves, and the other way round (`policy_mt_check`)."""
        return _PLACES[self.direction]

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return self.wants_none

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("IPsec", "none" if self.wants_none else "ipsec", "none", self.wants_none)

    def save(self) -> str:
        return " ".join(
            (f"--dir {self.direction} --pol {'none' if self.wants_none else 'ipsec'}", *self.words)
        )


def _build(given: list[Given], family: Family) -> PolicyMatch:
    values = by_name([one for one in given if one.option in ("dir", "pol", "strict")])
    if "dir" not in values:
        raise RuleSyntaxError("-m policy needs --dir in or --dir out")
    direction = values["dir"].value
    policy = values["pol"].value if "pol" in values else "ipsec"
    if direction not in _PLACES:
        raise RuleSyntaxError(f"--dir {direction} is neither in nor out", direction)
    if policy not in ("none", "ipsec"):
        raise RuleSyntaxError(f"--pol {policy} is neither none nor ipsec", policy)
    if policy == "none" and "strict" in values:
        raise RuleSyntaxError("--strict is for --pol ipsec", "--strict")
    strict = "strict" in values
    elements = _elements(given, strict=strict)
    words = _words(elements, family)
    if policy == "none":  # what is asked of elements is read, and left out
        return PolicyMatch(direction, wants_none=True)
    for element in elements:
        _check(element, strict=strict)
    return PolicyMatch(direction, wants_none=False, words=("--strict", *words) if strict else words)


def _elements(given: list[Given], *, strict: bool) -> list[dict[str, Given]]:
    """What is asked of each of the policy's elements, by option."""
    elements: list[dict[str, Given]] = [{}]
    for one in given:
        if one.option == "next":
            elements.append({})
        elif one.option in _OF_AN_ELEMENT:
            if one.option in elements[-1]:
                raise RuleSyntaxError(f"--{one.option} stands twice", f"--{one.option}")
            elements[-1][one.option] = one
    if len(elements) > 1 and not strict:
        raise RuleSyntaxError("--next needs --strict", "--next")
    if len(elements) > _ELEMENTS:
        raise RuleSyntaxError(f"a policy has {_ELEMENTS} elements at most", "--next")
    return elements


def _check(element: dict[str, Given], *, strict: bool) -> None:
    if strict and not element:
        raise RuleSyntaxError("--strict wants something of each element", "--strict")
    mode = element.get("mode")
    if mode is None or (mode.value == "tunnel") is mode.negated:
        for side in ("tunnel-src", "tunnel-dst"):
            if side in element:
                raise RuleSyntaxError(f"--{side} is for --mode tunnel only", f"--{side}")


def _words(elements: list[dict[str, Given]], family: Family) -> tuple[str, ...]:
    """The elements as iptables prints them."""
    words: list[str] = []
    for number, element in enumerate(elements):
        words += ["--next"] if number else []
        words += [_word(element[name], family) for name in _OF_AN_ELEMENT if name in element]
    return tuple(words)


def _word(one: Given, family: Family) -> str:
    if one.option == "reqid":
        value = str(parse_number(one.value))
    elif one.option == "spi":
        value = f"{parse_number(one.value):#x}"
    elif one.option == "proto":
        value = protocol_name(one.value)
        if value not in ("ah", "esp", "ipcomp"):
            raise RuleSyntaxError(f"--proto {one.value} is neither ah nor esp nor ipcomp", one.value)
    elif one.option == "mode":
        value = one.value
        if value not in ("transport", "tunnel"):
            raise RuleSyntaxError(f"--mode {value} is neither transport nor tunnel", value)
    else:
        value = _network(one.value, family)
    return f"{'! ' if one.negated else ''}--{one.option} {value}"


def _network(text: str, family: Family) -> str:
    address, mask = parse_host_mask(text, family)
    version, width = (4, 32) if family == "ipv4" else (6, 128)
    length = mask.bit_count()
    shown = address_text(address, version)
    return shown if length == width else f"{shown}/{length}"


EXTENSIONS = (
    Extension(
        "policy",
        _build,
        {
            "--dir": Option("dir"),
            "--pol": Option("pol"),
            "--strict": Option("strict", 0),
            **{f"--{name}": Option(name, 1, True) for name in _OF_AN_ELEMENT},
            "--next": Option("next", 0),
        },
        repeated=(*_OF_AN_ELEMENT, "next"),
        note="no packet goes through IPsec",
        source="net/netfilter/xt_policy.c",
    ),
)
