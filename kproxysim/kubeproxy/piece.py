"""The rules of one service port. In each table they stand together, and in this order.

Source: the loop over service ports in `syncProxyRules`, and `writeServiceToEndpointRules`, in
pkg/proxy/iptables/proxier.go, 1.25 to 1.36. This is the compiler's inner loop: 10,000 services with five
endpoints each are 170,000 rules, and one f-string a rule is what they may cost.
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
from kproxysim.netfilter.rule import Origin
from kproxysim.netfilter.script import Section

__all__ = ["Piece", "probability"]


def probability(endpoints: int) -> str:
    """The chance of the first of so many endpoints, as `--probability` takes it."""
    return f"{1 / endpoints:.10f}"


@lru_cache(maxsize=256)
def _chances(endpoints: int) -> tuple[str, ...]:
    """The match that deals clients out, for each of so many endpoints: the last one takes whoever is left."""
    match = "-m statistic --mode random --probability"
    return (*(f"{match} {probability(left)} " for left in range(endpoints, 1, -1)), "")


class _Lines:
    """Lines for one table, and the field that made each of them."""

    __slots__ = ("fields", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.fields: list[str] = []

    def add(self, text: str, field: str) -> None:
        self.texts.append(text)
        self.fields.append(field)


class Piece:
    """One service port with the endpoints chosen for it on this node.

    Two things decide most of it: `has_internal` and `has_external` say whether there is an endpoint for
    traffic to the cluster IP and from outside; where there is none, a rule in filter takes the place of the
    one in nat, or stands beside it.
    """

    __slots__ = (
        "_choice",
        "_large_cluster",
        "_match",
        "_port",
        "_settings",
        "_uses_firewall",
        "has_external",
        "has_internal",
    )

    def __init__(self, port: ServicePort, choice: Choice, settings: Settings, *, large_cluster: bool) -> None:
        self._port = port
        self._choice = choice
        self._settings = settings
        self._large_cluster = large_cluster
        self._match = f"-m {port.protocol} -p {port.protocol}"
        self._uses_firewall = bool(choice.usable and port.load_balancer_ips and port.source_ranges)
        self.has_internal = choice.usable and not (port.internal_policy_local and not choice.local)
        self.has_external = choice.usable and not (port.external_policy_local and not choice.local)

    @property
    def usable(self) -> bool:
        """Is there any endpoint in the cluster that could serve?"""
        return self._choice.usable

    def write(self, filter_: Section, nat: Section, own: Section) -> None:
        """All rules: what catches packets goes to `filter_` and `nat`, the port's own chains to `own`."""
        service = self._port.service
        origin = Origin(f"Service {service.namespace}/{service.name}", port=self._port.shown_port)
        in_filter, in_nat = _Lines(), _Lines()
        self._captures(in_filter, in_nat)
        filter_.write(in_filter.texts, origin, in_filter.fields)
        if own is not nat:
            nat.write(in_nat.texts, origin, in_nat.fields)
            in_nat = _Lines()
        if self._choice.usable:
            self._chains(own.declared, in_nat)
        own.write(in_nat.texts, origin, in_nat.fields)

    @property
    def _svc(self) -> str:
        """The chain that deals clients out to all endpoints."""
        return f"KUBE-SVC-{self._port.hash}"

    @property
    def _svl(self) -> str:
        """The chain that deals clients out to endpoints on this node."""
        return f"KUBE-SVL-{self._port.hash}"

    @property
    def _ext(self) -> str:
        """The chain for traffic from outside."""
        return f"KUBE-EXT-{self._port.hash}"

    @property
    def _fw(self) -> str:
        """The chain that lets some sources only pass to a load balancer's address."""
        return f"KUBE-FW-{self._port.hash}"

    @property
    def _internal(self) -> str:
        """The chain behind the cluster IP."""
        return self._svl if self._port.internal_policy_local else self._svc

    def _captures(self, in_filter: _Lines, in_nat: _Lines) -> None:
        """What catches packets to the Service's addresses: written in every sync."""
        self._capture_cluster_ip(in_filter, in_nat)
        port = self._port
        if port.external_ips:
            self._capture_external_ips(in_filter, in_nat)
        if port.load_balancer_ips:
            self._capture_load_balancer_ips(in_filter, in_nat)
        if port.node_port and self._settings.node_ports.written:
            self._capture_node_port(in_filter, in_nat)
        if port.health_check_node_port:
            comment = f'-m comment --comment "{port.name} health check node port"'
            to = f"-m tcp -p tcp --dport {port.health_check_node_port}"
            in_filter.add(f"-A {NODE_PORTS} {comment} {to} -j ACCEPT", "spec.healthCheckNodePort")

    def _capture_cluster_ip(self, in_filter: _Lines, in_nat: _Lines) -> None:
        port = self._port
        to = f"{self._match} -d {port.cluster_ip} --dport {port.port}"
        if self.has_internal:
            comment = f'-m comment --comment "{port.name} cluster IP"'
            text = f"-A {SERVICES} {comment} {to} -j {self._internal}"
            in_nat.add(text, port.cluster_ip_field)
        else:
            comment, verdict = self._refusal()
            field = "spec.internalTrafficPolicy" if self._choice.usable else port.cluster_ip_field
            in_filter.add(f"-A {SERVICES} {comment} {to} -j {verdict}", field)

    def _refusal(self) -> tuple[str, str]:
        """Comment and target where there is no endpoint: nowhere, or just not here."""
        if self._choice.usable:
            return f'-m comment --comment "{self._port.name} has no local endpoints"', "DROP"
        return f'-m comment --comment "{self._port.name} has no endpoints"', "REJECT"

    def _refuse_external(self, in_filter: _Lines, to: str, field: str) -> None:
        """An address from outside that nat sends nowhere, or sends only pods and the node on."""
        if not self.has_external:
            comment, verdict = self._refusal()
            cause = "spec.externalTrafficPolicy" if self._choice.usable else field
            in_filter.add(f"-A {EXTERNAL_SERVICES} {comment} {to} -j {verdict}", cause)

    def _capture_external_ips(self, in_filter: _Lines, in_nat: _Lines) -> None:
        port = self._port
        comment = f'-m comment --comment "{port.name} external IP"'
        for address, field in zip(port.external_ips, port.external_ip_fields, strict=True):
            to = f"{self._match} -d {address} --dport {port.port}"
            if self._choice.usable:
                in_nat.add(f"-A {SERVICES} {comment} {to} -j {self._ext}", field)
            self._refuse_external(in_filter, to, field)

    def _capture_load_balancer_ips(self, in_filter: _Lines, in_nat: _Lines) -> None:
        port = self._port
        comment = f'-m comment --comment "{port.name} loadbalancer IP"'
        rest = f'-m comment --comment "{port.name} traffic not accepted by {self._fw}"'
        placed = [
            (f"{self._match} -d {address} --dport {port.port}", field)
            for address, field in zip(port.load_balancer_ips, port.load_balancer_ip_fields, strict=True)
        ]
        chain = self._fw if self._uses_firewall else self._ext
        for to, field in placed:
            if self._choice.usable:
                in_nat.add(f"-A {SERVICES} {comment} {to} -j {chain}", field)
            if self._uses_firewall:
                in_filter.add(f"-A {PROXY_FIREWALL} {rest} {to} -j DROP", "spec.loadBalancerSourceRanges")
        for to, field in placed:
            self._refuse_external(in_filter, to, field)

    def _capture_node_port(self, in_filter: _Lines, in_nat: _Lines) -> None:
        port, settings = self._port, self._settings
        field = f"spec.ports[{port.index}].nodePort"
        to = f"--dport {port.node_port}"
        if self._choice.usable:
            start = f"-A {NODE_PORTS} -m comment --comment {port.name} {self._match}"
            if LOCALHOST_COUNTER in settings.counters and settings.node_ports.localhost:
                counted = f"-d 127.0.0.0/8 {to} -m nfacct --nfacct-name {LOCALHOST_COUNTER}"
                in_nat.add(f"{start} {counted} -j {self._ext}", field)
            in_nat.add(f"{start} {to} -j {self._ext}", field)
        self._refuse_external(in_filter, f"-m addrtype --dst-type LOCAL {self._match} {to}", field)

    def _chains(self, declared: dict[str, str | None], out: _Lines) -> None:
        """The chains that only this service port uses."""
        port, choice = self._port, self._choice
        if self.has_internal:
            self._mark_for_masquerade(out)
        if port.externally_accessible:
            declared[self._ext] = None
            self._external_chain(out)
        if self._uses_firewall:
            declared[self._fw] = None
            self._firewall_chain(out)
        name, protocol = port.name, port.protocol
        targets = {one.text: endpoint_chain(name, protocol, one.text) for one in choice.reachable}
        if choice.cluster:
            declared[self._svc] = None
            self._choosing_chain(self._svc, choice.cluster, targets, out)
        if choice.local:
            declared[self._svl] = None
            self._choosing_chain(self._svl, choice.local, targets, out)
        self._endpoint_chains(declared, targets, out)

    def _mark_for_masquerade(self, out: _Lines) -> None:
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
        comment = f'-m comment --comment "{port.name} cluster IP"'
        to = f"{self._match} -d {port.cluster_ip} --dport {port.port}"
        out.add(f"-A {self._internal} {comment} {to} {where}-j {MARK_MASQ}", field)

    def _external_chain(self, out: _Lines) -> None:
        port, svc, local = self._port, self._svc, self._settings.local
        start = f"-A {self._ext}"
        about = f"{port.name} external destinations"
        policy = "spec.externalTrafficPolicy"
        if not port.external_policy_local:
            out.add(f'{start} -m comment --comment "masquerade traffic for {about}" -j {MARK_MASQ}', policy)
        else:
            # Pods and the node itself reach all endpoints at these addresses too, as at the cluster IP.
            if local is not None:
                comment = f'-m comment --comment "pod traffic for {about}"'
                out.add(f"{start} {comment} {local.local} -j {svc}", local.field)
            here = "-m addrtype --src-type LOCAL"
            comment = f'-m comment --comment "masquerade LOCAL traffic for {about}"'
            out.add(f"{start} {comment} {here} -j {MARK_MASQ}", policy)
            comment = f'-m comment --comment "route LOCAL traffic for {about}"'
            out.add(f"{start} {comment} {here} -j {svc}", policy)
        if self.has_external:
            out.add(f"{start} -j {self._svl if port.external_policy_local else svc}", policy)

    def _firewall_chain(self, out: _Lines) -> None:
        port, ext, settings = self._port, self._ext, self._settings
        start = f"-A {self._fw}"
        comment = f'-m comment --comment "{port.name} loadbalancer IP"'
        for text, field in zip(port.source_ranges, port.source_range_fields, strict=True):
            out.add(f"{start} {comment} -s {text} -j {ext}", field)
        if any(settings.node_ip in parse_cidr(text) for text in port.source_ranges):
            # A node that has the address on an interface of its own takes it for its source as well.
            for address, field in zip(port.load_balancer_ips, port.load_balancer_ip_fields, strict=True):
                out.add(f"{start} {comment} -s {address} -j {ext}", field)
        if settings.behaviour.explains_source_ranges:
            rest = f'"other traffic to {port.name} will be dropped by {PROXY_FIREWALL}"'
            out.add(f"{start} -m comment --comment {rest}", "spec.loadBalancerSourceRanges")

    def _choosing_chain(self, chain: str, endpoints: Endpoints, targets: dict[str, str], out: _Lines) -> None:
        """Clients that were here before go where they went; others are dealt out evenly."""
        name, seconds, explained = self._port.name, self._port.affinity_seconds, not self._large_cluster
        line, made_by = out.texts.append, out.fields.append
        if seconds is not None:
            for one in endpoints:
                to = targets[one.text]
                comment = f'-m comment --comment "{name} -> {one.text}" ' if explained else ""
                recent = f"-m recent --name {to} --rcheck --seconds {seconds} --reap"
                line(f"-A {chain} {comment}{recent} -j {to}")
                made_by("spec.sessionAffinity")
        for one, chance in zip(endpoints, _chances(len(endpoints)), strict=True):
            text = one.text
            if explained:
                line(f'-A {chain} -m comment --comment "{name} -> {text}" {chance}-j {targets[text]}')
            else:
                line(f"-A {chain} {chance}-j {targets[text]}")
            made_by(one.source)

    def _endpoint_chains(self, declared: dict[str, str | None], targets: dict[str, str], out: _Lines) -> None:
        """One chain an endpoint: a pod that reaches itself is masqueraded, then everybody is translated."""
        affinity = self._port.affinity_seconds is not None
        comment = "" if self._large_cluster else f"-m comment --comment {self._port.name} "
        translate = f"{self._match} -j DNAT --to-destination"
        line, made_by = out.texts.append, out.fields.append
        for one in self._choice.reachable:
            text, source = one.text, one.source
            chain = targets[text]
            declared[chain] = None
            line(f"-A {chain} {comment}-s {one.ip} -j {MARK_MASQ}")
            made_by(source)
            seen = f"-m recent --name {chain} --set " if affinity else ""
            line(f"-A {chain} {comment}{seen}{translate} {text}")
            made_by(source)
