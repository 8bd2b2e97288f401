"""ipsets whose members are known, as `ipset save` prints them. Source: ipset(8), net/netfilter/ipset/."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.numbers import parse_port
from kproxysim.netfilter.skb import Skb
from kproxysim.packet import PORT_PROTOCOLS
from kproxysim.values import dataclass

__all__ = ["AddressSet"]


@dataclass(frozen=True, slots=True)
class _Port:
    protocols: tuple[str, ...]
    low: int
    high: int


Part = IPv4Network | IPv6Network | _Port


class AddressSet:
    """Members such as `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1,tcp:80`, `10.0.0.0/8,udp:53,10.1.0.0/16`.

    A port without a protocol is tcp's; one that stands alone (`bitmap:port`) is udp's as well. Raises
    ValueError for a member of another kind (MAC, device, mark, `nomatch`).
    """

    __slots__ = ("_members", "members")

    def __init__(self, members: Iterable[str]) -> None:
        self.members = tuple(members)
        self._members = tuple(
            tuple(_part(text, alone="," not in member) for text in member.split(","))
            for member in self.members
        )

    def has(self, skb: Skb, sides: tuple[str, ...]) -> bool:
        """Is the packet in the set, `sides` telling source or destination for each part of a member?

        A member with more parts than `sides` is never found; a member with fewer is compared as far as it
        goes.
        """
        return any(
            len(member) <= len(sides) and all(map(_is_in, member, [skb] * len(member), sides))
            for member in self._members
        )

    def cut(self, cuts: Cuts) -> None:
        """The ends of its networks and ports."""
        for part in (part for member in self._members for part in member):
            if isinstance(part, _Port):
                cuts.ports(part.low, part.high)
            else:
                cuts.prefix(int(part.network_address), part.prefixlen, part.version)

    def __repr__(self) -> str:
        return f"AddressSet({list(self.members)!r})"


def _part(text: str, *, alone: bool) -> Part:
    protocol, colon, ports = text.partition(":")
    if text.isdigit() or (colon and protocol in PORT_PROTOCOLS):
        low, _, high = (ports if colon else text).partition("-")
        protocols = (protocol,) if colon else ("tcp", "udp") if alone else ("tcp",)
        return _Port(protocols, parse_port(low), parse_port(high or low))
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is no address, network or port of an ipset that is understood") from None


def _is_in(part: Part, skb: Skb, side: str) -> bool:
    if isinstance(part, _Port):
        port = skb.sport if side == "src" else skb.dport
        return skb.protocol in part.protocols and part.low <= port <= part.high
    address = skb.src if side == "src" else skb.dst
    return part.version == skb.family and (address & int(part.netmask)) == int(part.network_address)
