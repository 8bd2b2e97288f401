"""What a bridge of a host has to do with a packet, as bridge netfilter notes it for rules.

Source: net/bridge/br_netfilter_hooks.c (`br_nf_pre_routing`, `br_nf_pre_routing_finish`). Only what comes in
by a bridge whose traffic rules see has a port that it came by. It leaves by a port, without being routed, if
its frame was for another port, or if its destination is translated to an address behind the same bridge. What
is routed onto a bridge has no port yet when rules see it.
"""

from __future__ import annotations

from kproxysim.netfilter.host import Host
from kproxysim.netfilter.routing import Interface
from kproxysim.netfilter.skb import Skb

__all__ = ["by_bridge", "came_for_another_port", "is_redirected"]


def by_bridge(host: Host, skb: Skb) -> tuple[bool, bool] | None:
    """Did it come by a port of a bridge, and does it leave by one? None where that is not known.

    A hook before routing has no port that it leaves by.
    """
    if skb.iif in ("", "lo"):
        return False, False
    settings = host.sysctls
    if not (settings.bridge_iptables if skb.family == 4 else settings.bridge_ip6tables):
        return False, False
    device = host.routing.interfaces.get(skb.iif)
    if device is None or device.is_bridge is None:
        return None
    if not device.is_bridge or skb.oif != skb.iif:
        return device.is_bridge, False
    if is_redirected(skb):
        return True, True
    return (True, True) if _are_on_link(device, skb.family, skb.src, skb.dst) else None


def _are_on_link(device: Interface, family: int, *addresses: int) -> bool:
    ends = [
        (int(one.network.network_address), int(one.network.broadcast_address))
        for one in device.addresses
        if one.version == family
    ]
    return any(low <= min(addresses) and max(addresses) <= high for low, high in ends)


def is_redirected(skb: Skb) -> bool:
    """Is the destination another one than it came with?"""
    came_for = _came_for(skb)
    return came_for is not None and came_for != skb.dst


def _came_for(skb: Skb) -> int | None:
    """The destination that it came with, None where nobody knows of its connection."""
    connection = None if skb.flow is None else skb.flow.connection
    if skb.flow is None or connection is None:
        return None
    return (connection.reply if skb.flow.is_reply else connection.original).dst


def came_for_another_port(host: Host, skb: Skb) -> bool:
    """Was the frame of what a bridge carries from port to port for another port from the beginning?

    Nobody is told what becomes of it (`pkt_otherhost` in `br_nf_pre_routing_finish`, `icmp_send`).
    """
    came_for, device = _came_for(skb), host.routing.interfaces.get(skb.iif)
    if came_for is None or device is None or by_bridge(host, skb) != (True, True):
        return False
    is_own = host.routing.is_local(came_for, skb.family)
    return not is_own and _are_on_link(device, skb.family, skb.src, came_for)
