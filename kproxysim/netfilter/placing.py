"""Where rules may stand, and where jumps may lead: what iptables and the kernel check of a whole table.

Sources: net/netfilter/x_tables.c (`xt_check_match`, `xt_check_target`), net/ipv4/netfilter/ip_tables.c
(`mark_source_chains`), nf_tables_api.c (`nft_chain_validate`), iptables/xshared.c (`do_parse`). Where the two
back ends differ, what either of them takes is taken: a dump may come from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import NamedTuple

from kproxysim.netfilter.condition import ANYWHERE, Place
from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
from kproxysim.netfilter.matches.header import DeviceMatch, ProtocolMatch
from kproxysim.netfilter.meaning import Parsed
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets import KERNEL_TARGETS
from kproxysim.netfilter.targets.reject import RejectTarget
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.values import dataclass

__all__ = ["Layout", "Need", "Refused", "needs_of"]

NO_CHAIN_NAMES = frozenset({"ACCEPT", "DROP", "RETURN", "QUEUE"})
"""Names that a chain cannot have: the standard targets."""


class Need(NamedTuple):
    """What a rule needs of its place, and the word in it that does."""

    word: str
    place: Place


class Refused(NamedTuple):
    """A finding: a code, the line it is about, one sentence, the word that is wrong."""

    code: str
    line: int
    message: str
    word: str


def needs_of(meaning: Parsed) -> tuple[Need, ...]:
    """What a rule needs of its place."""
    needs = [
        Need("-i" if match.side == "in" else "-o", _DEVICES[match.side])
        for match in meaning.header
        if isinstance(match, DeviceMatch)
    ]
    for name, match in meaning.extensions:
        extension = MATCHES.get(name)
        if extension is not None:
            needs.append(Need(name, getattr(match, "place", extension.place)))
    target = meaning.target
    if target is not None and not isinstance(target, Jump):
        extension = TARGETS.get(target.name)
        place = KERNEL_TARGETS.get(target.name, ANYWHERE)
        if extension is not None:
            place = getattr(target, "place", extension.place)
        needs.append(Need(target.name, place))
    return tuple(need for need in needs if need.place != ANYWHERE)


_DEVICES = {
    "in": Place.of(hooks="PREROUTING INPUT FORWARD", direct=True),
    "out": Place.of(hooks="FORWARD OUTPUT POSTROUTING", direct=True),
}


def reset_without_tcp(meaning: Parsed) -> bool:
    """`--reject-with tcp-reset` in a rule that does not ask for tcp (`reject_tg_check`)."""
    return (
        isinstance(meaning.target, RejectTarget)
        and meaning.target.answer is None
        and not any(
            isinstance(match, ProtocolMatch) and match.protocol == "tcp" and not match.negated
            for match in meaning.header
        )
    )


@dataclass(slots=True)
class Layout:
    """The rules of one table as far as their place is concerned.

    `jumps` and `needs` keep the line of the first rule for each chain and target, or chain and need.
    """

    table: str
    jumps: dict[str, dict[str, int]] = field(default_factory=dict)
    needs: dict[str, dict[Need, int]] = field(default_factory=dict)

    def add_jump(self, chain: str, target: str, line: int) -> None:
        """A rule of `chain` in `line` jumps to `target`."""
        targets = self.jumps.get(chain)
        if targets is None:
            self.jumps[chain] = {target: line}
        else:
            targets.setdefault(target, line)

    def add_needs(self, chain: str, needs: Iterable[Need], line: int) -> None:
        """A rule of `chain` in `line` has these needs."""
        for need in needs:
            self.needs.setdefault(chain, {}).setdefault(need, line)

    def forget(self, chain: str) -> None:
        """A chain has no rules any more."""
        self.jumps.pop(chain, None)
        self.needs.pop(chain, None)

    def callers(self, chain: str) -> list[str]:
        """The chains with a rule that jumps to this one."""
        return [caller for caller, targets in self.jumps.items() if chain in targets]

    def refused(self) -> Iterator[Refused]:
        """What the kernel refuses of this table."""
        for needs in self.needs.values():
            for need, line in needs.items():
                tables = need.place.tables
                if tables is not None and self.table not in tables:
                    where = " or ".join(sorted(tables)) if len(tables) < 3 else f"table {self.table}"
                    says = f"works in table {where} only" if len(tables) < 3 else f"does not work in {where}"
                    yield Refused("KPS505", line, f"{need.word} {says}", need.word)
        circle = self._circle()
        if circle is not None:
            yield circle
        else:
            yield from self._out_of_place()

    def _out_of_place(self) -> Iterator[Refused]:
        hooks = self._hooks()
        for chain, needs in self.needs.items():
            for need, line in needs.items():
                tables, allowed = need.place.tables, need.place.hooks
                if tables is not None and self.table not in tables:
                    continue  # which is said already
                if allowed is None or (need.place.direct and chain not in BASE_CHAINS[self.table]):
                    continue
                wrong = sorted(hooks.get(chain, frozenset()) - allowed)
                if wrong:
                    way = "" if chain in BASE_CHAINS[self.table] else f", from which chain {chain} is reached"
                    yield Refused("KPS505", line, f"{need.word} does not work in {wrong[0]}{way}", need.word)

    def _reached(self, start: str) -> list[str]:
        found, waiting = {start: None}, [start]
        while waiting:
            for target in self.jumps.get(waiting.pop(), ()):
                if target not in found:
                    found[target] = None
                    waiting.append(target)
        return list(found)

    def _hooks(self) -> Mapping[str, set[str]]:
        """The base chains from which each chain can be reached."""
        hooks: dict[str, set[str]] = {}
        for base in BASE_CHAINS[self.table]:
            for chain in self._reached(base):
                hooks.setdefault(chain, set()).add(base)
        return hooks

    def _circle(self) -> Refused | None:
        """Chains that call each other in a circle that a packet can enter; others do no harm."""
        alive = {chain for base in BASE_CHAINS[self.table] for chain in self._reached(base)}
        callers = dict.fromkeys(alive, 0)
        for chain in alive:
            for target in self.jumps.get(chain, ()):
                callers[target] += 1
        free = [chain for chain, count in callers.items() if not count]
        while free:
            chain = free.pop()
            del callers[chain]
            for target in self.jumps.get(chain, ()):
                callers[target] -= 1
                if not callers[target]:
                    free.append(target)
        return self._name_circle(set(callers)) if callers else None

    def _name_circle(self, left: set[str]) -> Refused:
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_edges_from(
            (chain, target)
            for chain in sorted(left)
            for target in self.jumps.get(chain, ())
            if target in left
        )
        edges = nx.find_cycle(graph)
        line, target = max((self.jumps[chain][target], target) for chain, target in edges)
        way = " -> ".join([edges[0][0], *(target for _, target in edges)])
        return Refused("KPS503", line, f"chains call each other in a circle: {way}", target)
