"""A World's topology as a plan for namespaces: every host of it with its devices, addresses, routes, settings, rules and sockets."""

from dataclasses import asdict
from ipaddress import IPv4Interface, IPv6Interface

from kproxysim.netfilter.host import DeviceSettings, Host
from kproxysim.netfilter.routing import Route, RoutingTable
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import to_address
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.network import World
from kproxysim.network.topology import EDGE, Topology
from kproxysim.packet import Address
from tests.kernel.linux_edge import edge_host
from tests.kernel.plan import Cable, HostPlan, Plan, Switch

ROUTER = {4: "169.254.1.1", 6: "fe80::1"}
"""Next hop of hosts whose only link leads to a router; it is nobody's address, the neighbour entry is what leads there."""

BRIDGE = "cbr0"
NEW_BRIDGE = "type bridge mcast_snooping 0"
"""A bridge that sends nothing of its own."""


def plan_of(world: World, topology: Topology, backend: str) -> Plan:
    """Every host of `topology`, joined as its plugs say."""
    plan = Plan(backend)
    for name, placed in topology.hosts.items():
        host = HostPlan(_sysctls(placed.host), listen=_sockets(placed.host))
        for device, settings in placed.host.sysctls.devices.items():
            host.late_sysctls |= _of_device(device, settings)
        plan.hosts[name] = host
        if placed.kind == "node":
            host.rules = _rules(world, placed.label, placed.host)
    plan.hosts[EDGE] = edge_host(world, topology)
    layout = _Layout(topology, plan)
    layout.wire()
    for name, placed in topology.hosts.items():
        layout.configure(name, placed.host)
    for device, segment in layout.plugs(EDGE):
        plan.hosts[EDGE].ip += layout.neighbours(EDGE, device, segment)
    return plan


def _rules(world: World, node: str, host: Host) -> dict[str, str]:
    """The rules of the families in which a node has addresses."""
    found: dict[str, str] = {}
    families: tuple[tuple[Family, int], ...] = (("ipv4", 4), ("ipv6", 6))
    for family, version in families:
        text = world.ruleset(node, family).to_save()
        if text and any(one.version == version for one in _addresses(host)):
            found[family] = text
    return found


