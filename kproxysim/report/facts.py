"""What there is to say about the end of a branch, fact by fact: the verdict, its chance, what else might have
been, why it went so. Every form that speaks in sentences takes them from here.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.netfilter.conntrack import CtState
from kproxysim.network.trace import Branch, Nearest, Trace
from kproxysim.report.conditions import miss_text
from kproxysim.report.endings import client_words, other_branch, reply_words, verdict_words
from kproxysim.report.names import maker
from kproxysim.report.packet_class import class_of
from kproxysim.values import dataclass

__all__ = ["Fact", "answer", "ending", "is_good", "is_taken", "opening", "reasons"]

_OTHERS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Fact:
    """A label, its sentence, and a `tail` that stays in one piece. Without a label it belongs to the fact
    above it; `style` is one of `page`.
    """

    label: str
    text: str
    tail: str = ""
    style: str = ""


def is_taken(branch: Branch) -> bool:
    """Did somebody take the packet?"""
    return branch.disposition in ("delivered", "delivered-to-host")


def is_good(branch: Branch) -> bool:
    """Did somebody take the packet, and was an answer that was sent not lost?"""
    return is_taken(branch) and (branch.reply is None or branch.client_sees == "answered")


def opening(trace: Trace) -> Fact:
    """The packet as it was sent, and by whom."""
    return Fact("packet", f"{trace.packet}{_kind(trace)}", f"(from: {trace.source})")


def _kind(trace: Trace) -> str:
    """Whether the packet opens a connection or is known to one, or else its flags."""
    packet = trace.packet
    if packet.protocol == "tcp" and packet.flags != "SYN":
        return f"  {packet.flags}"
    if packet.icmp is not None:
        return ""
    return "  established" if any(map(is_known, trace.branches)) else "  new"


def is_known(branch: Branch) -> bool:
    """Was the packet part of a connection already, where it was first looked up?"""
    flows = (step.before.flow for _, step in branch.steps())
    first = next((flow for flow in flows if flow is not None), None)
    return first is not None and first.state == CtState.ESTABLISHED


def ending(trace: Trace, branch: Branch) -> Iterator[Fact]:
    """The verdict, its chance, the class of packets that share it, and the branches that might have been."""
    style = "good" if is_good(branch) else "bad"
    yield Fact("verdict", verdict_words(trace, branch), f"[{branch.reason}]", style)
    if branch.client_sees != "answered":
        yield Fact("client", f"sees {client_words(branch.client_sees)}")
    if branch.probability != 1:
        kernel = branch.probability_kernel
        exact = "" if kernel == branch.probability else f"; the kernel's 31 bits make it {kernel}"
        yield Fact("chance", f"{branch.probability}{exact}")
    alike = None if is_known(branch) else class_of(branch)
    if alike is not None and (words := alike.words()):
        yield Fact("class", f"{words}: the same rules")
    others = [one for one in trace.branches if one is not branch]
    for other in others[:_OTHERS_SHOWN]:
        yield Fact("also", other_branch(other))
    if len(others) > _OTHERS_SHOWN:
        rest = others[_OTHERS_SHOWN:]
        yield Fact("also", f"{sum(one.probability for one in rest)} -> {len(rest)} more")


def answer(branch: Branch) -> Iterator[Fact]:
    """What became of the answer, if there was one."""
    if branch.reply is not None:
        yield Fact("reply", reply_words(branch, branch.reply))


def reasons(trace: Trace, branch: Branch) -> Iterator[Fact]:
    """The rule that was hoped for, why it went as it did, and what the answer rests on."""
    if branch.nearest is not None:
        yield from _nearest(branch.nearest)
    for advice in branch.advice:
        yield Fact("why", advice.why, f"(kproxysim explain {advice.code})")
        if advice.help:
            yield Fact("help", advice.help)
    for assumption in trace.assumptions:
        yield Fact("assumed", assumption)
    for note in trace.notes:
        yield Fact("note", note)


def _nearest(nearest: Nearest) -> Iterator[Fact]:
    made_by = maker(nearest.missed.rule, nearest.missed.meaning)
    yield Fact("nearest", nearest.at.replace(":rule:", ":"), made_by)
    miss = next((one for one in nearest.missed.conditions() if not one.held), None)
    if miss is not None:
        hope = "; it would match the packet as dialled" if nearest.as_dialled else ""
        yield Fact("", f"{nearest.held} of {nearest.total} conditions hold; {miss_text(miss)}{hope}")
