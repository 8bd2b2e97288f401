"""`-m owner`: whose process sent it. Source: net/netfilter/xt_owner.c.

What left by no socket of this host fails everything but negated options; what the protocols say by themselves
has a socket, but no process. Whose a process is, is known where the packet was given a `uid` or `gid`; which
further groups it is in, never.
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
from kproxysim.netfilter.skb import Owner, Skb
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
        if not skb.owner.has_socket:
            return all(negated for _, _, negated in self.options)
        answers = [
            (self._found(skb.owner, option, wanted), negated) for option, wanted, negated in self.options
        ]
        if any(found is negated for found, negated in answers):
            return False
        if any(found is None for found, _ in answers):
            raise Unmodelled("match 'owner' of a process that nobody named")
        return True

    def _found(self, owner: Owner, option: str, wanted: str) -> bool | None:
        """What one option asks, None where it is not known. --suppl-groups asks nothing of its own."""
        if option in ("socket-exists", "suppl-groups"):
            return True
        if not owner.has_process:
            return False
        number = owner.uid if option == "uid-owner" else owner.gid
        low, _, high = wanted.partition("-")
        if number is not None and int(low) <= number <= int(high or low):
            return True
        is_complete = option == "uid-owner" or self.options[-1][0] != "suppl-groups"
        return False if number is not None and is_complete else None

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        try:
            return Condition("owner", self.save(), _text(skb.owner), self.holds(skb, host))
        except Unmodelled:
            return Condition("owner", self.save(), "not known", False)

    def save(self) -> str:
        return " ".join(
            f"{'! ' if negated else ''}--{option}{' ' + value if value else ''}"
            for option, value, negated in self.options
        )


def _text(owner: Owner) -> str:
    if not owner.has_process:
        return "the kernel" if owner.has_socket else "no socket"
    ids = (("uid", owner.uid), ("gid", owner.gid))
    return " ".join(f"{name} {number}" for name, number in ids if number is not None) or "some process"


def _range(given: Given) -> str:
    """An id or `low-high`; of account names only root's number is the same everywhere."""
    text = _ACCOUNTS.get(given.value, given.value)
    if text[:1].isalpha() or text.startswith("_"):
        raise RuleSyntaxError(f"{text!r} is no number (accounts are not looked up)", text)
    low, dash, high = text.replace(":", "-").partition("-")
    first = parse_number(low, 0, 0xFFFFFFFE, text)
    last = parse_number(high, 0, 0xFFFFFFFE, text) if dash else first
    if last < first:
        raise RuleSyntaxError(f"range {text!r} runs backwards", text)
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
        note="by `uid` and `gid` of the packet; unmodelled where they are not given, and for further groups",
        source="net/netfilter/xt_owner.c",
    ),
)
