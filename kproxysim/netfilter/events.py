"""What happens to a packet on a host, beside the rules it meets; and where it stands when the host is done
with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Walked
from kproxysim.notebook import html_of

__all__ = ["Event", "Log", "Outcome", "Said", "rewrite_text"]


Said = str | Callable[[Skb, Skb], str]
"""A sentence, or what makes one of the packet before and after: most traces are never printed."""


class Event(NamedTuple):
    """Something that happened outside the rules: `at` is "routing", "conntrack", "nat" or "edge:...".

    Where a sentence tells what the packet carries, `said` makes it; what is the same for every packet that
    comes here is text.
    """

    at: str
    said: Said
    before: Skb
    after: Skb
    detail: str = ""

    @property
    def action(self) -> str:
        """What happened, in a few words."""
        return self.said if isinstance(self.said, str) else self.said(self.before, self.after)

    def _repr_html_(self) -> str | None:
        return html_of(self)


Log = Callable[[Walked | Event], None]


class Outcome(NamedTuple):
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
