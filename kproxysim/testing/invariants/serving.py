"""Laws about who serves: usable endpoints, each as likely, local ones where policy says so, nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from kproxysim.packet import format_endpoint
from kproxysim.testing.call import Situation
from kproxysim.testing.invariants.narrowing import FROM_OUTSIDE, SERVED, TO_SERVICES, UNSERVED
from kproxysim.testing.invariants.seen import end_text, ended_by_routing, reaching, seen
from kproxysim.testing.law import Broken, Examined, Law
from kproxysim.testing.meaning.promise import Owed
from kproxysim.testing.meaning.settings import Proxy
from kproxysim.testing.meaning.visits import Visit

__all__ = ["SERVING"]


def _usable(situation: Situation) -> Examined:
    for _, group, owed in seen(situation):
        if not owed.serving:
            continue
        for visit in group:
            end = (visit.went.dst, visit.went.dport)
            if not visit.translated or end in owed.ends:
                yield None
                continue
            yield Broken(
                f"{visit.node} hands {visit.came.destination} to {visit.went.destination}; the endpoints "
                f"that may serve there are {end_text(owed.ends)}",
                reaching(situation, group, owed),
            )


def _served(situation: Situation) -> Examined:
    for _, group, owed in seen(situation):
        if not owed.serving or not all(promise.certain for promise in owed.serving):
            continue
        for visit in group:
            if visit.translated or (visit.came.dst, visit.came.dport) in owed.ends:
                yield None
                continue
            yield Broken(
                f"{visit.node} leaves {visit.came} as it is ({visit.branch.disposition}, "
                f"{visit.branch.reason}), though {owed.serving[0].claim} has endpoints there: "
                f"{end_text(owed.ends)}",
                reaching(situation, group, owed),
            )


def _equally(situation: Situation) -> Examined:
    for _, group, owed in seen(situation):
        promise = owed.only
        if promise is None or not any(visit.translated for visit in group):
            continue
        if situation.timeline is not None and promise.claim.service.spec.session_affinity == "ClientIP":
            continue
        whole = sum((visit.branch.probability for visit in group), Fraction(0))
        shares: dict[object, Fraction] = dict.fromkeys(promise.ends, Fraction(0))
        for visit in group:
            end = (visit.went.dst, visit.went.dport)
            shares[end] = shares.get(end, Fraction(0)) + visit.branch.probability / whole
        wanted = Fraction(1, len(promise.ends))
        if set(shares.values()) == {wanted}:
            yield None
            continue
        found = ", ".join(
            f"{share} to {format_endpoint(*end)}"  # type: ignore[misc]
            for end, share in sorted(shares.items(), key=str)
        )
        yield Broken(
            f"{group[0].node} deals {promise.claim} out unevenly: {found}; each should have {wanted}",
            reaching(situation, group, owed),
        )


_TOLERANCE = Fraction(1, 2**30)
"""The kernel keeps a probability in 31 bits: each endpoint's share may be off by a rounding or two."""


def _adds_up(situation: Situation) -> Examined:
    branches = situation.trace.branches
    meant = sum((branch.probability for branch in branches), Fraction(0))
    kernel = sum((branch.probability_kernel for branch in branches), Fraction(0))
    if meant != 1 or kernel != 1:
        yield Broken(f"the branches make up {meant} of all packets, and {kernel} as the kernel counts")
        return
    for branch in branches:
        apart = abs(branch.probability - branch.probability_kernel)
        if apart > _TOLERANCE * len(branches):
            yield Broken(
                f"{branch.packet.destination} was meant to have {branch.probability}, and the kernel's "
                f"numbers make it {float(branch.probability_kernel):.12f}"
            )
            return
    yield None


