"""Hosts without Kubernetes, drawn at random: rules, settings, addresses, routes and sockets of a node, and the packets that are sent through it.

The node has two pods, and there is another node with one; clients are on the internet. What is dialled may be an address that somebody has, one that
only rules know, one that nobody has or one that a route refuses.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from kproxysim.cluster import Cluster, NodeFacts
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, Pod, World
from kproxysim.testing.strategies.addresses import internal
from kproxysim.testing.strategies.objects import make_node
from tests.kernel.raw_rules import PORTS, draw_rules

ADDRESSES = {
    4: {
        "internal": internal(0, 4), "second": "10.128.0.50", "other": "192.0.2.60", "on-loopback": "192.0.2.7", "local-route": "192.0.2.90",
        "other-node": internal(1, 4), "pod1": "10.44.0.5", "pod2": "10.44.0.6", "away": "10.44.1.7", "gateway": "10.44.0.1",
        "vip1": "10.96.0.1", "vip2": "10.96.0.2", "vip3": "10.96.0.3", "client": "203.0.113.7", "client2": "203.0.113.8",
        "nobody": "10.44.0.99", "no-neighbour": "10.128.0.99", "refused": "192.0.2.17", "prohibited": "192.0.2.33", "swallowed": "192.0.2.49",
        "far": "192.0.2.200", "farther": "192.0.2.207", "loopback": "127.0.0.1", "everybody": "10.128.0.255",
    },
    6: {
        "internal": internal(0, 6), "second": "fd00:128::50", "other": "2001:db8:2::60", "on-loopback": "2001:db8:2::7",
        "local-route": "2001:db8:2::90", "other-node": internal(1, 6), "pod1": "fd00:44::5", "pod2": "fd00:44::6", "away": "fd00:44:0:1::7",
        "gateway": "fd00:44::1", "vip1": "fd00:96::1", "vip2": "fd00:96::2", "vip3": "fd00:96::3", "client": "2001:db8:cafe::7",
        "client2": "2001:db8:cafe::8", "nobody": "fd00:44::99", "no-neighbour": "fd00:128::99", "refused": "2001:db8:bad::1",
        "prohibited": "2001:db8:bae::1", "swallowed": "2001:db8:baf::1", "far": "2001:db8:2::200", "farther": "2001:db8:2::207",
        "loopback": "::1",
    },
}  # fmt: skip
NETWORKS = {
    4: ("10.44.0.0/24", "10.0.0.0/8", "203.0.113.0/24", "10.96.0.0/16", "192.0.2.0/24", "127.0.0.0/8"),
    6: ("fd00:44::/64", "fd00::/8", "2001:db8:cafe::/64", "fd00:96::/64", "2001:db8:2::/64", "::1"),
}
REFUSING = {
    4: ("unreachable 192.0.2.16/28", "prohibit 192.0.2.32/28", "blackhole 192.0.2.48/28"),
    6: ("unreachable 2001:db8:bad::/48", "prohibit 2001:db8:bae::/48", "blackhole 2001:db8:baf::/48"),
}
ROUTED_HERE = ("vip1", "vip2", "vip3", "local-route", "on-loopback", "other", "second")
"""What the edge has a route to the node for."""

SETTINGS = {
    4: {
        "net.ipv4.conf.all.rp_filter": "0001",
        "net.ipv4.conf.eth0.rp_filter": "0012",
        "net.ipv4.conf.default.rp_filter": "0002",
        "net.ipv4.conf.all.route_localnet": "01",
        "net.ipv4.conf.eth0.accept_local": "0001",
        "net.ipv4.conf.all.forwarding": "11110",
        "net.bridge.bridge-nf-call-iptables": "1110",
        "net.netfilter.nf_conntrack_tcp_loose": "1110",
    },
    6: {
        "net.ipv6.conf.all.forwarding": "11110",
        "net.ipv6.conf.eth0.force_forwarding": "01",
        "net.bridge.bridge-nf-call-ip6tables": "1110",
        "net.netfilter.nf_conntrack_tcp_loose": "1110",
    },
}
POD_NETWORKS = ("ptp", "ptp-bare", "bridge", "bridge")
NODE = "n0"


@dataclass(frozen=True)
class RawHost:
    """A node as it was drawn, in its World."""

    world: World
    version: int
    rules: str
    facts: dict[str, Any]
    pod_network: str

    def __str__(self) -> str:
        return f"IPv{self.version} {self.pod_network} {self.facts}\n{self.rules}"


@dataclass(frozen=True)
class Sent:
    """A packet as `compare` takes it."""

    source: str
    to: str
    flags: str
    ttl: int


def clients(version: int) -> list[str]:
    return [ADDRESSES[version][name] for name in ("client", "client2")]


def draw_host(random: Random) -> RawHost:
    version = random.choice((4, 4, 6))
    known, pod_network = ADDRESSES[version], random.choice(POD_NETWORKS)
    facts = _facts(random, version)
    rules = draw_rules(random, version, known, NETWORKS[version])
    pods = [
        Pod("default", "p1", NODE, (known["pod1"],), ("tcp/8080", "udp/53", "tcp/80")),
        Pod("default", "p2", NODE, (known["pod2"],), ("tcp/8080", "udp/5353")),
        Pod("default", "away", "n1", (known["away"],), ("tcp/8080", "tcp/80", "udp/53")),
    ]
    ruleset = Ruleset.from_save(rules, "ipv4" if version == 4 else "ipv6")
    world = World(
        Cluster([make_node(number, (version,), "") for number in range(2)]),
        edge=Edge("routed", routes={known[name]: NODE for name in ROUTED_HERE}),
        pods=pods,
        facts={NODE: NodeFacts.model_validate(facts)},
        rules={NODE: [ruleset], "n1": []},
        pod_network=pod_network,
    )
    return RawHost(world, version, rules, facts, pod_network)


def _facts(random: Random, version: int) -> dict[str, Any]:
    settings = SETTINGS[version].items()
    facts: dict[str, Any] = {
        "sysctls": {name: random.choice(values) for name, values in settings if random.random() < 0.5},
        "listening": random.choice(_sockets(version)),
    }
    if random.random() < 0.75:
        facts["interfaces"] = _interfaces(random, version)
        facts["routes"] = _routes(random, version)
    if random.random() < 0.15:
        facts["conntrack"] = None
    return facts


def _sockets(version: int) -> tuple[list[str], ...]:
    own, loopback = (_bracketed(ADDRESSES[version][name]) for name in ("internal", "loopback"))
    return (
        ["tcp/22", "udp/53"],
        ["tcp/22", "tcp/80", "udp/53"],
        [f"tcp/{own}:80", "udp/53", f"udp/{own}:5353"],
        [f"tcp/{loopback}:80", "tcp/443"],
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _interfaces(random: Random, version: int) -> dict[str, list[str]]:
    known, (link, whole) = ADDRESSES[version], ((24, 32) if version == 4 else (64, 128))
    uplink = [f"{known['internal']}/{random.choice((link, whole))}"]
    if random.random() < 0.6:
        uplink.append(f"{known['second']}/{random.choice((link, whole))}")
    if random.random() < 0.4:
        uplink.append(f"{known['other']}/{whole}")
    loopback = [f"{known['on-loopback']}/{whole}"] if random.random() < 0.4 else []
    return {"eth0": uplink} | ({"lo": loopback} if loopback else {})


def _routes(random: Random, version: int) -> list[str]:
    known = ADDRESSES[version]
    hop = known["other-node"]
    behind, router = ("10.44.1.0/24", "10.128.0.1") if version == 4 else ("fd00:44:0:1::/64", "fd00:128::1")
    routes = [f"{hop} dev eth0", f"{behind} via {hop} dev eth0"]
    if random.random() < 0.8:
        routes.append(f"default via {router} dev eth0")
    routes += [route for route in REFUSING[version] if random.random() < 0.5]
    if random.random() < 0.4:
        routes.append(f"local {known['local-route']} dev lo table local")
    return routes


def draw_packet(random: Random, version: int) -> Sent:
    """From anybody to any of these addresses; often to one that rules may lead somewhere."""
    known = ADDRESSES[version]
    source = random.choice(
        (
            f"internet/{known['client']}",
            f"internet/{known['client2']}",
            f"node/{NODE}",
            "node/n1",
            "pod/default/p1",
            "pod/default/p2",
            "pod/default/away",
        )
    )
    to = known[random.choice([*known, "vip1", "vip1", "vip2", "pod1"])]
    end, kind, flags = _bracketed(to), random.random(), ""
    if kind < 0.5:
        text = f"{end}:{random.choice(PORTS)}"
        if random.random() < 0.15 and to != known.get(
            "everybody"
        ):  # a raw socket may send there, and TCP does not
            flags = random.choice(("ACK", "RST", "SYN,ACK", "FIN,ACK"))
    elif kind < 0.8:
        text = f"{end}:{random.choice(PORTS)}/udp"
    else:
        text = f"{to}/icmp" if kind < 0.92 else f"{end}:80/sctp"
    ttl = random.choice((1, 2, 3, 65)) if random.random() < 0.12 else 64
    return Sent(source, text, flags, ttl)


def draw_second(random: Random, version: int, first: Sent) -> tuple[str, str] | None:
    """Now and then, who else sends from the same source port, and to where: somebody else to the same place, or the same somewhere else.

    None of pings, whose ids a lab numbers, and of what no socket sends.
    """
    other = draw_packet(random, version)
    if random.random() > 0.25 or first.flags or first.ttl != 64 or first.to.endswith("icmp"):
        return None
    if other.source != first.source:
        return other.source, first.to
    protocols = {one.to.partition("/")[2] for one in (first, other)}
    return (first.source, other.to) if len(protocols) == 1 and other.to != first.to else None
