"""`-m set`: is an address, or address and port, in an ipset? Source: net/netfilter/xt_set.c.

The members are given with the host (`Host.sets`); a set that is not given is unmodelled.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
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
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "SetMatch"]

_NAME_LIMIT = 31
_DIMENSIONS = 6
_COUNTERS = ("packets-eq", "packets-lt", "packets-gt", "bytes-eq", "bytes-lt", "bytes-gt")


@dataclass(frozen=True, slots=True)
class SetMatch:
    """A set by name, and whether source or destination is looked up in each of its dimensions.

    `extra` are options about counters and `nomatch` members, as iptables-save prints them.
    """

    field: ClassVar[str] = "set"
    may_be_unknown: ClassVar[bool] = True
    name: str
    sides: tuple[str, ...]
    negated: bool = False
    extra: tuple[str, ...] = ()
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        members = host.address_set(self.name)
        if members is None:
            raise Unmodelled(f"set {self.name!r}")
        if any("update-" not in option for option in self.extra):
            raise Unmodelled(f"option {self.extra[0]} of match 'set'")
        return members.has(skb, self.sides) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = f"{'not ' if self.negated else ''}{','.join(self.sides)} in {self.name}"
        try:
            held = self.holds(skb, host)
        except Unmodelled:
            return Condition("set", wanted, "not modelled", False)
        return Condition("set", wanted, "in it" if held is not self.negated else "not in it", held)

    def save(self) -> str:
        words = [f"{'! ' if self.negated else ''}--match-set {self.name} {','.join(self.sides)}"]
        return " ".join([*words, *self.extra])


def _build(given: list[Given], family: Family) -> SetMatch:
    values = by_name(given)
    wanted = values.get("match-set")
    if wanted is None:
        raise RuleSyntaxError("-m set needs --match-set")
    name, text = wanted.values
    if not 1 <= len(name.encode(errors="surrogatepass")) <= _NAME_LIMIT:
        raise RuleSyntaxError(f"{name!r} is no name of a set: they have 1 to {_NAME_LIMIT} characters", name)
    sides = tuple(side[:3] for side in text.split(","))
    if not set(sides) <= {"src", "dst"} or len(sides) > _DIMENSIONS:
        raise RuleSyntaxError(f"{text!r} is no list of up to {_DIMENSIONS} of src and dst", text)
    extra = ["--return-nomatch"] if "return-nomatch" in values else []
    extra += [
        f"! --{option}"
        for option in ("update-counters", "update-subcounters")
        if option in values and values[option].negated
    ]
    for kind in ("packets", "bytes"):
        asked = [values[option] for option in _COUNTERS if option in values and option.startswith(kind)]
        if len(asked) > 1:
            raise RuleSyntaxError(
                f"only one of --{kind}-eq, --{kind}-lt, --{kind}-gt", f"--{asked[1].option}"
            )
        extra += [
            f"{'! ' if one.negated else ''}--{one.option} {parse_number(one.value, 0, (1 << 64) - 1)}"
            for one in asked
        ]
    return SetMatch(name, sides, wanted.negated, tuple(extra))


EXTENSIONS = (
    Extension(
        "set",
        _build,
        {
            "--match-set": Option("match-set", 2, True),
            "--return-nomatch": Option("return-nomatch", 0),
            "--update-counters": Option("update-counters", 0, True),
            "--update-subcounters": Option("update-subcounters", 0, True),
        }
        | {f"--{name}": Option(name, 1, name.endswith("eq")) for name in _COUNTERS},
        modelled="partly",
        note="with members given (`Host.sets`); otherwise, and for counters of members, unmodelled",
        source="net/netfilter/xt_set.c",
    ),
)
