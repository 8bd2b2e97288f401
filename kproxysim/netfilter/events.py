"""What happens to a packet on a host, beside the rules it meets; and where it stands when the host is done
with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Walked

__all__ = ["Event", "Log", "Outcome"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened outside the rules:

    `at` is "routing", "conntrack", "socket" or "edge:..."; `action` says what.
    """

    at: str
    action: str
    before: Skb
    after: Skb
    detail: str = ""


Log = Callable[[Walked | Event], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a packet stands when it leaves a host's hands.

    `kind`: "transmit" (out of `device` towards `next_hop`), "deliver" (to a process of this host), "dropped",
    "rejected", "martian", "no-route", "unmodelled". `reason` is a code for `kproxysim explain`; `answer` is a
    packet that this host sends back to say so.
    """

    kind: str
    skb: Skb
    device: str = ""
    next_hop: int | None = None
    reason: str = ""
    at: str = ""
    answer: Skb | None = None
    detail: str = ""
