"""What kube-proxy writes: a cluster, a node, a version and settings in; iptables rules out.

`compile_rules` gives the rules of one node; `Proxier` is kube-proxy over time, sync by sync. Rules are
kube-proxy's text to the byte, each with its origin; nothing here knows packets.
"""

from __future__ import annotations

from kproxysim.kubeproxy.compile import NodeEffects, compile_rules, node_effects
from kproxysim.kubeproxy.conntrack import Cleanup, Entry
from kproxysim.kubeproxy.fixed import EnsureChain, EnsureRule
from kproxysim.kubeproxy.proxier import Proxier, Sync
from kproxysim.kubeproxy.versions import SUPPORTED

__all__ = [
    "SUPPORTED",
    "Cleanup",
    "EnsureChain",
    "EnsureRule",
    "Entry",
    "NodeEffects",
    "Proxier",
    "Sync",
    "compile_rules",
    "node_effects",
]
