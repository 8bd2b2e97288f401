"""What senders and the edge find around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network

from kproxysim.cluster import Cluster
from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.errors import InputError
from kproxysim.network.edge import Edge
from kproxysim.network.pods import Pod
from kproxysim.network.router import EdgeRouter
from kproxysim.network.topology import Topology
from kproxysim.network.who import Sender
from kproxysim.packet import Address

__all__ = ["edge_router", "source_address"]


def source_address(topology: Topology, sender: Sender, towards: Address) -> Address:
    """The address from which a sender calls another one. Raises InputError (KPS704) if it has none."""
    placed = topology.hosts[sender.host]
    chosen = placed.host.source_for(int(towards), towards.version)
    if chosen is None:
        own = next(
            (
                owner
                for owner, host in topology.owners.items()
                if host == sender.host and owner[0] == towards.version
            ),
            None,
        )
        if own is None:
            family = "IPv4" if towards.version == 4 else "IPv6"
            raise InputError.of(
                "KPS704",
                f"{sender.label} has no {family} address to call {towards} from",
                found=str(towards),
            )
        chosen = own[1]
    return type(towards)(chosen)


def edge_router(
    cluster: Cluster,
    edge: Edge,
    balanced: Mapping[Address, tuple[str, ...]],
    topology: Topology,
    pods: Iterable[Pod],
) -> EdgeRouter:
    """The edge with what it knows of the cluster, which is the same whoever sends.

    It leads to pods by their nodes' prefixes; one by one to those with an address from elsewhere, as where
    the cloud or a CNI plug-in hands out addresses (EKS: Nodes have no podCIDR).
    """
    inside: dict[Address, Address] = {}
    pod_networks = {}
    for node in cluster.nodes:
        own = topology.node_addresses[node.name]
        for address in (
            parse_ip(entry.address)
            for entry in node.status.addresses
            if entry.type in ("InternalIP", "ExternalIP")
        ):
            translated = str(address) in edge.one_to_one
            if not translated and address.version in own:
                inside[address] = own[address.version]
        for text in node.spec.pod_cidrs:
            network = parse_cidr(text)
            if network.version in own:
                pod_networks[ip_network(network)] = own[network.version]
    prefixes = {node.name: [parse_cidr(text) for text in node.spec.pod_cidrs] for node in cluster.nodes}
    for pod in pods:
        own = {} if pod.host_network else topology.node_addresses.get(pod.node, {})
        for address in map(parse_ip, pod.ips):
            if address.version in own and not any(address in one for one in prefixes[pod.node]):
                pod_networks[ip_network(address)] = own[address.version]
    return EdgeRouter(edge, inside, pod_networks, balanced, topology.node_addresses, topology.gateway)
