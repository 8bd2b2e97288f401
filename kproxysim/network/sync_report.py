"""What a sync of kube-proxy did to the tables and connections of its node."""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from kproxysim.kubeproxy import Sync
from kproxysim.netfilter.conntrack import Connection
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.values import dataclass

__all__ = ["SyncReport", "Written", "compare"]


@dataclass(frozen=True, slots=True)
class Written:
    """How the tables of a node differ after a sync: numbers of chains and of rules."""

    chains_added: int = 0
    chains_removed: int = 0
    rules_added: int = 0
    rules_removed: int = 0


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What kube-proxy of one node did in one sync of one family.

    - `at`: when, in seconds since the start; `full`: were all chains written, or those of changed Services?
    - `script`: the input of iptables-restore; `ensured`: the calls of iptables before it.
    - `written`: what differs in the tables by that. `failed`: nothing does, as iptables-restore refused the
      text; kube-proxy tries again with all chains after its sync period.
    - `deleted`: the entries of the node's connection table that it had removed.
    """

    node: str
    family: Family
    at: float
    full: bool
    written: Written
    deleted: tuple[Connection, ...]
    failed: bool
    sync: Sync = field(repr=False)

    @property
    def script(self) -> str:
        """The input of iptables-restore, byte for byte."""
        return self.sync.script.to_text()

    @property
    def ensured(self) -> tuple[str, ...]:
        """The calls before it that make chains and jumps, in order."""
        return tuple(str(one) for one in self.sync.ensured)


def compare(before: Ruleset, after: Ruleset) -> Written:
    """What was added to tables, and what removed; a chain that is the same value is not looked at."""
    chains_added = chains_removed = rules_added = rules_removed = 0
    for table in {**before.tables, **after.tables}:
        old = before.tables[table].chains if table in before.tables else {}
        new = after.tables[table].chains if table in after.tables else {}
        chains_added += len(new.keys() - old.keys())
        chains_removed += len(old.keys() - new.keys())
        for name in old.keys() | new.keys():
            one, two = old.get(name), new.get(name)
            if one is not two:
                was = Counter(rule.text for rule in (one.rules if one else ()))
                has = Counter(rule.text for rule in (two.rules if two else ()))
                rules_added += (has - was).total()
                rules_removed += (was - has).total()
    return Written(chains_added, chains_removed, rules_added, rules_removed)
