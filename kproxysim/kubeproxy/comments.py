"""What kube-proxy's comments say: the service port a rule is about, and why a filter rule refuses.

The comments are the only words that a real node's dump has for it. Texts as in pkg/proxy/iptables/proxier.go,
unchanged from 1.25 to 1.36.
"""

from __future__ import annotations

import re
from functools import cache

from kproxysim.values import dataclass

__all__ = ["Remark", "read_comment"]

_NAME = r"(?P<service>[a-z0-9.-]+/[a-z0-9.-]+(?::[a-z0-9.-]+)?)"
_FORMS: tuple[tuple[str, str, str], ...] = (
    (rf"{_NAME} cluster IP", "cluster IP", ""),
    (rf"{_NAME} external IP", "external IP", ""),
    (rf"{_NAME} loadbalancer IP", "load balancer IP", ""),
    (rf"{_NAME} has no endpoints", "no endpoints", "no-endpoints"),
    (rf"{_NAME} has no local endpoints", "no local endpoints", "no-local-endpoints"),
    (rf"{_NAME} traffic not accepted by KUBE-FW-[A-Z2-7]+", "source ranges", "source-not-in-ranges"),
    (rf"{_NAME} health check node port", "health check", ""),
    (rf"masquerade traffic for {_NAME} external destinations", "masquerade", ""),
    (rf"masquerade LOCAL traffic for {_NAME} external destinations", "masquerade local", ""),
    (rf"route LOCAL traffic for {_NAME} external destinations", "local short cut", ""),
    (rf"pod traffic for {_NAME} external destinations", "pod short cut", ""),
    (rf"other traffic to {_NAME} will be dropped by KUBE-PROXY-FIREWALL", "source ranges", ""),
    (rf"{_NAME} -> (?P<endpoint>\S+)", "endpoint", ""),
    (_NAME, "port", ""),
    (r"block incoming localnet connections", "localnet", "localnet-blocked"),
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    """Compiled when the first comment is read: it takes longer than many a command."""
    return tuple((re.compile(rf"{pattern}\Z"), role, reason) for pattern, role, reason in _FORMS)


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment read:

    `service` is "namespace/name[:port]", `role` what the rule is for, `reason` the code of a refusal.
    """

    service: str
    role: str
    reason: str = ""
    endpoint: str = ""


def read_comment(text: str) -> Remark | None:
    """What a comment of kube-proxy's says, None for one that says nothing of a Service."""
    for pattern, role, reason in _patterns():
        match = pattern.match(text)
        if match is not None:
            groups = match.groupdict()
            return Remark(groups.get("service") or "", role, reason, groups.get("endpoint") or "")
    return None
