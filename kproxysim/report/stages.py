"""A branch as a list of stages that can be held against another's: chains by role, values beside them.

Two stages have the same `role` where the same kind of thing happens at the same place, whatever Service it is
for; they say the same (`says`) where the values are the same too. What chains are called by kube-proxy (a
hash of the Service or endpoint) is no value: each Service has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.targets.mark import MarkTarget
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Hop
from kproxysim.report.actions import action_words, passed_words
from kproxysim.report.circles import circles
from kproxysim.report.conditions import conditions_text
from kproxysim.report.endings import changes, hop_title
from kproxysim.report.names import field_of, role_of, service_of
from kproxysim.report.passes import Pass, passes
from kproxysim.values import dataclass

__all__ = ["Stage", "stages_of"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that happened to a packet.

    `where` is the host, `at` the kernel's position (empty for the arrival at a host), `place` and `action`
    the same in words with chains by role; `service` and `field` tell what made the rule, `matched` what it
    asked for.
    """

    role: str
    says: str
    where: str
    at: str
    place: str
    action: str
    matched: str = ""
    service: str = ""
    field: str = ""
    step: Walked | Event | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is empty is left out."""
        names = ("where", "at", "place", "action", "matched", "service", "field")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def stages_of(branch: Branch) -> tuple[Stage, ...]:
    """The stages of the way out, the packet's end among them."""
    found = list(_each_once([tuple(_stages(hop)) for hop in branch.hops]))
    last = branch.hops[-1] if branch.hops else None
    ended = branch.disposition.partition("-")[0] if branch.delivered_to is not None else branch.disposition
    if last is not None and last.kind == "pod":
        found = [stage for stage in found if stage.where != last.where or stage.place != "routing"]
    where = last.where if last is not None else ""
    text = str(branch.packet)
    found.append(Stage(f"end {ended}", f"end {ended} {text}", where, "", ended, text))
    return tuple(found)


def _each_once(hops: Sequence[tuple[Stage, ...]]) -> Iterator[Stage]:
    """The stages of all hops; of a circle that the packet runs in those of one turn."""
    place = 0
    for group, turns in circles([[(one.role, one.says) for one in hop] for hop in hops]):
        for hop in hops[place : place + len(group)]:
            yield from hop
        if turns:
            text = f"the same {turns} times more"
            yield Stage("circle", text, hop[0].where, "", "circle", text)
        place += len(group) * (turns + 1)


def _stages(hop: Hop) -> Iterator[Stage]:
    title, behind = hop_title(hop)
    text = f"{title}  {behind}" if behind else title
    yield Stage(f"hop {hop.kind}", f"hop {text}", hop.where, "", "", text)
    for part in passes(hop):
        if isinstance(part, Event):
            yield _event(hop, part)
            continue
        steps = _steps(part)
        for step in steps:
            yield _walked(hop, part, step)
        if not steps and part.table == "nat" and (missed := part.missed()):
            place, over = (
                f"nat:{part.hook}",
                passed_words(missed),
            )
            yield Stage(f"{place} passed over", f"{place} {over}", hop.where, "", place, over)


def _steps(part: Pass) -> list[Walked]:
    """What a reader has to know of a pass: of one that only let the packet by, the rule that said so."""
    if part.decided and not (part.refused or part.translated):
        return [part.last]
    return part.notable()


def _event(hop: Hop, step: Event) -> Stage:
    place = step.at.removeprefix("edge:")
    changed = changes(step)
    action = changed or step.action
    packet = step.before.packet
    # what is done with the port that was dialled is the same thing done, whatever the port
    says = changed or step.action.replace(f"{packet.protocol}/{packet.dport}", "its port")
    return Stage(f"{hop.kind} {place}", f"{place} {says}", hop.where, step.at, place, action, step=step)


def _walked(hop: Hop, part: Pass, step: Walked) -> Stage:
    chain = role_of(step.chain)
    place = f"{step.table}:{chain}:{step.number}" if step.kind == "rule" else f"{step.table}:{chain}"
    if step.rule is None or step.meaning is None:
        action = action_words(step)
        return Stage(f"{hop.kind} {place} {action}", action, hop.where, step.at, place, action, step=step)
    target, kind = step.meaning.target, step.action.partition(" ")[0]
    action, does = step.action, step.action
    if isinstance(target, Jump):
        does = action = f"{kind} {role_of(target.chain)}"
    elif isinstance(target, MarkTarget):
        does = action = action_words(step)
        kind = "mark"
    elif step is part.last and part.nat is not None:
        before, after = part.nat.before.packet, part.nat.after.packet
        action = action_words(step, part.nat)
        does = f"{kind} to {after.src if after.src != before.src else after.destination}"
    matched = conditions_text(step.conditions())
    return Stage(
        role=f"{hop.kind} {step.table}:{chain} {kind if kind != 'jump' else action}",
        says=f"{place} {does} {step.chance or ''}" + ("" if role_of(step.chain) != step.chain else matched),
        where=hop.where,
        at=step.at,
        place=place,
        action=action,
        matched=matched,
        service=service_of(step.rule, step.meaning),
        field=field_of(step.rule, step.meaning),
        step=step,
    )
