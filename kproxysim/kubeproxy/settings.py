"""What one kube-proxy knows besides Services and endpoints: version, gates, configuration and facts about its
node.

Sources: cmd/kube-proxy/app/server.go and server_linux.go, `NewProxier` in pkg/proxy/iptables/proxier.go; for
the node's own addresses `detectNodeIPs` and `GetNodeHostIPs` (k8s.io/component-helpers/node/util).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from kproxysim.cluster import Cluster, KubeProxyConfiguration, Node, NodeFacts
from kproxysim.cluster.addresses import parse_ip
from kproxysim.errors import InputError
from kproxysim.kubeproxy.detect_local import LocalDetector, local_detector
from kproxysim.kubeproxy.gates import enabled_gates, gates_without_effect
from kproxysim.kubeproxy.node_ports import NodePorts, node_ports, without_primary
from kproxysim.kubeproxy.versions import Behaviour, behaviour
from kproxysim.netfilter.ruleset import Note
from kproxysim.netfilter.script import Family
from kproxysim.packet import Address
from kproxysim.values import dataclass

__all__ = ["Settings", "mark_text", "settings_for"]

ZONE_LABEL = "topology.kubernetes.io/zone"
ROUTE_LOCALNET = "net/ipv4/conf/all/route_localnet"
TCP_BE_LIBERAL = "net/netfilter/nf_conntrack_tcp_be_liberal"

INVALID_COUNTER = "ct_state_invalid_dropped_pkts"
LOCALHOST_COUNTER = "localhost_nps_accepted_pkts"

WITHOUT_EFFECT = "gate-without-effect"


@dataclass(frozen=True, slots=True)
class Settings:
    """The constants of one kube-proxy, for one family.

    `node_name` is the name by which endpoints count as local, `zone` the node's zone ("" for none), `node_ip`
    the address that decides whether a source range lets the node in. `mark` is the masquerade mark as text.
    `counters` are the accounting objects that rules may use. `sysctls` is what kube-proxy sets at its start,
    as (name, value); `notes` what a reader of the rules should know of all that.
    """

    family: Family
    behaviour: Behaviour
    gates: frozenset[str]
    node_name: str
    zone: str
    node_ip: Address
    local: LocalDetector | None
    node_ports: NodePorts
    mark: str
    masquerade_all: bool
    random_fully: bool
    drops_invalid: bool
    counters: frozenset[str]
    sysctls: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]
    sync_period: float

    def has(self, gate: str) -> bool:
        """Is the feature gate on?"""
        return gate in self.gates


def mark_text(bit: int) -> str:
    """The masquerade mark as kube-proxy writes it: eight digits after `0x` (Go's `%#08x` counts them so)."""
    return f"0x{1 << bit:08x}"


def settings_for(
    cluster: Cluster,
    node_name: str,
    family: Family,
    version: str | None,
    *,
    config: KubeProxyConfiguration,
    facts: NodeFacts,
) -> Settings:
    """What kube-proxy of `version` on a node finds out when it starts.

    `hostnameOverride` replaces the node's name for everything that kube-proxy asks; where no Node has that
    name, it runs with no labels, no pod CIDRs and a loopback address for its own.

    Raises InputError for a version, a gate or a setting that kube-proxy would refuse, and for an unknown
    node or address family.
    """
    if family not in get_args(Family):
        known = " or ".join(get_args(Family))
        raise InputError.of(
            "KPS406", f"{family!r} is no address family", found=str(family), help=f"write {known}"
        )
    how = behaviour(version)
    gates = enabled_gates(how.minor, config.feature_gates)
    node: Node | None = cluster.node(node_name)
    override = config.hostname_override.strip().lower()
    if override:
        node_name = override
        node = next((one for one in cluster.nodes if one.name == override), None)
    own = _node_ips(node, config, facts)
    ports = node_ports(
        family,
        without_primary(config.node_port_addresses, own.values(), how),
        _interface_addresses(node, facts),
        how,
        localhost_setting=config.iptables.localhost_node_ports,
    )
    sysctls = {name.replace(".", "/"): value.strip() for name, value in facts.sysctls.items()}
    liberal = config.conntrack.tcp_be_liberal or sysctls.get(TCP_BE_LIBERAL, "0") != "0"
    sets = ports.routes_localnet and sysctls.get(ROUTE_LOCALNET) != "1"
    return Settings(
        family=family,
        behaviour=how,
        gates=gates,
        node_name=node_name,
        zone=node.metadata.labels.get(ZONE_LABEL, "") if node is not None else "",
        node_ip=own[family],
        local=local_detector(family, node, config, how),
        node_ports=ports,
        mark=mark_text(config.iptables.masquerade_bit),
        masquerade_all=config.iptables.masquerade_all,
        random_fully=facts.iptables_random_fully,
        drops_invalid=not (liberal and how.liberal_conntrack_keeps_invalid),
        counters=frozenset(facts.nfacct_counters) if how.accounting else frozenset(),
        sysctls=((ROUTE_LOCALNET, "1"),) if sets else (),
        notes=tuple(_about_gate(name) for name in gates_without_effect(config.feature_gates)),
        sync_period=config.iptables.sync_period.total_seconds(),
    )


def _about_gate(name: str) -> Note:
    return Note(WITHOUT_EFFECT, f"feature gate {name} changes no rule of any version known here")


def _node_ips(node: Node | None, config: KubeProxyConfiguration, facts: NodeFacts) -> dict[Family, Address]:
    """The node's own address of each family: loopback, unless the Node or `bindAddress` says better."""
    found: dict[Family, Address] = {"ipv4": parse_ip("127.0.0.1"), "ipv6": parse_ip("::1")}
    texts: Iterable[str] = ()
    if facts.node_ips is not None:
        texts = facts.node_ips
    elif node is not None:
        texts = (*node.addresses("InternalIP"), *node.addresses("ExternalIP"))
    seen: set[int] = set()
    for address in map(parse_ip, texts):
        if address.version not in seen:
            seen.add(address.version)
            found[_family(address)] = address
    bound = parse_ip(config.bind_address)
    if facts.node_ips is None and not bound.is_unspecified:
        found[_family(bound)] = bound
    return found


def _interface_addresses(node: Node | None, facts: NodeFacts) -> tuple[Address, ...]:
    """The addresses on the node's interfaces: as given, or loopback and the node's internal addresses."""
    if facts.interfaces is not None:
        return facts.own_addresses()
    loopback = ("127.0.0.1", "::1")
    internal = node.addresses("InternalIP") if node is not None else ()
    return tuple(parse_ip(text) for text in (*loopback, *internal))


def _family(address: Address) -> Family:
    return "ipv4" if address.version == 4 else "ipv6"
