"""`-m addrtype`:

the kernel's own idea of an address. Source: net/netfilter/xt_addrtype.c, iptables-extensions(8).

LOCAL means "in the table local": the addresses of any device of the host, 127.0.0.0/8, and whatever an agent
put there with `ip route add local`. It does not depend on the device unless `--limit-iface-in` or
`--limit-iface-out` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, RuleSyntaxError, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, to_address

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

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        device = self._device(skb)
        if self.src_types and (host.address_type(skb.src, device) in self.src_types) is self.src_negated:
            return False
        return not (
            self.dst_types and (host.address_type(skb.dst, device) in self.dst_types) is self.dst_negated
        )

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
                shown = f"{had} ({to_address(address, skb.family)})"
                found.append(Condition(name, wanted, shown, (had in types) is not negated))
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


def _types(given: Given) -> frozenset[str]:
    types = frozenset(given.value.upper().split(","))
    unknown = types - frozenset(_TYPES)
    if unknown:
        raise RuleSyntaxError(f"unknown address type {min(unknown)!r}", given.value)
    return types


def _build(given: list[Given], family: Family) -> AddrTypeMatch:
    sides: dict[str, Given] = {}
    limits = []
    for option in given:
        if option.option in sides:
            raise RuleSyntaxError(f"--{option.option} stands twice", option.option)
        if option.option.startswith("limit"):
            limits.append(option.option.removeprefix("limit-iface-"))
        else:
            sides[option.option] = option
    if not sides:
        raise RuleSyntaxError("-m addrtype needs --src-type or --dst-type")
    if len(limits) > 1:
        raise RuleSyntaxError("--limit-iface-in and --limit-iface-out exclude each other")
    src, dst = sides.get("src-type"), sides.get("dst-type")
    return AddrTypeMatch(
        _types(src) if src else frozenset(),
        _types(dst) if dst else frozenset(),
        bool(src and src.negated),
        bool(dst and dst.negated),
        limits[0] if limits else "",
    )


EXTENSIONS = (
    Extension(
        "addrtype",
        _build,
        {
            "--src-type": ("src-type", 1),
            "--dst-type": ("dst-type", 1),
            "--limit-iface-in": ("limit-iface-in", 0),
            "--limit-iface-out": ("limit-iface-out", 0),
        },
    ),
)