def _local_only(situation: Situation) -> Examined:
    for proxy, group, owed in seen(situation):
        promise = owed.only
        if promise is None or promise.short_cut:
            continue
        claim = promise.claim
        inside = claim.internal_local and proxy.has("ServiceInternalTrafficPolicy")
        if not (inside or (claim.external_local and not promise.masquerade)):
            continue
        for visit in group:
            if not visit.translated:
                continue
            if (visit.went.dst, visit.went.dport) not in promise.ends:
                yield Broken(
                    f"{proxy.name} hands {visit.came} to {visit.went.destination}, which is not one of its "
                    f"own endpoints ({end_text(promise.ends)}), under policy Local of {claim}",
                    reaching(situation, group, owed),
                )
            else:
                yield None


def _refused(situation: Situation) -> Examined:
    for proxy, group, owed in seen(situation):
        kinds = {promise.kind for promise in owed.refusing}
        if kinds != {"reject"} or not all(promise.certain for promise in owed.refusing):
            continue
        for visit in _asked_to_refuse(proxy, group, owed):
            if visit.ends_here and visit.branch.disposition == "rejected":
                yield None
                continue
            yield Broken(
                f"no endpoint of {owed.refusing[0].claim} is usable anywhere, and {visit.node} does not say "
                f"so: {_what_became(visit)}",
                {"disposition": "rejected"},
            )


def _asked_to_refuse(proxy: Proxy, group: Iterable[Visit], owed: Owed) -> Iterator[Visit]:
    """Those that come as far as a refusal; in filter OUTPUT there is one for cluster IPs only."""
    cluster_ip = any(promise.claim.by == "cluster IP" for promise in owed.refusing)
    for visit in group:
        refused_in_output = cluster_ip or not visit.made_here or proxy.owns(visit.came.dst)
        if refused_in_output and not ended_by_routing(visit):
            yield visit


def _what_became(visit: Visit) -> str:
    if not visit.ends_here:
        return f"it sends {visit.went} on"
    return f"{visit.branch.disposition}, {visit.branch.reason}"


def _dropped(situation: Situation) -> Examined:
    for proxy, group, owed in seen(situation):
        kinds = {promise.kind for promise in owed.refusing}
        if "drop" not in kinds or not all(promise.certain for promise in owed.refusing):
            continue
        for visit in _asked_to_refuse(proxy, group, owed):
            if (visit.ends_here and visit.branch.disposition == "dropped") or "reject" in kinds:
                yield None
                continue
            yield Broken(
                f"{visit.node} has no endpoint of its own for {owed.refusing[0].claim}, and does not drop "
                f"the packet: {_what_became(visit)}",
                {"disposition": "dropped"},
            )


def _kept_out(situation: Situation) -> Examined:
    for _, group, owed in seen(situation):
        if not any(promise.kind == "keep out" for promise in owed.refusing):
            continue
        for visit in group:
            if ended_by_routing(visit):
                continue
            if visit.ends_here and visit.branch.disposition in ("dropped", "rejected"):
                yield None
                continue
            yield Broken(
                f"{visit.came.src} is in none of the source ranges of {owed.refusing[0].claim}, and "
                f"{visit.node} does not drop its packet: {_what_became(visit)}",
                {"disposition": "dropped"},
            )


def _left_alone(situation: Situation) -> Examined:
    for _, group, owed in seen(situation):
        if owed.claimed:
            continue
        for visit in group:
            if visit.went.destination != visit.came.destination or visit.went.src != visit.came.src:
                yield Broken(
                    f"{visit.node} changes {visit.came} into {visit.went}, though no Service claims it there"
                )
            elif visit.ends_here and visit.branch.disposition in ("dropped", "rejected"):
                yield Broken(
                    f"{visit.node} turns {visit.came} away ({visit.branch.reason}), though no Service claims "
                    "it"
                )
            else:
                yield None


_PROXIER = "pkg/proxy/iptables/proxier.go"
_LOCAL = {"external_policies": ("Local",), "internal_policies": ("Local",)}
_DOCS = "Kubernetes documentation, Virtual IPs and Service Proxies"

