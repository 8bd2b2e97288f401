"""A way as sections, one for each hop: its title and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kproxysim.network.trace import Branch, Hop, Reply
from kproxysim.packet import Packet
from kproxysim.report.endings import hop_title
from kproxysim.report.facts import is_taken
from kproxysim.report.rows import Row, RowWriter
from kproxysim.values import dataclass

__all__ = ["Section", "way_back", "way_out"]


@dataclass(frozen=True, slots=True)
class Section:
    """One hop: its name, what stands behind it, what happened there. `kind` is the hop's."""

    name: str
    behind: str
    kind: str
    rows: tuple[Row, ...]


def way_out(branch: Branch, writer: RowWriter) -> tuple[Section, ...]:
    """The hops of a branch, the arrival among them."""
    arrived = branch.packet if is_taken(branch) else None
    return _sections(branch.hops, writer, arrived, branch.sport_range)


def way_back(reply: Reply, writer: RowWriter) -> tuple[Section, ...]:
    """The hops of an answer."""
    return _sections(reply.hops, writer, reply.packet if reply.disposition == "delivered" else None)


def _sections(
    hops: Sequence[Hop],
    writer: RowWriter,
    arrived: Packet | None,
    sport_range: tuple[int, int] | None = None,
) -> tuple[Section, ...]:
    found = []
    for hop in hops:
        rows = writer.rows(hop)
        if arrived is not None and hop is hops[-1]:
            if hop.kind in ("pod", "internet"):
                # the arrival takes the place of the routing line, which says no more than that
                rows = [row for row in rows if row.place != "routing"]
            rows += _arrival(arrived, sport_range)
        found.append(Section(*hop_title(hop), hop.kind, tuple(rows)))
    return tuple(found)


def _arrival(packet: Packet, sport_range: tuple[int, int] | None) -> Iterable[Row]:
    yield Row("delivered", str(packet), style="good")
    if sport_range is not None:
        low, high = sport_range
        text = f"any free one of {low}-{high}; {packet.sport} stands for it"
        yield Row("source port", text, detail=True)
