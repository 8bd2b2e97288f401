"""Routes and address types of one host.

Sources: net/ipv4/fib_frontend.c (`inet_addr_type`, `fib_validate_source`), net/ipv4/devinet.c
(`inet_select_addr`), ip-route(8). The table local is asked before the table main; within a table the longest
prefix wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from ipaddress import IPv4Interface, IPv6Interface

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.skb import written
from kproxysim.netfilter.source_ipv6 import choose, cut_candidates
from kproxysim.values import dataclass

__all__ = ["Interface", "Route", "RoutingTable"]

_WIDTH = {4: 32, 6: 128}

_FIXED = (
    (0, 32, 4),
    *((first << 24, 8, 4) for first in (0, 127)),
    (0xE << 28, 4, 4),
    (0xFFFFFFFF, 32, 4),
    (1, 128, 6),
    (0xFF << 120, 8, 6),
    (0x3FA << 118, 10, 6),
)
"""Networks that mean something to every host: nobody, this one, loopback, groups, everybody, link-local
(prefix, length, family).
"""


@dataclass(frozen=True, slots=True)
class Interface:
    """A device and its addresses, the primary one of each family first.

    `proxy_arp`: it answers for any address (the host's end of a pod's veth pair without an address of its
    own). `is_bridge` is None where nobody said.
    """

    name: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    proxy_arp: bool = False
    is_bridge: bool | None = None

    @property
    def is_loopback(self) -> bool:
        """Is this `lo`?"""
        return self.name == "lo"


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `via` is the next hop's address, None for a network that is on the link.

    `kind` is "unicast", "local", "broadcast", "unreachable", "blackhole" or "prohibit"; `src` is the source
    address that the route suggests for packets made on this host: to a secondary address, the primary one.
    """

    network: int
    length: int
    version: int
    device: str = ""
    via: int | None = None
    src: int | None = None
    kind: str = "unicast"

    @property
    def text(self) -> str:
        """As `ip route` prints the prefix."""
        if self.length == 0:
            return "default"
        address = written(self.network, self.version)
        return address if self.length == _WIDTH[self.version] else f"{address}/{self.length}"


