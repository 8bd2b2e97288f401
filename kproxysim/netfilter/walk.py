"""Walking chains:

rules in order until one decides. Source: ipt_do_table in net/ipv4/netfilter/ip_tables.c, iptables(8).

A jump remembers where it came from; the end of a chain, and RETURN, go back there. In a base chain both end
in the policy. The walk follows the chain graph of `graph`: which chains there are and where a jump leads is
structure, computed once for a ruleset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from kproxysim.netfilter.chance import Alternative, Chance
from kproxysim.netfilter.condition import Condition, Surroundings, Unmodelled
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.syntax import Parsed, Target
from kproxysim.netfilter.targets.mark import MarkTarget
from kproxysim.netfilter.targets.nat import MasqueradeTarget, NatTarget
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.verdict import Accept, Drop, Jump, Return, UnknownTarget

__all__ = ["Missed", "Sink", "Verdict", "Walked", "walk_chain"]


@dataclass(frozen=True, slots=True)
class Missed:
    """A rule that was passed over: its number from 1 and what failed first."""

    number: int
    rule: Rule
    meaning: Parsed
    skb: Skb
    host: Surroundings
    drawn_out: bool = False

    def conditions(self) -> list[Condition]:
        """All its conditions, as they were for this packet."""
        found = self.meaning.conditions(self.skb, self.host)
        if self.drawn_out:
            found = [
                Condition(one.field, one.wanted, "not drawn", False) if one.field == "statistic" else one
                for one in found
            ]
        return found


@dataclass(frozen=True, slots=True)
class Walked:
    """One event of a walk: a rule that matched, the end of a chain, or a policy.

    `kind` is "rule", "return" (the implicit one at a chain's end) or "policy"; `number` counts from 1 as the
    kernel's TRACE does (for the end of a chain: rules + 1). `before` and `after` differ where the target
    changed the packet. `missed` are the rules passed over since the last event in this chain. `chance` is the
    fraction of the draw that let the rule match.
    """

    table: str
    chain: str
    kind: str
    number: int
    before: Skb
    after: Skb
    host: Surroundings
    rule: Rule | None = None
    meaning: Parsed | None = None
    action: str = ""
    missed: tuple[Missed, ...] = ()
    chance: Fraction | None = None

    @property
    def at(self) -> str:
        """`nat:KUBE-SERVICES:rule:4`, in the kernel's own spelling."""
        return f"{self.table}:{self.chain}:{self.kind}:{self.number}"

    def conditions(self) -> list[Condition]:
        """The conditions of the rule that matched; empty for the end of a chain."""
        return [] if self.meaning is None else self.meaning.conditions(self.before, self.host)


Sink = Callable[[Walked], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a table decided: "ACCEPT", "DROP", or a target that the caller has to carry out (REJECT, NAT)."""

    name: str
    skb: Skb
    target: Target | None = None
    rule: Rule | None = None
    at: str = ""


def walk_chain(
    graph: ChainGraph, table: str, base: str, skb: Skb, host: Surroundings, chance: Chance, sink: Sink
) -> Verdict:
    """Send `skb` through base chain `base` of `table`. Raises `Unmodelled` where something unknown decides."""
    chain = graph.chain(table, base)
    position = 0
    missed: list[Missed] = []
    stack: list[tuple[str, int]] = []
    while True:
        if position == len(chain.rules):
            if not stack:
                sink(
                    Walked(
                        table,
                        base,
                        "policy",
                        position + 1,
                        skb,
                        skb,
                        host,
                        action=chain.policy or "ACCEPT",
                        missed=tuple(missed),
                    )
                )
                return Verdict(chain.policy or "ACCEPT", skb, at=f"{table}:{base}:policy:{position + 1}")
            sink(
                Walked(
                    table,
                    chain.name,
                    "return",
                    position + 1,
                    skb,
                    skb,
                    host,
                    action="RETURN",
                    missed=tuple(missed),
                )
            )
            missed = []
            name, position = stack.pop()
            chain = graph.chain(table, name)
            continue
        rule, meaning = chain.rules[position]
        position += 1
        for match in meaning.checks:
            if not match.holds(skb, host):
                missed.append(Missed(position, rule, meaning, skb, host))
                break
        else:
            drawn = None
            if meaning.draw is not None:
                drawn = _draw(meaning, rule, chance)
                if drawn is None:
                    missed.append(Missed(position, rule, meaning, skb, host, drawn_out=True))
                    continue
            target = meaning.target
            after = skb.with_mark(target.apply(skb.mark)) if isinstance(target, MarkTarget) else skb
            if isinstance(target, UnknownTarget):
                raise Unmodelled(f"target {target.name!r}")
            sink(
                Walked(
                    table,
                    chain.name,
                    "rule",
                    position,
                    skb,
                    after,
                    host,
                    rule,
                    meaning,
                    _action(target),
                    tuple(missed),
                    drawn,
                )
            )
            missed = []
            at = f"{table}:{chain.name}:rule:{position}"
            skb = after
            if isinstance(target, Jump):
                if not target.goto:
                    stack.append((chain.name, position))
                chain = graph.chain(table, target.chain)
                position = 0
            elif isinstance(target, Return):
                if not stack:
                    return Verdict(chain.policy or "ACCEPT", skb, rule=rule, at=at)
                name, position = stack.pop()
                chain = graph.chain(table, name)
            elif isinstance(target, Accept):
                return Verdict("ACCEPT", skb, rule=rule, at=at)
            elif isinstance(target, Drop):
                return Verdict("DROP", skb, rule=rule, at=at)
            elif isinstance(target, RejectTarget):
                return Verdict("REJECT", skb, target, rule, at)
            elif isinstance(target, NatTarget | MasqueradeTarget):
                return Verdict("NAT", skb, target, rule, at)


def _draw(meaning: Parsed, rule: Rule, chance: Chance) -> Fraction | None:
    """The fraction of a draw that was won, or None if it was lost."""
    draw = meaning.draw
    assert draw is not None
    meant, kernel = (1 - draw.meant, 1 - draw.kernel) if draw.negated else (draw.meant, draw.kernel)
    if kernel in (0, 1):
        return meant if kernel else None
    won = chance.choose(
        (Alternative(str(rule), meant, kernel), Alternative(f"not {rule}", 1 - meant, 1 - kernel))
    )
    return meant if won == 0 else None


def _action(target: Target | None) -> str:
    if target is None:
        return "count"
    if isinstance(target, Jump):
        return f"{'goto' if target.goto else 'jump'} {target.chain}"
    return target.save()
