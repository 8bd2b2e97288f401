"""What a step did to its packet, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.meaning import NatTargets
from kproxysim.netfilter.targets.mark import MarkTarget
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.report.conditions import failed_fields
from kproxysim.report.endings import changes

__all__ = ["action_words", "draw_words", "passed_words", "rules_words"]


def action_words(step: Walked, nat: Event | None = None) -> str:
    """`jump KUBE-SERVICES`, `mark 0x0 -> 0x4000`, `policy DROP`; with `nat`, the rewriting that a rule of nat
    asked for, `DNAT  dst 10.128.0.12:80 -> 10.44.0.5:8080`.
    """
    if step.rule is None or step.meaning is None:
        return f"policy {step.action}" if step.kind == "policy" else "falls off its end"
    target = step.meaning.target
    if isinstance(target, MarkTarget):
        old, new = f"{step.before.mark:#x}", f"{step.after.mark:#x}"
        return f"mark {old} -> {new}" if old != new else f"mark stays {old}"
    if isinstance(target, NatTargets) and nat is not None:
        return f"{step.action.partition(' ')[0]}  {changes(nat) or 'unchanged'}"
    return "counts, no more" if target is None else step.action


def draw_words(step: Walked, *, picked: bool = False) -> str:
    """The fraction of packets that take this rule, if chance had a hand in it.

    `picked` says that the endpoint was asked for by name.
    """
    lost = [one.meaning.draw for one in step.missed if one.drawn_out and one.meaning.draw is not None]
    if step.chance is None and not lost:
        return ""
    share = Fraction(1) if step.chance is None else step.chance
    for draw in lost:
        share *= draw.meant if draw.negated else 1 - draw.meant
    return f"picked by name ({share})" if picked else f"drawn, {share} of the packets"


def passed_words(missed: Sequence[Missed]) -> str:
    """`7 rules passed over (4 other dst, 3 other dport)`."""
    return f"{rules_words(len(missed))} passed over ({failed_fields(missed)})"


def rules_words(count: int) -> str:
    """`1 rule`, `7 rules`."""
    return "1 rule" if count == 1 else f"{count} rules"
