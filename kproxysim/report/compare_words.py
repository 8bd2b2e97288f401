"""What follows from two ways side by side, in sentences. Every value in them is taken from a step of one of
the traces.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.matches.addrtype import AddrTypeMatch
from kproxysim.netfilter.matches.header import PrefixMatch
from kproxysim.netfilter.skb import to_address
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Trace
from kproxysim.report.align import Pair, meeting, parting
from kproxysim.report.conditions import conditions_text, miss_text
from kproxysim.report.endings import client_words, reached_words, verdict_words
from kproxysim.report.names import field_of, role_of, service_of
from kproxysim.report.page import listed
from kproxysim.values import dataclass

__all__ = ["Finding", "Side", "findings"]

_LAST_RULE = "this must be the last rule in this chain"
"""kube-proxy's own words, in the comment of the rule."""

_MERELY_LEADING = ("jump", "goto", "ACCEPT", "RETURN")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its name, its trace, and the branch that is followed."""

    name: str
    trace: Trace
    branch: Branch

    @property
    def dialled(self) -> str:
        """What the sender wrote as destination."""
        return self.trace.packet.destination

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        branch = self.branch
        data: dict[str, Any] = {
            "name": self.name,
            "source": self.trace.source,
            "packet": self.trace.packet.to_dict(),
            "probability": str(branch.probability),
            "disposition": branch.disposition,
            "reason": branch.reason,
            "client_sees": branch.client_sees,
            "arrives_as": branch.packet.to_dict(),
        }
        if branch.delivered_to is not None:
            data["delivered_to"] = branch.delivered_to.to_dict()
        return data


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence. `about` says which question it answers, `same` whether it holds for both packets."""

    about: str
    same: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"about": self.about, "same": self.same, "text": self.text}


def findings(left: Side, right: Side, pairs: tuple[Pair, ...]) -> tuple[Finding, ...]:
    """The sentences, in the order of the way."""
    return (
        _dialled(left, right),
        *_edge(left, right),
        *_firewall(left, right),
        *_caught(left, right),
        *_met(left, right, pairs),
        *_cluster_ips(left, right),
        *_ends(left, right),
        *_sources(left, right),
    )


def _dialled(left: Side, right: Side) -> Finding:
    a, b = left.trace.packet, right.trace.packet
    if (a.destination, a.protocol) == (b.destination, b.protocol):
        return Finding("dialled", True, f"Both packets are dialled to {a.destination}.")
    what = "the same address, two ports" if a.dst == b.dst else "two addresses"
    return Finding(
        "dialled",
        False,
        f"{left.name} is dialled to {a.destination}, {right.name} to {b.destination}: {what}.",
    )


def _rewritten_at_edge(side: Side) -> tuple[str, str, str, str] | None:
    """(edge, address before, address after, next host) where the edge replaced the destination: a node's
    external address by its internal one.
    """
    hops = side.branch.hops
    for place, hop in enumerate(hops):
        for step in hop.steps:
            if hop.kind == "edge" and isinstance(step, Event) and step.before.dst != step.after.dst:
                following = hops[place + 1].where if place + 1 < len(hops) else "the cluster"
                return hop.where, str(step.before.packet.dst), str(step.after.packet.dst), following
    return None


def _edge(left: Side, right: Side) -> Iterator[Finding]:
    a, b = _rewritten_at_edge(left), _rewritten_at_edge(right)
    if a is not None and a == b:
        edge, public, internal, node = a
        yield Finding(
            "edge",
            True,
            f"The cloud ({edge}) picks the node by the address dialled: {public} is {node}'s external "
            f"address. It puts {node}'s internal one, {internal}, in its place before {node} sees the "
            f"packet: there no packet has the public address, so no rule for {public} could match.",
        )
        return
    for side, rewritten in ((left, a), (right, b)):
        if rewritten is not None:
            edge, public, internal, node = rewritten
            yield Finding(
                "edge",
                False,
                f"The cloud ({edge}) puts {node}'s internal address {internal} in the place of {public} "
                f"before {node} sees {side.name}.",
            )


def _firewall(left: Side, right: Side) -> Iterator[Finding]:
    """What the edge's firewall said of each, where there is one."""
    said = [
        (side.name, step.action)
        for side in (left, right)
        for hop, step in side.branch.steps()
        if isinstance(step, Event) and step.at == "edge:firewall"
    ]
    if len(said) == 2 and said[0][1] == said[1][1]:
        yield Finding("firewall", True, f"The firewall of the edge: {said[0][1]}.")
    elif said:
        words = "; ".join(f"{name}: {action}" for name, action in said)
        yield Finding("firewall", False, f"The firewall of the edge looks at the port dialled. {words}.")


