"""What a host's stack itself says about a packet: ICMP errors, and resets.

Sources: net/ipv4/icmp.c (`icmp_send`), net/ipv6/icmp.c (`icmp6_send`), net/ipv4/netfilter/nf_reject_ipv4.c,
net/ipv6/netfilter/nf_reject_ipv6.c. An answer that has an output device goes straight out by it, past rules
and routes; any other is sent as what a host sends by itself.
"""

from __future__ import annotations

from kproxysim.netfilter.bridging import by_bridge
from kproxysim.netfilter.conntrack import CtState, Flow
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.skb import OF_THE_KERNEL, Skb, to_address
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.packet import Packet

__all__ = ["error_about", "refusal"]

_ERRORS = {
    "prohibited": {4: (3, 13), 6: (1, 1)},
    "net": {4: (3, 0), 6: (1, 0)},
    "host": {4: (3, 1), 6: (1, 3)},
    "port": {4: (3, 3), 6: (1, 4)},
    "ttl": {4: (11, 0), 6: (3, 0)},
}


def error_about(host: Host, skb: Skb, kind: str) -> Skb | None:
    """The ICMP error of the stack itself: "net", "host" or "port" unreachable, "prohibited", or "ttl".

    None where it cannot be said: about another error, or for want of a source address.
    """
    return _icmp_error(host, skb, _ERRORS[kind][skb.family])


def refusal(host: Host, skb: Skb, target: RejectTarget) -> Skb | None:
    """What REJECT sends back: an ICMP error, or a reset whose source is the address that was dialled.

    No reset answers a reset (`nf_reject_ip_tcphdr_get`), and nothing what was sent to everybody. To what
    came by a port of a bridge it goes back by that port, its source as rules see the destination: nothing
    translates it (`nf_send_reset`). About a reply to a ping it says nothing while the stack sends that: what
    speaks by ICMP says one thing at a time (`icmp_xmit_lock`, `icmpv6_xmit_lock`).
    """
    if target.answer is None:
        if _is_for_many(host, skb):
            return None
        flags = skb.flags.split(",")
        if "RST" in flags:
            return None
        packet = skb.packet.reply("RST" if "ACK" in flags else "RST,ACK")
        bridged = by_bridge(host, skb)
        return Skb.of(packet, oif=skb.iif) if bridged is not None and bridged[0] else _related(skb, packet)
    if skb.icmp is not None and skb.iif == "" and skb.owner == OF_THE_KERNEL:
        return None
    return _icmp_error(host, skb, target.answer)


def _icmp_error(host: Host, skb: Skb, answer: tuple[int, int]) -> Skb | None:
    """About `skb`, to its source; about no other error, and not about what was sent to everybody."""
    if skb.inner is not None or _is_for_many(host, skb):
        return None
    source = _speaks_from(host, skb)
    if source is None:
        return None
    packet = Packet(
        "icmp" if skb.family == 4 else "ipv6-icmp",
        to_address(source, skb.family),
        to_address(skb.src, skb.family),
        icmp=answer,
        inner=skb.packet,
    )
    return _related(skb, packet)


def _is_for_many(host: Host, skb: Skb) -> bool:
    return host.routing.address_type(skb.dst, skb.family) in ("BROADCAST", "MULTICAST")


def _speaks_from(host: Host, skb: Skb) -> int | None:
    """The source of an error: the address that was dialled if it is this host's.

    Else `icmp_send` goes by the route back, `icmp6_send` by the device that the packet came in by: about the
    host's own packets by the route back as well.
    """
    routing = host.routing
    if skb.family == 4:
        return skb.dst if routing.is_local(skb.dst, 4) else host.source_for(skb.src, 4)
    if routing.is_assigned(skb.dst, 6) and (skb.dst != 1 or skb.iif in ("", "lo")):
        return skb.dst
    return routing.select_ipv6_address(skb.iif, skb.src) if skb.iif else host.source_for(skb.src, 6)


def _related(skb: Skb, packet: Packet) -> Skb:
    """An answer carries the connection of what it answers (`nf_ct_attach`)."""
    answer = Skb.of(packet)
    flow = skb.flow
    if flow is None or flow.connection is None:
        return answer
    return answer.with_flow(Flow(CtState.RELATED, flow.connection, not flow.is_reply))
