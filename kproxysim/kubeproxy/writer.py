"""The iptables-restore input of one sync, rule by rule, in kube-proxy's order.

Source: `syncProxyRules` and `writeServiceToEndpointRules` in pkg/proxy/iptables/proxier.go, 1.25 to 1.36.
Rules are text, as they are there; what a text means is for `kproxysim.netfilter` to read.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.kubeproxy import fixed
from kproxysim.kubeproxy.piece import Piece
from kproxysim.kubeproxy.service_ports import ServicePort
from kproxysim.kubeproxy.settings import Settings
from kproxysim.kubeproxy.topology import Choice
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.script import Delete, Script, Section

__all__ = ["Writer"]


class Writer:
    """Writes one script: begin, `service_port` for each in turn, then `finish`."""

    def __init__(self, settings: Settings, *, large_cluster: bool) -> None:
        self._settings = settings
        self._large_cluster = large_cluster
        self._filter = Section("filter", dict.fromkeys(fixed.FILTER_CHAINS))
        self._nat = Section("nat", dict.fromkeys(fixed.NAT_CHAINS))
        self._left_alone = Section("nat")
        if settings.behaviour.firewall_jumps != "none" and settings.node_ports.localhost:
            self._filter.declared[fixed.FIREWALL] = None
            _write(self._filter, fixed.firewall_rules())
        _write(self._nat, fixed.masquerade_rules(settings))

    def service_port(self, port: ServicePort, choice: Choice, *, changed: bool = True) -> Piece:
        """All rules of one service port. Its own chains are left alone if nothing in them is `changed`."""
        piece = Piece(port, choice, self._settings, large_cluster=self._large_cluster)
        piece.write(self._filter, self._nat, self._nat if changed else self._left_alone)
        return piece

    def active_chains(self) -> set[str]:
        """The chains of nat that somebody refers to, written or left alone."""
        return self._nat.declared.keys() | self._left_alone.declared.keys()

    def finish(self, stale: Iterable[str] = ()) -> Script:
        """The whole script. `stale` are chains to be removed from nat."""
        for chain in stale:
            self._nat.declared[chain] = None
            self._nat.write([str(Delete(chain))])
        _write(self._nat, fixed.node_port_dispatch(self._settings))
        _write(self._filter, fixed.forward_rules(self._settings))
        return Script(self._settings.family, [self._filter, self._nat])


def _write(section: Section, rules: Iterable[Rule]) -> None:
    for rule in rules:
        section.write([str(rule)], rule.origin)
