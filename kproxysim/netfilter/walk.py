"""Walking chains:

rules in order until one decides. Source: ipt_do_table in net/ipv4/netfilter/ip_tables.c, iptables(8).

A jump remembers where it came from; the end of a chain, and RETURN, go back there. In a base chain both end
in the policy. The walk follows the chain graph of `graph`: which chains there are and where a jump leads is
structure, computed once for a ruleset.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from kproxysim.netfilter.chance import Alternative, Chance
from kproxysim.netfilter.condition import Condition, Match, Surroundings, Unmodelled
from kproxysim.netfilter.graph import ChainGraph, ReadyChain
from kproxysim.netfilter.meaning import Draw, NatTargets, Parsed, Passing, Target
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.tproxy import TproxyTarget
from kproxysim.netfilter.targets.verdict import Accept, Drop, Jump, Return, UnknownTarget
from kproxysim.values import dataclass

__all__ = ["Missed", "Sink", "Undecided", "Verdict", "Walked", "walk_chain"]


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
        return self.meaning.conditions(self.skb, self.host)


@dataclass(frozen=True, slots=True)
class Undecided(Missed):
    """A rule that was passed over though not by the packet alone: `lost` is the match that decided, `noted`
    the conditions as they were then if asking again might find other lists and counters.
    """

    lost: Match | None = None
    noted: tuple[Condition, ...] = ()

    def conditions(self) -> list[Condition]:
        """All its conditions, as they were for this packet."""
        found = list(self.noted) or self.meaning.conditions(self.skb, self.host)
        said = getattr(self.lost, "lost", "")
        if not said or self.lost is None:
            return found
        return [
            Condition(one.field, one.wanted, said, False) if one.field == self.lost.field else one
            for one in found
        ]


@dataclass(frozen=True, slots=True)
class Walked:
    """One event of a walk: a rule that matched, the end of a chain, or a policy.

    `kind` is "rule", "return" (the implicit one at a chain's end) or "policy"; `number` counts from 1 as the
    kernel's TRACE does (for the end of a chain: rules + 1). `before` and `after` differ where the target
    changed the packet. `missed` are the rules passed over since the last event in this chain. `chance` is the
    fraction of the draw that let the rule match. `noted` are the rule's conditions where asking them
    again would not give the same answer.
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
    noted: tuple[Condition, ...] = ()

    @property
    def at(self) -> str:
        """`nat:KUBE-SERVICES:rule:4`, in the kernel's own spelling."""
        return f"{self.table}:{self.chain}:{self.kind}:{self.number}"

    def conditions(self) -> list[Condition]:
        """The conditions of the rule that matched; empty for the end of a chain."""
        if self.noted or self.meaning is None:
            return list(self.noted)
        return self.meaning.conditions(self.before, self.host)


Sink = Callable[[Walked], None]

_ONE = Fraction(1)


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
    """Send `skb` through base chain `base` of `table`.

    Raises `Unmodelled` where something unknown decides.
    """
    return _Walk(graph, table, base, skb, host, chance, sink).run()


class _Walk:
    """One packet in one table: where it stands, and how it got there."""

    __slots__ = (
        "base",
        "chain",
        "chance",
        "graph",
        "host",
        "missed",
        "noted",
        "position",
        "sink",
        "skb",
        "stack",
        "table",
    )

    def __init__(
        self,
        graph: ChainGraph,
        table: str,
        base: str,
        skb: Skb,
        host: Surroundings,
        chance: Chance,
        sink: Sink,
    ) -> None:
        self.graph = graph
        self.table = table
        self.base = base
        self.skb = skb
        self.host = host
        self.chance = chance
        self.sink = sink
        self.chain = graph.chain(table, base)
        self.position = 0
        self.missed: list[Missed] = []
        self.noted: tuple[Condition, ...] = ()
        self.stack: list[tuple[ReadyChain, int]] = []

    def run(self) -> Verdict:
        """Rule after rule until one decides; a rule is passed over at its first condition that fails."""
        while True:
            if self.position == len(self.chain.rules):
                verdict = self._end_of_chain()
            else:
                rule, meaning = self.chain.rules[self.position]
                self.position += 1
                drawn = self._match(rule, meaning)
                if drawn is None:
                    continue
                verdict = self._carry_out(rule, meaning, drawn)
            if verdict is not None:
                return verdict

    def _match(self, rule: Rule, meaning: Parsed) -> Fraction | None:
        """None if the rule is passed over, else the fraction of its draws (1 for a rule without)."""
        if meaning.ordered:
            return self._match_in_order(rule, meaning)
        for match in meaning.checks:
            if not match.holds(self.skb, self.host):
                self.missed.append(Missed(self.position, rule, meaning, self.skb, self.host))
                return None
        return _ONE

    def _match_in_order(self, rule: Rule, meaning: Parsed) -> Fraction | None:
        """The same for a rule whose matches chance decides, or that change something when they are asked."""
        # what asking would change must be noted before; the rest is worked out when a report wants it
        self.noted = tuple(meaning.conditions(self.skb, self.host)) if meaning.has_effect else ()
        share = _ONE
        for match in meaning.ordered:
            drawn: Fraction | None
            if isinstance(match, Draw):
                drawn = _draw(match, rule, self.chance)
            else:
                drawn = _ONE if match.holds(self.skb, self.host) else None
            if drawn is None:
                place = (self.position, rule, meaning, self.skb, self.host)
                self.missed.append(Undecided(*place, isinstance(match, Draw), match, self.noted))
                return None
            share *= drawn
        return share

    def _carry_out(self, rule: Rule, meaning: Parsed, drawn: Fraction) -> Verdict | None:
        """Do what the target says. A verdict if that ends the table for this packet."""
        target = meaning.target
        if isinstance(target, UnknownTarget | TproxyTarget):
            raise Unmodelled(f"target {target.name!r}")
        before = self.skb
        if isinstance(target, Passing):
            self.skb = after = target.carried_out(before)
            if after.flow is not before.flow and after.flow is not None and after.flow.connection is not None:
                self.host.update(after.flow.connection)
        chance = None if meaning.draw is None else drawn
        self._tell("rule", before, rule, meaning, _action(target), chance)
        if isinstance(target, Jump):
            if not target.goto:
                self.stack.append((self.chain, self.position))
            self.chain, self.position = self.graph.chain(self.table, target.chain), 0
            return None
        if isinstance(target, Return):
            return self._go_back(rule)
        at = f"{self.table}:{self.chain.name}:rule:{self.position}"
        if isinstance(target, Accept | Drop):
            return Verdict(target.name, self.skb, None, rule, at)
        if isinstance(target, RejectTarget):
            return Verdict("REJECT", self.skb, target, rule, at)
        if isinstance(target, NatTargets):
            return Verdict("NAT", self.skb, target, rule, at)
        return None

    def _end_of_chain(self) -> Verdict | None:
        self.position += 1
        if self.stack:
            self._tell("return", self.skb, None, None, "RETURN", None)
        return self._go_back(None)

    def _go_back(self, rule: Rule | None) -> Verdict | None:
        """To the caller, behind the rule that jumped; without one, as in a base chain, to its policy."""
        if self.stack:
            self.chain, self.position = self.stack.pop()
            return None
        self.chain = self.graph.chain(self.table, self.base)  # a goto may have led elsewhere
        policy = self.chain.policy or "ACCEPT"
        number = len(self.chain.rules) + 1
        self.position = number
        self._tell("policy", self.skb, None, None, policy, None)
        return Verdict(policy, self.skb, None, rule, f"{self.table}:{self.base}:policy:{number}")

    def _tell(
        self,
        kind: str,
        before: Skb,
        rule: Rule | None,
        meaning: Parsed | None,
        action: str,
        chance: Fraction | None,
    ) -> None:
        missed, self.missed = tuple(self.missed), []
        noted = self.noted if meaning is not None and meaning.ordered else ()
        self.sink(
            Walked(
                self.table,
                self.chain.name,
                kind,
                self.position,
                before,
                self.skb,
                self.host,
                rule,
                meaning,
                action,
                missed,
                chance,
                noted,
            )
        )


def _draw(draw: Draw, rule: Rule, chance: Chance) -> Fraction | None:
    """The fraction of a draw that was won, or None if it was lost."""
    meant, kernel = (1 - draw.meant, 1 - draw.kernel) if draw.negated else (draw.meant, draw.kernel)
    if kernel in (0, 1):
        return meant if kernel else None
    holds, fails = draw.says
    won = chance.choose(
        (
            Alternative(holds or str(rule), meant, kernel),
            Alternative(fails or f"not {rule}", 1 - meant, 1 - kernel),
        )
    )
    return meant if won == 0 else None


def _action(target: Target | None) -> str:
    if target is None:
        return "count"
    if isinstance(target, Jump):
        return f"{'goto' if target.goto else 'jump'} {target.chain}"
    return target.save()
