"""What happens to a packet on a host, beside the rules it meets; and where it stands when the host is done
with it.
"""

from __future__ import annotations

from collections.abc import Callable

from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Walked
from kproxysim.values import dataclass

__all__ = ["Event", "Log", "Outcome", "rewrite_text"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened outside the rules: `at` is "routing", "conntrack", "nat" or "edge:...".

    `said` is the sentence, or makes it when a report asks: most traces of a long run are never printed.
    """

    at: str
    said: str | Callable[[], str]
    before: Skb
    after: Skb
    detail: str = ""

    @property
    def action(self) -> str:
        """What happened, in a few words."""
        return self.said if isinstance(self.said, str) else self.said()


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


def rewrite_text(before: Skb, after: Skb) -> str:
    """`dst 10.0.0.1:80 -> 10.4.0.5:8080`, one part for each side that changed, else "unchanged"."""
    old, new = before.packet, after.packet
    parts = []
    if old.source != new.source:
        parts.append(f"src {old.source} -> {new.source}")
    if old.destination != new.destination:
        parts.append(f"dst {old.destination} -> {new.destination}")
    return ", ".join(parts) or "unchanged"
