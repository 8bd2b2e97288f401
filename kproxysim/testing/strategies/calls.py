"""Calls aimed at what exists, near misses, and noise; situations; packets of any kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy

from kproxysim.cluster.addresses import parse_ip
from kproxysim.network import World
from kproxysim.packet import Packet, format_endpoint
from kproxysim.testing.call import Call, Maker, Situation, again
from kproxysim.testing.law import Law
from kproxysim.testing.strategies.addresses import CLIENTS, FOREIGN
from kproxysim.testing.strategies.arguments import drawn_from, one_or_many
from kproxysim.testing.strategies.choosing import Draw, number, one_in, pick
from kproxysim.testing.strategies.clusters import clusters as any_cluster
from kproxysim.testing.strategies.worlds import worlds as any_world

__all__ = [
    "ADDRESSES",
    "AIMS",
    "SENDERS",
    "Possible",
    "calls",
    "draw_call",
    "packets",
    "possible_calls",
    "situations",
    "situations_for",
]

AIMS = ("service", "near miss", "elsewhere")
"""What a call may be for: a port of a Service, almost one, or anything else."""

SENDERS = ("internet", "pod", "node")

ADDRESSES = ("cluster IP", "external IP", "load balancer IP", "node port")
"""By which of its addresses a Service may be called."""


@dataclass(frozen=True, slots=True)
class _Target:
    """One end that can be dialled."""

    address: str
    port: int
    protocol: str

    @property
    def version(self) -> int:
        return 6 if ":" in self.address else 4

    def __str__(self) -> str:
        suffix = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{format_endpoint(self.address, self.port)}{suffix}"


@dataclass(frozen=True, slots=True)
class Possible:
    """What calls of a world are made of: for each aim what may be dialled, for each family who may."""

    aims: tuple[str, ...]
    pools: dict[str, list[_Target]]
    senders: dict[int, list[str]]
    nodes: tuple[str, ...]


def calls(
    world: World,
    *,
    aims: Collection[str] = AIMS,
    senders: Collection[str] = SENDERS,
    addresses: Collection[str] = ADDRESSES,
    clients: Collection[str] = (*CLIENTS[4], *CLIENTS[6]),
    services: Collection[str] | None = None,
) -> SearchStrategy[Call]:
    """Calls in a world.

    - `aims`: "service" is any port of a Service at any address that could be its own; "near miss" the same
      with one thing wrong (port, protocol, address); "elsewhere" pods and nodes themselves, and noise.
    - `senders`: who calls; "internet" is one of the addresses in `clients`.
    - `addresses`: by which of its addresses a Service is called, words of `ADDRESSES`.
    - `services`: only these, as "namespace/name".

    Raises InvalidArgument for an argument that is none of these, and where nothing is left to call.
    """
    made = possible_calls(world, aims, senders, addresses, clients, services)
    if made is None:
        raise InvalidArgument(
            f"there is nothing to call: no {' or '.join(aims)} that {' or '.join(senders)} has an address for"
        )
    return _calls(made)


def possible_calls(
    world: World,
    aims: Collection[str] = AIMS,
    senders: Collection[str] = SENDERS,
    addresses: Collection[str] = ADDRESSES,
    clients: Collection[str] = (*CLIENTS[4], *CLIENTS[6]),
    services: Collection[str] | None = None,
) -> Possible | None:
    """The calls of a world; None where there is nobody to call, or to do so."""
    wanted = one_or_many("aims", aims, AIMS)
    who = one_or_many("senders", senders, SENDERS)
    try:
        outside = [str(ip_address(text)) for text in clients]
    except ValueError as error:
        raise InvalidArgument(f"clients={clients!r}: {error}; write addresses, such as 203.0.113.7") from None
    places = _places(world, services, one_or_many("addresses", addresses, ADDRESSES))
    sender_names = _senders(world, who, outside)
    pools = {aim: [one for one in places[aim] if one.version in sender_names] for aim in wanted}
    left = tuple(aim for aim in wanted if pools[aim])
    if not left:
        return None
    return Possible(left, pools, sender_names, tuple(node.name for node in world.cluster.nodes))


@st.composite
def _calls(draw: st.DrawFn, possible: Possible) -> Call:
    return draw_call(draw, possible)


def draw_call(draw: Draw, possible: Possible) -> Call:
    """One of them."""
    aims = possible.aims
    to = pick(draw, possible.pools[pick(draw, (*aims[:1] * 5, *aims[1:]))])
    source = pick(draw, possible.senders[to.version])
    several = source.startswith("internet/") and len(possible.nodes) > 1
    return Call(source, str(to), pick(draw, possible.nodes) if several else None)


def _senders(world: World, kinds: tuple[str, ...], clients: Iterable[str]) -> dict[int, list[str]]:
    """Who can call, by family; each kind of sender about as often as another."""
    found: dict[int, list[str]] = {}
    hosts = world.topology.hosts
    for version in (4, 6):
        by_kind = {
            "internet": [f"internet/{text}" for text in clients if ip_address(text).version == version],
            "pod": [
                f"pod/{pod.key}"
                for pod in world.pods
                if f"pod/{pod.key}" in hosts and any(ip_address(text).version == version for text in pod.ips)
            ],
            "node": [
                f"node/{node.name}"
                for node in world.cluster.nodes
                if version in world.topology.node_addresses[node.name]
            ],
        }
        most = max((len(by_kind[kind]) for kind in kinds), default=0)
        names = [
            name for kind in kinds for name in (by_kind[kind] * -(-most // max(len(by_kind[kind]), 1)))[:most]
        ]
        if names:
            found[version] = names
    return found


def _places(
    world: World, services: Collection[str] | None, addresses: tuple[str, ...]
) -> dict[str, list[_Target]]:
    cluster = world.cluster
    known = {service.key: service for service in cluster.services}
    if services is not None:
        unknown = [key for key in services if key not in known]
        if unknown:
            listed = ", ".join(known) or "there is none"
            raise InvalidArgument(f"services: {unknown[0]!r} is not known; the Services are: {listed}")
    nodes = [
        str(parse_ip(entry.address))
        for node in cluster.nodes
        for entry in node.status.addresses
        if entry.type in ("InternalIP", "ExternalIP")
    ]
    versions = {6 if ":" in address else 4 for address in nodes}
    loopback = [{4: "127.0.0.1", 6: "::1"}[version] for version in sorted(versions)]
    found: dict[str, list[_Target]] = {"service": [], "near miss": [], "elsewhere": []}
    for service in cluster.services:
        if services is not None and service.key not in services:
            continue
        spec = service.spec
        vips = [one.ip for one in service.status.load_balancer.ingress if one.ip]
        named = zip(ADDRESSES, (spec.cluster_ips, spec.external_ips, vips), strict=False)
        own = [text for by, texts in named if by in addresses for text in texts if text != "None"]
        for port in spec.ports:
            protocol = port.protocol.lower()
            found["service"] += [_Target(text, port.port, protocol) for text in own]
            if port.node_port and "node port" in addresses:
                at = dict.fromkeys((*nodes, *vips, *loopback))
                found["service"] += [_Target(text, port.node_port, protocol) for text in at]
            other = "udp" if protocol == "tcp" else "tcp"
            found["near miss"] += [_Target(text, port.port + 1, protocol) for text in own]
            found["near miss"] += [_Target(text, port.port, other) for text in own]
            found["near miss"] += [_Target(text, port.port, protocol) for text in nodes if text not in own]
            if port.node_port:
                found["near miss"] += [_Target(text, port.node_port, other) for text in nodes[:1]]
                found["near miss"] += [_Target(text, port.node_port, protocol) for text in spec.cluster_ips]
    pods = [(address, socket) for pod in world.pods for address in pod.ips for socket in pod.listening]
    found["elsewhere"] += [
        _Target(address, int(socket.partition("/")[2]), socket.partition("/")[0]) for address, socket in pods
    ]
    found["elsewhere"] += [
        _Target(text, port, protocol)
        for text in (*nodes, *(text for version in sorted(versions) for text in FOREIGN[version]))
        for protocol, port in (("tcp", 22), ("tcp", 80), ("udp", 53), ("tcp", 10250))
    ]
    return found


def situations(
    worlds: SearchStrategy[World] | World | None = None,
    *,
    aims: Collection[str] = AIMS,
    senders: Collection[str] = SENDERS,
    addresses: Collection[str] = ADDRESSES,
    clients: Collection[str] = (*CLIENTS[4], *CLIENTS[6]),
    rules: Maker | None = None,
) -> SearchStrategy[Situation]:
    """A world and a call in it. `worlds` is one, or a strategy that makes them; the rest is as for `calls`.

    `rules` makes every node's rules, where they shall not be kube-proxy's: your own service proxy, called
    with a cluster, a node's name and a family, gives a ruleset or what iptables-save would print.
    """
    one_or_many("aims", aims, AIMS)
    one_or_many("senders", senders, SENDERS)
    one_or_many("addresses", addresses, ADDRESSES)
    if rules is not None and not callable(rules):
        raise InvalidArgument(
            f"rules={rules!r} can't be called: write a function of cluster, node and family that gives rules"
        )
    return _situations(
        drawn_from("worlds", worlds, World, any_world), aims, senders, addresses, clients, rules
    )


@st.composite
def _situations(
    draw: st.DrawFn,
    worlds: SearchStrategy[World],
    aims: Collection[str],
    senders: Collection[str],
    addresses: Collection[str],
    clients: Collection[str],
    rules: Maker | None,
) -> Situation:
    world = draw(worlds)
    if rules is not None:
        world = again(world, rules=rules)
    possible = possible_calls(world, aims, senders, addresses, clients)
    if possible is None:
        reject()
    return Situation(world, draw_call(draw, possible), rules)


def situations_for(law: Law, *, rules: Maker | None = None) -> SearchStrategy[Situation]:
    """Situations in which a law has most to say: the narrowest that do not leave out what it is about."""
    worlds = any_world(any_cluster(**law.clusters), firewall=False)
    return situations(worlds, rules=rules, **law.calls)


def packets(
    world: World | None = None, *, protocols: Collection[str] = ("tcp", "udp", "sctp", "icmp", "ipv6-icmp")
) -> SearchStrategy[Packet]:
    """Packets as they may be on a wire, in any state of a connection: TCP with any flags, ICMP with what it
    is about.

    With a world half of them are for somebody in it, and come from somebody in it.
    """
    kinds = one_or_many("protocols", protocols, ("tcp", "udp", "sctp", "icmp", "ipv6-icmp"))
    return _packets(world, kinds)


_FLAGS = ("SYN", "SYN,ACK", "ACK", "PSH,ACK", "FIN,ACK", "RST", "RST,ACK")
_ECHO = {"icmp": ((8, 0), (0, 0)), "ipv6-icmp": ((128, 0), (129, 0))}
_ERRORS = {"icmp": ((3, 3), (3, 1), (11, 0), (3, 13)), "ipv6-icmp": ((1, 4), (1, 3), (3, 0), (1, 1))}


@st.composite
def _packets(draw: st.DrawFn, world: World | None, kinds: tuple[str, ...]) -> Packet:
    protocol = pick(draw, kinds)
    versions = {"icmp": (4,), "ipv6-icmp": (6,)}.get(protocol, (4, 6))
    pools = {version: _addresses(world, version) for version in versions}
    version = pick(draw, versions)
    ports = _ports(world)

    def end() -> str:
        return _draw_end(draw, pools[version], version)

    def port() -> int:
        return number(draw, 0, 65535) if one_in(draw, 2) else pick(draw, ports)

    src, dst = end(), end()
    if protocol not in _ECHO:
        flags = pick(draw, _FLAGS) if protocol == "tcp" else ""
        return Packet(protocol, src, dst, port(), port(), flags)
    if not one_in(draw, 2):
        return Packet(protocol, src, dst, icmp=pick(draw, _ECHO[protocol]))
    about = Packet("tcp", dst, end(), port(), port())
    return Packet(protocol, src, dst, icmp=pick(draw, _ERRORS[protocol]), inner=about)


_ANYBODY = {4: st.ip_addresses(v=4).map(str), 6: st.ip_addresses(v=6).map(str)}


def _draw_end(draw: st.DrawFn, pool: list[str], version: int) -> str:
    return draw(_ANYBODY[version]) if one_in(draw, 2) else pick(draw, pool)


def _addresses(world: World | None, version: int) -> list[str]:
    """Whom a packet may come from or go to: nodes, pods, Services, clients."""
    pool = [*CLIENTS[version], *FOREIGN[version]]
    if world is None:
        return pool
    cluster = world.cluster
    known = [
        *(entry.address for node in cluster.nodes for entry in node.status.addresses),
        *(address for pod in world.pods for address in pod.ips),
        *(
            text
            for service in cluster.services
            for text in (*service.spec.cluster_ips, *service.spec.external_ips)
        ),
    ]
    mine = [text for text in known if text and text != "None" and (":" in text) == (version == 6)]
    return list(dict.fromkeys((*mine, *pool)))


def _ports(world: World | None) -> list[int]:
    known = {22, 80, 8080}
    for service in () if world is None else world.cluster.services:
        for port in service.spec.ports:
            known |= {port.port, *((port.node_port,) if port.node_port else ())}
    return sorted(known)
