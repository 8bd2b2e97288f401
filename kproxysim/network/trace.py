"""What a simulation found:

one trace a packet, one branch for each way that chance may take, one hop for each host passed.

A trace is a record; it decides nothing. Reports read it, and `to_dict` is the JSON that scripts rely on
(`format_version`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from fractions import Fraction
from typing import Any

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.rule import Origin
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.notebook import html_of
from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = [
    "DISPOSITIONS",
    "FORMAT_VERSION",
    "Advice",
    "Branch",
    "Hop",
    "Nearest",
    "Reached",
    "Reply",
    "Step",
    "Trace",
]

FORMAT_VERSION = "1.0"
"""Version of the JSON form: the second number grows when fields are added."""

DISPOSITIONS = (
    "delivered",
    "delivered-to-host",
    "refused",
    "rejected",
    "dropped",
    "filtered",
    "martian",
    "no-route",
    "unreachable",
    "unmodelled",
)
"""How a packet's way may end, best first."""

Step = Walked | Event
"""One thing that happened to a packet on a host."""


@dataclass(slots=True)
class Hop:
    """One host that the packet passed:

    `where` is its name, `kind` "internet", "edge", "node" or "pod", `device` the way in.
    """

    where: str
    kind: str
    device: str = ""
    steps: list[Step] = field(default_factory=list)

    def _repr_html_(self) -> str | None:
        return html_of(self)


@dataclass(frozen=True, slots=True)
class Reached:
    """Who took the packet.

    `kind` is "endpoint" (by way of a Service), "pod" (dialled directly) or "process" (of a node).

    `service` is "namespace/name:port", empty where no Service is involved.
    """

    kind: str
    ip: str
    port: int | None
    node: str = ""
    pod: str = ""
    service: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not known is left out."""
        data: dict[str, Any] = {"kind": self.kind}
        for name in ("service", "pod", "node"):
            if getattr(self, name):
                data[name] = getattr(self, name)
        data["ip"] = self.ip
        if self.port is not None:
            data["port"] = self.port
        return data


@dataclass(frozen=True, slots=True)
class Reply:
    """The way back.

    `packet` is the answer as it reached its end; `disposition` and `reason` as for the way out.
    """

    disposition: str
    reason: str
    packet: Packet
    hops: tuple[Hop, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "disposition": self.disposition,
            "reason": self.reason,
            "packet": self.packet.to_dict(),
            "hops": [hop_to_dict(hop) for hop in self.hops],
        }


@dataclass(frozen=True, slots=True)
class Nearest:
    """The rule that the user hoped for: what missed it by one condition.

    `as_dialled` says that the rule would have matched the packet as its sender wrote it, before anything
    rewrote it.
    """

    missed: Missed
    at: str
    origin: Origin | None
    held: int
    total: int
    field: str
    wanted: str
    had: str
    as_dialled: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "at": self.at,
            "rule": str(self.missed.rule),
            "origin": origin_to_dict(self.origin),
            "conditions_held": self.held,
            "conditions": self.total,
            "failed": {"field": self.field, "wanted": self.wanted, "had": self.had},
            "as_dialled": self.as_dialled,
        }


@dataclass(frozen=True, slots=True)
class Advice:
    """Why it went this way in one sentence, and what to write instead. `code` is for `kproxysim explain`."""

    code: str
    why: str
    help: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"code": self.code, "why": self.why, **({"help": self.help} if self.help else {})}


@dataclass(frozen=True, slots=True)
class Branch:
    """One way that the packet may go.

    `probability` is the fraction meant by whoever wrote the rules, `probability_kernel` what the kernel's
    numbers make of it; over all branches of a trace each adds up to 1. `packet` is the packet at its end.
    `source` is "kept", "masqueraded" or "changed". `sport_range` is the range from which the kernel draws the
    source port where it does not keep it. `client_sees` is "answered", "refused", "timeout", "reset",
    "net-unreachable", "host-unreachable", "prohibited", "not-permitted" (send() fails with EPERM),
    "invalid-argument" (with EINVAL) or "unknown" (not modelled).
    """

    probability: Fraction
    probability_kernel: Fraction
    disposition: str
    reason: str
    packet: Packet
    hops: tuple[Hop, ...]
    client_sees: str
    source: str
    delivered_to: Reached | None = None
    reply: Reply | None = None
    nearest: Nearest | None = None
    advice: tuple[Advice, ...] = ()
    detail: str = ""
    sport_range: tuple[int, int] | None = None

    def steps(self) -> Iterator[tuple[Hop, Step]]:
        """Every step of the way out, with its hop."""
        for hop in self.hops:
            for step in hop.steps:
                yield hop, step

    def rules(self) -> Iterator[tuple[Hop, Walked]]:
        """Every rule that matched, in order."""
        for hop in self.hops:
            for step in hop.steps:
                if isinstance(step, Walked) and step.position.rule is not None:
                    yield hop, step

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        data: dict[str, Any] = {
            "probability": str(self.probability),
            "probability_kernel": str(self.probability_kernel),
            "disposition": self.disposition,
            "reason": self.reason,
            "client_sees": self.client_sees,
            "source": self.source,
        }
        if self.detail:
            data["detail"] = self.detail
        if self.delivered_to is not None:
            data["delivered_to"] = self.delivered_to.to_dict()
        data["packet"] = self.packet.to_dict()
        if self.sport_range is not None:
            data["sport_range"] = list(self.sport_range)
        data["hops"] = [hop_to_dict(hop) for hop in self.hops]
        if self.reply is not None:
            data["reply"] = self.reply.to_dict()
        if self.nearest is not None:
            data["nearest"] = self.nearest.to_dict()
        if self.advice:
            data["advice"] = [advice.to_dict() for advice in self.advice]
        return data


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Trace:
    """One packet and everything that may become of it.

    `packet` is the packet as sent, `source` who sent it ("internet", "pod default/echo-1", "node node-a");
    `assumptions` are the facts that nobody gave and that the result rests on; `notes` what the rules' author
    has to say (`ambiguous-owner` and the like).

    Two traces are equal if their JSON forms are (`to_dict`): the same packet, sent by the same, in worlds
    where the same becomes of it. Traces of two runs of equal worlds are.
    """

    packet: Packet
    source: str
    branches: tuple[Branch, ...]
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Branch]:
        return iter(self.branches)

    def __len__(self) -> int:
        return len(self.branches)

    def __getitem__(self, number: int) -> Branch:
        return self.branches[number]

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Trace) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.packet, self.source, len(self.branches)))

    def __repr__(self) -> str:
        ways = ", ".join(
            f"{branch.probability} {branch.disposition} {branch.packet}" for branch in self.branches
        )
        return f"<Trace of {self.packet} from {self.source}: {ways}>"

    def _repr_html_(self) -> str | None:
        return html_of(self)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, plain values only; the order of keys and branches is stable."""
        data: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "packet": self.packet.to_dict(),
            "source": self.source,
            "branches": [branch.to_dict() for branch in self.branches],
        }
        if self.assumptions:
            data["assumptions"] = list(self.assumptions)
        if self.notes:
            data["notes"] = list(self.notes)
        return data


