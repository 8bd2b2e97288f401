"""What happens to a packet on a host, beside the rules it meets; and where it stands when the host is done
with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from kproxysim.netfilter.skb import Skb, written
from kproxysim.netfilter.walk import Walked
from kproxysim.notebook import html_of
from kproxysim.reading import reading

if TYPE_CHECKING:
    from kproxysim.netfilter.renaming import Renaming

__all__ = [
    "Ends",
    "Event",
    "Happening",
    "Log",
    "OfDestination",
    "Outcome",
    "Said",
    "ends_text",
    "rewrite_text",
]


class OfDestination(NamedTuple):
    """A sentence about where the packet goes: what stands before the address, and behind it, a host's name
    last.
    """

    lead: str
    tail: str
    host: str = ""


Said = str | OfDestination | Callable[[Skb, Skb], str]
"""A sentence, or what makes one of the packet before and after: most traces are never printed."""


class Happening(NamedTuple):
    """What is noted of something that happened outside the rules."""

    at: str
    said: Said
    before: Skb
    after: Skb
    detail: str = ""


class _Event(NamedTuple):
    recorded: Happening
    renaming: Renaming | None = None


class Event(_Event):
    """Something that happened outside the rules: `at` is "routing", "conntrack", "nat" or "edge:...".

    Where a sentence tells what the packet carries, `said` makes it; what is the same for every packet that
    comes here is text. `renaming` is as for `Walked`.
    """

    __slots__ = ()

    at: str = reading("recorded.at")
    """Where."""
    detail: str = reading("recorded.detail")
    """What is worth adding."""

    @classmethod
    def of(cls, at: str, said: Said, before: Skb, after: Skb | None = None, detail: str = "") -> Event:
        """Something that happened to a packet; without an `after` it went on as it was."""
        return cls(Happening(at, said, before, before if after is None else after, detail))

    @property
    def before(self) -> Skb:
        """The packet as it came here."""
        before = self.recorded.before
        return before if self.renaming is None else self.renaming.skb(before)

    @property
    def after(self) -> Skb:
        """The packet as it went on."""
        after = self.recorded.after
        return after if self.renaming is None else self.renaming.skb(after)

    @property
    def action(self) -> str:
        """What happened, in a few words."""
        (_, said, before, after, _), renaming = self
        if isinstance(said, str):
            return said
        if renaming is not None:
            return renaming.sentence(said, before, after)
        if isinstance(said, OfDestination):
            return f"{said.lead}{written(before.dst, before.family)}{said.tail}{said.host}"
        return said(before, after)

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
    return ends_text(before[2:6], after[2:6], before.family)


Ends = tuple[int, int, int, int]
"""Source, destination, and their ports, as a `Skb` has them side by side; a port below 0 is none."""


def ends_text(before: Ends, after: Ends, family: int) -> str:
    """What `rewrite_text` says of the two ends."""
    src, dst, sport, dport = before
    new_src, new_dst, new_sport, new_dport = after
    text = ""
    if src != new_src or sport != new_sport:
        text = f"src {_end(src, sport, family)} -> {_end(new_src, new_sport, family)}"
    if dst != new_dst or dport != new_dport:
        comma = ", " if text else ""
        text += f"{comma}dst {_end(dst, dport, family)} -> {_end(new_dst, new_dport, family)}"
    return text or "unchanged"


def _end(address: int, port: int, family: int) -> str:
    text = written(address, family)
    if port < 0:
        return text if port == -1 else f"{text} (id {-1 - port})"
    return f"{text}:{port}" if family == 4 else f"[{text}]:{port}"
