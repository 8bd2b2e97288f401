"""The tables of one node: those that kube-proxy wrote or somebody gave, ready for packets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from kproxysim.netfilter.family import family_of
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family

__all__ = ["FAMILIES", "NodeRules", "flushed", "restored"]

FAMILIES: dict[int, Family] = {4: "ipv4", 6: "ipv6"}


class NodeRules:
    """The rules of one node at one time. They never change: a node whose rules change gets others.

    `first` makes the rules of a family that nobody has asked for yet; None where the node has none.
    """

    __slots__ = ("_first", "_graphs")

    def __init__(self, first: Callable[[Family], Ruleset | None]) -> None:
        self._first = first
        self._graphs: dict[int, ChainGraph | None] = {}

    def graph(self, version: int) -> ChainGraph | None:
        """The chains of a family (4 or 6), None where the node has none."""
        try:
            return self._graphs[version]
        except KeyError:
            ruleset = self._first(FAMILIES[version])
            graph = self._graphs[version] = None if ruleset is None else ChainGraph(ruleset)
            return graph

    def ruleset(self, family: Family) -> Ruleset:
        """The tables of a family, empty ones where the node has none."""
        graph = self.graph(4 if family == "ipv4" else 6)
        return Ruleset(family) if graph is None else graph.ruleset

    def is_ready(self, version: int) -> bool:
        """Has somebody asked for this family?"""
        return version in self._graphs

    def after(
        self, written: Mapping[Family, Ruleset], first: Callable[[Family], Ruleset | None] | None = None
    ) -> NodeRules:
        """The rules after some families were written anew. `first` counts for those nobody asked for yet."""
        other = NodeRules(first or self._first)
        other._graphs = dict(self._graphs)
        for family, ruleset in written.items():
            version = 4 if family == "ipv4" else 6
            other._graphs[version] = ChainGraph(ruleset, self._graphs.get(version))
        return other


def flushed(ruleset: Ruleset) -> Ruleset:
    """The tables after `iptables -F` and `iptables -X` in each: base chains without rules, policies kept."""
    other = Ruleset(ruleset.family)
    for name, table in ruleset.tables.items():
        chains = other.table(name).chains
        for chain in table.chains.values():
            if chain.policy is not None:
                chains[chain.name] = replace(chain, rules=())
    return other


def restored(
    rules: NodeRules, text: str, family: Family | None, *, noflush: bool, name: str = "<rules>"
) -> Ruleset:
    """The tables of one family after `iptables-restore` read a text.

    Raises InputError with every line that iptables would refuse.
    """
    after = rules.ruleset(family or family_of(text)).copy()
    after.restore(text, noflush=noflush, name=name)
    return after
