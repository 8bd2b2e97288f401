"""The matches that need no `-m`:

addresses, devices, protocol. Source: ip_packet_match in net/ipv4/netfilter/ip_tables.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from kproxysim.netfilter.condition import Condition, RuleSyntaxError, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, to_address

__all__ = ["DeviceMatch", "PrefixMatch", "ProtocolMatch", "parse_prefix", "protocol_name"]

_WIDTH = {4: 32, 6: 128}

_PROTOCOL_NUMBERS = {
    "1": "icmp", "2": "igmp", "4": "ipencap", "6": "tcp", "17": "udp", "33": "dccp", "41": "ipv6",
    "47": "gre", "50": "esp", "51": "ah", "58": "ipv6-icmp", "132": "sctp", "136": "udplite",
}  # fmt: skip
_PROTOCOL_ALIASES = {"icmpv6": "ipv6-icmp", "icmp6": "ipv6-icmp", "ipv6-esp": "esp", "ipv6-auth": "ah"}


def protocol_name(text: str) -> str:
    """A protocol as iptables-save names it; "all" for any.

    Raises RuleSyntaxError for what iptables does not know.
    """
    name = text.lower()
    name = _PROTOCOL_ALIASES.get(name, name)
    if name in ("0", "all"):
        return "all"
    if name in _PROTOCOL_NUMBERS.values():
        return name
    if name.isascii() and name.isdigit() and int(name) <= 255:
        return _PROTOCOL_NUMBERS.get(str(int(name)), str(int(name)))
    raise RuleSyntaxError(f"unknown protocol {text!r}", text)


def parse_prefix(text: str, family: Family) -> tuple[int, int]:
    """`address[/length or mask]` as (network, mask). Raises RuleSyntaxError."""
    host, slash, suffix = text.partition("/")
    version = 4 if family == "ipv4" else 6
    try:
        address = ip_address(host)
    except ValueError:
        raise RuleSyntaxError(
            f"{host!r} is not an {'IPv4' if version == 4 else 'IPv6'} address", text
        ) from None
    if address.version != version:
        raise RuleSyntaxError(f"{host!r} is not an {'IPv4' if version == 4 else 'IPv6'} address", text)
    width = _WIDTH[version]
    full = (1 << width) - 1
    if not slash:
        return int(address), full
    if suffix.isascii() and suffix.isdigit() and int(suffix) <= width:
        mask = full ^ (full >> int(suffix))
    else:
        try:
            given = ip_address(suffix)
        except ValueError:
            raise RuleSyntaxError(
                f"{suffix!r} is no prefix length from 0 to {width} and no mask", text
            ) from None
        if given.version != version:
            raise RuleSyntaxError(f"mask {suffix!r} is of the other address family", text)
        mask = int(given)
    return int(address) & mask, mask


@dataclass(frozen=True, slots=True)
class PrefixMatch:
    """`-s` or `-d`: an address within a network."""

    field: ClassVar[str] = "address"
    side: str
    network: int
    mask: int
    version: int
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        address = skb.src if self.side == "src" else skb.dst
        return ((address & self.mask) == self.network) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = str(to_address(skb.src if self.side == "src" else skb.dst, self.version))
        return Condition(self.side, ("! " if self.negated else "") + self.text, had, self.holds(skb, host))

    @property
    def text(self) -> str:
        """`address/length`, or `address/mask` where the mask is no prefix."""
        width = _WIDTH[self.version]
        inverted = ~self.mask & ((1 << width) - 1)
        address = to_address(self.network, self.version)
        if inverted & (inverted + 1):
            return f"{address}/{to_address(self.mask, self.version)}"
        return f"{address}/{width - inverted.bit_length()}"

    def save(self) -> str:
        """Nothing for a prefix that every address is in: iptables-save leaves it out."""
        if not (self.mask or self.negated):
            return ""
        return f"{'! ' if self.negated else ''}{'-s' if self.side == 'src' else '-d'} {self.text}"


@dataclass(frozen=True, slots=True)
class DeviceMatch:
    """`-i` or `-o`: the device by name; a trailing `+` stands for any ending."""

    field: ClassVar[str] = "device"
    side: str
    name: str
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        device = skb.iif if self.side == "in" else skb.oif
        same = device.startswith(self.name[:-1]) if self.name.endswith("+") else device == self.name
        return same is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = skb.iif if self.side == "in" else skb.oif
        wanted = ("! " if self.negated else "") + self.name
        return Condition(self.side, wanted, had or "none", self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}{'-i' if self.side == 'in' else '-o'} {self.name}"


@dataclass(frozen=True, slots=True)
class ProtocolMatch:
    """`-p`."""

    field: ClassVar[str] = "protocol"
    protocol: str
    negated: bool = False

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return (skb.protocol == self.protocol) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + self.protocol
        return Condition("protocol", wanted, skb.protocol, self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}-p {self.protocol}"
