"""A way as single steps: every rule that was asked, in order, with the place on the road where it was and the
packet as it was then.

A step is what a reader takes at once: a host is reached, a rule is passed over or matches, a chain ends, the
kernel routes. Where the trace keeps thousands of rules passed over, a walkthrough keeps the nearest
(`condense`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets.verdict import Jump, Return
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.network.trace import Branch, Hop, Trace
from kproxysim.report.actions import action_words, draw_words
from kproxysim.report.circles import circles
from kproxysim.report.conditions import conditions_text, failed_fields, failed_first, miss_text
from kproxysim.report.endings import changes, client_words, hop_title, verdict_words
from kproxysim.report.facts import is_good, opening
from kproxysim.report.html.condense import Mass, condense
from kproxysim.report.names import maker
from kproxysim.report.passes import Pass, passes
from kproxysim.values import dataclass

__all__ = ["Station", "Step", "Walkthrough", "walk_through"]

Fields = dict[str, str]
"""A packet as names and values, what is empty left out."""


@dataclass(frozen=True, slots=True)
class Station:
    """A place on the road.

    `kind` is "sender", "host", "event", "chain" or "end"; `name` is short, `title` whole; `depth` counts the
    jumps that led to a chain; `back` is true on the way of the answer.
    """

    kind: str
    name: str
    title: str = ""
    depth: int = 0
    back: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is empty is left out."""
        values = {name: getattr(self, name) for name in ("kind", "name", "title", "depth", "back")}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: at which station, what happened in a sentence, and the packet after it.

    `kind` is "sent", "arrives", "event", "ended", or of a rule "passed", "matched", of several rules "mass",
    of a chain's end "return", "policy". `number` is the rule's in its chain, `rule` its text, `asked` what it
    asked for and got, `failed` the one condition that did not hold, `made` what it was made from, `drawn` the
    share that chance gave it. `near` marks the rule that the sender hoped for.
    """

    kind: str
    station: int
    sentence: str
    packet: Fields
    tone: str = ""
    number: str = ""
    rule: str = ""
    action: str = ""
    asked: str = ""
    failed: str = ""
    made: str = ""
    drawn: str = ""
    near: bool = False


@dataclass(slots=True)
class Walkthrough:
    """All steps of one branch, the answer's among them, and the stations that they are at."""

    stations: list[Station] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def walk_through(trace: Trace, branch: Branch, short: dict[str, str], *, picked: bool = False) -> Walkthrough:
    """`short` are the names by which chains go; `picked` says that the endpoint was asked for by name."""
    return _Writer(trace, branch, short, picked).write()


