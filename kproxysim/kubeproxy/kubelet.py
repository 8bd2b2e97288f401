"""The chains that kubelet makes on the node, before kube-proxy as a rule.

Source: pkg/kubelet/kubelet_network_linux.go, 1.25 to 1.36. Gate IPTablesOwnershipCleanup is taken at
kubelet's default, for kube-proxy's configuration does not reach kubelet.
"""

from __future__ import annotations

from kproxysim.kubeproxy.fixed import (
    FIREWALL,
    MARK_MASQ,
    POSTROUTING,
    EnsureChain,
    EnsureRule,
    masquerade_rules,
)
from kproxysim.kubeproxy.gates import enabled_gates
from kproxysim.kubeproxy.settings import Settings, mark_text
from kproxysim.netfilter.rule import Origin, Rule

__all__ = ["kubelet_calls"]

_KUBELET = Origin("kubelet")
_CANARY = "KUBE-KUBELET-CANARY"
_HINT = "KUBE-IPTABLES-HINT"
_MARK_DROP = "KUBE-MARK-DROP"
_DROP_BIT = 15
"""Default of kubelet's --iptables-drop-bit."""


def kubelet_calls(settings: Settings) -> tuple[EnsureChain | EnsureRule, ...]:
    """What kubelet of the same version ensures for the family, in its order."""
    calls: list[EnsureChain | EnsureRule] = [EnsureChain("mangle", _HINT)]
    if settings.family == "ipv4":
        calls += _localnet()
    if "IPTablesOwnershipCleanup" not in enabled_gates(settings.behaviour.minor, {}):
        calls += _deprecated(settings)
    calls += [EnsureChain(table, _CANARY) for table in ("mangle", "nat", "filter")]
    return tuple(calls)


def _localnet() -> list[EnsureChain | EnsureRule]:
    text = (
        '-m comment --comment "block incoming localnet connections" --dst 127.0.0.0/8 ! --src 127.0.0.0/8 '
        "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
    )
    return [
        EnsureChain("filter", FIREWALL),
        EnsureRule("filter", Rule("OUTPUT", f"-j {FIREWALL}", _KUBELET)),
        EnsureRule("filter", Rule("INPUT", f"-j {FIREWALL}", _KUBELET)),
        EnsureRule("filter", Rule(FIREWALL, text, _KUBELET), at_end=True),
    ]


def _deprecated(settings: Settings) -> list[EnsureChain | EnsureRule]:
    """Up to 1.26: the drop mark, and copies of kube-proxy's masquerade chains."""
    mark = mark_text(_DROP_BIT)
    comment = '-m comment --comment "kubernetes firewall for dropping marked packets"'
    drop = f"{comment} -m mark --mark {mark}/{mark} -j DROP"
    jump = f'-m comment --comment "kubernetes postrouting rules" -j {POSTROUTING}'
    copies: dict[str, list[Rule]] = {MARK_MASQ: [], POSTROUTING: []}
    for rule in masquerade_rules(settings):
        copies[rule.chain].append(Rule(rule.chain, rule.text, _KUBELET))
    return [
        EnsureChain("nat", _MARK_DROP),
        EnsureRule("nat", Rule(_MARK_DROP, f"-j MARK --or-mark {mark}", _KUBELET), at_end=True),
        EnsureChain("filter", FIREWALL),
        EnsureRule("filter", Rule(FIREWALL, drop, _KUBELET), at_end=True),
        EnsureChain("nat", MARK_MASQ),
        EnsureChain("nat", POSTROUTING),
        *(EnsureRule("nat", rule, at_end=True) for rule in copies[MARK_MASQ]),
        EnsureRule("nat", Rule("POSTROUTING", jump, _KUBELET)),
        *(EnsureRule("nat", rule, at_end=True) for rule in copies[POSTROUTING]),
    ]
