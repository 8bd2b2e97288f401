"""What a bridge of a host has to do with a packet, as bridge netfilter notes it for rules.

Source: net/bridge/br_netfilter_hooks.c (`br_nf_pre_routing`, `br_nf_pre_routing_finish`). Only what comes in
by a bridge whose traffic rules see has a port that it came by. It leaves by a port, without being routed, if
its frame was for another port, or if its destination is translated to an address behind the same bridge. What
is routed onto a bridge has no port yet when rules see it.
"""

from __future__ import annotations

from kproxysim.netfilter.host import Host
from kproxysim.netfilter.skb import Skb

__all__ = ["by_bridge", "is_redirected"]


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
    ends = [
        (int(one.network.network_address), int(one.network.broadcast_address))
        for one in device.addresses
        if one.version == skb.family
    ]
    on_link = any(low <= skb.src <= high and low <= skb.dst <= high for low, high in ends)
    return (True, True) if on_link else None


def is_redirected(skb: Skb) -> bool:
    """Is the destination another one than it came with?"""
    connection = None if skb.flow is None else skb.flow.connection
    if skb.flow is None or connection is None:
        return False
    return (connection.reply if skb.flow.is_reply else connection.original).dst != skb.dst
