"""Which kube-proxy this is: version and gates, whom it takes for a pod, and the addresses of its node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from kproxysim.cluster import KubeProxyConfiguration, Node, NodeFacts
from kproxysim.cluster.addresses import Network, parse_cidr, parse_ip
from kproxysim.kubeproxy import SUPPORTED
from kproxysim.network import World
from kproxysim.packet import Address

__all__ = ["Proxy", "minor_of"]

ZONE = "topology.kubernetes.io/zone"

_GATES = {
    "ProxyTerminatingEndpoints": (22, 26, 26, 28),
    "TopologyAwareHints": (21, 23, 24, 33),
    "ServiceTrafficDistribution": (30, 31, 31, 33),
    "PreferSameTrafficDistribution": (33, 34, 34, 35),
    "LoadBalancerIPMode": (29, 30, 30, 32),
    "ServiceInternalTrafficPolicy": (21, 22, 22, 26),
    "AllowServiceExternalIPs": (0, 0, 0, 0),
}
"""The minors from which a gate is alpha, is beta, is on by default, and is there for good
(kubernetes/website, feature gates).
"""


def minor_of(world: World) -> int:
    """The number after the dot of kube-proxies' version."""
    return int((world.version or SUPPORTED[-1]).removeprefix("v").split(".")[1])


