"""`-m recent`: lists of addresses seen before. Source: net/netfilter/xt_recent.c, iptables-extensions(8).

kube-proxy's session affinity: `--rcheck --seconds N --reap` asks for the client, `--set` remembers it. A list
is the host's, by name, whatever table or family its rules are in.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    RuleSyntaxError,
    Surroundings,
    by_name,
)
from kproxysim.netfilter.numbers import address_text, parse_address, parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, written
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "RecentMatch"]

_ACTIONS = ("set", "rcheck", "update", "remove")
_NAME_LIMIT = 199
_HITS_LIMIT = 65535


@dataclass(frozen=True, slots=True)
class RecentMatch:
    """One list, one action. `side` is "rsource" or "rdest": which address is looked up.

    `seconds` and `hits` are None where the rule does not ask.
    """

    field: ClassVar[str] = "recent"
    has_effect: ClassVar[bool] = True
    name: str
    action: str
    mask: int
    version: int
    seconds: int | None = None
    hits: int | None = None
    reap: bool = False
    side: str = "rsource"
    negated: bool = False
    rttl: bool = False

    def _key(self, skb: Skb) -> int:
        return (skb.src if self.side == "rsource" else skb.dst) & self.mask

    def _asked_ttl(self, skb: Skb) -> int:
        """What the time to live must have been when the address was remembered; 0 for any."""
        return _ttl_as_it_came(skb) if self.rttl else 0

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        """Carries the action out as well: the kernel does both at once."""
        key = self._key(skb)
        if self.action == "set":
            host.remember(self.name, key, _ttl_as_it_came(skb))
            return not self.negated
        if self.action == "remove":
            return host.forget(self.name, key) is not self.negated
        ttl = self._asked_ttl(skb)
        found = host.recently_seen(self.name, key, None, 1, ttl)
        held = host.recently_seen(self.name, key, self.seconds, self.hits or 1, ttl) is not self.negated
        if found:
            updated = self.action == "update" and held
            if self.reap and self.seconds is not None:
                host.reap(self.name, self.seconds, key if updated else None)
            if updated:
                host.remember(self.name, key, _ttl_as_it_came(skb))
        return held

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        """What it asks and finds, without carrying the action out."""
        key, ttl = self._key(skb), self._asked_ttl(skb)
        who = written(key, self.version)
        if self.action == "set":
            return Condition("recent", f"remember in {self.name}", who, not self.negated)
        seen = host.recently_seen(self.name, key, self.seconds, self.hits or 1, ttl)
        within = f" within {self.seconds} s" if self.seconds is not None else ""
        often = f" {self.hits} times" if self.hits is not None and self.hits > 1 else ""
        alike = f" with time to live {ttl}" if self.rttl else ""
        wanted = f"{'not ' if self.negated else ''}in {self.name}{often}{within}{alike}"
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
        if self.rttl:
            words.append("--rttl")
        words.append(f"--name {self.name} --mask {address_text(self.mask, self.version)} --{self.side}")
        return " ".join(words)


def _ttl_as_it_came(skb: Skb) -> int:
    """The time to live before this host took one off (`recent_mt`)."""
    return (skb.ttl + 1) & 255 if skb.oif and not skb.owner.has_socket else skb.ttl


def _build(given: list[Given], family: Family) -> RecentMatch:
    values = by_name(given)
    actions = [name for name in _ACTIONS if name in values]
    if len(actions) != 1:
        raise RuleSyntaxError("-m recent takes exactly one of --set, --rcheck, --update, --remove")
    action = actions[0]
    seconds = parse_number(values["seconds"].value, 1) if "seconds" in values else None
    hits = parse_number(values["hitcount"].value, 0, _HITS_LIMIT) if "hitcount" in values else None
    if "reap" in values and seconds is None:
        raise RuleSyntaxError("--reap needs --seconds", "--reap")
    if action in ("set", "remove") and (seconds is not None or hits or "rttl" in values):
        raise RuleSyntaxError(f"--{action} takes no --seconds, --hitcount, --reap or --rttl", f"--{action}")
    name = values["name"].value if "name" in values else "DEFAULT"
    if not 1 <= len(name.encode(errors="surrogatepass")) <= _NAME_LIMIT:
        raise RuleSyntaxError(
            f"{name[:40]!r} is no name of a list: they have 1 to {_NAME_LIMIT} characters", name
        )
    if name in (".", "..") or "/" in name or " " in name:
        raise RuleSyntaxError(
            f"{name!r} is no name of a list: it is a file's in /proc, without a blank", name
        )
    last = [option.option for option in given if option.option in ("rsource", "rdest")]
    mask = (1 << (32 if family == "ipv4" else 128)) - 1
    if "mask" in values:
        mask = parse_address(values["mask"].value, family)
    return RecentMatch(
        name=name,
        action=action,
        mask=mask,
        version=4 if family == "ipv4" else 6,
        seconds=seconds,
        hits=hits or None,
        reap="reap" in values,
        side=last[-1] if last else "rsource",
        negated=values[action].negated,
        rttl="rttl" in values,
    )


EXTENSIONS = (
    Extension(
        "recent",
        _build,
        {f"--{name}": Option(name, 0, True) for name in _ACTIONS}
        | {f"--{name}": Option(name, 0) for name in ("reap", "rttl", "rsource", "rdest")}
        | {f"--{name}": Option(name) for name in ("seconds", "hitcount", "name", "mask")},
        note="lists of 100 addresses, empty at first",
        source="net/netfilter/xt_recent.c",
    ),
)
