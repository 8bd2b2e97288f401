"""Where a walk may stand: at a rule, behind a chain's last one, or at a base chain's policy.

What is the same for every packet that comes there is worked out once: the kernel's name of the place, what
follows in a word, the ways of a draw.
"""

from __future__ import annotations

from kproxysim.netfilter.chance import Alternative
from kproxysim.netfilter.meaning import Draw, Parsed, Target
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.values import dataclass

__all__ = ["Lot", "Position"]


@dataclass(frozen=True, slots=True)
class Lot:
    """A draw as it stands in a rule: with the first of two ways `match` holds, with the second it fails."""

    match: Draw
    ways: tuple[Alternative, Alternative]

    @classmethod
    def of(cls, draw: Draw, rule: Rule) -> Lot:
        """The draw of a rule, called by what it says or else by the rule."""
        meant, kernel = (1 - draw.meant, 1 - draw.kernel) if draw.negated else (draw.meant, draw.kernel)
        holds, fails = draw.says
        return cls(
            draw,
            (
                Alternative(holds or str(rule), meant, kernel),
                Alternative(fails or f"not {rule}", 1 - meant, 1 - kernel),
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """One place in a chain.

    `kind` is "rule", "return" (the implicit one at a chain's end) or "policy"; `number` counts from 1 as the
    kernel's TRACE does (for the end of a chain: rules + 1). `at` is the place in the kernel's own spelling,
    `action` what the rule does, as iptables writes it. `lots` are the rule's draws.
    """

    table: str
    chain: str
    kind: str
    number: int
    at: str
    action: str
    rule: Rule | None = None
    meaning: Parsed | None = None
    lots: tuple[Lot, ...] = ()

    @classmethod
    def of(cls, table: str, rule: Rule, number: int, meaning: Parsed) -> Position:
        """A rule, the `number`th of its chain."""
        lots = tuple(Lot.of(match, rule) for match in meaning.ordered if isinstance(match, Draw))
        at = f"{table}:{rule.chain}:rule:{number}"
        return cls(table, rule.chain, "rule", number, at, _action(meaning.target), rule, meaning, lots)

    @classmethod
    def behind(cls, table: str, chain: str, rules: int, policy: str = "") -> Position:
        """Behind a chain of so many rules: its implicit return, or with a `policy` that."""
        kind = "policy" if policy else "return"
        at = f"{table}:{chain}:{kind}:{rules + 1}"
        return cls(table, chain, kind, rules + 1, at, policy or "RETURN")


def _action(target: Target | None) -> str:
    if target is None:
        return "count"
    if isinstance(target, Jump):
        return f"{'goto' if target.goto else 'jump'} {target.chain}"
    return target.save()