SERVING = (
    Law(
        "usable-endpoints-only",
        "A packet to a Service is only ever handed to an endpoint of that Service that may serve at this "
        "node, on the target port of its slice.",
        f"{_DOCS}; CategorizeEndpoints in pkg/proxy/topology.go",
        _usable,
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "served-at-every-address",
        "A node hands on every packet to an address and port of a Service that has usable endpoints there: "
        "cluster IP, external IPs, load balancer's addresses, node port at each of its own addresses.",
        f"{_DOCS}; syncProxyRules in {_PROXIER}",
        _served,
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "equal-shares",
        "Endpoints are as likely as each other.",
        f"writeServiceToEndpointRules in {_PROXIER}: probability 1/n, 1/(n-1), ... 1",
        _equally,
        condition="for the first connection of a client, where sessionAffinity is ClientIP",
        clusters={**SERVED, "endpoints": (2, 4)},
        calls=TO_SERVICES,
    ),
    Law(
        "fractions-add-up",
        "The fractions of all that may become of a packet add up to one, and the kernel's 31 bits change "
        "each by no more than rounding does.",
        "net/netfilter/xt_statistic.c, libxt_statistic.c: a probability is a multiple of 2^-31",
        _adds_up,
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "local-means-local",
        "Under policy Local a node hands packets to endpoints of its own only.",
        f"{_DOCS}, Traffic policies",
        _local_only,
        condition="external policy: for packets from outside; those of pods and of the node itself take the "
        "short cut to all endpoints, as long as kube-proxy knows which packets are pods'",
        scenario="scenarios/traffic-policy-local.yaml",
        clusters={**SERVED, **_LOCAL},
        calls=FROM_OUTSIDE,
    ),
    Law(
        "no-endpoints-refuses",
        "A packet to a Service without any usable endpoint is refused, so that the caller knows at once.",
        f"kubernetes PR 44547; filter rules of syncProxyRules in {_PROXIER}",
        _refused,
        condition="not for a packet that a node itself sends to an external IP or load balancer that is none "
        "of its own addresses: those rules hang in INPUT and FORWARD, and it leaves by OUTPUT",
        scenario="scenarios/no-endpoints-from-the-node.yaml",
        clusters=UNSERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "no-local-endpoints-drops",
        "Under policy Local a node without an endpoint of its own drops the packet; it does not pass it on.",
        f"{_DOCS}, Traffic policies; filter rules of syncProxyRules in {_PROXIER}",
        _dropped,
        condition="as for no-endpoints-refuses, where the node itself calls",
        clusters={
            **SERVED,
            **_LOCAL,
            "nodes": (2, 3),
            "endpoints": 1,
            "host_endpoints": False,
            "oddities": False,
            "hints": False,
        },
        calls=TO_SERVICES,
    ),
    Law(
        "source-ranges-guard",
        "A load balancer's address with loadBalancerSourceRanges serves no source outside of them.",
        f"KUBE-FW and KUBE-PROXY-FIREWALL of syncProxyRules in {_PROXIER}",
        _kept_out,
        condition="not where the same address and port is a node port or external IP as well: what KUBE-FW "
        "does not take goes on through KUBE-SERVICES; node ports and external IPs themselves are not guarded",
        scenario="scenarios/threads/k8s-33586-ranges-and-node-port.yaml",
        clusters={**SERVED, "types": ("LoadBalancer",), "ingress": ("VIP", "shared")},
        calls={**FROM_OUTSIDE, "addresses": ("load balancer IP",)},
    ),
    Law(
        "left-alone",
        "A packet that names no Service is left alone: its addresses stay, and nothing turns it away.",
        "kube-proxy writes rules for addresses of Services only",
        _left_alone,
        condition="with no other rules on the node, and for packets that open a connection: what connection "
        "tracking calls INVALID, KUBE-FORWARD drops",
        calls={"aims": ("elsewhere", "near miss")},
    ),
)
