"""A packet inside a host:

the header, and what the kernel carries along with it (mark, devices, conntrack entry).

Values never change: every rewrite makes a new one, so a trace can keep them all. Addresses are integers here,
which is what prefix comparison needs; `Skb.packet` gives the readable form. A named tuple, for a packet makes
a hundred of them on its way: a fifth of the time of a frozen dataclass.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from kproxysim.netfilter.conntrack import Flow
from kproxysim.packet import TIME_TO_LIVE, Address, Packet

__all__ = ["NO_SOCKET", "OF_THE_KERNEL", "Owner", "Skb", "to_address", "written"]


@lru_cache(maxsize=65536)
def to_address(value: int, family: int) -> Address:
    """An integer and 4 or 6 as an address object."""
    return IPv4Address(value) if family == 4 else IPv6Address(value)


@lru_cache(maxsize=65536)
def written(value: int, family: int) -> str:
    """The same as text: each address stands in many places of a trace, and takes a microsecond to write."""
    return str(to_address(value, family))


class Owner(NamedTuple):
    """By whose socket a packet left its host. `uid` and `gid` are those of the process, None where nobody
    said which.
    """

    has_socket: bool = True
    has_process: bool = True
    uid: int | None = None
    gid: int | None = None


NO_SOCKET = Owner(has_socket=False, has_process=False)
"""Of what came in from elsewhere, and of the resets of REJECT."""

OF_THE_KERNEL = Owner(has_process=False)
"""Of what the protocols say by themselves: ICMP errors, replies to pings, resets."""

_SOMEBODY = Owner()


class Skb(NamedTuple):
    """One packet as a hook sees it.

    `sport` and `dport` are -1 where the protocol has no ports; of ICMP `sport` is -1 less the id that the
    packet carries (`Packet.echo_id`). `iif` and `oif` are device names, empty where
    the hook has none. `flow` is the connection as it was when this value was made, None before conntrack has
    looked. `owner` tells by whose socket it left this host. `in_window` is that of the packet.
    `ttl` is what is left of its time to live, of its hop limit in IPv6.
    """

    family: int
    protocol: str
    src: int
    dst: int
    sport: int = -1
    dport: int = -1
    flags: str = ""
    icmp: tuple[int, int] | None = None
    inner: Packet | None = None
    mark: int = 0
    iif: str = ""
    oif: str = ""
    flow: Flow | None = None
    owner: Owner = _SOMEBODY
    in_window: bool = True
    ttl: int = TIME_TO_LIVE

    @classmethod
    def of(cls, packet: Packet, *, iif: str = "", oif: str = "", owner: Owner = _SOMEBODY) -> Skb:
        """`packet` as it enters a host: no mark, no connection."""
        return cls(
            packet.family,
            packet.protocol,
            int(packet.src),
            int(packet.dst),
            -1 - packet.echo_id if packet.sport is None else packet.sport,
            -1 if packet.dport is None else packet.dport,
            packet.flags,
            packet.icmp,
            packet.inner,
            0,
            iif,
            oif,
            None,
            owner,
            packet.in_window,
            packet.ttl,
        )

    @property
    def packet(self) -> Packet:
        """The header alone, as it would be on the wire but for the time to live."""
        return Packet(
            self.protocol,
            to_address(self.src, self.family),
            to_address(self.dst, self.family),
            None if self.sport < 0 else self.sport,
            None if self.dport < 0 else self.dport,
            self.flags,
            self.icmp,
            self.inner,
            self.in_window,
            echo_id=-1 - self.sport if self.sport < -1 else 0,
        )

    def arriving(self, device: str) -> Skb:
        """The same header as another host sees it come in by `device`: no mark, no connection."""
        return Skb(
            self.family,
            self.protocol,
            self.src,
            self.dst,
            self.sport,
            self.dport,
            self.flags,
            self.icmp,
            self.inner,
            0,
            device,
            "",
            None,
            NO_SOCKET,
            self.in_window,
            self.ttl,
        )

    def with_source(self, src: int, sport: int) -> Skb:
        """The same packet from another source."""
        return Skb(
            self.family,
            self.protocol,
            src,
            self.dst,
            sport,
            self.dport,
            self.flags,
            self.icmp,
            self.inner,
            self.mark,
            self.iif,
            self.oif,
            self.flow,
            self.owner,
            self.in_window,
            self.ttl,
        )

    def with_destination(self, dst: int, dport: int) -> Skb:
        """The same packet to another destination."""
        return Skb(
            self.family,
            self.protocol,
            self.src,
            dst,
            self.sport,
            dport,
            self.flags,
            self.icmp,
            self.inner,
            self.mark,
            self.iif,
            self.oif,
            self.flow,
            self.owner,
            self.in_window,
            self.ttl,
        )

    def with_inner(self, inner: Packet) -> Skb:
        """An ICMP error about another packet."""
        return self._replace(inner=inner)

    def with_mark(self, mark: int) -> Skb:
        """The same packet with another mark (32 bits)."""
        return self._replace(mark=mark & 0xFFFFFFFF)

    def with_ttl(self, ttl: int) -> Skb:
        """The same packet with another time to live (0 to 255)."""
        return self._replace(ttl=ttl)

    def with_devices(self, iif: str, oif: str) -> Skb:
        """The same packet as another hook sees it: input and output device."""
        if iif == self.iif and oif == self.oif:
            return self
        return Skb(
            self.family,
            self.protocol,
            self.src,
            self.dst,
            self.sport,
            self.dport,
            self.flags,
            self.icmp,
            self.inner,
            self.mark,
            iif,
            oif,
            self.flow,
            self.owner,
            self.in_window,
            self.ttl,
        )

    def with_flow(self, flow: Flow) -> Skb:
        """The same packet as part of `flow`."""
        return Skb(
            self.family,
            self.protocol,
            self.src,
            self.dst,
            self.sport,
            self.dport,
            self.flags,
            self.icmp,
            self.inner,
            self.mark,
            self.iif,
            self.oif,
            flow,
            self.owner,
            self.in_window,
            self.ttl,
        )
