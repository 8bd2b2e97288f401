"""What happens to a packet on a host, beside the rules it meets; and where it stands when the host is done
with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from kproxysim.netfilter.skb import Skb, written
from kproxysim.netfilter.walk import Walked
from kproxysim.notebook import html_of

if TYPE_CHECKING:
    from kproxysim.netfilter.renaming import Renaming

__all__ = ["Event", "Log", "Outcome", "Said", "rewrite_text"]


Said = str | Callable[[Skb, Skb], str]
"""A sentence, or what makes one of the packet before and after: most traces are never printed."""


class Event(NamedTuple):
    """Something that happened outside the rules: `at` is "routing", "conntrack", "nat" or "edge:...".

    Where a sentence tells what the packet carries, `said` makes it; what is the same for every packet that
    comes here is text. `renaming` is as for `Walked`.
    """

    at: str
    said: Said
    recorded_before: Skb
    recorded_after: Skb
    detail: str = ""
    renaming: Renaming | None = None

    @property
    def before(self) -> Skb:
        """The packet as it came here."""
        return self.recorded_before if self.renaming is None else self.renaming.skb(self.recorded_before)

    @property
    def after(self) -> Skb:
        """The packet as it went on."""
        return self.recorded_after if self.renaming is None else self.renaming.skb(self.recorded_after)

    @property
    def action(self) -> str:
        """What happened, in a few words."""
        said = self.said
        if isinstance(said, str):
            return said
        if self.renaming is None:
            return said(self.recorded_before, self.recorded_after)
        return self.renaming.sentence(said, self.recorded_before, self.recorded_after)

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
    family = before.family
    parts = []
    for side, old, new in (
        ("src", (before.src, before.sport), (after.src, after.sport)),
        ("dst", (before.dst, before.dport), (after.dst, after.dport)),
    ):
        if old != new:
            parts.append(f"{side} {_endpoint(*old, family)} -> {_endpoint(*new, family)}")
    return ", ".join(parts) or "unchanged"


def _endpoint(address: int, port: int, family: int) -> str:
    text = written(address, family)
    if port < 0:
        return text if port == -1 else f"{text} (id {-1 - port})"
    return f"{text}:{port}" if family == 4 else f"[{text}]:{port}"
