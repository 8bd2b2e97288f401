"""One host as it stands:

devices, routes, rules, sockets, settings. The way of a packet through it is in `passage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.nat import cut_ports
from kproxysim.netfilter.routing import RoutingTable
from kproxysim.netfilter.sets import AddressSet
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.values import dataclass

__all__ = ["ECHO", "DeviceSettings", "Host", "Socket", "Sysctls"]


ECHO = {(8, 0): (0, 0), (128, 0): (129, 0)}
"""ICMP echo requests of both families with their replies: every host answers."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening process. `address` is None for one that listens on all addresses."""

    protocol: str
    port: int
    address: int | None = None


_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Settings of one device (`net.ipv4.conf.DEVICE`), those of all devices in them where the larger counts.

    `forwarding` is asked of the device that a packet came in by; `force_forwarding` is that of IPv6, which
    forwards all the same where `Sysctls.ipv6_forward` is off.
    """

    rp_filter: int = 0
    route_localnet: bool = False
    accept_local: bool = False
    forwarding: bool = True
    force_forwarding: bool = False


_USUAL_DEVICE = DeviceSettings()


@dataclass(frozen=True, slots=True)
class Sysctls:
    """Kernel settings that decide a packet's way; defaults are the kernel's on a node that kube-proxy runs
    on.

    `any_device` holds for devices that are not in `devices`; `rp_filter` there is 0 (off), 1 (strict) or 2
    (loose). `tcp_loose`, `tcp_be_liberal`, `tcp_max_retrans` and `timeouts` are those of connection tracking.
    `ipv6_forward` is `net.ipv6.conf.all.forwarding`; `bridge_iptables` and `bridge_ip6tables` tell whether
    rules see what a bridge of this host carries from port to port.
    """

    ipv6_forward: bool = True
    bridge_iptables: bool = True
    bridge_ip6tables: bool = True
    any_device: DeviceSettings = _USUAL_DEVICE
    devices: Mapping[str, DeviceSettings] = field(default_factory=dict)
    tcp_loose: bool = True
    tcp_be_liberal: bool = False
    tcp_max_retrans: int = 3
    timeouts: Timeouts = _TIMEOUTS

    def of(self, device: str) -> DeviceSettings:
        """What holds for a device."""
        return self.devices.get(device, self.any_device)


def _no_rules(_family: int) -> ChainGraph | None:
    return None


def _everybody(_device: str, _next_hop: int, _family: int) -> bool:
    return True


@dataclass(slots=True)
class Host:
    """A network stack:

    a node, a pod, a client. `rules` gives the chains of a family (4 or 6), None where there are none.
    `has_neighbour` tells whether somebody answers on a device for a next hop, of a family. `sets` are the
    ipsets whose members are known, by name. `tracking` tells whether connections are tracked
    whatever the rules ask for, None where they decide it.
    """

    name: str
    routing: RoutingTable = field(default_factory=RoutingTable)
    rules: Callable[[int], ChainGraph | None] = _no_rules
    sockets: frozenset[Socket] = frozenset()
    sysctls: Sysctls = field(default_factory=Sysctls)
    sets: Mapping[str, AddressSet] = field(default_factory=dict)
    tracking: bool | None = None
    has_neighbour: Callable[[str, int, int], bool] = _everybody

    def listens(self, protocol: str, address: int, port: int) -> bool:
        """Does a process take packets to this address and port?"""
        return Socket(protocol, port, address) in self.sockets or Socket(protocol, port) in self.sockets

    def reaction(self, skb: Skb) -> str:
        """What the host's own protocols do with a packet that begins something new: "accept" it, "refuse" it
        where nobody listens, "reset" what belongs to no connection, "drop" it without a word, or "ignore"
        it since it was sent to everybody.

        Sources: `tcp_rcv_state_process` in state LISTEN and `tcp_v4_send_reset`, `icmp_echo`.
        """
        if self.routing.address_type(skb.dst, skb.family) == "BROADCAST":
            return "ignore"
        if skb.icmp is not None:
            return "accept" if skb.icmp in ECHO else "drop"
        listening = self.listens(skb.protocol, skb.dst, skb.dport)
        if skb.protocol == "sctp" and listening and skb.flags not in ("INIT", "COOKIE_ECHO"):
            return "drop" if skb.flags == "ABORT" else "reset"
        if skb.protocol != "tcp":
            return "accept" if listening else "refuse"
        flags = skb.flags.split(",")
        if "RST" in flags:
            return "drop"
        if not listening:
            return "refuse"
        if "ACK" in flags:
            return "reset"
        return "accept" if "SYN" in flags and "FIN" not in flags else "drop"

    def cut(self, cuts: Cuts) -> None:
        """What its addresses, routes, sockets and sets tell apart, and the ports of address translation."""
        self.routing.cut(cuts)
        cut_ports(cuts)
        for socket in self.sockets:
            cuts.port(socket.port)
            if socket.address is not None:
                for version in (4, 6):  # whose it is, its number does not say
                    cuts.address(socket.address, version)
        for members in self.sets.values():
            members.cut(cuts)

    def source_for(self, destination: int, version: int) -> int | None:
        """The source address that an unbound socket takes for `destination`: chosen before any rule is asked.

        None if there is no route, so that connect() fails at once.
        """
        route = self.routing.lookup(destination, version)
        if route is None or route.kind in ("unreachable", "blackhole", "prohibit"):
            return None
        if route.src is not None:
            return route.src
        if version == 4 and route.kind == "local":
            return destination
        if version == 6:
            return self.routing.select_ipv6_address(route.device, destination)
        return self.routing.select_ipv4_address(route.device, route.via)
