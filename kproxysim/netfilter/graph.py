"""The structure of a ruleset as a networkx graph: chains are nodes, jumps are edges that carry their rules.

A trace is a path in this graph, and questions of structure are graph questions: which chains nothing leads
to, whether jumps run in a circle, what a drawing looks like. Per-rule work stays in tuples; the graph holds
what changes only when rules change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.position import Position
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.tables import BASE_CHAINS, HOOK_ORDER
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.tracked import asks_for_tracking
from kproxysim.values import dataclass

if TYPE_CHECKING:
    import networkx as nx

    ChainNode = tuple[str, str]

__all__ = ["ChainGraph", "ReadyChain"]


@dataclass(frozen=True, slots=True)
class ReadyChain:
    """A chain ready to be walked: its rules, the return behind the last of them, and its policy.

    A chain of the user's has the return in the place of a policy.
    """

    name: str
    rules: tuple[Position, ...]
    end: Position
    policy: Position


class ChainGraph:
    """The chains of one ruleset, as structure. Made once for a ruleset that no longer changes.

    `before` is the graph of the rules that stood here earlier: chains that are still the same stay ready.
    """

    __slots__ = ("_busy", "_ready", "_tracks", "ruleset")

    def __init__(self, ruleset: Ruleset, before: ChainGraph | None = None) -> None:
        self.ruleset = ruleset
        self._ready: dict[tuple[str, str], ReadyChain] = {}
        self._busy: dict[tuple[str, bool], tuple[str, ...]] = {}
        self._tracks: bool | None = None
        if before is not None:
            before.hand_on(self)

    def chain(self, table: str, name: str) -> ReadyChain:
        """A chain with the meaning of its rules. Raises KeyError for a chain that does not exist."""
        ready = self._ready.get((table, name))
        if ready is None:
            chain = self.ruleset.tables[table].chains[name]
            rules = tuple(
                Position.of(table, rule, number, self.ruleset.meaning(rule))
                for number, rule in enumerate(chain.rules, 1)
            )
            end = Position.behind(table, name, len(rules))
            policy = end if chain.policy is None else Position.behind(table, name, len(rules), chain.policy)
            ready = self._ready[(table, name)] = ReadyChain(name, rules, end, policy)
        return ready

    def hand_on(self, following: ChainGraph) -> None:
        """What stands ready for chains that the following rules have as well need not be made again."""
        for place, ready in self._ready.items():
            if following.ruleset.chain(*place) is self.ruleset.chain(*place):
                following._ready[place] = ready

    @property
    def tracks(self) -> bool:
        """Does a rule ask the kernel to track connections?"""
        if self._tracks is None:
            self._tracks = asks_for_tracking(self.ruleset)
        return self._tracks

    def busy_tables(self, hook: str, *, tracked: bool) -> tuple[str, ...]:
        """What has something to say at `hook`, in the kernel's order: tables with a rule there or a policy
        other than ACCEPT, and where connections are `tracked` what needs no rule ("conntrack", and "nat" for
        what is decided already). Without that nothing is nat's.
        """
        known = self._busy.get((hook, tracked))
        if known is None:
            known = self._busy[(hook, tracked)] = tuple(
                table
                for table in HOOK_ORDER[hook]
                if (tracked if table in ("conntrack", "nat") else self.has_rules(table, hook))
            )
        return known

    def has_rules(self, table: str, base: str) -> bool:
        """Is there anything at this hook in this table: a rule, or a policy other than ACCEPT?"""
        chain = self.ruleset.chain(table, base)
        return chain is not None and (bool(chain.rules) or chain.policy == "DROP")

    def cut(self, cuts: Cuts) -> None:
        """What the rules of all chains tell apart; those for which ranges are not all there is are named."""
        for table in self.ruleset.tables.values():
            for name in table.chains:
                for position in self.chain(table.name, name).rules:
                    if position.meaning is not None and not position.meaning.cut(cuts):
                        cuts.exact.add(position)

    def to_networkx(self) -> nx.MultiDiGraph[tuple[str, ...]]:
        """Hooks, tables and chains as nodes; the order of hooks and the jumps as edges.

        Nodes are ("hook", NAME) and (TABLE, CHAIN). Edges from a hook carry `order`, jumps carry `rule` and
        `number`.
        """
        import networkx as nx

        graph: nx.MultiDiGraph[tuple[str, ...]] = nx.MultiDiGraph()
        for hook, tables in HOOK_ORDER.items():
            for order, name in enumerate(tables):
                if name in self.ruleset.tables and hook in BASE_CHAINS[name]:
                    graph.add_edge(("hook", hook), (name, hook), kind="hook", order=order)
        for table in self.ruleset.tables.values():
            for chain in table.chains.values():
                graph.add_node((table.name, chain.name), policy=chain.policy, rules=len(chain.rules))
                for position in self.chain(table.name, chain.name).rules:
                    target = position.meaning.target if position.meaning is not None else None
                    if isinstance(target, Jump):
                        graph.add_edge(
                            (table.name, chain.name),
                            (table.name, target.chain),
                            kind="jump",
                            rule=position.rule,
                            number=position.number,
                        )
        return graph

    def dead_chains(self) -> list[tuple[str, str]]:
        """Chains that no packet can enter, sorted: nothing leads there from a hook."""
        import networkx as nx

        graph = self.to_networkx()
        alive: set[tuple[str, ...]] = set()
        for node in graph:
            if node[0] == "hook":
                alive |= nx.descendants(graph, node)
        return sorted((node[0], node[1]) for node in graph if node[0] != "hook" and node not in alive)
