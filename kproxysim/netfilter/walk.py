"""Walking chains:

rules in order until one decides. Source: ipt_do_table in net/ipv4/netfilter/ip_tables.c, iptables(8).

A jump remembers where it came from; the end of a chain, and RETURN, go back there. In a base chain both end
in the policy. The walk follows the chain graph of `graph`: which chains there are and where a jump leads is
structure, computed once for a ruleset.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from kproxysim.netfilter.chance import Chance
from kproxysim.netfilter.condition import Condition, Match, Surroundings, Unmodelled
from kproxysim.netfilter.graph import ChainGraph, ReadyChain
from kproxysim.netfilter.meaning import Draw, Parsed, Target
from kproxysim.netfilter.position import Lot, Position
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.skb import Skb
from kproxysim.notebook import html_of
from kproxysim.reading import reading

if TYPE_CHECKING:
    from kproxysim.netfilter.renaming import Renaming

__all__ = ["Met", "Missed", "Sink", "Verdict", "Walked", "walk_chain"]


class Missed(NamedTuple):
    """A rule that was passed over.

    Where it was not by the packet alone, `lost` is the match that decided, and `noted` are the conditions as
    they were then if asking again might find other lists and counters.
    """

    position: Position
    skb: Skb
    host: Surroundings
    lost: Match | None = None
    noted: tuple[Condition, ...] = ()

    @property
    def number(self) -> int:
        """Of the rule in its chain, from 1."""
        return self.position.number

    @property
    def rule(self) -> Rule:
        """The rule as it was written."""
        assert self.position.rule is not None
        return self.position.rule

    @property
    def meaning(self) -> Parsed:
        """What it says."""
        assert self.position.meaning is not None
        return self.position.meaning

    @property
    def drawn_out(self) -> bool:
        """Did chance, or a rate that is not known, decide?"""
        return isinstance(self.lost, Draw)

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


class Met(NamedTuple):
    """What a walk notes of one place that a packet came to."""

    position: Position
    before: Skb
    after: Skb
    host: Surroundings
    missed: tuple[Missed, ...] = ()
    chance: Fraction | None = None
    noted: tuple[Condition, ...] = ()


class _Walked(NamedTuple):
    recorded: Met
    renaming: Renaming | None = None


class Walked(_Walked):
    """One event of a walk: a rule that matched, the end of a chain, or a policy.

    What was recorded may be of another packet that went the same way: then `renaming` puts this one's numbers
    into it.
    """

    __slots__ = ()

    position: Position = reading("recorded.position")
    """Where."""
    host: Surroundings = reading("recorded.host")
    """What the host knew."""
    chance: Fraction | None = reading("recorded.chance")
    """The fraction of the draw that let the rule match."""
    noted: tuple[Condition, ...] = reading("recorded.noted")
    """The rule's conditions where asking them again would not give the same answer."""

    table: str = reading("recorded.position.table")
    """The table's name."""
    chain: str = reading("recorded.position.chain")
    """The chain's name."""
    kind: str = reading("recorded.position.kind")
    """What it is: "rule", "return" (the implicit one at a chain's end) or "policy"."""
    number: int = reading("recorded.position.number")
    """Counted from 1 as the kernel's TRACE does (for the end of a chain: rules + 1)."""
    at: str = reading("recorded.position.at")
    """`nat:KUBE-SERVICES:rule:4`, in the kernel's own spelling."""
    action: str = reading("recorded.position.action")
    """What the rule does, as iptables writes it."""
    rule: Rule | None = reading("recorded.position.rule")
    """The rule that matched, None for the end of a chain."""
    meaning: Parsed | None = reading("recorded.position.meaning")
    """What the rule says."""

    @property
    def before(self) -> Skb:
        """The packet as it came here."""
        before = self.recorded.before
        return before if self.renaming is None else self.renaming.skb(before)

    @property
    def after(self) -> Skb:
        """The packet as it went on: another one where the target changed it."""
        after = self.recorded.after
        return after if self.renaming is None else self.renaming.skb(after)

    @property
    def missed(self) -> tuple[Missed, ...]:
        """The rules passed over since the last event in this chain."""
        if self.renaming is None:
            return self.recorded.missed
        skb = self.renaming.skb
        return tuple(
            [
                Missed(one.position, skb(one.skb), one.host, one.lost, one.noted)
                for one in self.recorded.missed
            ]
        )

    def conditions(self) -> list[Condition]:
        """The conditions of the rule that matched; empty for the end of a chain."""
        if self.noted or self.position.meaning is None:
            return list(self.noted)
        return self.position.meaning.conditions(self.before, self.host)

    def _repr_html_(self) -> str | None:
        return html_of(self)


