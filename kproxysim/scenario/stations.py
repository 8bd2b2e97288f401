"""Stations: what an expectation's `through` and `avoids` may name, and what a packet passed on its way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kproxysim.kubeproxy.fixed import FILTER_CHAINS, FIREWALL, NAT_CHAINS
from kproxysim.netfilter.tables import BASE_CHAINS, HOOKS, TABLES
from kproxysim.netfilter.walk import Walked
from kproxysim.network.edge import EDGE_KINDS
from kproxysim.network.trace import Branch, Hop, Step
from kproxysim.values import dataclass

__all__ = ["VOCABULARY", "Missing", "Station", "first_missing", "fixed_stations", "passed"]

VOCABULARY: tuple[tuple[str, str], ...] = (
    ("`internet`, `edge`, `node/node-a`, `pod/default/echo-1`", "The packet enters this host."),
    (
        "`edge-nat`, `edge-firewall`, `edge-balance`, `edge-route`, `edge-egress`",
        """The edge translates it, checks it, hands it to one of several nodes, sends it on, or checks what
        leaves. With the edge's kind in place of `edge`, as in `gce-nat`, the edge must be of that kind.""",
    ),
    (
        "`routing`, `conntrack`, `nat`",
        "A host routes it; rewrites it as its connection says, or as a rule says.",
    ),
    (
        "`KUBE-EXT default/echo:http`",
        """It is in this chain of that port of a Service; KUBE-SVC, KUBE-SVL and KUBE-FW likewise.
        A port without a name is left out: `KUBE-EXT default/echo`.""",
    ),
    (
        "`KUBE-SEP default/echo:http default/echo-1`",
        "It is in the chain of that endpoint, which is a pod or an `ADDRESS:PORT`.",
    ),
    (
        "`KUBE-SERVICES`, `nat:PREROUTING`",
        """It is in this chain: one of kube-proxy's own, one of `rules` of a node, or a base chain; in any
        table, or in the one named.""",
    ),
    (
        "`Service default/echo spec.externalIPs[0]`",
        "A rule that this field of that Service made has matched.",
    ),
    (
        """`DNAT`, `SNAT`, `MASQUERADE`, `REDIRECT`, `NETMAP`, `MARK`, `CONNMARK`, `CT`, `NOTRACK`, `LOG`,
        `NFLOG`, `TRACE`, `REJECT`, `DROP`, `ACCEPT`, `RETURN`""",
        "A rule with this target has matched; or the policy of a base chain is this, and decided.",
    ),
)
"""Forms of stations with their meaning."""

_EDGE_EVENTS = {
    "edge:one-to-one nat": "nat",
    "edge:firewall": "firewall",
    "edge:balance": "balance",
    "edge:route": "route",
    "edge:egress": "egress",
}
_HOST_EVENTS = ("routing", "conntrack", "nat")
_TARGETS = (
    "ACCEPT",
    "CONNMARK",
    "CT",
    "DNAT",
    "DROP",
    "LOG",
    "MARK",
    "MASQUERADE",
    "NETMAP",
    "NFLOG",
    "NOTRACK",
    "REDIRECT",
    "REJECT",
    "RETURN",
    "SNAT",
    "TRACE",
)


@dataclass(frozen=True, slots=True)
class Station:
    """One thing that a packet passed: the names that it goes by, and where that was."""

    names: frozenset[str]
    where: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A station that was not passed: the last one before it that was, and where the packet was then."""

    name: str
    after: str = ""
    where: str = ""


def fixed_stations() -> tuple[str, ...]:
    """The stations that do not depend on the cluster."""
    edges = [f"{kind}-{event}" for kind in ("edge", *EDGE_KINDS) for event in _EDGE_EVENTS.values()]
    chains = [
        *(("", chain) for chain in (*HOOKS, *FILTER_CHAINS, FIREWALL, *NAT_CHAINS)),
        *((table, chain) for table in TABLES for chain in BASE_CHAINS[table]),
        *(("filter", chain) for chain in (*FILTER_CHAINS, FIREWALL)),
        *(("nat", chain) for chain in NAT_CHAINS),
    ]
    names = [f"{table}:{chain}" if table else chain for table, chain in chains]
    return tuple(dict.fromkeys(("internet", "edge", *edges, *_HOST_EVENTS, *names, *_TARGETS)))


def passed(branch: Branch, chains: Mapping[str, Collection[str]], edge: str) -> Iterator[Station]:
    """What a packet passed on its way out, in order.

    `chains` has the names that `chain_names` gives to chains, `edge` is the kind of the edge.
    """
    for hop in branch.hops:
        yield Station(_host_names(hop), hop.where)
        for step in hop.steps:
            yield from _stations(hop, step, chains, edge)


def _host_names(hop: Hop) -> frozenset[str]:
    if hop.kind in ("node", "pod"):
        return frozenset({f"{hop.kind}/{hop.where}"})
    return frozenset({hop.kind})


def _stations(hop: Hop, step: Step, chains: Mapping[str, Collection[str]], edge: str) -> Iterator[Station]:
    where = f"{hop.where} {step.at}"
    if not isinstance(step, Walked):
        event = _EDGE_EVENTS.get(step.at)
        names = {step.at} if event is None else {f"edge-{event}", f"{edge}-{event}"}
        yield Station(frozenset(names), where)
        return
    yield Station(frozenset({step.chain, f"{step.table}:{step.chain}", *chains.get(step.chain, ())}), where)
    if step.rule is not None and step.rule.origin is not None:
        yield Station(frozenset({f"{step.rule.origin.object} {step.rule.origin.field}"}), where)
    target = step.action.partition(" ")[0]
    if step.kind != "return" and target in _TARGETS:
        yield Station(frozenset({target}), where)


def first_missing(wanted: Iterable[str], stations: Iterable[Station]) -> Missing | None:
    """The first of `wanted` that is not passed after those before it, None if all are."""
    way = iter(stations)
    before, where = "", ""
    for name in wanted:
        found = next((station for station in way if name in station.names), None)
        if found is None:
            return Missing(name, before, where)
        before, where = name, found.where
    return None