@dataclass(frozen=True, slots=True)
class _Capture:
    """How a packet came into a Service's own chains: the jumps of shared chains that led there."""

    where: str
    jumps: tuple[Walked, ...]
    translated: str = ""

    def words(self) -> str:
        """The rules with what they ask for, what they were made from, and where they lead."""
        last = self.jumps[-1]
        assert last.rule is not None
        assert last.meaning is not None
        target = last.meaning.target
        chain = role_of(target.chain) if isinstance(target, Jump) else ""
        owner, field = service_of(last.rule, last.meaning), field_of(last.rule, last.meaning)
        rules = ", then ".join(_rule_words(step) for step in self.jumps)
        made = f", made from the {field}" if field else ""
        return (
            f"{rules}{made}. {self._address_words()} It leads to {chain}"
            + (f" of {owner}" if owner else "")
            + "."
        )

    def _address_words(self) -> str:
        """Whether the rules name an address or take any that is the host's own."""
        for step in self.jumps:
            for match in step.meaning.header if step.meaning is not None else ():
                if isinstance(match, PrefixMatch) and match.side == "dst" and not match.negated:
                    named = match.text.removesuffix("/32").removesuffix("/128")
                    if not self.translated:
                        return f"It names the address, {named}."
                    return (
                        f"It names the address, {named}, and has to name what {self.where} sees: with "
                        f"{self.translated} it would match nothing."
                    )
        if any(_takes_local(step) for step in self.jumps):
            return f"It names no address: any that is {self.where}'s own will do."
        return "It names no address."


def _takes_local(step: Walked) -> bool:
    """Does the rule take every address that is the host's own?"""
    matches = step.meaning.checks if step.meaning is not None else ()
    return any(
        isinstance(match, AddrTypeMatch) and match.dst_types == {"LOCAL"} and not match.dst_negated
        for match in matches
    )


def _capture(side: Side) -> _Capture | None:
    jumps: list[Walked] = []
    for hop, step in side.branch.rules():
        assert step.meaning is not None
        target = step.meaning.target
        if step.table != "nat" or not isinstance(target, Jump) or role_of(step.chain) != step.chain:
            continue
        if role_of(target.chain) != target.chain:
            via = (jump for jump in jumps if jump.action == f"jump {step.chain}" and jump.conditions())
            rewritten = _rewritten_at_edge(side)
            return _Capture(hop.where, (*via, step), "" if rewritten is None else rewritten[1])
        jumps.append(step)
    return None


def _rule_words(step: Walked) -> str:
    """`nat:KUBE-SERVICES:4 (dst 10.128.0.12 = 10.128.0.12/32, tcp, dport 80)`."""
    assert step.rule is not None
    # under nodePortAddresses there is one such rule for each address, and all of them say so
    is_last = _LAST_RULE in step.rule.text and _takes_local(step)
    last = ", the last rule of its chain" if is_last else ""
    return f"{step.table}:{step.chain}:{step.number}{last} ({conditions_text(step.conditions())})"


def _caught(left: Side, right: Side) -> Iterator[Finding]:
    captures = [_capture(side) for side in (left, right)]
    words = ["" if capture is None else f"{capture.where} by {capture.words()}" for capture in captures]
    if words[0] and words[0] == words[1]:
        yield Finding("caught", True, f"Both are caught on {words[0]}")
        return
    for side, text in zip((left, right), words, strict=True):
        yield Finding("caught", False, f"{side.name} is caught on {text}" if text else _not_caught(side))


def _not_caught(side: Side) -> str:
    text = f"No rule of a Service catches {side.name}"
    nearest = side.branch.nearest
    miss = (
        None if nearest is None else next((one for one in nearest.missed.conditions() if not one.held), None)
    )
    if nearest is None or miss is None:
        return f"{text}."
    field = field_of(nearest.missed.rule, nearest.missed.meaning)
    made = f", made from the {field}," if field else ""
    rule = nearest.at.replace(":rule:", ":")
    return f"{text}: the nearest, {rule}{made} fails on one field: {miss_text(miss)}."


def _met(left: Side, right: Side, pairs: tuple[Pair, ...]) -> Iterator[Finding]:
    """Where their ways meet; whether rule for rule, and what is done there."""
    met, parts = meeting(pairs), parting(pairs)
    common = pairs if parts is None else () if met is None else pairs[met:]
    both = [(pair.left, pair.right) for pair in common if pair.left is not None and pair.right is not None]
    ruled = [(one, other) for one, other in both if isinstance(one.step, Walked)]
    if not ruled:
        if parts is not None:
            yield Finding("met", False, "After they last part, no rule matches both.")
        return
    first, beside = ruled[0]
    effects = [
        _without_old(stage.action) for stage, _ in ruled if not stage.action.startswith(_MERELY_LEADING)
    ]
    start = "All the way" if parts is None else f"From {first.place.split(':')[1]} on"
    outside = "the chain for traffic from outside" if "KUBE-EXT" in first.place else ""
    each = "each Service has its own" if _own_chains(left, right) else ""
    gloss = "; ".join(words for words in (outside, each) if words)
    own = f" ({gloss})" if gloss else ""
    rules, others = _rules_from(left, first.step), _rules_from(right, beside.step)
    exactly = "the same rules match, one for one" if rules == others else "the same is done to both"
    yield Finding("met", True, f"{start}{own} {exactly}" + (f": {listed(effects, 6)}." if effects else "."))


