"""`-m addrtype`:

the kernel's own idea of an address. Source: net/netfilter/xt_addrtype.c, iptables-extensions(8).

LOCAL means "in the table local": the addresses of any device of the host, 127.0.0.0/8, and whatever an agent
put there with `ip route add local`. It does not depend on the device unless `--limit-iface-in` or
`--limit-iface-out` says so. An IPv4 address has one type; an IPv6 address may have several, and of the types
asked for all but LOCAL, ANYCAST and UNREACHABLE must hold together (`match_type6`).
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts
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
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, written
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "AddrTypeMatch"]

_TYPES = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT",
    "THROW", "NAT", "XRESOLVE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AddrTypeMatch:
    """Types wanted of source and destination; an empty set asks nothing."""

    field: ClassVar[str] = "addrtype"
    src_types: frozenset[str] = frozenset()
    dst_types: frozenset[str] = frozenset()
    src_negated: bool = False
    dst_negated: bool = False
    limit: str = ""

    def _device(self, skb: Skb) -> str:
        return skb.iif if self.limit == "in" else skb.oif if self.limit == "out" else ""

    @property
    def place(self) -> Place:
        """A limit to a device needs hooks that know the device (`addrtype_mt_checkentry_v1`)."""
        if not self.limit:
            return Place()
        hooks = "PREROUTING INPUT FORWARD" if self.limit == "in" else "FORWARD OUTPUT POSTROUTING"
        return Place.of(hooks=hooks, direct=True)

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        device = self._device(skb)
        if self.src_types and _is(
            host.address_type(skb.src, device), skb.src, self.src_types, skb.family
        ) is (self.src_negated):
            return False
        return not (
            self.dst_types
            and _is(host.address_type(skb.dst, device), skb.dst, self.dst_types, skb.family)
            is self.dst_negated
        )

    def cut(self, cuts: Cuts) -> bool:
        """The unspecified address of IPv6; the rest is what the host's routes tell apart."""
        cuts.address(0, 6)
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return self.conditions(skb, host)[0]

    def conditions(self, skb: Skb, host: Surroundings) -> list[Condition]:
        """Source type and destination type, each on its own."""
        found = []
        for name, types, negated, address in (
            ("src-type", self.src_types, self.src_negated, skb.src),
            ("dst-type", self.dst_types, self.dst_negated, skb.dst),
        ):
            if types:
                had = host.address_type(address, self._device(skb))
                wanted = ("! " if negated else "") + self._text(types)
                shown = f"{had} ({written(address, skb.family)})"
                held = _is(had, address, types, skb.family) is not negated
                found.append(Condition(name, wanted, shown, held))
        return found

    @staticmethod
    def _text(types: frozenset[str]) -> str:
        return ",".join(name for name in _TYPES if name in types)

    def save(self) -> str:
        words = []
        if self.src_types:
            words.append(f"{'! ' if self.src_negated else ''}--src-type {self._text(self.src_types)}")
        if self.dst_types:
            words.append(f"{'! ' if self.dst_negated else ''}--dst-type {self._text(self.dst_types)}")
        if self.limit:
            words.append(f"--limit-iface-{self.limit}")
        return " ".join(words)


def _is(had: str, address: int, types: frozenset[str], family: int) -> bool:
    if family == 4:
        return had in types
    multicast = address >> 120 == 0xFF
    if ("MULTICAST" in types and not multicast) or ("UNICAST" in types and (multicast or not address)):
        return False
    if "UNSPEC" in types and address:
        return False
    looked_up = types & {"LOCAL", "ANYCAST", "UNREACHABLE"}
    return not looked_up or had in looked_up


def _types(given: Given, family: Family) -> frozenset[str]:
    """A list of types; each may be cut short, the first that begins so is meant (`parse_type`)."""
    types: set[str] = set()
    for word in given.value.upper().split(","):
        meant = next((name for name in _TYPES if word and name.startswith(word)), None)
        if meant is None:
            raise RuleSyntaxError(f"unknown address type {word!r}", given.value)
        types.add(meant)
    if family == "ipv6" and types & {"BROADCAST", "BLACKHOLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"}:
        raise RuleSyntaxError(f"there is no such address type in IPv6: {given.value}", given.value)
    return frozenset(types)


def _build(given: list[Given], family: Family) -> AddrTypeMatch:
    values = by_name(given)
    src, dst = values.get("src-type"), values.get("dst-type")
    if src is None and dst is None:
        raise RuleSyntaxError("-m addrtype needs --src-type or --dst-type")
    limits = [name.removeprefix("limit-iface-") for name in values if name.startswith("limit")]
    if len(limits) > 1:
        raise RuleSyntaxError("--limit-iface-in and --limit-iface-out exclude each other")
    return AddrTypeMatch(
        _types(src, family) if src else frozenset(),
        _types(dst, family) if dst else frozenset(),
        bool(src and src.negated),
        bool(dst and dst.negated),
        limits[0] if limits else "",
    )


EXTENSIONS = (
    Extension(
        "addrtype",
        _build,
        {
            "--src-type": Option("src-type", 1, True),
            "--dst-type": Option("dst-type", 1, True),
            "--limit-iface-in": Option("limit-iface-in", 0),
            "--limit-iface-out": Option("limit-iface-out", 0),
        },
        source="net/netfilter/xt_addrtype.c",
    ),
)
