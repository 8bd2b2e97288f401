"""The cloud's edge: what happens to a packet between the internet and a node's device.

Three kinds. "gce": Compute Engine translates a node's public address one to one to its internal address,
hands passthrough load balancer addresses on as they are, refuses to send foreign sources to the internet, and
stays silent about what it drops. "nat": any one-to-one NAT by a router (Elastic IPs, floating IPs) that tells
senders about unreachable addresses. "routed": public addresses are routed to the nodes unchanged (bare metal,
BGP).

Sources: Google's "Protocol forwarding overview" (1:1 NAT against kept destination), "Backend service-based
external passthrough Network Load Balancer overview" (packets keep their destination, answers go straight
out), the IP masquerade agent guide (egress takes the VM's own address only).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import ip_address, ip_network

from kproxysim.cluster import Cluster
from kproxysim.cluster.addresses import parse_ip
from kproxysim.packet import Packet
from kproxysim.values import dataclass

__all__ = ["EDGE_KINDS", "Allow", "Edge", "EdgeKind"]


@dataclass(frozen=True, slots=True)
class EdgeKind:
    """What sets one kind of edge apart from another. `title` heads its hop in a trace.

    `knows_connections`: it translates by connection, so that an ICMP error is translated together with the
    packet that it is about, or not at all. An edge that does not translates each packet for itself.
    `counts_as_hop`: it is a router that takes one off the time to live; a cloud's fabric is none.
    `node_leaves`, `node_joins`: the seconds after which its balancer has noticed (see `balancing`).
    """

    title: str
    translates: bool
    balanced_addresses_are_local: bool
    refuses_foreign_sources: bool
    reports_unreachable: bool
    knows_connections: bool
    counts_as_hop: bool
    node_leaves: float = 0.0
    node_joins: float = 0.0


EDGE_KINDS: dict[str, EdgeKind] = {
    "gce": EdgeKind("gce", True, True, True, False, False, False, 24.0, 8.0),
    "nat": EdgeKind("one-to-one nat", True, False, False, True, True, True),
    "routed": EdgeKind("router", False, False, False, True, False, True),
}


_KIND_OF_CLOUD = {"gce": "gce", "aws": "nat", "azure": "nat"}
"""What the scheme of a Node's `spec.providerID` says of the edge.

Sources: "Internet gateways" of the Amazon VPC guide: the instance knows its private address alone, the
gateway translates one to one. "Use Source Network Address Translation (SNAT) for outbound connections" of
Azure Load Balancer: the public IP of a virtual machine is a one-to-one NAT to its private one, without state.
"""


@dataclass(frozen=True, slots=True)
class Allow:
    """One opening of the edge's firewall: a protocol, an inclusive range of ports, and who may come in."""

    protocol: str
    low: int
    high: int
    source: str = "0.0.0.0/0"

    def admits(self, packet: Packet) -> bool:
        """Does this opening let the packet in? `source` 0.0.0.0/0 stands for everybody of either family."""
        if packet.protocol != self.protocol:
            return False
        if packet.dport is not None and not self.low <= packet.dport <= self.high:
            return False
        network = ip_network(self.source)
        return network.prefixlen == 0 or packet.src in network


@dataclass(frozen=True, slots=True)
class Edge:
    """The edge of one cluster.

    `one_to_one` maps public to internal addresses. `firewall` lists what may come in from the internet: None
    if that is not known (then it is taken as open, and a trace says so), empty if it is shut. `routes` lead
    prefixes or addresses to a node by name. `gateway` is the address that nodes route to, by family; by
    default the first address of the first node's /24 (/64). `outside` is its address towards the internet,
    from which clients there hear of errors; by default `gateway`.

    Raises ValueError for an unknown kind.
    """

    kind: str = "routed"
    one_to_one: Mapping[str, str] = field(default_factory=dict)
    firewall: tuple[Allow, ...] | None = None
    routes: Mapping[str, str] = field(default_factory=dict)
    gateway: Mapping[int, str] = field(default_factory=dict)
    outside: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in EDGE_KINDS:
            raise ValueError(f"{self.kind!r} is no kind of edge: {', '.join(EDGE_KINDS)}")
        for public, internal in self.one_to_one.items():
            if ip_address(public).version != ip_address(internal).version:
                raise ValueError(f"{public} and {internal} are of different address families")

    @property
    def traits(self) -> EdgeKind:
        """What this kind of edge does."""
        return EDGE_KINDS[self.kind]

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        *,
        kind: str = "",
        firewall: tuple[Allow, ...] | None = None,
        routes: Mapping[str, str] | None = None,
    ) -> Edge:
        """The edge that the Node objects tell of:

        GCE, AWS and Azure by `spec.providerID`, their NAT by `status.addresses`; else "routed".
        """
        if not kind:
            clouds = {(node.spec.provider_id or "").partition("://")[0] for node in cluster.nodes}
            kind = next((kind for cloud, kind in _KIND_OF_CLOUD.items() if cloud in clouds), "routed")
        one_to_one = public_addresses(cluster) if EDGE_KINDS[kind].translates else {}
        return cls(kind, one_to_one, firewall, dict(routes or {}))


def public_addresses(cluster: Cluster) -> dict[str, str]:
    """Each node's ExternalIP with the InternalIP of the same family.

    An address that is both is on the node itself.
    """
    found: dict[str, str] = {}
    for node in cluster.nodes:
        internal = {
            parse_ip(text).version: str(parse_ip(text)) for text in reversed(node.addresses("InternalIP"))
        }
        for text in node.addresses("ExternalIP"):
            address = parse_ip(text)
            inside = internal.get(address.version)
            if inside is not None and inside != str(address):
                found[str(address)] = inside
    return found