Sink = Callable[[Walked], None]

_ONE = Fraction(1)


class Verdict(NamedTuple):
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
        "base", "chain", "chance", "graph", "host", "missed", "noted", "passed", "sink", "skb", "stack",
        "table",
    )  # fmt: skip

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
        self.passed = 0
        self.missed: list[Missed] = []
        self.noted: tuple[Condition, ...] = ()
        self.stack: list[tuple[ReadyChain, int]] = []

    def run(self) -> Verdict:
        """Rule after rule until one decides; a rule is passed over at its first condition that fails."""
        while True:
            found = self._next()
            verdict = self._end_of_chain() if found is None else self._carry_out(*found)
            if verdict is not None:
                return verdict

    def _next(self) -> tuple[Position, Fraction] | None:
        """The next rule of this chain that matches, with the fraction of its draws (1 for a rule without)."""
        skb, host, rules = self.skb, self.host, self.chain.rules
        while self.passed < len(rules):
            position = rules[self.passed]
            self.passed += 1
            meaning = position.meaning
            assert meaning is not None
            if meaning.ordered:
                drawn = self._match_in_order(position, meaning)
                if drawn is not None:
                    return position, drawn
                continue
            for match in meaning.checks:
                if not match.holds(skb, host):
                    self.missed.append(Missed(position, skb, host))
                    break
            else:
                return position, _ONE
        return None

    def _match_in_order(self, position: Position, meaning: Parsed) -> Fraction | None:
        """A rule whose matches chance decides, or that change something when they are asked; None if it is
        passed over.
        """
        # what asking would change must be noted before; the rest is worked out when a report wants it
        self.noted = tuple(meaning.conditions(self.skb, self.host)) if meaning.has_effect else ()
        share = _ONE
        lots = iter(position.lots)
        for match in meaning.ordered:
            drawn: Fraction | None
            if isinstance(match, Draw):
                drawn = _draw(next(lots), self.chance)
            else:
                drawn = _ONE if match.holds(self.skb, self.host) else None
            if drawn is None:
                self.missed.append(Missed(position, self.skb, self.host, match, self.noted))
                return None
            share = drawn if share is _ONE else share * drawn
        return share

    def _carry_out(self, position: Position, drawn: Fraction) -> Verdict | None:
        """Do what the target says. A verdict if that ends the table for this packet."""
        meaning, before = position.meaning, self.skb
        assert meaning is not None
        target = meaning.target
        if target is not None and target.then == "goes-on":
            self.skb = after = target.carried_out(before)
            if after.flow is not before.flow and after.flow is not None and after.flow.connection is not None:
                self.host.update(after.flow.connection)
        elif target is not None and target.then == "unknown":
            raise Unmodelled(f"target {target.name!r}")
        noted = self.noted if meaning.ordered else ()
        self._tell(position, before, None if meaning.draw is None else drawn, noted)
        if target is None or target.then == "goes-on":
            return None
        if target.then == "jumps":
            if not target.goto:
                self.stack.append((self.chain, self.passed))
            self.chain, self.passed = self.graph.chain(self.table, target.chain), 0
            return None
        if target.then == "returns":
            return self._go_back(position.rule)
        if target.then == "ends":
            return Verdict(target.name, self.skb, None, position.rule, position.at)
        name = "REJECT" if target.then == "rejects" else "NAT"
        return Verdict(name, self.skb, target, position.rule, position.at)

    def _end_of_chain(self) -> Verdict | None:
        if self.stack:
            self._tell(self.chain.end, self.skb)
        return self._go_back(None)

    def _go_back(self, rule: Rule | None) -> Verdict | None:
        """To the caller, behind the rule that jumped; without one, as in a base chain, to its policy."""
        if self.stack:
            self.chain, self.passed = self.stack.pop()
            return None
        policy = self.graph.chain(self.table, self.base).policy  # a goto may have led elsewhere
        self._tell(policy, self.skb)
        return Verdict(policy.action, self.skb, None, rule, policy.at)

    def _tell(
        self,
        position: Position,
        before: Skb,
        chance: Fraction | None = None,
        noted: tuple[Condition, ...] = (),
    ) -> None:
        missed, self.missed = tuple(self.missed), []
        self.sink(Walked(Met(position, before, self.skb, self.host, missed, chance, noted)))


def _draw(lot: Lot, chance: Chance) -> Fraction | None:
    """The fraction of a draw that was won, or None if it was lost."""
    meant, kernel = lot.ways[0].meant, lot.ways[0].kernel
    if kernel in (0, 1):
        return meant if kernel else None
    return meant if chance.choose(lot.ways) == 0 else None
