"""What Linux does:

rules, chains and tables; iptables-save text in and out; hooks, conntrack, NAT and routing of one host.

Knows no Kubernetes, so the dump of a real node runs just as well as what `kproxysim.kubeproxy` writes.
"""

from __future__ import annotations

from kproxysim.netfilter.rule import Origin, Rule
from kproxysim.netfilter.ruleset import Note, Ruleset
from kproxysim.netfilter.script import Script

__all__ = ["Note", "Origin", "Rule", "Ruleset", "Script"]