class _Layout:
    """Gives out MAC addresses and remembers who has which, so that nobody has to ask for neighbours: rules would count that."""

    def __init__(self, topology: Topology, plan: Plan) -> None:
        self.topology, self.plan = topology, plan
        self.macs: dict[tuple[str, str], str] = {}
        self.bridge_ports: dict[str, str] = {}

    def _mac(self, host: str, device: str) -> str:
        number = len(self.macs)
        return self.macs.setdefault((host, device), f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")

    def plugs(self, host: str) -> list[tuple[str, str]]:
        """A host's devices, each with a segment that it is plugged into."""
        everything = self.topology._plugged.items()
        return [
            (device, segment) for segment, ports in everything for owner, device in ports if owner == host
        ]

    def wire(self) -> None:
        """Two ends make a cable, more a switch. Pods on a node's bridge each have a cable to a port of it."""
        for number, (segment, ports) in enumerate(self.topology._plugged.items()):
            ends = []
            for host, device in ports:
                self._mac(host, device)
                end = device
                if device == BRIDGE:
                    end = self.bridge_ports[segment] = f"port{number}"
                ends.append((host, end, self._mac(host, end)))
            if len(ends) == 2:
                self.plan.cables.append(Cable(ends))
            else:
                self.plan.switches.append(Switch(ends))

    def configure(self, name: str, host: Host) -> None:
        """The lines for `ip` of one host: devices first, then addresses, routes and neighbours."""
        lines = self.plan.hosts[name].ip
        plugs = self.plugs(name)
        lines += self._devices(name, host, plugs)
        for device, interface in host.routing.interfaces.items():
            for address in interface.addresses:
                if not address.ip.is_loopback:
                    lines.append(
                        f"address add {address} dev {device}{' nodad' if address.version == 6 else ''}"
                    )
            lines.append(f"link set {device} up")
        lines += [_route(route) for route in _all_routes(host.routing)]
        lines += [f"{_route(route)} table local" for route in _led_away(host.routing)]
        if name.startswith("internet/"):
            lines += self._others_outside(name)
        for device, segment in plugs:
            lines += self.neighbours(name, device, segment)
            lines += self._same_bridge(name, device, segment)

    def _devices(self, name: str, host: Host, plugs: list[tuple[str, str]]) -> list[str]:
        """Devices that are no end of a cable: a pod bridge with its ports, and what leads nowhere."""
        lines = []
        plugged = {device for device, _ in plugs if device != BRIDGE}
        for device in host.routing.interfaces:
            if device == BRIDGE:
                lines.append(f"link add {device} address {self._mac(name, device)} {NEW_BRIDGE}")
            elif device not in plugged and device != "lo":
                lines.append(f"link add {device} {NEW_BRIDGE}")
        for _, segment in plugs:
            port = self.bridge_ports.get(segment)
            if port is not None and name.startswith("node/"):
                lines.append(f"link set {port} master {BRIDGE} up")
                lines.append(f"link set {port} type bridge_slave hairpin on")
        return lines

    def neighbours(self, name: str, device: str, segment: str) -> list[str]:
        """Permanent entries for all who live on a segment, and for its router where hosts know no address of it."""
        lines = []
        router = self._router(segment)
        for other, far in self.topology._plugged[segment]:
            if other == name:
                continue
            if other == EDGE:
                known: list[object] = [*self.topology.gateway.values(), *self._strange_routers(name)]
            else:
                known = [one.ip for one in _addresses(self.topology.hosts[other].host)]
            if other == router:
                known += ROUTER.values()
            lines += [_neighbour(address, self.macs[other, far], device) for address in known]
        return lines

    def _others_outside(self, name: str) -> list[str]:
        """Clients reach each other without the edge."""
        outside = [one for one in self.topology.hosts if one.startswith("internet/") and one != name]
        return [f"route replace {one.removeprefix('internet/')} dev eth0" for one in outside]

    def _strange_routers(self, name: str) -> list[Address]:
        """Next hops of a host that nobody here is: the edge stands for them."""
        if name == EDGE:
            return []
        table = self.topology.hosts[name].host.routing
        hops = {(one.via, one.version) for one in table.routes() if one.via is not None}
        return [
            to_address(via, version) for via, version in hops if (version, via) not in self.topology.owners
        ]

    def _router(self, segment: str) -> str:
        found = self.topology._routers.get(segment) or self.topology._bridges[segment]
        return found[0]

    def _same_bridge(self, name: str, device: str, segment: str) -> list[str]:
        """Pods of one bridge reach each other past their node's routing; its rules see them by bridge netfilter."""
        if segment not in self.bridge_ports or not name.startswith("pod/"):
            return []
        node = self._router(segment)
        lines = []
        for _, link in self.plugs(node):
            for other, far in self.topology._plugged[link] if link in self.bridge_ports else ():
                if other not in (name, node):
                    own = _addresses(self.topology.hosts[other].host)
                    lines += [_neighbour(one.ip, self.macs[other, far], device) for one in own]
        return lines


def _neighbour(address: object, mac: str, device: str) -> str:
    return f"neighbour replace {address} lladdr {mac} dev {device} nud permanent"


def _route(route: Route) -> str:
    prefix = route.text if route.length else ("0.0.0.0/0" if route.version == 4 else "::/0")
    if route.kind in ("unreachable", "blackhole", "prohibit"):
        return f"route add {route.kind} {prefix}"
    if route.kind == "local":
        return f"route replace local {prefix} dev {route.device} table local"
    via: object = None if route.via is None else to_address(route.via, route.version)
    if via is None and route.length == 0:
        via = ROUTER[route.version]
    hop = "" if via is None else f" via {via}"
    source = "" if route.src is None else f" src {to_address(route.src, route.version)}"
    return f"route replace {prefix}{hop} dev {route.device}{source}{' onlink' if hop else ''}"


def _all_routes(table: RoutingTable) -> list[Route]:
    """What the kernel does not make by itself: table main, and in table local routes to what no device has."""
    own = {
        (one.version, int(one.ip)) for interface in table.interfaces.values() for one in interface.addresses
    }
    local = [
        route
        for routes in table._local.values()
        for route in routes.values()
        if route.kind == "local"
        and (route.version, route.network) not in own
        and not _address(route).is_loopback
    ]
    return [*local, *table.routes()]


def _led_away(table: RoutingTable) -> list[Route]:
    """Routes by which addresses of this host's own are somewhere else."""
    return [route for routes in table._local.values() for route in routes.values() if route.kind == "unicast"]


def _address(route: Route) -> Address:
    return to_address(route.network, route.version)


def _addresses(host: Host) -> list[IPv4Interface | IPv6Interface]:
    """All addresses but those of loopback's own."""
    interfaces = host.routing.interfaces.values()
    return [one for interface in interfaces for one in interface.addresses if not one.ip.is_loopback]


def _sockets(host: Host) -> list[tuple[str, str, int]]:
    """TCP and UDP: a kernel may come without SCTP."""
    return sorted(
        (one.protocol, "" if one.address is None else str(_of_either_family(one.address)), one.port)
        for one in host.sockets
        if one.protocol in ("tcp", "udp")
    )


def _of_either_family(address: int) -> Address:
    return to_address(address, 4 if 1 < address < 1 << 32 else 6)


def _sysctls(host: Host) -> dict[str, str]:
    settings = host.sysctls
    values = {
        "net/ipv4/ip_forward": "1",
        "net/ipv6/conf/all/forwarding": f"{settings.ipv6_forward:d}",
        "net/netfilter/nf_conntrack_tcp_loose": f"{settings.tcp_loose:d}",
    }
    ours, usual = asdict(settings.timeouts), asdict(Timeouts())
    values |= {
        f"net/netfilter/nf_conntrack_{name}": f"{ours[name]:.0f}"
        for name in ours
        if ours[name] != usual[name]
    }
    if BRIDGE in host.routing.interfaces:
        values["net/bridge/bridge-nf-call-iptables"] = f"{settings.bridge_iptables:d}"
        values["net/bridge/bridge-nf-call-ip6tables"] = f"{settings.bridge_ip6tables:d}"
    return values | _of_device("default", settings.any_device) | _of_device("all", DeviceSettings())


def _of_device(name: str, settings: DeviceSettings) -> dict[str, str]:
    found = {
        f"net/ipv4/conf/{name}/route_localnet": f"{settings.route_localnet:d}",
        f"net/ipv4/conf/{name}/rp_filter": f"{settings.rp_filter}",
        f"net/ipv4/conf/{name}/accept_local": f"{settings.accept_local:d}",
    }
    if name != "all":
        found[f"net/ipv4/conf/{name}/forwarding"] = f"{settings.forwarding:d}"
    if settings.force_forwarding:
        found[f"net/ipv6/conf/{name}/force_forwarding"] = "1"
    return found
