"""A host's steps as a reader takes them in: one pass for each table at each hook, and what in it mattered.

A pass begins in a base chain and ends with a verdict or the policy. A jump matters if something below it
decided the packet's fate or changed the packet; what was looked into and left again without effect is only
counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.meaning import NatTargets, Passing
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.verdict import Accept, Drop, Jump, Return
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.network.trace import Hop
from kproxysim.report.names import role_of
from kproxysim.values import dataclass

__all__ = ["Pass", "passes"]


@dataclass(slots=True)
class Pass:
    """One table at one hook. `nat` is the rewriting that the last rule asked for, if it was one of nat's."""

    table: str
    hook: str
    steps: list[Walked] = field(default_factory=list)
    nat: Event | None = None

    @property
    def last(self) -> Walked:
        """The rule or policy that ended it."""
        return self.steps[-1]

    @property
    def decided(self) -> bool:
        """Did a rule end it, or a policy other than ACCEPT?"""
        last = self.last
        if last.meaning is None:
            return last.kind == "policy" and last.action != "ACCEPT"
        return isinstance(last.meaning.target, Accept | Drop | RejectTarget | NatTargets)

    @property
    def refused(self) -> bool:
        """Did it end the packet's way?"""
        last = self.last
        if last.meaning is None:
            return last.action == "DROP"
        return isinstance(last.meaning.target, Drop | RejectTarget)

    @property
    def translated(self) -> bool:
        """Did a rule of nat decide an address?"""
        return self.last.meaning is not None and isinstance(self.last.meaning.target, NatTargets)

    def missed(self) -> list[Missed]:
        """All rules passed over, in every chain of the pass."""
        return [missed for step in self.steps for missed in step.missed]

    def notable(self) -> list[Walked]:
        """The steps that mattered, in order, with the jumps that led to them.

        That is what decided or changed the packet, a RETURN that was asked for, and the end of a Service's
        own chain: who came there and fell off it hoped for more.
        """
        kept: list[Walked] = []
        stack: list[tuple[Walked, int]] = []
        for step in self.steps:
            if step.meaning is None:
                if step.kind == "return":
                    if role_of(step.chain) != step.chain:
                        kept.append(step)
                    _come_back(stack, kept)
                elif step.action != "ACCEPT":
                    kept.append(step)
                continue
            target = step.meaning.target
            kept.append(step)
            if isinstance(target, Jump):
                if not target.goto:
                    stack.append((step, len(kept)))
            elif isinstance(target, Return):
                _come_back(stack, kept)
            elif target is None and role_of(step.chain) == step.chain:
                kept.pop()
        while stack and not self.decided:
            _come_back(stack, kept)
        return kept


def _come_back(stack: list[tuple[Walked, int]], kept: list[Walked]) -> None:
    """A called chain ended: its jump is forgotten if nothing was kept since."""
    if not stack:
        return
    jump, length = stack.pop()
    if len(kept) == length and kept[-1] is jump:
        kept.pop()


def passes(hop: Hop) -> Iterable[Pass | Event]:
    """The passes of a hop and, between them, what happened outside the rules."""
    current: Pass | None = None
    depth = 0
    for step in hop.steps:
        if isinstance(step, Event):
            belongs = current is not None and current.translated and step.at == "nat"
            if current is not None:
                current.nat = step if belongs else None
                yield current
                current = None
            if not belongs:
                yield step
            continue
        if current is None:
            current, depth = Pass(step.table, step.chain), 0
        current.steps.append(step)
        over, depth = _depth_after(step, depth)
        if over and not current.translated:
            yield current
            current = None
    if current is not None:
        yield current


def _depth_after(step: Walked, depth: int) -> tuple[bool, int]:
    """Whether a step ends its pass, and how many chains are to be gone back to."""
    if step.meaning is None:
        return step.kind == "policy", depth - (step.kind == "return")
    target = step.meaning.target
    if isinstance(target, Jump):
        return False, depth + (not target.goto)
    if isinstance(target, Return):
        return False, max(depth - 1, 0)
    return not (target is None or isinstance(target, Passing)), depth
