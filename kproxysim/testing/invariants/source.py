"""Laws about the source address that endpoints see, and about the way back."""

from __future__ import annotations

from ipaddress import IPv6Address

from kproxysim.network import World
from kproxysim.packet import Address
from kproxysim.testing.call import Situation
from kproxysim.testing.invariants.narrowing import SERVED, TO_SERVICES
from kproxysim.testing.invariants.seen import ended_by_routing, seen
from kproxysim.testing.law import Broken, Examined, Law
from kproxysim.testing.meaning.visits import Visit, visits

__all__ = ["SOURCE"]


def _leaves(visit: Visit) -> bool:
    """Did the packet meet POSTROUTING here? Not one from outside that is for the node itself."""
    if ended_by_routing(visit):
        return False
    return visit.made_here or not visit.ends_here


def _masqueraded(situation: Situation) -> Examined:
    for proxy, group, owed in seen(situation):
        promise = owed.only
        if promise is None or not promise.masquerade:
            continue
        for visit in group:
            if not visit.translated or not _leaves(visit):
                continue
            if proxy.owns(visit.went.src) and not visit.went.src.is_loopback:
                yield None
                continue
            yield Broken(
                f"{visit.node} sends {visit.went} on with a source that is none of its own addresses, so "
                f"that the answer need not come back to it ({promise.claim})",
                {"source": "masqueraded"},
            )


def _kept(situation: Situation) -> Examined:
    for _, group, owed in seen(situation):
        promise = owed.only
        if promise is None or promise.masquerade:
            continue
        for visit in group:
            if not visit.translated or visit.went.dst == visit.came.src:
                continue
            if visit.went.src == visit.came.src:
                yield None
            else:
                yield Broken(
                    f"{visit.node} replaces the source {visit.came.src} by {visit.went.src} on the way to "
                    f"{visit.went.destination}, where {promise.claim} promises to keep it",
                    {"source": "kept"},
                )


def _hairpin(situation: Situation) -> Examined:
    for proxy, group, owed in seen(situation):
        if not owed.serving:
            continue
        for visit in group:
            if not visit.translated or visit.went.dst != visit.came.src or not _leaves(visit):
                continue
            yield from _itself(proxy.owns(visit.went.src), visit)


def _itself(masqueraded: bool, visit: Visit) -> Examined:
    if masqueraded:
        yield None
    else:
        yield Broken(
            f"{visit.went.dst} reaches itself through a Service and would see its own address as the "
            f"caller's: it drops such a packet, or answers past the node",
            {"source": "masqueraded"},
        )


def _from_the_dialled(situation: Situation) -> Examined:
    sent = situation.trace.packet
    for branch in situation.trace:
        if branch.client_sees != "answered" or branch.reply is None:
            continue
        back = branch.reply.packet
        if (back.protocol, back.source, back.destination) == (sent.protocol, sent.destination, sent.source):
            yield None
        else:
            yield Broken(f"the caller takes {back} for an answer to {sent}")


def _answered(situation: Situation) -> Examined:
    """The node that translated is the caller's own: every answer has to pass it."""
    world = situation.world
    pods = {f"pod/{pod.key}": pod for pod in world.pods}
    caller = pods.get(situation.call.source)
    home = caller.node if caller is not None else situation.call.source.removeprefix("node/")
    if situation.call.source.startswith("internet/") or (caller is not None and caller.host_network):
        return
    for branch in situation.trace:
        passed = list(visits(branch))
        if not passed or passed[0].node != home or not passed[0].translated or branch.delivered_to is None:
            continue
        if any(visit.translated for visit in passed[1:]) or _filters_the_way_back(situation):
            continue
        if situation.trace.packet.src == _LOOPBACK and branch.delivered_to.node != home:
            continue
        if _is_unnamed(branch.packet.src, world):
            continue
        if branch.client_sees == "answered":
            yield None
        else:
            reply = (
                "nothing" if branch.reply is None else f"{branch.reply.disposition}, {branch.reply.reason}"
            )
            yield Broken(
                f"{branch.packet.destination} took the packet, its answer has to come by {home}, which "
                f"translated it, and yet the caller sees {branch.client_sees} (the answer: {reply})",
                {"client": "answered"},
            )


def _filters_the_way_back(situation: Situation) -> bool:
    return any(
        value != "0" and name.endswith("rp_filter")
        for known in situation.world.facts.values()
        for name, value in known.sysctls.items()
    )


def _once(situation: Situation) -> Examined:
    for branch in situation.trace:
        changed = [visit for visit in visits(branch) if visit.translated]
        if not changed:
            continue
        claimed_again = [
            visit
            for proxy, group, owed in seen(situation)
            for visit in group
            if owed.claimed and visit.branch is branch and visit.number > changed[0].number
        ]
        if claimed_again:
            continue
        if len(changed) == 1:
            yield None
        else:
            names = " and then ".join(visit.node for visit in changed)
            yield Broken(f"{names} translate the packet one after the other")


def _no_loop(situation: Situation) -> Examined:
    for branch in situation.trace:
        passed = list(visits(branch))
        if not any(visit.translated for visit in passed):
            continue
        if branch.reason == "routing-loop" and not _is_taken(branch.packet.dst, situation.world):
            continue
        if branch.reason == "routing-loop":
            yield Broken("the packet goes in a circle until its time to live is used up")
        elif branch.reply is not None and branch.reply.reason == "routing-loop":
            yield Broken("the answer goes in a circle until its time to live is used up")
        else:
            yield None


