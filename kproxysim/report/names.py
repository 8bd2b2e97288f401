"""How a report calls things: chains shortened while no two look alike, rules by what the user wrote that made
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kproxysim.kubeproxy.comments import read_comment
from kproxysim.netfilter.matches.comment import CommentMatch
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.syntax import Parsed
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Hop

__all__ = ["chains_of", "field_of", "maker", "role_of", "service_of", "short_names"]

_HASHED = re.compile(r"(KUBE-(?:SVC|SVL|EXT|FW|SEP|XLB))-([A-Z0-9]{16})\Z")
_HASH = 16
"""Letters of a hash."""
_SHORTEST = 4
"""Letters of it that a short name keeps at least."""

_FIELDS = (
    (re.compile(r"spec\.clusterIPs?(\[\d+\])?\Z"), "cluster IP"),
    (re.compile(r"spec\.externalIPs\[\d+\]\Z"), "external IP"),
    (re.compile(r"spec\.ports\[\d+\]\.nodePort\Z"), "node port"),
    (re.compile(r"status\.loadBalancer\.ingress\[\d+\]\.ip\Z"), "load balancer IP"),
)


def role_of(chain: str) -> str:
    """What a chain is for: its name without the hash that tells one Service or endpoint from another."""
    found = _HASHED.match(chain)
    return found.group(1) if found else chain


def chains_of(hops: Iterable[Hop]) -> Iterator[str]:
    """Every chain that a packet met on these hops, by name, jumps that were passed over included."""
    for hop in hops:
        for step in hop.steps:
            if not isinstance(step, Walked):
                continue
            yield step.chain
            for meaning in (step.meaning, *(missed.meaning for missed in step.missed)):
                if meaning is not None and isinstance(meaning.target, Jump):
                    yield meaning.target.chain


def short_names(chains: Iterable[str]) -> dict[str, str]:
    """A short form for each name: as many letters of its hash as tell it from all others of its role."""
    names = sorted(set(chains))
    short = {name: name for name in names}
    hashed = [found for name in names if (found := _HASHED.match(name))]
    # in sorted order whoever shares most letters with a name stands beside it
    for before, this, after in zip((None, *hashed), hashed, (*hashed[1:], None), strict=False):
        role, letters = this.groups()
        shared = max(_shared(this, other) for other in (before, after))
        kept = max(shared + 1, _SHORTEST)
        form = f"{role}-{letters[:kept]}.."
        if kept < len(letters) - 2 and form not in short:
            short[this.group()] = form
    return short


def _shared(one: re.Match[str], other: re.Match[str] | None) -> int:
    """How many letters the hashes of two chains of one role begin with in common."""
    if other is None or one.group(1) != other.group(1):
        return 0
    pairs = zip(one.group(2), other.group(2), strict=True)
    return next((place for place, (letter, beside) in enumerate(pairs) if letter != beside), _HASH)


def service_of(rule: Rule, meaning: Parsed) -> str:
    """`default/echo:http`, the service port that a rule belongs to: by its origin, or by kube-proxy's comment
    in a dump.
    """
    origin = rule.origin
    if origin is not None and origin.object.startswith("Service "):
        name = origin.object.removeprefix("Service ")
        return f"{name}:{origin.port}" if origin.port else name
    remark = None if origin is not None else read_comment(_comment(meaning))
    return "" if remark is None else remark.service


def field_of(rule: Rule, meaning: Parsed) -> str:
    """What made the rule, as people call it, with the field's path where that is something else."""
    origin = rule.origin
    if origin is None:
        remark = read_comment(_comment(meaning))
        return "" if remark is None or remark.role == "port" else remark.role
    for pattern, words in _FIELDS:
        if pattern.match(origin.field):
            return f"{words} ({origin.field})"
    return origin.field


def maker(rule: Rule, meaning: Parsed, known_service: str = "") -> str:
    """Who made a rule and why: `service default/echo:http, external IP (spec.externalIPs[0])`.

    A Service that the reader has just met (`known_service`) is not named again. Empty for a rule that nothing
    is known of.
    """
    field = field_of(rule, meaning)
    service = service_of(rule, meaning)
    if service:
        who = "" if service == known_service else f"service {service}"
    else:
        who = "" if rule.origin is None else rule.origin.object
    return ", ".join(part for part in (who, field) if part)


def _comment(meaning: Parsed) -> str:
    return next((match.text for _, match in meaning.extensions if isinstance(match, CommentMatch)), "")
