"""Where two traces part, in a few lines instead of two blobs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from kproxysim.network import Branch, Trace
from kproxysim.network.trace import hop_to_dict

__all__ = ["difference"]

_Step = tuple[str, dict[str, Any]]


def difference(left: Trace, right: Trace) -> list[str]:
    """The first difference of two traces, for people; the first line says what differs."""
    if left.packet != right.packet or left.source != right.source:
        return [
            "Trace == Trace: they are of different packets",
            f"left:  {left.packet} from {left.source}",
            f"right: {right.packet} from {right.source}",
        ]
    for number, (one, other) in enumerate(zip_longest(left, right), 1):
        which = f"branch {number} of {len(left)}" if len(left) == len(right) else f"branch {number}"
        if one is None or other is None:
            there = "left" if other is None else "right"
            return [
                f"Trace == Trace: {len(left)} branches and {len(right)}; only the {there} one has this",
                f"{there}:  {_end(one or other)}",
            ]
        if one.to_dict() != other.to_dict():
            return [f"Trace == Trace: they part in {which}", *_parting(one, other)]
    rest = [name for name in ("assumptions", "notes") if getattr(left, name) != getattr(right, name)]
    return [
        "Trace == Trace: the same way, and other " + " and ".join(rest),
        *(f"left:  {name} {getattr(left, name)}" for name in rest),
        *(f"right: {name} {getattr(right, name)}" for name in rest),
    ]


def _end(branch: Branch) -> str:
    return f"{branch.probability} {branch.disposition} ({branch.reason}), {branch.packet}"


def _parting(left: Branch, right: Branch) -> Iterator[str]:
    ways = (("", left.hops, right.hops), *_answers(left, right))
    for what, ours, theirs in ways:
        last = ""
        steps = zip_longest(_steps(ours), _steps(theirs))
        for number, (one, other) in enumerate(steps):
            if one != other:
                yield f"after {number} steps{what} that are the same" + (
                    f", the last at {last}" if last else ""
                )
                yield from _sides(one, other)
                yield f"left ends:  {_end(left)}"
                yield f"right ends: {_end(right)}"
                return
            last = f"{one[0]} {one[1].get('at', '')}" if one is not None else last
    ours, theirs = left.to_dict(), right.to_dict()
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name) != theirs.get(name):
            yield f"the same steps, and another {name}"
            yield f"left:  {ours.get(name)}"
            yield f"right: {theirs.get(name)}"


def _sides(one: _Step | None, other: _Step | None) -> Iterator[str]:
    """Both steps; and where they read the same, the field in which they are not."""
    said = _said(one), _said(other)
    yield f"left:  {said[0]}"
    if said[0] != said[1] or one is None or other is None:
        yield f"right: {said[1]}"
        return
    for name in dict.fromkeys((*one[1], *other[1])):
        ours, theirs = one[1].get(name), other[1].get(name)
        if ours != theirs:
            yield f"right: the same but for its {name}, {theirs} instead of {ours}"


def _answers(left: Branch, right: Branch) -> Iterator[tuple[str, Any, Any]]:
    hops = [() if branch.reply is None else branch.reply.hops for branch in (left, right)]
    yield " of the answer", hops[0], hops[1]


def _steps(hops: Any) -> Iterator[_Step]:
    for hop in hops:
        data = hop_to_dict(hop)
        steps = data.pop("steps")
        yield hop.where, data
        for step in steps:
            yield hop.where, step


def _said(step: _Step | None) -> str:
    if step is None:
        return "nothing more"
    where, data = step
    if "at" not in data:
        return f"comes to {data['kind']} {where}" + (f" by {data['device']}" if "device" in data else "")
    failed = [one for one in data.get("conditions", ()) if not one.get("holds", True)]
    words = [where, data["at"], data["outcome"], data.get("action", ""), data.get("rule", "")]
    packet = data.get("after") or data.get("packet") or {}
    ends = " -> ".join(
        f"{packet.get(end)}:{packet.get(port)}" for end, port in (("src", "sport"), ("dst", "dport"))
    )
    words += [f"({one})" for one in failed[:1]]
    return " ".join(word for word in (*words, ends if packet else "") if word)