def _rules_from(side: Side, start: object) -> list[tuple[str, str, int, str]]:
    """Every rule that matched from a step on, chains by role: (table, chain, number, what it does)."""
    found: list[tuple[str, str, int, str]] = []
    for _, step in side.branch.rules():
        assert step.meaning is not None
        if step is start or found:
            target = step.meaning.target
            does = role_of(target.chain) if isinstance(target, Jump) else step.action
            found.append((step.table, role_of(step.chain), step.number, does))
    return found


def _own_chains(left: Side, right: Side) -> bool:
    services = []
    for side in (left, right):
        capture = _capture(side)
        last = None if capture is None else capture.jumps[-1]
        if last is None or last.rule is None or last.meaning is None:
            return False
        services.append(service_of(last.rule, last.meaning))
    return services[0] != services[1]


def _without_old(action: str) -> str:
    """A change without the value before it, which may differ: `DNAT  dst a -> b` as `DNAT to b`."""
    what, arrow, new = action.rpartition(" -> ")
    if not arrow:
        return action
    words = what.split()
    return f"{words[0]} {'to ' if words[0].isupper() else ''}{new}"


def _cluster_ip(side: Side) -> str:
    """The cluster IP of the Service that serves a packet: named by one of its rules that were asked."""
    reached = side.branch.delivered_to
    service = reached.service if reached is not None else ""
    for _, step in side.branch.steps():
        if not isinstance(step, Walked):
            continue
        asked = [(missed.rule, missed.meaning) for missed in step.missed]
        if step.rule is not None and step.meaning is not None:
            asked.append((step.rule, step.meaning))
        for rule, meaning in asked:
            if (
                not service
                or service_of(rule, meaning) != service
                or not field_of(rule, meaning).startswith("cluster IP")
            ):
                continue
            for match in meaning.header:
                if isinstance(match, PrefixMatch) and match.side == "dst":
                    return str(to_address(match.network, match.version))
    return ""


def _cluster_ips(left: Side, right: Side) -> Iterator[Finding]:
    known = [(side, address) for side in (left, right) if (address := _cluster_ip(side))]
    used = {side.name: _is_used(side, address) for side, address in known}
    if len(known) == 2 and not any(used.values()):
        addresses = " or ".join(dict.fromkeys(address for _, address in known))
        plural = "s" if " or " in addresses else ""
        yield Finding(
            "cluster IP",
            True,
            f"Neither goes by way of a cluster IP: at no step does a packet carry {addresses}, and the "
            f"rule{plural} for {'them were' if plural else 'it was'} passed over.",
        )
        return
    for side, address in known:
        how = "is addressed to" if used[side.name] else "never carries"
        yield Finding("cluster IP", False, f"{side.name} {how} the cluster IP {address}.")


def _is_used(side: Side, address: str) -> bool:
    packets = [
        packet for _, step in side.branch.steps() for packet in (step.before.packet, step.after.packet)
    ]
    return any(address in (str(packet.src), str(packet.dst)) for packet in packets)


def _shares(trace: Trace) -> dict[str, Fraction]:
    shares: dict[str, Fraction] = {}
    for branch in trace.branches:
        end = reached_words(branch) if branch.delivered_to is not None else branch.disposition
        shares[end] = shares.get(end, Fraction(0)) + branch.probability
    return shares


def _ends(left: Side, right: Side) -> Iterator[Finding]:
    a, b = _shares(left.trace), _shares(right.trace)
    if a == b and all(side.branch.delivered_to is not None for side in (left, right)):
        shares = listed((f"{end} ({share})" if share != 1 else end for end, share in a.items()), 4)
        yield Finding("end", True, f"Both reach the same: {shares}.")
        return
    for side, shares_of in ((left, a), (right, b)):
        if side.branch.delivered_to is not None:
            shares = listed(
                (f"{end} ({share})" if share != 1 else end for end, share in shares_of.items()), 4
            )
            yield Finding("end", False, f"{side.name} reaches {shares}.")
        else:
            seen = client_words(side.branch.client_sees)
            words = f"{verdict_words(side.trace, side.branch)}; the client sees {seen}"
            yield Finding("end", False, f"{side.name} is {words}.")


def _sources(left: Side, right: Side) -> Iterator[Finding]:
    sides = [side for side in (left, right) if side.branch.delivered_to is not None]
    seen = {side.name: str(side.branch.packet.src) for side in sides}
    if len(sides) == 2 and len({*seen.values()}) == 1 and left.trace.packet.src == right.trace.packet.src:
        yield Finding("source", True, _source_words("In both", left))
        return
    for side in sides:
        yield Finding("source", False, _source_words(f"In {side.name}", side))


def _source_words(start: str, side: Side) -> str:
    seen, client = side.branch.packet.src, side.trace.packet.src
    who = reached_words(side.branch)
    if seen == client:
        return f"{start} {who} sees the client's own address, {client}."
    return f"{start} {who} sees {seen} as source ({side.branch.source}), not the client's {client}."
