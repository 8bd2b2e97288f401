"""`-m owner`: whose process sent it. Source: net/netfilter/xt_owner.c.

A packet that no process of this host sent fails everything but negated options. Whose a process is, is not
known here.
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
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "OwnerMatch"]

_ORDER = ("socket-exists", "uid-owner", "gid-owner", "suppl-groups")
_ACCOUNTS = {"root": "0"}


@dataclass(frozen=True, slots=True)
class OwnerMatch:
    """Options with their values, in the order in which iptables-save prints them."""

    field: ClassVar[str] = "owner"
    may_be_unknown: ClassVar[bool] = True
    options: tuple[tuple[str, str, bool], ...]
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if all(option == "socket-exists" for option, _, _ in self.options) and skb.made_here:
            return not self.options[0][2]
        if skb.made_here is False:
            return all(negated for _, _, negated in self.options)
        raise Unmodelled("match 'owner'")

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        try:
            held = self.holds(skb, host)
        except Unmodelled:
            return Condition("owner", self.save(), "not modelled", False)
        return Condition("owner", self.save(), "some process" if skb.made_here else "no process", held)

    def save(self) -> str:
        return " ".join(
            f"{'! ' if negated else ''}--{option}{' ' + value if value else ''}"
            for option, value, negated in self.options
        )


def _range(given: Given) -> str:
    """An id or `low-high`; of account names only root's number is the same everywhere."""
    text = _ACCOUNTS.get(given.value, given.value)
    if text[:1].isalpha():
        raise RuleSyntaxError(f"{text!r} is no number (accounts are not looked up)", text)
    low, dash, high = text.replace(":", "-").partition("-")
    first = parse_number(low, 0, 0xFFFFFFFE, text)
    last = parse_number(high, 0, 0xFFFFFFFE, text) if dash else first
    return str(first) if first == last else f"{first}-{last}"


def _build(given: list[Given], family: Family) -> OwnerMatch:
    if not given:
        raise RuleSyntaxError("-m owner needs --uid-owner, --gid-owner or --socket-exists")
    names = [one.option for one in given]
    if "suppl-groups" in names and "gid-owner" not in names[: names.index("suppl-groups")]:
        raise RuleSyntaxError("--suppl-groups needs --gid-owner before it", "--suppl-groups")
    options = [(one.option, _range(one) if one.values else "", one.negated) for one in given]
    return OwnerMatch(tuple(sorted(options, key=lambda one: _ORDER.index(one[0]))))


EXTENSIONS = (
    Extension(
        "owner",
        _build,
        {
            "--uid-owner": Option("uid-owner", 1, True),
            "--gid-owner": Option("gid-owner", 1, True),
            "--socket-exists": Option("socket-exists", 0, True),
            "--suppl-groups": Option("suppl-groups", 0),
        },
        place=Place.of(hooks="OUTPUT POSTROUTING"),
        modelled="partly",
        note="user and group of a process are unmodelled; packets of no process fail, as in the kernel",
        source="net/netfilter/xt_owner.c",
    ),
)
