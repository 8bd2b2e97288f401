"""The kube-proxies of all nodes over time: which of them run, what they have heard of, what they wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import partial
from math import inf

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.cluster.changes import Change, changes_between
from kproxysim.cluster.models import Node
from kproxysim.errors import InputError
from kproxysim.kubeproxy import NodeEffects, Proxier, compile_rules, node_effects
from kproxysim.kubeproxy.fixed import ensure
from kproxysim.kubeproxy.proxier import HOUR
from kproxysim.netfilter.conntrack import Conntrack
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.network.cleanup import carry_out, listed
from kproxysim.network.edge import Edge
from kproxysim.network.node_rules import FAMILIES, NodeRules
from kproxysim.network.sync_report import SyncReport, compare
from kproxysim.network.topology import uplinks
from kproxysim.values import dataclass

__all__ = ["KubeProxies"]

_LOOPBACK = ("127.0.0.1/8", "::1/128")


@dataclass(slots=True)
class _Node:
    """One node: its rules, and its kube-proxy as far as it was needed.

    `runs`: is there one, and `ran`: has there ever been? `lags`: it gets no news. `seen` are
    the objects that it has heard of. `edited`: others have changed the tables. `due`: when it
    writes without news; `notices`: when it will see that its tables were flushed.
    """

    rules: NodeRules
    seen: Cluster
    runs: bool = True
    ran: bool = True
    lags: bool = False
    edited: bool = False
    started: float = 0.0
    due: float = HOUR
    notices: float = inf
    proxiers: dict[Family, Proxier] = field(default_factory=dict)


class KubeProxies:
    """The rules of all nodes, and who writes them.

    `given` are rules to use on a node instead of those that kube-proxy would write: no kube-proxy runs there
    until it is started. `edge` decides which addresses are on the interfaces of nodes. Rules and kube-proxies
    are made when somebody needs them.
    """

    def __init__(
        self,
        cluster: Cluster,
        given: Mapping[str, tuple[Ruleset, ...]],
        facts: Mapping[str, NodeFacts],
        config: KubeProxyConfiguration | None,
        version: str | None,
        edge: Edge,
    ) -> None:
        self.edge = edge
        self._facts, self._config, self._version = facts, config, version
        self._nodes: dict[str, _Node] = {}
        self._shared = False
        self._found: dict[str, tuple[Node, Edge, NodeFacts]] = {}
        for node in cluster.nodes:
            self._nodes[node.name] = self._made(cluster, node.name, given.get(node.name))

    def fork(self) -> KubeProxies:
        """An independent copy; memories are shared until one of the two changes."""
        other = object.__new__(KubeProxies)
        other.edge = self.edge
        other._facts, other._config, other._version = self._facts, self._config, self._version
        other._nodes = {name: replace(node) for name, node in self._nodes.items()}
        self._shared = other._shared = True
        other._found = dict(self._found)
        return other

    def rules(self, node: str) -> NodeRules:
        """The tables of a node."""
        return self._nodes[node].rules

    def effects(self, node: str) -> NodeEffects:
        """What kube-proxy does to its node beside rules. Settings stay when it ends, its servers do not."""
        one = self._nodes[node]
        if not one.ran:
            return NodeEffects({}, ())
        effects = node_effects(
            one.seen, node, version=self._version, config=self._config, facts=self._seen_at(one.seen, node)
        )
        return effects if one.runs else replace(effects, listening=())

    def heard(self, node: str) -> Cluster | None:
        """The objects that kube-proxy of a node has heard of, None where it was stopped."""
        one = self._nodes[node]
        return one.seen if one.runs or not one.ran else None

    # what happens to them

    def hear(
        self,
        cluster: Cluster,
        changes: Iterable[Change],
        now: float,
        connections: Callable[[str], Conntrack],
    ) -> tuple[SyncReport, ...]:
        """Objects changed, and the cluster is as given now: each kube-proxy that has news writes."""
        self._own()
        changes = tuple(changes)
        reports: list[SyncReport] = []
        for change in changes:
            if isinstance(change.before, Node) and change.after is None:
                self._nodes.pop(change.before.name, None)
            elif isinstance(change.after, Node) and change.before is None:
                name = change.after.name
                self._nodes[name] = self._made(cluster, name, None)
                self._nodes[name].started, self._nodes[name].due = now, now + HOUR
        for name, node in self._nodes.items():
            if not node.runs or node.lags or node.seen is cluster:
                continue
            reports += self._news(name, cluster, changes, now, connections)
        return tuple(reports)

    def stop(self, name: str) -> None:
        """Kube-proxy ends; its rules stay."""
        self._own()
        node = self._nodes[name]
        node.runs = node.lags = False

    def lag(self, name: str) -> None:
        """Kube-proxy gets no news until it is made to sync."""
        self._own()
        self._running(name).lags = True

    def start(
        self, name: str, cluster: Cluster, now: float, connections: Callable[[str], Conntrack]
    ) -> tuple[SyncReport, ...]:
        """Kube-proxy starts, anew if it runs: it knows nothing of before, and writes everything."""
        self._own()
        node = self._nodes[name]
        families = self._families(node)
        node.runs, node.ran, node.lags, node.notices = True, True, False, inf
        node.seen, node.started = cluster, now
        node.proxiers = {family: self._proxier(name, family) for family in families}
        return self._sync(name, now, connections)

    def sync(
        self, name: str, cluster: Cluster, now: float, connections: Callable[[str], Conntrack]
    ) -> tuple[SyncReport, ...]:
        """Kube-proxy hears of everything, if it lagged, and writes."""
        self._own()
        node = self._running(name)
        node.lags = False
        if node.seen is cluster:
            self._awake(name)
            return self._sync(name, now, connections)
        return self._news(name, cluster, changes_between(node.seen, cluster), now, connections)

    def pass_time(self, now: float, connections: Callable[[str], Conntrack]) -> tuple[SyncReport, ...]:
        """It is `now`: what each kube-proxy did in the meantime without news.

        It looks for flushed tables once a sync period, tries a failed restore again after one, and syncs an
        hour after its last sync in any case.
        """
        late = [
            name
            for name, node in self._nodes.items()
            if node.runs and not node.lags and min(node.due, node.notices) <= now
        ]
        if not late:
            return ()
        self._own()
        reports: list[SyncReport] = []
        for name in late:
            node = self._nodes[name]
            while min(node.due, node.notices) <= now:
                proxiers = self._awake(name)
                at = node.due
                if node.notices <= node.due:
                    at, node.notices = node.notices, inf
                    for proxier in proxiers:
                        proxier.request_full_sync()
                reports += self._sync(name, at, connections)
        return tuple(sorted(reports, key=lambda report: report.at))

    def put(
        self, name: str, rulesets: Mapping[Family, Ruleset], now: float, *, flushed: bool = False
    ) -> None:
        """Somebody else changed the tables of a node at time `now`.

        `flushed`: the chain is gone at which kube-proxy looks once a sync period to notice just that
        (`Monitor` in pkg/util/iptables/iptables.go).
        """
        self._own()
        node = self._nodes[name]
        node.rules = node.rules.after(rulesets)
        node.edited = True
        if flushed:
            period = self._period()
            node.notices = node.started + ((now - node.started) // period + 1) * period

    # within

    def _made(self, cluster: Cluster, name: str, given: tuple[Ruleset, ...] | None) -> _Node:
        if given is not None:
            found = {ruleset.family: ruleset for ruleset in reversed(given)}
            return _Node(NodeRules(found.get), cluster, runs=False, ran=False, edited=True)
        return _Node(NodeRules(partial(self._compiled, cluster, name)), cluster)

    def _compiled(self, cluster: Cluster, name: str, family: Family) -> Ruleset:
        return compile_rules(
            cluster,
            name,
            family,
            version=self._version,
            config=self._config,
            facts=self._seen_at(cluster, name),
        )

    def _seen_at(self, cluster: Cluster, name: str) -> NodeFacts | None:
        """What is known of a node, with what its kube-proxy finds on the interfaces where nobody says: lo is
        on every host.

        Pods' ends of links are left out: they come and go.
        """
        known, node = self._facts.get(name), cluster.node(name)
        given = known.interfaces if known is not None else None
        if given is not None and "lo" in given:
            return known
        before = self._found.get(name)
        if before is not None and before[0] is node and before[1] is self.edge:
            return before[2]
        found = uplinks(node, known or NodeFacts(), self.edge)
        texts = given or {one.name: tuple(str(address) for address in one.addresses) for one in found}
        facts = (known or NodeFacts()).model_copy(update={"interfaces": {"lo": _LOOPBACK, **texts}})
        self._found[name] = (node, self.edge, facts)
        return facts

    def _running(self, name: str) -> _Node:
        node = self._nodes[name]
        if not node.runs:
            raise InputError.of(
                "KPS706",
                f"no kube-proxy runs on {name}",
                found=name,
                help="start it: a start writes everything",
            )
        return node

    def _own(self) -> None:
        """Before anything changes: memories that another world looks at as well become our own."""
        if self._shared:
            for node in self._nodes.values():
                node.proxiers = {family: one.fork() for family, one in node.proxiers.items()}
            self._shared = False

    def _families(self, node: _Node) -> tuple[Family, ...]:
        """The families in which there is something to see: a node has an address, or somebody asked."""
        texts = [text for one in node.seen.nodes for text in one.addresses("InternalIP")]
        spoken = {6 if ":" in text else 4 for text in texts} or {4}
        return tuple(
            family
            for version, family in FAMILIES.items()
            if version in spoken or node.rules.is_ready(version)
        )

    def _proxier(self, name: str, family: Family) -> Proxier:
        return Proxier(
            self._nodes[name].seen,
            name,
            family,
            self._version,
            config=self._config,
            facts=self._seen_at(self._nodes[name].seen, name),
        )

    def _awake(self, name: str) -> list[Proxier]:
        """The memories of a kube-proxy that runs, one a family, after its first sync."""
        node = self._nodes[name]
        for family in self._families(node):
            if family not in node.proxiers:
                node.rules.ruleset(family)
                proxier = node.proxiers[family] = self._proxier(name, family)
                proxier.sync(now=node.started)
        return list(node.proxiers.values())

    def _period(self) -> float:
        config = self._config or KubeProxyConfiguration()
        return config.iptables.sync_period.total_seconds() or HOUR

    def _news(
        self,
        name: str,
        cluster: Cluster,
        changes: Iterable[Change],
        now: float,
        connections: Callable[[str], Conntrack],
    ) -> tuple[SyncReport, ...]:
        """One kube-proxy hears of changes, and writes what comes of them."""
        node = self._nodes[name]
        self._awake(name)
        own = next((one for one in changes if _is_node(one, name)), None)
        node.seen = cluster
        node.rules = node.rules.after({}, partial(self._compiled, cluster, name))
        if own is not None and own.before is not None and _needs_restart(own):
            return self.start(name, cluster, now, connections)
        for change in changes:
            for proxier in node.proxiers.values():
                if change.after is not None:
                    proxier.apply(change.after)
                elif change.before is not None:
                    proxier.delete(change.before)
        news = [family for family, proxier in node.proxiers.items() if proxier.has_news]
        return self._sync(name, now, connections, news)

    def _sync(
        self,
        name: str,
        now: float,
        connections: Callable[[str], Conntrack],
        families: Iterable[Family] = ("ipv4", "ipv6"),
    ) -> tuple[SyncReport, ...]:
        node = self._nodes[name]
        written: dict[Family, Ruleset] = {}
        reports = []
        table = connections(name)
        for version, family in FAMILIES.items():
            proxier = node.proxiers.get(family)
            if proxier is None or family not in families:
                continue
            before = node.rules.ruleset(family)
            nat = before.tables.get("nat")
            sync = proxier.sync(
                now=now,
                nat_chains=() if nat is None else nat.chains,
                connections=listed(table, version),
            )
            after = before.copy()
            ensure(after, sync.ensured)
            after.apply(sync.script)
            after.notes = sync.notes
            failed = node.edited and not after.is_whole()
            gone = () if failed else carry_out(sync.conntrack, table, version)
            if failed:
                proxier.request_full_sync()
                after = before
            written[family] = after
            reports.append(
                SyncReport(name, family, now, sync.full, compare(before, after), gone, failed, sync)
            )
        node.rules = node.rules.after(written)
        node.due = now + (self._period() if any(one.failed for one in reports) else HOUR)
        return tuple(reports)


def _is_node(change: Change, name: str) -> bool:
    return isinstance(change.after, Node) and change.after.name == name


def _needs_restart(change: Change) -> bool:
    """Kube-proxy ends when its node's pod CIDRs or addresses change, and is started again
    (`NodePodCIDRHandler` in pkg/proxy/node.go).
    """
    before, after = change.before, change.after
    assert isinstance(before, Node)
    assert isinstance(after, Node)
    return (before.spec.pod_cidrs, before.status) != (after.spec.pod_cidrs, after.status)
