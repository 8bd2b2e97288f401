"""The rules of one service port. In each table they stand together, and in this order.

Source: the loop over service ports in `syncProxyRules`, and `writeServiceToEndpointRules`, in
pkg/proxy/iptables/proxier.go, 1.25 to 1.36. This is the compiler's inner loop: 10,000 services with five
endpoints each are 168,000 rules, and one f-string a rule is what they may cost.
"""

from __future__ import annotations

from functools import lru_cache

from kproxysim.cluster.addresses import parse_cidr
from kproxysim.kubeproxy.fixed import (
    EXTERNAL_SERVICES,
    MARK_MASQ,
    NODE_PORTS,
    PROXY_FIREWALL,
    SERVICES,
)
from kproxysim.kubeproxy.names import endpoint_chain
from kproxysim.kubeproxy.service_ports import ServicePort
from kproxysim.kubeproxy.settings import LOCALHOST_COUNTER, Settings
from kproxysim.kubeproxy.topology import Choice, Endpoints
from kproxysim.netfilter.rule import Origin, Rule
from kproxysim.netfilter.script import Delete, Section

__all__ = ["Piece", "probability"]

_Targets = dict[str, tuple[str, Origin]]
"""By an endpoint's text: its chain, and what made the rules about it."""


@lru_cache(maxsize=1024)
def probability(endpoints: int) -> str:
    """The chance of the first of so many endpoints, as `--probability` takes it."""
    return f"{1 / endpoints:.10f}"


