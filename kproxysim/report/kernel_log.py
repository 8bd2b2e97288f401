"""The rules that a packet met, as the kernel's own TRACE target logs them, for a diff with a real log.

Source: `trace_packet` in net/ipv4/netfilter/ip_tables.c and net/netfilter/nf_log_syslog.c (legacy back end).
Of a log line only what a simulation knows is printed: no hardware addresses, lengths, sequence numbers. The
mark and the addresses are those before the rule's target.
"""

from __future__ import annotations

from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Trace
from kproxysim.report.endings import other_branch
from kproxysim.report.page import Page

__all__ = ["kernel_page"]

_NAMES = {
    "tcp": "TCP",
    "udp": "UDP",
    "udplite": "UDPLITE",
    "icmp": "ICMP",
    "ipv6-icmp": "ICMPv6",
    "ah": "AH",
    "esp": "ESP",
}
_NUMBERS = {"sctp": "132", "dccp": "33", "gre": "47", "igmp": "2"}


def kernel_page(trace: Trace, branch: Branch | None = None) -> Page:
    """The log lines of `branch`, or of all branches. Where there is more than one branch or host, a line with
    `#` says which it is.
    """
    page = Page()
    branches = trace.branches if branch is None else (branch,)
    for one in branches:
        if len(branches) > 1:
            page.add(f"# {other_branch(one)}")
        hops = [hop for hop in one.hops if any(isinstance(step, Walked) for step in hop.steps)]
        for hop in hops:
            if len(hops) > 1:
                page.add(f"# {hop.where}")
            for step in hop.steps:
                if isinstance(step, Walked):
                    page.add(f"TRACE: {step.at} {_packet(step.before)}")
    return page


def _packet(skb: Skb) -> str:
    packet = skb.packet
    words = [f"IN={skb.iif}", f"OUT={skb.oif}", f"SRC={packet.src.exploded}", f"DST={packet.dst.exploded}"]
    words.append(f"PROTO={_NAMES.get(skb.protocol) or _NUMBERS.get(skb.protocol, skb.protocol)}")
    if skb.protocol in ("tcp", "udp", "udplite"):
        words += [f"SPT={skb.sport}", f"DPT={skb.dport}"]
    if skb.icmp is not None:
        words += [f"TYPE={skb.icmp[0]}", f"CODE={skb.icmp[1]}"]
    if skb.mark:
        words.append(f"MARK={skb.mark:#x}")
    return " ".join(words)
