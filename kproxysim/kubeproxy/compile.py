"""`compile_rules`: the ruleset of one node as kube-proxy leaves it."""

from __future__ import annotations

from kproxysim.cluster import Cluster, ConntrackConfiguration, KubeProxyConfiguration, NodeFacts
from kproxysim.collecting import uncollected
from kproxysim.kubeproxy.fixed import ensure
from kproxysim.kubeproxy.kubelet import kubelet_calls
from kproxysim.kubeproxy.proxier import Proxier, Sync
from kproxysim.kubeproxy.service_ports import read_service
from kproxysim.kubeproxy.settings import TCP_BE_LIBERAL, Settings, settings_for
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.values import dataclass

__all__ = ["NodeEffects", "compile_rules", "node_effects"]


def compile_rules(
    cluster: Cluster,
    node: str,
    family: Family = "ipv4",
    version: str | None = None,
    config: KubeProxyConfiguration | None = None,
    facts: NodeFacts | None = None,
) -> Ruleset:
    """What is in the tables of `node` after kube-proxy's first sync: one family, one version.

    `version` is a Kubernetes minor ("1.30", "1.30.3" and "v1.30.3" are the same), the newest one by default.
    `facts` are what the API does not know about the node; by default kubelet runs there, and was first.
    `to_restore()` gives kube-proxy's own text, `to_save()` all tables with kubelet's part and the jumps.
    `notes` tell of addresses that two Services claim, where kube-proxy's order is undefined; here service
    ports are written by namespace, name, port name and protocol.

    The canary chains that kube-proxy makes to notice a flush (KUBE-PROXY-CANARY) are left out: they are
    empty, nothing leads to them, and no sync makes them.

    Raises InputError for an unknown node or version, and for settings that kube-proxy would refuse.
    """
    facts = NodeFacts() if facts is None else facts
    with uncollected():
        settings, sync = _first_sync(cluster, node, family, version, config, facts)
    ruleset = Ruleset(family)
    if facts.kubelet:
        ensure(ruleset, kubelet_calls(settings))
    ensure(ruleset, sync.ensured)
    ruleset.apply(sync.script)
    ruleset.notes = sync.notes
    return ruleset


def _first_sync(
    cluster: Cluster,
    node: str,
    family: Family,
    version: str | None,
    config: KubeProxyConfiguration | None,
    facts: NodeFacts,
) -> tuple[Settings, Sync]:
    """The proxier itself ends here, before the collector can walk over its memory."""
    proxier = Proxier(cluster, node, family, version, config=config, facts=facts)
    return proxier.settings, proxier.sync()


@dataclass(frozen=True, slots=True)
class NodeEffects:
    """What kube-proxy does to its node beside rules: kernel settings by name, and TCP ports it listens on."""

    sysctls: dict[str, str]
    listening: tuple[int, ...]


def node_effects(
    cluster: Cluster,
    node: str,
    version: str | None = None,
    config: KubeProxyConfiguration | None = None,
    facts: NodeFacts | None = None,
) -> NodeEffects:
    """The settings that kube-proxy makes on `node` when it starts, and the ports of its health-check servers.

    Sources: pkg/proxy/healthcheck/service_health.go; `setupConntrack` in cmd/kube-proxy/app/server_linux.go
    for how long connections are tracked. Raises what `compile_rules` raises.
    """
    config = KubeProxyConfiguration() if config is None else config
    facts = NodeFacts() if facts is None else facts
    settings = settings_for(cluster, node, "ipv4", version, config=config, facts=facts)
    sysctls = dict(settings.sysctls)
    if config.conntrack.tcp_be_liberal and settings.behaviour.liberal_conntrack_keeps_invalid:
        sysctls[TCP_BE_LIBERAL] = "1"
    sysctls |= _timeouts(config.conntrack)
    checked = (service for service in cluster.services if service.spec.health_check_node_port)
    ports = {
        port.health_check_node_port
        for service in checked
        for port in read_service(service, settings).values()
        if port.health_check_node_port
    }
    return NodeEffects(sysctls, tuple(sorted(ports)))


def _timeouts(conntrack: ConntrackConfiguration) -> dict[str, str]:
    """Whole seconds; 0 leaves the kernel's value alone."""
    values = {
        "tcp_timeout_established": conntrack.tcp_established_timeout,
        "tcp_timeout_close_wait": conntrack.tcp_close_wait_timeout,
        "udp_timeout": conntrack.udp_timeout,
        "udp_timeout_stream": conntrack.udp_stream_timeout,
    }
    return {
        f"net/netfilter/nf_conntrack_{name}": str(int(value.total_seconds()))
        for name, value in values.items()
        if value
    }