class Piece:
    """One service port with the endpoints chosen for it on this node.

    Two things decide most of it: `has_internal` and `has_external` say whether there is an endpoint for
    traffic to the cluster IP and from outside; where there is none, a rule in filter takes the place of the
    one in nat, or stands beside it.
    """

    __slots__ = (
        "_choice",
        "_ext",
        "_fw",
        "_large_cluster",
        "_match",
        "_owner",
        "_port",
        "_settings",
        "_shown",
        "_svc",
        "_svl",
        "_uses_firewall",
        "has_external",
        "has_internal",
    )

    def __init__(
        self, port: ServicePort, choice: Choice, settings: Settings, *, large_cluster: bool = False
    ) -> None:
        self._port = port
        self._choice = choice
        self._settings = settings
        self._large_cluster = large_cluster
        self._match = f"-m {port.protocol} -p {port.protocol}"
        self._owner = f"Service {port.service.namespace}/{port.service.name}"
        self._shown = port.shown_port
        self._svc = f"KUBE-SVC-{port.hash}"
        self._svl = f"KUBE-SVL-{port.hash}"
        self._ext = f"KUBE-EXT-{port.hash}"
        self._fw = f"KUBE-FW-{port.hash}"
        self._uses_firewall = bool(choice.usable and port.load_balancer_ips and port.source_ranges)
        self.has_internal = choice.usable and not (port.internal_policy_local and not choice.local)
        self.has_external = choice.usable and not (port.external_policy_local and not choice.local)

    @property
    def usable(self) -> bool:
        """Is there any endpoint in the cluster that could serve?"""
        return self._choice.usable

    def _origin(self, field: str) -> Origin:
        return Origin(self._owner, field, self._shown)

    def write_captures(self, filter_rules: list[Rule | Delete], nat_rules: list[Rule | Delete]) -> None:
        """What catches packets to the Service's addresses: written in every sync."""
        self._capture_cluster_ip(filter_rules, nat_rules)
        port = self._port
        if port.external_ips:
            self._capture_external_ips(filter_rules, nat_rules)
        if port.load_balancer_ips:
            self._capture_load_balancer_ips(filter_rules, nat_rules)
        if port.node_port and self._settings.node_ports.written:
            self._capture_node_port(filter_rules, nat_rules)
        if port.health_check_node_port:
            comment = f'-m comment --comment "{port.name} health check node port"'
            text = f"{comment} -m tcp -p tcp --dport {port.health_check_node_port} -j ACCEPT"
            filter_rules.append(Rule(NODE_PORTS, text, self._origin("spec.healthCheckNodePort")))

    def _capture_cluster_ip(self, filter_rules: list[Rule | Delete], nat_rules: list[Rule | Delete]) -> None:
        port = self._port
        to = f"{self._match} -d {port.cluster_ip} --dport {port.port}"
        origin = self._origin(port.cluster_ip_field)
        if self.has_internal:
            chain = self._svl if port.internal_policy_local else self._svc
            text = f'-m comment --comment "{port.name} cluster IP" {to} -j {chain}'
            nat_rules.append(Rule(SERVICES, text, origin))
        else:
            comment, verdict = self._refusal()
            text = f"-m comment --comment {comment} {to} -j {verdict}"
            if self._choice.usable:
                origin = self._origin("spec.internalTrafficPolicy")
            filter_rules.append(Rule(SERVICES, text, origin))

    def _refusal(self) -> tuple[str, str]:
        """Comment and target where there is no endpoint: nowhere, or just not here."""
        if self._choice.usable:
            return f'"{self._port.name} has no local endpoints"', "DROP"
        return f'"{self._port.name} has no endpoints"', "REJECT"

    def _refuse_external(self, rules: list[Rule | Delete], match: str, field: str) -> None:
        """An address from outside that nat sends nowhere, or sends only pods and the node on."""
        if not self.has_external:
            comment, verdict = self._refusal()
            text = f"-m comment --comment {comment} {match} -j {verdict}"
            origin = self._origin("spec.externalTrafficPolicy" if self._choice.usable else field)
            rules.append(Rule(EXTERNAL_SERVICES, text, origin))

    def _capture_external_ips(
        self, filter_rules: list[Rule | Delete], nat_rules: list[Rule | Delete]
    ) -> None:
        port = self._port
        for address, field in zip(port.external_ips, port.external_ip_fields, strict=True):
            to = f"{self._match} -d {address} --dport {port.port}"
            if self._choice.usable:
                text = f'-m comment --comment "{port.name} external IP" {to} -j {self._ext}'
                nat_rules.append(Rule(SERVICES, text, self._origin(field)))
            self._refuse_external(filter_rules, to, field)

    def _capture_load_balancer_ips(
        self, filter_rules: list[Rule | Delete], nat_rules: list[Rule | Delete]
    ) -> None:
        port = self._port
        placed = [
            (f"{self._match} -d {address} --dport {port.port}", field)
            for address, field in zip(port.load_balancer_ips, port.load_balancer_ip_fields, strict=True)
        ]
        chain = self._fw if self._uses_firewall else self._ext
        for to, field in placed:
            if self._choice.usable:
                text = f'-m comment --comment "{port.name} loadbalancer IP" {to} -j {chain}'
                nat_rules.append(Rule(SERVICES, text, self._origin(field)))
            if self._uses_firewall:
                comment = f'"{port.name} traffic not accepted by {self._fw}"'
                text = f"-m comment --comment {comment} {to} -j DROP"
                filter_rules.append(Rule(PROXY_FIREWALL, text, self._origin("spec.loadBalancerSourceRanges")))
        for to, field in placed:
            self._refuse_external(filter_rules, to, field)

    def _capture_node_port(self, filter_rules: list[Rule | Delete], nat_rules: list[Rule | Delete]) -> None:
        port, settings = self._port, self._settings
        field = f"spec.ports[{port.index}].nodePort"
        if self._choice.usable:
            origin = self._origin(field)
            start = f"-m comment --comment {port.name} {self._match}"
            if LOCALHOST_COUNTER in settings.counters and settings.node_ports.localhost:
                counted = (
                    f"-d 127.0.0.0/8 --dport {port.node_port} -m nfacct --nfacct-name {LOCALHOST_COUNTER}"
                )
                nat_rules.append(Rule(NODE_PORTS, f"{start} {counted} -j {self._ext}", origin))
            nat_rules.append(Rule(NODE_PORTS, f"{start} --dport {port.node_port} -j {self._ext}", origin))
        here = f"-m addrtype --dst-type LOCAL {self._match} --dport {port.node_port}"
        self._refuse_external(filter_rules, here, field)

    def write_chains(self, nat: Section) -> None:
        """The chains that only this service port uses."""
        if not self._choice.usable:
            return
        port, choice = self._port, self._choice
        if self.has_internal:
            self._mark_for_masquerade(nat)
        if port.externally_accessible:
            self._external_chain(nat)
        if self._uses_firewall:
            self._firewall_chain(nat)
        targets = {
            one.text: (
                endpoint_chain(port.name, port.protocol, one.text),
                Origin(self._owner, f"endpoints: {one.source}", self._shown),
            )
            for one in choice.reachable
        }
        if choice.cluster:
            self._choosing_chain(nat, self._svc, choice.cluster, targets)
        if choice.local:
            self._choosing_chain(nat, self._svl, choice.local, targets)
        self._endpoint_chains(nat, targets)

    def _mark_for_masquerade(self, nat: Section) -> None:
        """Traffic to the cluster IP that does not come from a local pod: its answers must come back to this
        node.
        """
        port, settings = self._port, self._settings
        if settings.masquerade_all:
            where, field = "", "KubeProxyConfiguration iptables.masqueradeAll"
        elif settings.local is not None:
            where, field = settings.local.not_local + " ", settings.local.field
        else:
            return
        chain = self._svl if port.internal_policy_local else self._svc
        to = f"{self._match} -d {port.cluster_ip} --dport {port.port}"
        text = f'-m comment --comment "{port.name} cluster IP" {to} {where}-j {MARK_MASQ}'
        nat.statements.append(Rule(chain, text, self._origin(field)))

    def _external_chain(self, nat: Section) -> None:
        port, ext, local = self._port, self._ext, self._settings.local
        nat.declared[ext] = None
        origin = self._origin("spec.externalTrafficPolicy")
        about = f"{port.name} external destinations"
        rules = nat.statements
        if not port.external_policy_local:
            text = f'-m comment --comment "masquerade traffic for {about}" -j {MARK_MASQ}'
            rules.append(Rule(ext, text, origin))
        else:
            # Pods and the node itself reach all endpoints at these addresses too, as at the cluster IP.
            if local is not None:
                text = f'-m comment --comment "pod traffic for {about}" {local.local} -j {self._svc}'
                rules.append(Rule(ext, text, self._origin(local.field)))
            here = "-m addrtype --src-type LOCAL"
            text = f'-m comment --comment "masquerade LOCAL traffic for {about}" {here} -j {MARK_MASQ}'
            rules.append(Rule(ext, text, origin))
            text = f'-m comment --comment "route LOCAL traffic for {about}" {here} -j {self._svc}'
            rules.append(Rule(ext, text, origin))
        if self.has_external:
            rules.append(Rule(ext, f"-j {self._svl if port.external_policy_local else self._svc}", origin))

    def _firewall_chain(self, nat: Section) -> None:
        port, fw, settings = self._port, self._fw, self._settings
        nat.declared[fw] = None
        rules = nat.statements
        comment = f'-m comment --comment "{port.name} loadbalancer IP"'
        for text, field in zip(port.source_ranges, port.source_range_fields, strict=True):
            rules.append(Rule(fw, f"{comment} -s {text} -j {self._ext}", self._origin(field)))
        if any(settings.node_ip in parse_cidr(text) for text in port.source_ranges):
            # A node that has the address on an interface of its own takes it for its source as well.
            for address, field in zip(port.load_balancer_ips, port.load_balancer_ip_fields, strict=True):
                rules.append(Rule(fw, f"{comment} -s {address} -j {self._ext}", self._origin(field)))
        if settings.behaviour.explains_source_ranges:
            text = f'-m comment --comment "other traffic to {port.name} will be dropped by {PROXY_FIREWALL}"'
            rules.append(Rule(fw, text, self._origin("spec.loadBalancerSourceRanges")))

    def _choosing_chain(self, nat: Section, chain: str, endpoints: Endpoints, targets: _Targets) -> None:
        """Clients that were here before go where they went; others are dealt out evenly."""
        rules, name, seconds = nat.statements, self._port.name, self._port.affinity_seconds
        nat.declared[chain] = None
        explained = not self._large_cluster
        if seconds is not None:
            origin = self._origin("spec.sessionAffinity")
            for one in endpoints:
                to, _ = targets[one.text]
                comment = f'-m comment --comment "{name} -> {one.text}" ' if explained else ""
                recent = f"-m recent --name {to} --rcheck --seconds {seconds} --reap"
                rules.append(Rule(chain, f"{comment}{recent} -j {to}", origin))
        left = len(endpoints)
        for one in endpoints:
            text = one.text
            to, origin = targets[text]
            comment = f'-m comment --comment "{name} -> {text}" ' if explained else ""
            if left > 1:
                comment += f"-m statistic --mode random --probability {probability(left)} "
            rules.append(Rule(chain, f"{comment}-j {to}", origin))
            left -= 1

    def _endpoint_chains(self, nat: Section, targets: _Targets) -> None:
        port, rules, declared, match = self._port, nat.statements, nat.declared, self._match
        comment = "" if self._large_cluster else f"-m comment --comment {port.name} "
        affinity = port.affinity_seconds is not None
        for one in self._choice.reachable:
            text = one.text
            chain, origin = targets[text]
            declared[chain] = None
            rules.append(Rule(chain, f"{comment}-s {one.ip} -j {MARK_MASQ}", origin))
            seen = f"-m recent --name {chain} --set " if affinity else ""
            rules.append(Rule(chain, f"{comment}{seen}{match} -j DNAT --to-destination {text}", origin))
