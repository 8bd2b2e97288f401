"""The words behind the codes of this room, for `kproxysim explain CODE`.

KPS4xx: kube-proxy of the version asked for would refuse it. Words with hyphens are codes of notes on a
ruleset.
"""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "KPS401",
        "a version of kube-proxy that is not supported",
        "Rules differ from one minor version to the next, and only minors whose output was compared with "
        "the real kube-proxy's are written. Patch releases of one minor write the same: 1.30, 1.30.3 and "
        "v1.30.3 are one version. The error names the minors that are supported; the newest one is the "
        "default.",
        "kproxysim rules cluster.yaml --node node-a --kube-proxy-version 1.24",
    ),
    Explanation(
        "KPS402",
        "a feature gate that this version does not know",
        "kube-proxy refuses a gate that it has never heard of, or that has been removed since. Only gates "
        "that change the rules of iptables mode are known here: any other one is passed over with a note, "
        "unless its name is nearly that of a known one. The error names the gates of the version asked for.",
        "featureGates: {ProxyTerminatingEndpoints: true}     # removed in 1.30",
    ),
    Explanation(
        "KPS403",
        "a feature gate that can no longer be turned off",
        "A gate that has become generally available is locked as a rule: kube-proxy ends with an error if "
        "its configuration says otherwise. Leave the gate out, or ask for the version in which it could "
        "be set.",
        "featureGates: {TopologyAwareHints: false}           # locked on from 1.33",
    ),
    Explanation(
        "KPS404",
        '"primary" in nodePortAddresses before 1.31',
        "From 1.31 on the word stands for the node's own addresses. Older kube-proxies take prefixes only "
        "and refuse to start with it. Write the addresses as prefixes, such as 10.128.0.2/32.",
        "nodePortAddresses: [primary]                        # with --kube-proxy-version 1.30",
    ),
    Explanation(
        "KPS405",
        "an endpoint address that is no IP address",
        "A slice of addressType IPv4 or IPv6 holds IP addresses only, and the API server stores nothing "
        "else. Names belong into slices of addressType FQDN, which kube-proxy passes over.",
        "endpoints: [{addresses: [db.example.net]}]",
    ),
    Explanation(
        "KPS406",
        "an address family that there is not",
        "kube-proxy writes the rules of each family by themselves, for iptables and for ip6tables.",
        'compile_rules(cluster, node="node-a", family="ipv6")',
    ),
    Explanation(
        "gate-without-effect",
        "a feature gate that changes no rule",
        "The configuration sets a feature gate that is not among those that change the rules of iptables "
        "mode in any supported version. It is passed over. Whether kube-proxy of that version knows the "
        "gate at all is not checked.",
        "featureGates: {ContextualLogging: true}",
    ),
    Explanation(
        "ambiguous-owner",
        "two Services claim one address and port",
        "External IPs, load-balancer IPs and node ports can be claimed by more than one Service, for "
        "nothing checks them against each other. kube-proxy then writes a rule for each, and the one that "
        "stands first wins. It walks over Services in the order of a Go map, which differs from sync to "
        "sync: of 200 syncs of one kube-proxy, one Service came first in 166 and the other in 34. So the "
        "winner may change at any time, and differ from node to node. The rules here are in a fixed "
        "order, by namespace, name and port; the note says which rule stands first in it. Give each "
        "Service an address or a port of its own.",
        "services one and two, both with externalIPs: [198.51.100.7] and port 80",
    ),
)
