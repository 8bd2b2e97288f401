"""The edge as a Linux router: what `EdgeRouter` models, done by iptables and routes.

One-to-one NAT is conntrack's here, while a cloud's translates each packet for itself. They differ for packets that belong to no connection, such
as answers that come back another way; `differs` names these cases.
"""

from ipaddress import ip_address, ip_network

from kproxysim.network import Edge, World
from kproxysim.network.router import CLUSTER_SIDE, INTERNET_SIDE
from kproxysim.network.topology import Topology
from kproxysim.packet import Address, Packet
from tests.kernel.plan import HostPlan

NOWHERE = "nowhere"
"""The device towards addresses that nobody has. A rule refuses what would leave by it: errors of routing itself are limited to one a second."""

QUIET = {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"}


def edge_host(world: World, topology: Topology) -> HostPlan:
    """The router between the nodes and the internet."""
    router = world._router(topology)
    lines = ["link set lo up", f"link set {CLUSTER_SIDE} up", f"link set {INTERNET_SIDE} up"]
    lines += [
        f"address add {one}/{one.max_prefixlen} dev {CLUSTER_SIDE}{_nodad(one)}"
        for one in topology.gateway.values()
    ]
    lines += [
        f"address add {text}/{ip_address(text).max_prefixlen} dev {INTERNET_SIDE}{_nodad(ip_address(text))}"
        for text in world.edge.outside.values()
    ]
    lines += [f"link add {NOWHERE} type bridge", f"link set {NOWHERE} up"]
    lines += [f"route add {every} dev {NOWHERE}" for every in ("0.0.0.0/0", "::/0")]
    for network, hop in router.pod_networks.items():
        lines.append(_route(str(network), hop))
    for address, names in router.balanced.items():
        takers = [
            router.nodes[name][address.version] for name in names if address.version in router.nodes[name]
        ]
        if takers:
            lines.append(_route(str(address), takers[0]))
    for text, name in world.edge.routes.items():
        hop = router.nodes[name][ip_network(text).version]
        lines.append(_route(text, hop))
    for address, hop in router.inside.items():
        lines.append(_route(str(address), hop))
    for name, placed in topology.hosts.items():
        if placed.kind == "internet":
            lines.append(f"route replace {name.removeprefix('internet/')} dev {INTERNET_SIDE}")
    passed = [*router.inside, *router.balanced, *map(ip_address, world.edge.one_to_one.values())]
    rules = {family: _rules(world.edge, passed, version) for version, family in ((4, "ipv4"), (6, "ipv6"))}
    return HostPlan(dict(QUIET), lines, rules)


def _nodad(address: Address) -> str:
    return " nodad" if address.version == 6 else ""


def _route(prefix: str, hop: Address) -> str:
    network = ip_network(prefix)
    if network.num_addresses == 1 and network.network_address == hop:
        return f"route replace {hop} dev {CLUSTER_SIDE}"
    return f"route replace {network} via {hop} dev {CLUSTER_SIDE} onlink"


def balance(topology: Topology, address: Address, node: str) -> list[str]:
    """Hand a load balancer's address to one node."""
    return [_route(str(address), topology.node_addresses[node][address.version])]


def _rules(edge: Edge, passed: list[Address], version: int) -> str:
    """Restore text: what is no hop takes nothing off the time to live; the NAT; the firewall, and what egress refuses."""
    more = "TTL --ttl-inc 1" if version == 4 else "HL --hl-inc 1"
    mangle = [] if edge.traits.counts_as_hop else [f"-A PREROUTING -j {more}"]
    own = [address for address in dict.fromkeys(passed) if address.version == version]
    forward = [_nobody(edge, version), *_firewall(edge, version), *_egress(edge, own)]
    tables = {"mangle": mangle, "nat": _nat(edge, version), "filter": forward}
    return "".join("\n".join([f"*{table}", *rules, "COMMIT", ""]) for table, rules in tables.items())


def _nat(edge: Edge, version: int) -> list[str]:
    """Both ways, and for a node that calls a public address of its own cluster both at once."""
    rules = []
    for public, internal in edge.one_to_one.items():
        if ip_address(public).version == version:
            back = f"-A POSTROUTING -s {internal} -o {CLUSTER_SIDE} -m conntrack --ctstate DNAT"
            rules += [
                f"-A PREROUTING -d {public} -j DNAT --to-destination {internal}",
                f"-A POSTROUTING -s {internal} -o {INTERNET_SIDE} -j SNAT --to-source {public}",
                f"{back} -j SNAT --to-source {public}",
            ]
    return rules


def _nobody(edge: Edge, version: int) -> str:
    kind = "icmp-net-unreachable" if version == 4 else "icmp6-no-route"
    target = f"REJECT --reject-with {kind}" if edge.traits.reports_unreachable else "DROP"
    return f"-A FORWARD -o {NOWHERE} -j {target}"


def _firewall(edge: Edge, version: int) -> list[str]:
    if edge.firewall is None:
        return []
    inward = f"-A FORWARD -i {INTERNET_SIDE}"
    rules = [f"{inward} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    for one in edge.firewall:
        network = ip_network(one.source)
        everybody = network.prefixlen == 0
        if everybody or network.version == version:
            source = "" if everybody else f" -s {network}"
            rules.append(f"{inward} -p {one.protocol} --dport {one.low}:{one.high}{source} -j ACCEPT")
    return [*rules, f"{inward} -j DROP"]


def _egress(edge: Edge, own: list[Address]) -> list[str]:
    """Towards public addresses only from addresses of nodes."""
    if not edge.traits.refuses_foreign_sources:
        return []
    outward = f"-A FORWARD -i {CLUSTER_SIDE}"
    return [
        *(f"{outward} -s {address} -j ACCEPT" for address in own),
        f"{outward} -o {INTERNET_SIDE} -j DROP",
        f"{outward} -o {CLUSTER_SIDE} -m conntrack --ctstate DNAT --ctdir ORIGINAL -j DROP",
    ]


def as_stateless(world: World, source: str, address: str) -> str:
    """The address from which a sender on the internet would hear, had each packet been translated for itself.

    conntrack translates an error together with the connection that it is about, or not at all.
    """
    if not source.startswith("internet/") or world.edge.traits.knows_connections:
        return address
    return next((public for public, inside in world.edge.one_to_one.items() if inside == address), address)


def differs(world: World, packet: Packet, source: str) -> str | None:
    """Why this packet is not sent through both: a name for where this edge does what the modelled one does not."""
    stateless = bool(world.edge.one_to_one) and not world.edge.traits.knows_connections
    inside = (*world.edge.one_to_one.values(), *_pod_addresses(world))
    if source.startswith("internet/") and stateless and str(packet.dst) in inside:
        # conntrack leaves the answer as it is, since the call was not translated; a stateless NAT gives it the public address
        return "private-address-from-the-internet"
    return None


def _pod_addresses(world: World) -> list[str]:
    return [address for pod in world.pods for address in pod.ips]