class _Writer:
    """Writes the steps of one branch, in order."""

    def __init__(self, trace: Trace, branch: Branch, short: dict[str, str], picked: bool) -> None:
        self._trace = trace
        self._branch = branch
        self._short = short
        self._picked = picked
        self._near = None if branch.nearest is None else branch.nearest.missed
        self._made = Walkthrough()
        self._back = False

    def write(self) -> Walkthrough:
        trace, branch = self._trace, self._branch
        first = next((step for hop in branch.hops for step in hop.steps), None)
        packet = {} if first is None else _fields(first.before)
        sender = self._station("sender", trace.source)
        self._add("sent", sender, f"{trace.source} sends {opening(trace).text}", packet)
        self._hops(branch.hops)
        heard = "" if branch.client_sees == "answered" else f"; {self._client()}"
        words = f"{verdict_words(trace, branch)}{heard}"
        tone = "good" if is_good(branch) else "bad"
        self._add("ended", self._station("end", branch.disposition), words, self._now(), tone=tone)
        if branch.reply is not None:
            self._answer()
        return self._made

    def _answer(self) -> None:
        reply = self._branch.reply
        assert reply is not None
        self._back = True
        first = next((step for hop in reply.hops for step in hop.steps), None)
        sent = reply.packet if first is None else first.before.packet
        packet = self._now() if first is None else _fields(first.before)
        self._add("sent", self._station("sender", "answer"), f"the answer is sent: {sent}", packet)
        self._hops(reply.hops)
        good = reply.disposition == "delivered"
        words = f"the answer is {reply.disposition}: {reply.packet}" + ("" if good else f" ({reply.reason})")
        if self._branch.client_sees != "answered":  # a reset that arrives is no good news
            words, good = f"{words}; {self._client()}", False
        end = self._station("end", reply.disposition)
        self._add("ended", end, words, self._now(), tone="good" if good else "bad")

    def _client(self) -> str:
        return f"the client sees {client_words(self._branch.client_sees)}"

    def _now(self) -> Fields:
        return self._made.steps[-1].packet if self._made.steps else {}

    def _station(self, kind: str, name: str, title: str = "", depth: int = 0) -> int:
        self._made.stations.append(Station(kind, name, title, depth, self._back))
        return len(self._made.stations) - 1

    def _add(self, kind: str, station: int, sentence: str, packet: Fields, **more: Any) -> None:
        self._made.steps.append(Step(kind, station, sentence, packet, **more))

    def _hops(self, hops: Sequence[Hop]) -> None:
        """Each hop; of a circle one turn, and how often it comes again."""
        place = 0
        for group, turns in circles([_happened(hop) for hop in hops]):
            for hop in hops[place : place + len(group)]:
                self._hop(hop, at_home=hop is hops[0] and not hop.device)
            if turns:
                words = f"and the same {turns} times more"
                circle = self._station("event", "circle")
                self._add("event", circle, f"circle: {words}", self._now(), action=words)
            place += len(group) * (turns + 1)

    def _hop(self, hop: Hop, *, at_home: bool) -> None:
        name, behind = hop_title(hop)
        packet = _fields(hop.steps[0].before) if hop.steps else self._now()
        words = f"the packet comes to {name}" + (f", {behind}" if behind else "")
        if at_home:
            words = f"the packet is on {name}"
        self._add("arrives", self._station("host", name, behind), words, packet)
        for part in passes(hop):
            if isinstance(part, Event):
                self._event(part)
            else:
                self._pass(part)

    def _event(self, step: Event) -> None:
        place = step.at.removeprefix("edge:")
        changed = changes(step)
        action = changed or step.action
        words = f"{place}: {action}" + (f" ({step.detail})" if step.detail else "")
        self._add(
            "event",
            self._station("event", place),
            words,
            _fields(step.after),
            tone="change" if changed else "",
            action=action,
        )

    def _pass(self, part: Pass) -> None:
        base = self._station("chain", f"{part.table} {part.hook}", f"table {part.table}, hook {part.hook}")
        stack = [base]
        for step in part.steps:
            if step.kind == "policy":
                stack = [base]
            for one in condense(step.missed, self._kept(step)):
                self._passed(step, stack[-1], one)
            self._walked(part, step, stack[-1])
            self._enter(part, step, stack)

    def _enter(self, part: Pass, step: Walked, stack: list[int]) -> None:
        """Go where a step leads: into another chain, or back to the one that jumped."""
        target = None if step.meaning is None else step.meaning.target
        if isinstance(target, Jump):
            if step is part.last:
                return
            if target.goto:
                stack.pop()
            name = self._short.get(target.chain, target.chain)
            stack.append(self._station("chain", name, f"{step.table}:{target.chain}", len(stack)))
        elif (step.kind == "return" or isinstance(target, Return)) and len(stack) > 1:
            stack.pop()

    def _kept(self, step: Walked) -> tuple[int, ...]:
        return tuple(one.number for one in step.missed if one is self._near)

    def _passed(self, step: Walked, station: int, one: Missed | Mass) -> None:
        chain = f"{step.table}:{self._short.get(step.chain, step.chain)}"
        packet = _fields(step.before)
        if isinstance(one, Mass):
            number = f"{one.first}-{one.last}"
            words = f"{chain}:{number}: {one.count} rules passed over ({one.fields})"
            self._add(
                "mass", station, words, packet, number=number, failed=f"{one.count} rules: {one.fields}"
            )
            return
        condition = failed_first(one)
        failed = failed_fields([one]) if condition is None else miss_text(condition)
        near = one is self._near
        words = f"{chain}:{one.number} is passed over: {failed}" + (" (the nearest)" if near else "")
        self._add(
            "passed",
            station,
            words,
            packet,
            number=str(one.number),
            rule=_rule_text(one.rule, step.chain),
            failed=failed,
            made=maker(one.rule, one.meaning),
            near=near,
        )

    def _walked(self, part: Pass, step: Walked, station: int) -> None:
        nat = part.nat if step is part.last else None
        action = action_words(step, nat)
        packet = _fields(step.after if nat is None else nat.after)
        chain = f"{step.table}:{self._short.get(step.chain, step.chain)}"
        bad = part.refused and step is part.last
        tone = "bad" if bad else "change" if packet != _fields(step.before) else ""
        if step.rule is None or step.meaning is None:
            self._add(step.kind, station, f"{chain}: {action}", packet, tone=tone, action=action)
            return
        asked = conditions_text(step.conditions())
        drawn = draw_words(step, picked=self._picked)
        words = f"{chain}:{step.number} matches{f' {asked}' if asked else ''}: {action}"
        self._add(
            "matched",
            station,
            f"{words}; {drawn}" if drawn else words,
            packet,
            tone=tone,
            number=str(step.number),
            rule=_rule_text(step.rule, step.chain),
            action=action,
            asked=asked,
            made=maker(step.rule, step.meaning),
            drawn=drawn,
        )


def _happened(hop: Hop) -> tuple[object, ...]:
    """A hop by where it was and what became of the packet there."""
    steps = tuple((step.at, step.action, tuple(_named(step.after))) for step in hop.steps)
    return hop.kind, hop.where, hop.device, steps


def _rule_text(rule: object, chain: str) -> str:
    """A rule without its chain, which is known."""
    return str(rule).removeprefix(f"-A {chain} ")


def _fields(skb: Skb) -> Fields:
    """What a rule may ask of a packet: its header, its mark, its devices, its connection."""
    return {name: value for name, value in _named(skb) if value}


def _named(skb: Skb) -> Iterator[tuple[str, str]]:
    packet = skb.packet
    yield "protocol", packet.protocol
    yield "src", str(packet.src)
    yield "sport", "" if packet.sport is None else str(packet.sport)
    yield "dst", str(packet.dst)
    yield "dport", "" if packet.dport is None else str(packet.dport)
    yield "flags", packet.flags
    yield "icmp", "" if packet.icmp is None else "type {} code {}".format(*packet.icmp)
    yield "about", "" if packet.inner is None else str(packet.inner)
    yield "mark", f"{skb.mark:#x}"
    yield "in", skb.iif
    yield "out", skb.oif
    yield "ctstate", "" if skb.flow is None else skb.flow.state
