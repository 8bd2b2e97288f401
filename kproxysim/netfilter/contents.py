"""The chains of one table while commands change them: what each statement of a restore text does.

Sources: iptables-restore(8), iptables(8), libiptc/libiptc.c, iptables/nft.c. That a statement can be carried
out is made sure of where the text is read (`dump`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kproxysim.netfilter.rule import Chain, Rule
from kproxysim.netfilter.script import (
    Declare,
    Delete,
    Family,
    Flush,
    Insert,
    Remove,
    Rename,
    Replace,
    Section,
    Statement,
)
from kproxysim.netfilter.syntax import parsed
from kproxysim.netfilter.targets.verdict import Jump

__all__ = ["Contents", "found_at"]


class Contents:
    """Rules and policy of each chain by name, in the order of the chains."""

    __slots__ = ("_before", "_family", "policies", "rules")

    def __init__(self, chains: Iterable[Chain], family: Family) -> None:
        self._family: Family = family
        self._before: dict[str, Chain] = {}
        self.rules: dict[str, list[Rule]] = {}
        self.policies: dict[str, str | None] = {}
        for chain in chains:
            self._before[chain.name] = chain
            self.rules[chain.name] = list(chain.rules)
            self.policies[chain.name] = chain.policy

    def chains(self) -> dict[str, Chain]:
        """The chains as values; one that holds the same rules as before is the same value."""
        return {name: self._chain(name, tuple(rules)) for name, rules in self.rules.items()}

    def _chain(self, name: str, rules: tuple[Rule, ...]) -> Chain:
        before, policy = self._before.get(name), self.policies[name]
        if before is not None and before.rules == rules and before.policy == policy:
            return before
        return Chain(name, policy, rules)

    def carry_out_all(self, section: Section) -> None:
        """A whole section, declarations first."""
        for name, policy in section.declared.items():
            self._declare(name, policy)
        for statement in section.statements:
            self.carry_out(statement)

    def carry_out(self, statement: Statement) -> None:
        """One statement. Raises KeyError or IndexError for what is not there."""
        if isinstance(statement, Rule):
            self.rules[statement.chain].append(statement)
        elif isinstance(statement, Insert):
            self.rules[statement.rule.chain].insert(statement.position - 1, statement.rule)
        elif isinstance(statement, Replace):
            self.rules[statement.rule.chain][statement.position - 1] = statement.rule
        elif isinstance(statement, Remove):
            del self.rules[statement.chain][statement.position - 1]
        elif isinstance(statement, Declare):
            self._declare(statement.chain, statement.policy)
        elif isinstance(statement, Flush):
            self.rules[statement.chain].clear()
        elif isinstance(statement, Delete):
            del self.rules[statement.chain]
            del self.policies[statement.chain]
        else:
            self._rename(statement)

    def position_of(self, rule: Rule) -> int | None:
        """Where in its chain the first rule stands that says the same, counted from 1."""
        wanted = parsed(rule, self._family).save()
        rules = self.rules[rule.chain]
        places = (place for place, one in enumerate(rules, 1) if parsed(one, self._family).save() == wanted)
        return next(places, None)

    def _declare(self, name: str, policy: str | None) -> None:
        if self.policies.get(name) is None:
            self.rules[name] = []
            self.policies[name] = policy
        elif policy is not None:
            self.policies[name] = policy

    def _rename(self, statement: Rename) -> None:
        old, new = statement.old, statement.new
        self.policies = {new if name == old else name: policy for name, policy in self.policies.items()}
        self.rules = {
            new if name == old else name: [self._renamed(rule, old, new) for rule in rules]
            for name, rules in self.rules.items()
        }

    def _renamed(self, rule: Rule, old: str, new: str) -> Rule:
        meaning = parsed(rule, self._family)
        target = meaning.target
        chain = new if rule.chain == old else rule.chain
        if isinstance(target, Jump) and target.chain == old:
            meaning = replace(meaning, target=Jump(new, target.goto))
            return Rule(chain, meaning.save(), rule.origin, rule.line, meaning)
        return rule if chain == rule.chain else Rule(chain, rule.text, rule.origin, rule.line, meaning)


def found_at(line: int, chains: Iterable[Chain], family: Family) -> Iterator[Chain]:
    """Chains as a text comes to them: what is said of their rules is said at that line."""
    for chain in chains:
        rules = (Rule(one.chain, one.text, one.origin, line, parsed(one, family)) for one in chain.rules)
        yield Chain(chain.name, chain.policy, tuple(rules))
