"""The matches that need no `-m`:

addresses, devices, protocol, fragments. Source: ip_packet_match in net/ipv4/netfilter/ip_tables.c.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts, no_cut
from kproxysim.netfilter.condition import Condition, RuleSyntaxError, Surroundings
from kproxysim.netfilter.numbers import address_text, parse_number
from kproxysim.netfilter.skb import Skb, written
from kproxysim.values import dataclass

__all__ = [
    "PROTOCOL_NUMBERS",
    "DeviceMatch",
    "FragmentMatch",
    "PrefixMatch",
    "ProtocolMatch",
    "protocol_name",
]

_WIDTH = {4: 32, 6: 128}

_PROTOCOLS = {
    1: "icmp", 2: "igmp", 3: "ggp", 4: "ipencap", 5: "st", 6: "tcp", 8: "egp", 9: "igp", 12: "pup", 17: "udp",
    20: "hmp", 22: "xns-idp", 27: "rdp", 29: "iso-tp4", 33: "dccp", 36: "xtp", 37: "ddp", 38: "idpr-cmtp",
    41: "ipv6", 43: "ipv6-route", 44: "ipv6-frag", 45: "idrp", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah",
    57: "skip", 58: "ipv6-icmp", 59: "ipv6-nonxt", 60: "ipv6-opts", 73: "rspf", 81: "vmtp", 88: "eigrp",
    89: "ospf", 93: "ax.25", 94: "ipip", 97: "etherip", 98: "encap", 103: "pim", 108: "ipcomp", 112: "vrrp",
    115: "l2tp", 124: "isis", 132: "sctp", 133: "fc", 135: "mobility-header", 136: "udplite",
    137: "mpls-in-ip", 138: "manet", 139: "hip", 140: "shim6", 141: "wesp", 142: "rohc", 143: "ethernet",
}  # fmt: skip
"""Names by number as /etc/protocols has them (Debian's netbase), `mobility-header` by iptables itself."""

PROTOCOL_NUMBERS = {name: number for number, name in _PROTOCOLS.items()}

_NAMED = {name: name for name in _PROTOCOLS.values()} | {
    "icmpv6": "ipv6-icmp", "ipv6-mh": "mobility-header", "mh": "mobility-header", "all": "all", "ip": "all",
    "hopopt": "all",
}  # fmt: skip


@lru_cache(maxsize=1024)
def protocol_name(text: str) -> str:
    """A protocol as iptables-save names it; "all" for any (`xtables_parse_protocol`).

    Raises RuleSyntaxError for what iptables does not know.
    """
    name = _NAMED.get(text.lower())
    if name is not None:
        return name
    try:
        number = parse_number(text, 0, 255)
    except RuleSyntaxError:
        raise RuleSyntaxError(f"unknown protocol {text!r}", text) from None
    return _PROTOCOLS.get(number, str(number)) if number else "all"


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

    def cut(self, cuts: Cuts) -> bool:
        """The ends of the network; a mask may be no prefix."""
        return cuts.masked(self.network, self.mask, self.version)

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = written(skb.src if self.side == "src" else skb.dst, self.version)
        return Condition(self.side, ("! " if self.negated else "") + self.text, had, self.holds(skb, host))

    @property
    def text(self) -> str:
        """`address/length`, or `address/mask` where the mask is no prefix."""
        width = _WIDTH[self.version]
        inverted = ~self.mask & ((1 << width) - 1)
        address = address_text(self.network, self.version)
        if inverted & (inverted + 1):
            return f"{address}/{address_text(self.mask, self.version)}"
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
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        device = skb.iif if self.side == "in" else skb.oif
        same = device.startswith(self.name[:-1]) if self.name.endswith("+") else device == self.name
        return same is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = skb.iif if self.side == "in" else skb.oif
        wanted = ("! " if self.negated else "") + self.name
        return Condition(self.side, wanted, had or "none", self.holds(skb, host))

    def save(self) -> str:
        """Nothing for a bare `+`: any device has that name."""
        if self.name == "+" and not self.negated:
            return ""
        return f"{'! ' if self.negated else ''}{'-i' if self.side == 'in' else '-o'} {self.name}"


@dataclass(frozen=True, slots=True)
class ProtocolMatch:
    """`-p`."""

    field: ClassVar[str] = "protocol"
    protocol: str
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return (skb.protocol == self.protocol) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + self.protocol
        return Condition("protocol", wanted, skb.protocol, self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}-p {self.protocol}"


@dataclass(frozen=True, slots=True)
class FragmentMatch:
    """`-f`: the second and later fragments of a packet. Packets here are whole, as conntrack makes them."""

    field: ClassVar[str] = "fragment"
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = "a whole packet or its head" if self.negated else "a later fragment"
        return Condition("fragment", wanted, "a whole packet", self.negated)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}-f"
