"""Packets as a user names them: protocol, addresses, ports. Nothing of a host (marks, devices) belongs here.

`Packet` is what goes into a simulation and what comes out of it at either end. A host's own view of a packet,
with its mark, devices and conntrack entry, is `kproxysim.netfilter.skb.Skb`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

__all__ = ["PORT_PROTOCOLS", "TIME_TO_LIVE", "Address", "Packet", "format_endpoint", "parse_endpoint"]

Address = IPv4Address | IPv6Address

PORT_PROTOCOLS = ("tcp", "udp", "sctp")
"""Protocols whose packets carry ports."""

TIME_TO_LIVE = 64
"""Of packets as Linux makes them (net.ipv4.ip_default_ttl)."""

_OPENS = {"tcp": "SYN", "sctp": "INIT"}
"""What a packet is if nothing is said of it: the one that opens a connection."""


@dataclass(frozen=True, slots=True, repr=False)
class Packet:
    """One packet on the wire.

    `src` and `dst` may be given as text and are kept as `ipaddress` objects. `sport` and `dport` are 0 to
    65535 for tcp, udp and sctp and None for anything else. `flags` are TCP flags in the order of `TCP_FLAGS`
    ("SYN,ACK"); a tcp packet without flags is the SYN that opens a connection. Of sctp they are the name of
    the first chunk as iptables spells it ("COOKIE_ECHO"), INIT if none is given. ICMP carries `icmp` (type,
    code) and, for errors, the `inner` packet that the error is about. `in_window` is false for a tcp
    packet whose sequence numbers lie beyond the window that its connection has reached, as conntrack saw it.
    `ttl` is the time to live, or hop limit, with which it leaves its sender; a packet on its way is still
    the same packet. `echo_id` tells pings apart whose addresses are the same: 0 stands for the id that the
    sender chose, another was drawn by address translation.

    Raises ValueError for addresses of two families, a port out of range, ports on a protocol without them, or
    a time to live outside 1 to 255.
    """

    protocol: str
    src: Address
    dst: Address
    sport: int | None = None
    dport: int | None = None
    flags: str = ""
    icmp: tuple[int, int] | None = None
    inner: Packet | None = None
    in_window: bool = True
    ttl: int = field(default=TIME_TO_LIVE, compare=False)
    echo_id: int = 0

    def __init__(
        self,
        protocol: str,
        src: Address | str,
        dst: Address | str,
        sport: int | None = None,
        dport: int | None = None,
        flags: str = "",
        icmp: tuple[int, int] | None = None,
        inner: Packet | None = None,
        in_window: bool = True,
        ttl: int = TIME_TO_LIVE,
        echo_id: int = 0,
    ) -> None:
        put = object.__setattr__
        put(self, "protocol", protocol)
        put(self, "src", ip_address(src) if isinstance(src, str) else src)
        put(self, "dst", ip_address(dst) if isinstance(dst, str) else dst)
        put(self, "sport", sport)
        put(self, "dport", dport)
        put(self, "flags", flags or _OPENS.get(protocol, ""))
        put(self, "icmp", icmp)
        put(self, "inner", inner)
        put(self, "in_window", in_window)
        put(self, "ttl", ttl)
        put(self, "echo_id", echo_id)
        if not 1 <= ttl <= 255:
            raise ValueError(f"ttl {ttl} is outside 1 to 255")
        if self.src.version != self.dst.version:
            raise ValueError(f"source {src} and destination {dst} are of different address families")
        for name, port in (("sport", sport), ("dport", dport)):
            if port is not None and protocol not in PORT_PROTOCOLS:
                raise ValueError(f"a {protocol} packet has no {name}")
            if port is not None and not 0 <= port <= 65535:
                raise ValueError(f"{name} {port} is outside 0 to 65535")

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.src.version

    @property
    def source(self) -> str:
        """Source as `address:port`, or the bare address where the protocol has no ports."""
        return format_endpoint(self.src, self.sport)

    @property
    def destination(self) -> str:
        """Destination as `address:port`, or the bare address where the protocol has no ports."""
        return format_endpoint(self.dst, self.dport)

    def reply(self, flags: str = "") -> Packet:
        """The packet that answers this one: both ends swapped."""
        return Packet(self.protocol, self.dst, self.src, self.dport, self.sport, flags)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in the order in which people read them."""
        data: dict[str, Any] = {"protocol": self.protocol, "src": str(self.src)}
        if self.sport is not None:
            data["sport"] = self.sport
        data["dst"] = str(self.dst)
        if self.dport is not None:
            data["dport"] = self.dport
        if self.flags != _OPENS.get(self.protocol, ""):
            data["flags"] = self.flags
        if self.icmp is not None:
            data["icmp"] = {"type": self.icmp[0], "code": self.icmp[1]}
        if self.inner is not None:
            data["inner"] = self.inner.to_dict()
        if not self.in_window:
            data["in_window"] = False
        if self.ttl != TIME_TO_LIVE:
            data["ttl"] = self.ttl
        return data

    def __str__(self) -> str:
        if self.icmp is not None:
            return f"{self.protocol} {self.icmp[0]}/{self.icmp[1]} {self.src} -> {self.dst}"
        return f"{self.protocol} {self.source} -> {self.destination}"

    def __repr__(self) -> str:
        fields = [f"protocol={self.protocol!r}", f"src={str(self.src)!r}", f"dst={str(self.dst)!r}"]
        for name in ("sport", "dport", "icmp", "inner"):
            value = getattr(self, name)
            if value is not None:
                fields.append(f"{name}={value!r}")
        if self.flags != _OPENS.get(self.protocol, ""):
            fields.append(f"flags={self.flags!r}")
        if not self.in_window:
            fields.append("in_window=False")
        if self.ttl != TIME_TO_LIVE:
            fields.append(f"ttl={self.ttl}")
        return f"Packet({', '.join(fields)})"


def format_endpoint(address: Address | str, port: int | None) -> str:
    """`10.0.0.1:80`, `[fd00::1]:80`, or the bare address if `port` is None."""
    if port is None:
        return str(address)
    text = str(address)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def parse_endpoint(text: str) -> tuple[Address, int | None]:
    """Read `address`, `address:port` or `[v6]:port`. Raises ValueError with what is wrong."""
    host, port = text, ""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not [address]:port")
        port = rest[1:]
        if rest == ":":
            raise ValueError(f"{text!r} ends in a colon without a port")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port:
            raise ValueError(f"{text!r} ends in a colon without a port")
    address = ip_address(host)
    if not port:
        return address, None
    if not (port.isascii() and port.isdigit() and 0 <= int(port) <= 65535):
        raise ValueError(f"port {port!r} is not a number from 0 to 65535")
    return address, int(port)