def origin_to_dict(origin: Origin | None) -> dict[str, str] | None:
    """Plain values of an origin; what is empty is left out."""
    if origin is None:
        return None
    data = {"object": origin.object}
    if origin.field:
        data["field"] = origin.field
    if origin.port:
        data["port"] = origin.port
    return data


def _packet_of(skb: Skb) -> dict[str, Any]:
    data = skb.packet.to_dict()
    if skb.mark:
        data["mark"] = f"{skb.mark:#x}"
    for name in ("iif", "oif"):
        if getattr(skb, name):
            data[name] = getattr(skb, name)
    return data


def hop_to_dict(hop: Hop) -> dict[str, Any]:
    """Plain values of a hop:

    the rules passed over stand in front of the one that matched, outcome "no-match".
    """
    steps: list[dict[str, Any]] = []
    for step in hop.steps:
        if isinstance(step, Walked):
            steps.extend(_missed_to_dict(step, missed) for missed in step.missed)
            steps.append(_walked_to_dict(step))
        else:
            steps.append(_event_to_dict(step))
    data: dict[str, Any] = {"where": hop.where, "kind": hop.kind}
    if hop.device:
        data["device"] = hop.device
    data["steps"] = steps
    return data


def _missed_to_dict(step: Walked, missed: Missed) -> dict[str, Any]:
    return {
        "at": f"{step.table}:{step.chain}:rule:{missed.number}",
        "outcome": "no-match",
        "rule": str(missed.rule),
        "origin": origin_to_dict(missed.rule.origin),
        "conditions": [condition.to_dict() for condition in missed.conditions()],
    }


def _walked_to_dict(step: Walked) -> dict[str, Any]:
    data: dict[str, Any] = {"at": step.at, "outcome": "matched" if step.rule is not None else step.kind}
    if step.rule is not None:
        data["rule"] = str(step.rule)
    data["action"] = step.action
    if step.rule is not None:
        data["origin"] = origin_to_dict(step.rule.origin)
        data["conditions"] = [condition.to_dict() for condition in step.conditions()]
    if step.chance is not None:
        data["chance"] = str(step.chance)
    data["packet"] = _packet_of(step.before)
    if step.after is not step.before:
        data["after"] = _packet_of(step.after)
    return data


def _event_to_dict(step: Event) -> dict[str, Any]:
    data: dict[str, Any] = {"at": step.at, "outcome": "done", "action": step.action}
    if step.detail:
        data["detail"] = step.detail
    data["packet"] = _packet_of(step.before)
    if step.after is not step.before:
        data["after"] = _packet_of(step.after)
    return data