@dataclass(frozen=True, eq=False)
class Proxy:
    """kube-proxy on one node of a world, for one family."""

    world: World
    node: Node
    version: int

    @cached_property
    def minor(self) -> int:
        """The number after the dot of its version."""
        return minor_of(self.world)

    @cached_property
    def config(self) -> KubeProxyConfiguration:
        """Its settings."""
        return self.world.config or KubeProxyConfiguration()

    @cached_property
    def facts(self) -> NodeFacts:
        """What is known of its node."""
        return self.world.facts.get(self.node.name) or NodeFacts()

    @cached_property
    def name(self) -> str:
        """The name by which endpoints count as local."""
        return self.config.hostname_override.strip().lower() or self.node.name

    @cached_property
    def zone(self) -> str:
        """The node's zone, "" for none."""
        return self.node.metadata.labels.get(ZONE, "")

    def has(self, gate: str) -> bool:
        """Is a feature gate on? What is said of all that are alpha or beta counts for those of which nothing
        is said; one that is there for good has no group.
        """
        alpha, beta, on, good = _GATES[gate]
        said = self.config.feature_gates
        usual = self.minor >= on
        if alpha <= self.minor < beta:
            usual = said.get("AllAlpha", usual)
        elif beta <= self.minor < good:
            usual = said.get("AllBeta", usual)
        return said.get(gate, usual)

    # whose packet is it?

    @cached_property
    def knows_pods(self) -> bool:
        """Can it tell a pod's packet from others? detectLocalMode, and what the mode needs."""
        mode = self.config.detect_local_mode
        if mode == "ClusterCIDR":
            return bool(self._networks(self.config.cluster_cidrs))
        if mode == "NodeCIDR":
            return bool(self._networks(parse_cidr(text) for text in self.node.spec.pod_cidrs))
        return True

    def is_pod(self, source: Address, device: str) -> bool:
        """Does it take a packet for a pod's? `device` is where it came in, "" for one made on the node."""
        mode = self.config.detect_local_mode
        if mode == "ClusterCIDR":
            return any(source in network for network in self._networks(self.config.cluster_cidrs))
        if mode == "NodeCIDR":
            own = self._networks(parse_cidr(text) for text in self.node.spec.pod_cidrs)
            return bool(own) and source in own[0]
        detect = self.config.detect_local
        if mode == "BridgeInterface":
            return device == detect.bridge_interface
        return bool(device) and device.startswith(detect.interface_name_prefix)

    def _networks(self, networks: object) -> list[Network]:
        return [one for one in networks if one.version == self.version]  # type: ignore[attr-defined]

    # the node's own addresses

    @cached_property
    def on_interfaces(self) -> frozenset[Address]:
        """What `ip address` shows on its uplinks: the facts, or InternalIPs; ExternalIPs where no edge
        translates.
        """
        if self.facts.interfaces is not None:
            found = self.facts.own_addresses()
        else:
            texts = self.node.addresses("InternalIP")
            if not self.world.edge.traits.translates:
                texts += self.node.addresses("ExternalIP")
            found = tuple(parse_ip(text) for text in texts)
        return frozenset(one for one in found if one.version == self.version)

    @cached_property
    def node_ip(self) -> Address | None:
        """The node's own address in kube-proxy's eyes."""
        if self.facts.node_ips is not None:
            own = [parse_ip(text) for text in self.facts.node_ips]
        else:
            bound = parse_ip(self.config.bind_address)
            texts = (*self.node.addresses("InternalIP"), *self.node.addresses("ExternalIP"))
            own = [*((bound,) if not bound.is_unspecified else ()), *map(parse_ip, texts)]
        return next((one for one in own if one.version == self.version), None)

    @cached_property
    def gateways(self) -> frozenset[Address]:
        """The node's end of its pods' links, where it has an address there."""
        world = self.world
        pods = any(pod.node == self.node.name and not pod.host_network for pod in world.pods)
        if world.pod_network == "ptp-bare" or not (pods or world.pod_network == "bridge"):
            return frozenset()
        networks = (parse_cidr(text) for text in self.node.spec.pod_cidrs)
        return frozenset(one.network_address + 1 for one in networks if one.version == self.version)

    @cached_property
    def balanced(self) -> frozenset[Address]:
        """Load balancers' addresses that the cloud's agent makes local to each of its nodes."""
        if not self.world.edge.traits.balanced_addresses_are_local:
            return frozenset()
        found = (
            parse_ip(one.ip)
            for service in self.world.cluster.services
            for one in service.status.load_balancer.ingress
            if one.ip and one.ip_mode != "Proxy"
        )
        return frozenset(one for one in found if one.version == self.version)

    @cached_property
    def routed_to_itself(self) -> frozenset[Address]:
        """Addresses of `ip route add local`, as far as they are single ones."""
        texts = [
            route.to for route in self.facts.routes or () if route.kind == "local" or route.table == "local"
        ]
        single = (text.removesuffix("/32").removesuffix("/128") for text in texts)
        found = (ip_address(text) for text in single if "/" not in text)
        return frozenset(one for one in found if one.version == self.version)

    def owns(self, address: Address) -> bool:
        """Is this an address of the node itself (addrtype LOCAL)?"""
        return (
            address.is_loopback
            or address in self.on_interfaces
            or address in self.gateways
            or address in self.balanced
            or address in self.routed_to_itself
        )

    # node ports

    @cached_property
    def node_port_networks(self) -> tuple[Network, ...] | None:
        """NodePortAddresses of this family; None for all."""
        entries = self.config.node_port_addresses
        if entries == ("primary",):
            own = self.node_ip
            return None if own is None or own.is_loopback else (parse_cidr(f"{own}/{own.max_prefixlen}"),)
        found = tuple(one for one in map(parse_cidr, entries) if one.version == self.version)
        return None if not found or any(one.prefixlen == 0 for one in found) else found

    @cached_property
    def localhost_node_ports(self) -> bool:
        """Do node ports answer at loopback addresses? IPv6: never, since there was a choice."""
        if self.minor < 26:
            return True
        if self.version == 6 or not self.config.iptables.localhost_node_ports:
            return False
        networks = self.node_port_networks
        return networks is None or any(_meets_loopback(one) for one in networks)

    @cached_property
    def writes_node_ports(self) -> bool:
        """Up to 1.26 there were no rules for node ports where nodePortAddresses match no address of the
        node.
        """
        networks = self.node_port_networks
        if networks is None or self.minor >= 27:
            return True
        return any(address in network for address in self._shown for network in networks)

    @cached_property
    def _shown(self) -> frozenset[Address]:
        """The addresses of its interfaces in kube-proxy's eyes, loopback as far as node ports answer
        there.
        """
        loopback = (
            {parse_ip("127.0.0.1" if self.version == 4 else "::1")} if self.localhost_node_ports else set()
        )
        return self.on_interfaces | loopback

    def has_node_ports_at(self, address: Address) -> bool:
        """Do node ports answer at this address of the node?"""
        if address.is_loopback and not self.localhost_node_ports:
            return False
        if self.node_port_networks is None:
            return self.owns(address)
        return address in self._shown and any(address in network for network in self.node_port_networks)


def _meets_loopback(network: Network) -> bool:
    return network.overlaps(parse_cidr("127.0.0.0/8")) if network.version == 4 else False