@dataclass(slots=True)
class RoutingTable:
    """All routes of a host, tables local and main, both families.

    `has_custom_local`: somebody added a route of type local, beside those that come with the addresses.
    `subnets` are the addresses of its IPv6 networks, for which a router answers as well.
    """

    interfaces: dict[str, Interface] = field(default_factory=dict)
    has_custom_local: bool = False
    subnets: set[int] = field(default_factory=set)
    _assigned: set[tuple[int, int]] = field(default_factory=set)
    _local: dict[tuple[int, int], dict[int, Route]] = field(default_factory=dict)
    _main: dict[tuple[int, int], dict[int, Route]] = field(default_factory=dict)
    _lengths: dict[tuple[int, str], list[int]] = field(default_factory=dict)

    def add_interface(self, interface: Interface) -> None:
        """Add a device, with the local, broadcast and on-link routes that the kernel makes for it."""
        self.interfaces[interface.name] = interface
        for position, address in enumerate(interface.addresses):
            width, length, version = _WIDTH[address.version], address.network.prefixlen, address.version
            own, network = int(address.ip), int(address.network.network_address)
            self._assigned.add((version, own))
            before = interface.addresses[:position]
            primary = next((one for one in before if one.network == address.network), address)
            source = int(primary.ip) if version == 4 else None
            self._put(Route(own, width, version, interface.name, src=source, kind="local"), "local")
            if length == width:
                continue
            if version == 6 and width - length > 1:
                self.subnets.add(network)
            kind = "local" if interface.is_loopback else "unicast"
            on_link = Route(network, length, version, interface.name, src=source, kind=kind)
            self._put(on_link, "local" if interface.is_loopback else "main")
            if version == 4 and length < 31:
                broadcast = int(address.network.broadcast_address)
                self._put(Route(broadcast, width, 4, interface.name, src=source, kind="broadcast"), "local")

    def add(self, route: Route) -> None:
        """Add a route, to the table where the kernel keeps its kind.

        An equal prefix that is there already stays.
        """
        self.has_custom_local |= route.kind == "local"
        self._put(route, "local" if route.kind in ("local", "broadcast") else "main")

    def _put(self, route: Route, name: str) -> None:
        table = self._local if name == "local" else self._main
        table.setdefault((route.version, route.length), {}).setdefault(route.network, route)
        lengths = self._lengths.setdefault((route.version, name), [])
        if route.length not in lengths:
            lengths.append(route.length)
            lengths.sort(reverse=True)

    def replace_local(self, route: Route) -> None:
        """Put a route into the table local, whatever its kind: `ip route replace ... table local`.

        One of kind unicast leads an address of this host away from it.
        """
        self.has_custom_local |= route.kind == "local"
        self._local.get((route.version, route.length), {}).pop(route.network, None)
        self._put(route, "local")

    def routes(self) -> Iterable[Route]:
        """All routes of table main, longest prefix first."""
        for (version, name), lengths in sorted(self._lengths.items()):
            if name == "main":
                for length in lengths:
                    yield from self._main[(version, length)].values()

    def _find(
        self,
        table: dict[tuple[int, int], dict[int, Route]],
        name: str,
        address: int,
        version: int,
        device: str = "",
    ) -> Route | None:
        """The route with the longest prefix, among those by `device` if one is given."""
        width = _WIDTH[version]
        for length in self._lengths.get((version, name), ()):
            network = address >> (width - length) << (width - length)
            route = table[(version, length)].get(network)
            if route is not None and (not device or route.device == device):
                return route
        return None

    def lookup(self, address: int, version: int) -> Route | None:
        """The route of a destination, or None if there is none at all."""
        return self._find(self._local, "local", address, version) or self._find(
            self._main, "main", address, version
        )

    def lookup_by(self, device: str, address: int, version: int) -> Route | None:
        """The route of a destination among those of table main that lead out by one device."""
        return self._find(self._main, "main", address, version, device)

    def _by_device(self, device: str, address: int) -> Route | None:
        """The best route of IPv6 among those that lead out by one device, own addresses included."""
        return self._find(self._local, "local", address, 6, device) or self.lookup_by(device, address, 6)

    def is_local(self, address: int, version: int) -> bool:
        """Would a packet to this address be delivered on this host?"""
        route = self._find(self._local, "local", address, version)
        return route is not None and route.kind == "local"

    def is_own_source(self, address: int, *, filtering: bool) -> bool:
        """Is a packet with this IPv4 source from the wire taken for one that pretends to be of this host?

        The table local tells, where reverse paths are filtered or somebody added a route of type local; else
        the addresses of devices do, whatever that table says (`fib_validate_source`).
        """
        by_table = filtering or self.has_custom_local
        return self.is_local(address, 4) if by_table else self.is_assigned(address, 4)

    def address_type(self, address: int, version: int, device: str = "") -> str:
        """The type that `-m addrtype` sees (`inet_addr_type`; `inet_dev_addr_type` with a `device`).

        IPv4 asks the table local alone, IPv6 finds the route; with a `device` one that leads there, and only
        an address of the device itself is local (`match_lookup_rt6`).
        """
        if version == 4:
            if address == 0xFFFFFFFF or address >> 24 == 0:
                return "BROADCAST"
            if address >> 28 == 0xE:
                return "MULTICAST"
        elif address >> 120 == 0xFF:
            return "MULTICAST"
        if version == 6 and device:
            interface = self.interfaces.get(device)
            owned = () if interface is None else interface.addresses
            if any(one.version == 6 and int(one.ip) == address for one in owned):
                return "LOCAL"
            return "UNREACHABLE" if self._by_device(device, address) is None else "UNICAST"
        route = self._find(self._local, "local", address, version)
        if route is not None and (not device or route.device == device):
            return route.kind.upper()
        if version == 6 and route is None:
            route = self._find(self._main, "main", address, version)
            if route is None or route.kind != "unicast":
                return "UNREACHABLE"
        return "UNICAST"

    def cut(self, cuts: Cuts) -> None:
        """The ends of all networks and the addresses that routes and devices give to packets."""
        for prefix, length, version in _FIXED:
            cuts.prefix(prefix, length, version)
        for routes in (*self._local.values(), *self._main.values()):
            for route in routes.values():
                cuts.prefix(route.network, route.length, route.version)
                for given in (route.via, route.src):
                    if given is not None:
                        cuts.address(given, route.version)
        addresses = [one for interface in self.interfaces.values() for one in interface.addresses]
        for address in addresses:
            cuts.address(int(address.ip), address.version)
            cuts.prefix(int(address.network.network_address), address.network.prefixlen, address.version)
        for subnet in self.subnets:
            cuts.address(subnet, 6)
        cut_candidates((one for one in addresses if isinstance(one, IPv6Interface)), cuts)

    def has_way_back(
        self, source: int, version: int, device: str, *, loose: bool, accept_local: bool
    ) -> bool:
        """Does the way to `source` leave by `device`, as `-m rpfilter` asks?

        The route is found first, and its device looked at then (`rpfilter_lookup_reverse`, `_reverse6`).
        """
        route = self.lookup(source, version)
        if route is None:
            return False
        if route.kind == "local":
            return accept_local and (loose or version == 6 or route.device == device)
        return route.kind == "unicast" and (loose or route.device == device)

    def is_assigned(self, address: int, version: int) -> bool:
        """Is this an address of a device?

        A route of type local makes an address this host's as well, but IPv6 sends nothing of its own from it.
        """
        return (version, address) in self._assigned

    def select_ipv6_address(self, device: str, destination: int) -> int | None:
        """The address that a packet leaving by `device` for `destination` carries.

        The newest address of a device is asked first.
        """
        return choose(
            (
                (name, address)
                for name, interface in self.interfaces.items()
                for address in reversed(interface.addresses)
                if isinstance(address, IPv6Interface)
            ),
            device,
            destination,
        )

    def select_ipv4_address(self, device: str, towards: int | None) -> int | None:
        """The address that IPv4 packets leaving by `device` carry: `inet_select_addr` with universe scope.

        The primary address in the same network as `towards` (the next hop), else the first one; a device
        without a usable address borrows from the others. Loopback's own 127/8 is of host scope and never
        taken; one of 169.254.0.0/16 is of universe scope like any other that `ip address add` adds.
        """
        first = None
        for address in self._usable(device):
            if towards is None or towards in _range(address):
                return int(address.ip)
            first = int(address.ip) if first is None else first
        if first is not None:
            return first
        for name in self.interfaces:
            for address in self._usable(name):
                return int(address.ip)
        return None

    def _usable(self, device: str) -> Iterable[IPv4Interface]:
        interface = self.interfaces.get(device)
        for address in interface.addresses if interface else ():
            if isinstance(address, IPv4Interface) and not address.ip.is_loopback:
                yield address


def _range(address: IPv4Interface) -> range:
    network = address.network
    return range(int(network.network_address), int(network.broadcast_address) + 1)
