"""`-m recent`: lists of addresses seen before. Source: net/netfilter/xt_recent.c, iptables-extensions(8).

kube-proxy's session affinity: `--rcheck --seconds N --reap` asks for the client, `--set` remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, RuleSyntaxError, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, to_address

__all__ = ["EXTENSIONS", "RecentMatch"]

_ACTIONS = ("set", "rcheck", "update", "remove")


@dataclass(frozen=True, slots=True)
class RecentMatch:
    """One list, one action. `side` is "rsource" or "rdest": which address is looked up."""

    field: ClassVar[str] = "recent"
    name: str
    action: str
    mask: int
    version: int
    seconds: int | None = None
    hits: int | None = None
    reap: bool = False
    side: str = "rsource"
    negated: bool = False

    def _key(self, skb: Skb) -> int:
        return (skb.src if self.side == "rsource" else skb.dst) & self.mask

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if self.action == "set":
            host.remember(self.name, self._key(skb))
            return not self.negated
        return host.recently_seen(self.name, self._key(skb), self.seconds, self.hits or 1) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        who = str(to_address(self._key(skb), self.version))
        if self.action == "set":
            return Condition("recent", f"remember in {self.name}", who, not self.negated)
        seen = host.recently_seen(self.name, self._key(skb), self.seconds, self.hits or 1)
        within = f" within {self.seconds} s" if self.seconds is not None else ""
        wanted = f"{'not ' if self.negated else ''}in {self.name}{within}"
        return Condition(
            "recent", wanted, f"{who} is {'' if seen else 'not '}in it", seen is not self.negated
        )

    def save(self) -> str:
        words = [f"{'! ' if self.negated else ''}--{self.action}"]
        if self.seconds is not None:
            words.append(f"--seconds {self.seconds}")
        if self.reap:
            words.append("--reap")
        if self.hits is not None:
            words.append(f"--hitcount {self.hits}")
        words.append(f"--name {self.name} --mask {to_address(self.mask, self.version)} --{self.side}")
        return " ".join(words)


def _build(given: list[Given], family: Family) -> RecentMatch:
    version = 4 if family == "ipv4" else 6
    values: dict[str, Given] = {}
    for option in given:
        if option.option in values:
            raise RuleSyntaxError(f"--{option.option} stands twice", option.option)
        values[option.option] = option
    actions = [name for name in _ACTIONS if name in values]
    if len(actions) != 1:
        raise RuleSyntaxError("-m recent takes exactly one of --set, --rcheck, --update, --remove")
    if "update" in actions or "remove" in actions:
        raise RuleSyntaxError(f"--{actions[0]} of -m recent is not supported", f"--{actions[0]}")
    seconds = _number(values.get("seconds"))
    if "reap" in values and seconds is None:
        raise RuleSyntaxError("--reap needs --seconds")
    mask = (1 << (32 if version == 4 else 128)) - 1
    if "mask" in values:
        try:
            mask = int(ip_address(values["mask"].value))
        except ValueError:
            raise RuleSyntaxError(f"{values['mask'].value!r} is no mask", values["mask"].value) from None
    return RecentMatch(
        name=values["name"].value if "name" in values else "DEFAULT",
        action=actions[0],
        mask=mask,
        version=version,
        seconds=seconds,
        hits=_number(values.get("hitcount")),
        reap="reap" in values,
        side="rdest" if "rdest" in values else "rsource",
        negated=values[actions[0]].negated,
    )


def _number(given: Given | None) -> int | None:
    if given is None:
        return None
    if not (given.value.isascii() and given.value.isdigit() and int(given.value) > 0):
        raise RuleSyntaxError(f"{given.value!r} is no positive number", given.value)
    return int(given.value)


EXTENSIONS = (
    Extension(
        "recent",
        _build,
        {f"--{name}": (name, 0) for name in (*_ACTIONS, "reap", "rsource", "rdest")}
        | {f"--{name}": (name, 1) for name in ("seconds", "hitcount", "name", "mask")},
    ),
)
