"""Short forms of a trace: `summary`, one line a branch for people; `minimal`, what came of it, for files that
tests compare with.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.syntax import Parsed
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Trace
from kproxysim.packet import format_endpoint
from kproxysim.report.endings import changes, client_words
from kproxysim.report.names import role_of, service_of
from kproxysim.report.page import Page

__all__ = ["minimal_page", "summary_page", "summary_parts"]

_ENDED = {
    "delivered": "deliver",
    "delivered-to-host": "deliver-to-host",
    "refused": "refuse",
    "rejected": "reject",
    "dropped": "drop",
    "filtered": "filter",
}

_CAPTURES = (
    (" external IP", "external IP"),
    (" loadbalancer IP", "load balancer IP"),
    (" cluster IP", "cluster IP"),
)


def minimal_page(trace: Trace) -> Page:
    """One line a branch: `deliver 10.44.0.5:8080 p=1/2 src=10.44.0.1`. It tells the outcome and nothing of
    how it came about.
    """
    page = Page()
    for branch in trace.branches:
        ended = _ENDED.get(branch.disposition, branch.disposition)
        page.add(f"{ended} {branch.packet.destination} p={branch.probability} src={branch.packet.src}")
    return page


def summary_page(trace: Trace, width: int | None = None) -> Page:
    """One line a branch; what all branches have in common stands in the first line only, or, where that is
    wider than `width`, in one above them.
    """
    page = Page()
    head, ends = summary_parts(trace)
    if width is not None and any(len(head) + 1 + len(end) > width for end in ends):
        page.add(head)
        for end in ends:
            page.add(f"  {end}")
        return page
    for number, end in enumerate(ends):
        page.add(f"{head if number == 0 else ' ' * len(head)} {end}")
    return page


def summary_parts(trace: Trace) -> tuple[str, tuple[str, ...]]:
    """What all branches have in common, and of each the rest."""
    ways = [list(_way(branch)) for branch in trace.branches]
    common = 0
    while ways and all(len(way) > common and way[common] == ways[0][common] for way in ways):
        common += 1
    head = " ".join((f"{trace.source} > {trace.packet.destination}", *(ways[0][:common] if ways else ())))
    ends = (
        " ".join((*way[common:], f"{branch.probability} {_end(branch)}"))
        for branch, way in zip(trace.branches, ways, strict=True)
    )
    return head, tuple(ends)


def _way(branch: Branch) -> Iterator[str]:
    """Rewrites and captures on the way to the end: `=gce=> 10.128.0.12:80`, `=[echo-ext external IP]=>`."""
    for hop, step in branch.steps():
        if isinstance(step, Event):
            if hop.kind == "edge" and changes(step):
                yield f"={hop.where}=> {step.after.packet.destination}"
        elif step.rule is not None and step.meaning is not None and _is_capture(step):
            yield f"=[{_capture(step.rule, step.meaning)}]=>"


def _is_capture(step: Walked) -> bool:
    """Does this rule give the packet to a Service: the step from the shared chains into one of its own?"""
    assert step.meaning is not None
    target = step.meaning.target
    if role_of(step.chain) != step.chain or not isinstance(target, Jump):
        return False
    return role_of(target.chain) != target.chain


def _capture(rule: Rule, meaning: Parsed) -> str:
    service = service_of(rule, meaning).rpartition("/")[2].partition(":")[0]
    for words, shown in _CAPTURES:
        if f'{words}"' in rule.text:
            return f"{service} {shown}"
    return f"{service} node port" if service else role_of(rule.chain)


def _end(branch: Branch) -> str:
    """`echo-1 10.44.0.5:8080 src=masq(10.44.0.1)`, or how else it ended."""
    reached = branch.delivered_to
    if reached is None:
        where = f" on {branch.hops[-1].where}" if branch.hops else ""
        return (
            f"{branch.disposition}{where} [{branch.reason}], client sees {client_words(branch.client_sees)}"
        )
    name = reached.pod.rpartition("/")[2] or (
        f"process of {reached.node}" if reached.kind == "process" else ""
    )
    source = str(branch.packet.src)
    if branch.source != "kept":
        source = f"{'masq' if branch.source == 'masqueraded' else 'nat'}({source})"
    end = " ".join(
        part for part in (name, format_endpoint(reached.ip, reached.port), f"src={source}") if part
    )
    return (
        end if branch.client_sees == "answered" else f"{end}, client sees {client_words(branch.client_sees)}"
    )
