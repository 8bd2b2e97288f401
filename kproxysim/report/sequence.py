"""A trace as a Mermaid sequence diagram: hosts are participants, notes carry what was rewritten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.network.trace import Branch, Hop, Trace
from kproxysim.packet import Packet
from kproxysim.report.circles import circles
from kproxysim.report.drawing import mermaid_label
from kproxysim.report.endings import changes, hop_title, verdict_words
from kproxysim.report.names import maker
from kproxysim.report.passes import Pass, passes

__all__ = ["trace_mermaid"]


def trace_mermaid(trace: Trace, branch: Branch | None = None) -> str:
    """The way of `branch` (by default the first) and of its answer."""
    shown = branch if branch is not None else trace.branches[0]
    back = shown.reply.hops if shown.reply is not None else ()
    sender = _sender(trace, shown)
    speaker = _key(shown.hops[-1]) if shown.hops else sender
    names: dict[tuple[str, str], str] = {}
    for key in (sender, *(_key(hop) for hop in (*shown.hops, *back))):
        names.setdefault(key, f"h{len(names)}")
    lines = ["sequenceDiagram"]
    titles = {
        _key(hop): " ".join(hop_title(hop)[: 2 if hop.kind == "edge" else 1]) for hop in (*shown.hops, *back)
    }
    for key, name in names.items():
        lines.append(f"  participant {name} as {mermaid_label(titles.get(key, ' '.join(key)))}")
    lines += _way(shown.hops, sender, names, trace.packet, "->>")
    share = f" ({shown.probability} of the packets)" if shown.probability != 1 else ""
    lines.append(f"  Note over {names[speaker]}: {mermaid_label(verdict_words(trace, shown) + share)}")
    if shown.reply is not None:
        lines += _way(back, speaker, names, shown.reply.packet, "-->>")
    return "\n".join(lines) + "\n"


def _key(hop: Hop) -> tuple[str, str]:
    return hop.kind, hop.where


def _sender(trace: Trace, branch: Branch) -> tuple[str, str]:
    """The sender as a participant: a host of its own unless the way begins on it."""
    first = branch.hops[0] if branch.hops else None
    if first is not None and not first.device:
        return _key(first)
    kind, _, name = trace.source.partition(" ")
    return kind, name or str(trace.packet.src)


def _way(
    hops: Sequence[Hop], start: tuple[str, str], names: dict[tuple[str, str], str], packet: Packet, arrow: str
) -> Iterator[str]:
    """An arrow from host to host with the packet as it is on that link, and a note on each host that did
    something; a circle is drawn once.
    """
    at = start
    drawn: list[tuple[str, ...]] = []
    for hop in hops:
        lines = []
        on_the_way = hop.steps[0].before.packet if hop.steps else packet
        if _key(hop) != at:
            lines.append(f"  {names[at]}{arrow}{names[_key(hop)]}: {mermaid_label(str(on_the_way))}")
        at = _key(hop)
        notes = [mermaid_label(text) for text in _notes(hop)]
        if notes:
            lines.append(f"  Note over {names[at]}: {'<br/>'.join(notes)}")
        drawn.append(tuple(lines))
        if hop.steps:
            packet = hop.steps[-1].after.packet
    for group, turns in circles(drawn):
        if turns:
            yield f"  loop {turns + 1} times"
        yield from (line for lines in group for line in lines)
        if turns:
            yield "  end"


def _notes(hop: Hop) -> Iterator[str]:
    """What was rewritten on a host, by which rule, and which Service's rule led there."""
    for part in passes(hop):
        if isinstance(part, Event):
            if changes(part):
                yield f"{part.at.removeprefix('edge:')} {changes(part)}"
        elif part.translated and part.nat is not None and changes(part.nat):
            yield from _captures(part)
            yield f"{part.last.action.partition(' ')[0]} {changes(part.nat)}"
        elif part.refused:
            yield f"{part.last.at} {part.last.action}"


def _captures(part: Pass) -> Iterator[str]:
    """The first rule of a Service that the packet met in this pass."""
    for step in part.notable():
        if step.rule is None or step.meaning is None or not isinstance(step.meaning.target, Jump):
            continue
        made_by = maker(step.rule, step.meaning)
        if made_by.startswith("service "):
            yield made_by
            return
