"""Why it went this way, in one sentence made from what happened, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.rule import Rule
from kproxysim.network.edge import Edge
from kproxysim.network.trace import Advice, Branch
from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = ["advise"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the advisers look at."""

    sent: Packet
    edge: Edge
    branch: Branch

    @property
    def from_outside(self) -> bool:
        """Did the packet come in by the edge before it met any node?"""
        return bool(self.branch.hops) and self.branch.hops[0].kind == "edge"

    @property
    def translated(self) -> tuple[str, str, str] | None:
        """(public address, internal address, node) if the edge replaced the destination."""
        for hop, step in self.branch.steps():
            if (
                isinstance(step, Event)
                and step.at == "edge:one-to-one nat"
                and step.before.dst != step.after.dst
            ):
                following = self.branch.hops[self.branch.hops.index(hop) + 1 :]
                node = following[0].where if following else "the node"
                return str(step.before.packet.dst), str(step.after.packet.dst), node
        return None


def advise(sent: Packet, edge: Edge, branch: Branch) -> tuple[Advice, ...]:
    """What there is to say about a branch, most important first."""
    seen = _Seen(sent, edge, branch)
    return tuple(advice for adviser in _ADVISERS for advice in adviser(seen))


def _cloud_nat(seen: _Seen) -> Iterator[Advice]:
    translated = seen.translated
    if translated is None:
        return
    public, internal, node = translated
    nearest = seen.branch.nearest
    if nearest is not None and nearest.as_dialled and nearest.field == "dst":
        where = nearest.origin.field if nearest.origin is not None else "the rule"
        list_name = where.partition("[")[0] or "spec.externalIPs"
        yield Advice(
            "cloud-nat-first",
            f"the cloud replaced {public} by {internal} before {node} saw the packet; "
            f"no rule for {public} can match it",
            f"put the internal address {internal} into {list_name}",
        )
    elif any(_names_external_ip(step.rule) for _, step in seen.branch.rules()):
        yield Advice(
            "cloud-nat-first",
            f"the cloud replaced the public address before {node} saw it, so spec.externalIPs must name "
            f"{internal}; with {public} there no rule would match",
        )


def _names_external_ip(rule: Rule | None) -> bool:
    return rule is not None and ' external IP"' in rule.text


def _masquerade(seen: _Seen) -> Iterator[Advice]:
    branch = seen.branch
    if branch.disposition != "delivered" or branch.source != "masqueraded":
        return
    for _, step in branch.rules():
        if step.rule is not None and "masquerade traffic for " in step.rule.text:
            yield Advice(
                "masqueraded-by-cluster-policy",
                "externalTrafficPolicy: Cluster marks the packet for masquerade, so the pod sees "
                f"{branch.packet.src} and not {seen.sent.src}",
                "externalTrafficPolicy: Local keeps the client's address, and serves from local pods only"
                if seen.from_outside
                else "",
            )
            return


def _refusals(seen: _Seen) -> Iterator[Advice]:
    branch = seen.branch
    node = branch.hops[-1].where if branch.hops else ""
    if branch.reason == "no-endpoints":
        yield Advice(
            "no-endpoints",
            "the Service has no usable endpoint anywhere, so kube-proxy rejects all traffic to it",
            "look at the Service's selector and at the readiness of its pods",
        )
    elif branch.reason == "no-local-endpoints":
        # kube-proxy drops under the external policy in KUBE-EXTERNAL-SERVICES, under the internal one in
        # KUBE-SERVICES (pkg/proxy/iptables/proxier.go, syncProxyRules).
        *_, (_, last) = branch.rules()
        if last.chain == "KUBE-SERVICES":
            yield Advice(
                "no-local-endpoints",
                f"internalTrafficPolicy: Local, and no usable endpoint runs on {node}: it drops what is "
                "dialled at the cluster IP",
                "run a pod on each node that has clients, or use internalTrafficPolicy: Cluster",
            )
            return
        yield Advice(
            "no-local-endpoints",
            f"externalTrafficPolicy: Local, and no endpoint runs on {node}: it drops traffic from outside",
            "send clients to a node that runs a pod, or use externalTrafficPolicy: Cluster",
        )
    elif branch.reason == "source-not-in-ranges":
        yield Advice(
            "source-not-in-ranges",
            f"{seen.sent.src} is in none of spec.loadBalancerSourceRanges",
            "add the client's range; node ports and external IPs are not guarded by this list",
        )


def _firewall(seen: _Seen) -> Iterator[Advice]:
    branch = seen.branch
    if branch.reason == "firewall-closed":
        opening = f"{branch.packet.protocol}:{branch.packet.dport}"
        yield Advice(
            "firewall-closed",
            "the cloud's firewall dropped the packet before any node saw it; no rule of kube-proxy was asked",
            f"let {opening} in from {seen.sent.src}"
            + (
                f": gcloud compute firewall-rules create NAME --allow {opening} "
                f"--source-ranges {_range(seen)}"
                if seen.edge.kind == "gce"
                else ""
            ),
        )


def _range(seen: _Seen) -> str:
    return f"{seen.sent.src}/{seen.sent.src.max_prefixlen}"


def _lost_reply(seen: _Seen) -> Iterator[Advice]:
    reply = seen.branch.reply
    if seen.branch.delivered_to is None or reply is None or reply.disposition == "delivered":
        return
    if reply.reason == "reply-from-stranger":
        yield Advice(
            "reply-from-stranger",
            f"the answer comes back from {reply.packet.source}, which is not what was dialled "
            f"({seen.sent.destination}); the client's stack throws it away",
            "the answer must pass the node that translated the packet: masquerade the source there",
        )
    else:
        yield Advice("reply-lost", f"the answer is lost on its way: {reply.disposition} ({reply.reason})")


_ADVISERS: tuple[Callable[[_Seen], Iterator[Advice]], ...] = (
    _cloud_nat,
    _refusals,
    _firewall,
    _lost_reply,
    _masquerade,
)
