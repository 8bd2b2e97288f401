"""What kubelet writes on its own, call by call: pkg/kubelet/kubelet_network_linux.go."""

import pytest

from kproxysim.kubeproxy.fixed import EnsureChain, EnsureRule
from kproxysim.kubeproxy.kubelet import kubelet_calls
from kproxysim.netfilter.rule import Origin
from kproxysim.netfilter.script import Family
from tests.kubeproxy.small import settings

LOCALNET = [
    "-t filter -N KUBE-FIREWALL",
    "-t filter -I OUTPUT -j KUBE-FIREWALL",
    "-t filter -I INPUT -j KUBE-FIREWALL",
    (
        '-t filter -A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" --dst 127.0.0.0/8'
        " ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
    ),
]
HINT = "-t mangle -N KUBE-IPTABLES-HINT"
CANARIES = [f"-t {table} -N KUBE-KUBELET-CANARY" for table in ("mangle", "nat", "filter")]

# `syncIPTablesRulesDeprecated`, gone with 1.27 (gate IPTablesOwnershipCleanup).
DEPRECATED = [
    "-t nat -N KUBE-MARK-DROP",
    "-t nat -A KUBE-MARK-DROP -j MARK --or-mark 0x00008000",
    "-t filter -N KUBE-FIREWALL",
    (
        '-t filter -A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets"'
        " -m mark --mark 0x00008000/0x00008000 -j DROP"
    ),
    "-t nat -N KUBE-MARK-MASQ",
    "-t nat -N KUBE-POSTROUTING",
    "-t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000",
    '-t nat -I POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    "-t nat -A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN",
    "-t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000",
    (
        '-t nat -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT"'
        " -j MASQUERADE --random-fully"
    ),
]


def written(call: EnsureChain | EnsureRule) -> str:
    return f"-t {call.table} -N {call.chain}" if isinstance(call, EnsureChain) else str(call)


@pytest.mark.parametrize(
    "version, family, wanted",
    [
        ("1.25", "ipv4", [HINT, *LOCALNET, *DEPRECATED, *CANARIES]),
        ("1.26", "ipv6", [HINT, *DEPRECATED, *CANARIES]),
        ("1.36", "ipv4", [HINT, *LOCALNET, *CANARIES]),
        ("1.36", "ipv6", [HINT, *CANARIES]),
    ],
)
def test_calls_in_order(version: str, family: Family, wanted: list[str]) -> None:
    calls = kubelet_calls(settings(version, family))
    assert [written(call) for call in calls] == wanted
    rules = [call.rule for call in calls if isinstance(call, EnsureRule)]
    assert all(rule.origin == Origin("kubelet") for rule in rules)
