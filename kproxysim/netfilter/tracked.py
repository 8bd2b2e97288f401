"""Whether a host tracks connections: Linux does so while a rule asks for it, each address family for itself.

Source: `nf_ct_netns_get` in net/netfilter/nf_conntrack_proto.c and the extensions that call it when a rule
with them is made, in whatever chain; the last such rule takes tracking away with it. Measured on Linux 6.18
with both back ends: a table nat without such a rule does not track, and is then not asked either.
"""

from __future__ import annotations

import re

from kproxysim.netfilter.meaning import Parsed
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.targets.connection import CtTarget
from kproxysim.netfilter.targets.verdict import Jump

__all__ = ["asks_for_tracking"]

_MATCHES = frozenset(
    ("cluster", "connbytes", "connlabel", "connlimit", "connmark", "conntrack", "helper", "state")
)
_TARGETS = frozenset(
    ("CONNMARK", "CONNSECMARK", "CT", "DNAT", "MASQUERADE", "NETMAP", "REDIRECT", "SNAT", "SYNPROXY")
)
_MAY_ASK = re.compile(rf"\b(?:{'|'.join(sorted(_MATCHES | _TARGETS))})\b|\\")
"""Reading 700,000 rules takes seconds, looking for these words a tenth of that."""


def asks_for_tracking(ruleset: Ruleset) -> bool:
    """Is there a rule, in any chain of any table, that makes the kernel track connections?"""
    return any(
        _asks(ruleset.meaning(rule)) for _, rule in ruleset.rules() if _MAY_ASK.search(rule.text) is not None
    )


def _asks(meaning: Parsed) -> bool:
    target = meaning.target
    if target is not None and not isinstance(target, Jump) and target.name in _TARGETS:
        return not (isinstance(target, CtTarget) and target.notrack)
    return any(name in _MATCHES for name, _ in meaning.extensions)