def _is_taken(address: Address, world: World) -> bool:
    """Has a pod this address, or a node?"""
    nodes = (entry.address for node in world.cluster.nodes for entry in node.status.addresses)
    return str(address) in {*nodes, *(own for pod in world.pods for own in pod.ips)}


def _is_unnamed(address: Address, world: World) -> bool:
    """Is it on an interface of a node, and no Node says so?"""
    found = {own for facts in world.facts.values() for own in facts.own_addresses()}
    return address in found and not address.is_loopback and not _is_taken(address, world)


def _mark_stays(situation: Situation) -> Examined:
    for branch in situation.trace:
        for hop in branch.hops:
            if hop.kind != "node" or not hop.steps or hop is branch.hops[-1]:
                continue
            mark = hop.steps[-1].after.mark
            if any(step.after.mark for step in hop.steps):
                if mark:
                    yield Broken(f"the packet leaves {hop.where} with mark {mark:#x} still on it")
                else:
                    yield None


def _right_port(situation: Situation) -> Examined:
    sent = situation.trace.packet
    for branch in situation.trace:
        packet = branch.packet
        if (packet.protocol, packet.family) == (sent.protocol, sent.family):
            yield None
        else:
            yield Broken(f"{sent} has become {packet}: of another protocol, or another family")


_PROXIER = "pkg/proxy/iptables/proxier.go"
_LOOPBACK = IPv6Address("::1")
_FROM_PODS = {"aims": ("service",), "senders": ("pod",)}
_FROM_INSIDE = {"aims": ("service",), "senders": ("pod", "node")}
_DOCS = "Kubernetes documentation"

SOURCE = (
    Law(
        "masqueraded-where-promised",
        "Traffic from outside under policy Cluster, and to a cluster IP by anybody but pods, arrives with an "
        "address of the node that handed it on.",
        f"{_DOCS}, Using Source IP; KUBE-MARK-MASQ and KUBE-POSTROUTING in {_PROXIER}",
        _masqueraded,
        condition="not where the endpoint is a process of that very node: such a packet never passes "
        "POSTROUTING",
        scenario="scenarios/endpoint-on-the-node.yaml",
        clusters={**SERVED, "external_policies": ("Cluster",)},
        calls=TO_SERVICES,
    ),
    Law(
        "source-kept-where-promised",
        "A pod's call to a cluster IP, and traffic from outside under policy Local, arrives with the "
        "caller's own address.",
        f"{_DOCS}, Using Source IP",
        _kept,
        condition="but for a caller that reaches itself",
        clusters={**SERVED, "external_policies": ("Local",), "internal_policies": ("Cluster",)},
        calls=TO_SERVICES,
    ),
    Law(
        "hairpin",
        "A pod that reaches itself through a Service sees an address of its node, never its own.",
        f"the first rule of every KUBE-SEP chain in {_PROXIER}; kubernetes issue 19765",
        _hairpin,
        clusters={**SERVED, "nodes": 1},
        calls=_FROM_PODS,
    ),
    Law(
        "answer-from-the-dialled-address",
        "The caller takes nothing for an answer that does not come from the address and port that it "
        "dialled.",
        "RFC 9293, 3.3: a connection is its four numbers",
        _from_the_dialled,
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "own-node-translates-back",
        "A call from inside that the caller's own node translated is answered, if its endpoint listens.",
        "nf_nat: a node undoes for answers what it did to the packet",
        _answered,
        condition="where no reverse-path filter is in the way; not for ::1 called from its node and an "
        "endpoint elsewhere: IPv6 has no route_localnet, and takes no answer for ::1 from a device but lo; "
        "nor for a node that sends from an address which its Node does not name, and others may not know",
        clusters=SERVED,
        calls=_FROM_INSIDE,
    ),
    Law(
        "translated-once",
        "A packet gets a new destination once: what one node has handed to an endpoint no other node hands "
        "on.",
        f"filter and nat rules of {_PROXIER} match the addresses of Services, and endpoints have none of "
        "these",
        _once,
        condition="not where an endpoint's own address is claimed by a Service, as an external IP may",
        scenario="scenarios/externalip-takes-a-pods-address.yaml",
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "no-loops",
        "Neither a packet that was handed to an endpoint nor its answer goes in a circle.",
        "follows from translated-once and routes that lead to pods",
        _no_loop,
        condition="not for endpoints that outlive their pods: the node has no route to a pod that is "
        "gone and "
        "sends the packet back to where it came from",
        scenario="scenarios/endpoint-outlives-its-pod.yaml",
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "mark-stays-home",
        "The masquerade mark is gone when a packet leaves the node.",
        f"kubernetes PR 92035: KUBE-POSTROUTING in {_PROXIER} takes it off before it masquerades",
        _mark_stays,
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
    Law(
        "protocol-and-family-stay",
        "Nothing changes a packet's protocol or address family.",
        "nf_nat translates addresses and ports",
        _right_port,
        clusters=SERVED,
        calls=TO_SERVICES,
    ),
)
