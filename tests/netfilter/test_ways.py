"""What is said of a packet's way through one host, line by line, and how it ends there.

The ends, and the ICMP codes, are those of net/ipv4/route.c, ip_forward.c and net/ipv6/route.c, ip6_output.c.
"""

from ipaddress import ip_address, ip_interface

import pytest

from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.events import Event, Outcome
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import DeviceSettings, Host, Sysctls
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.routing import Interface, Route, RoutingTable
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.walk import Walked
from kproxysim.packet import Packet

DEVICES = {
    "lo": "127.0.0.1/8 ::1/128",
    "eth0": "10.128.0.11/24 fd00:128::11/64",
    "v0": "10.244.1.1/32 fd00:44::1/128",
    "br0": "10.20.0.1/24 fd00:20::1/64",
    "tun0": "",
}

ROUTES = """\
10.244.1.10/32 dev v0
172.16.0.0/12 dev tun0
0.0.0.0/0 via 10.128.0.1 dev eth0
192.0.2.16/28 unreachable
192.0.2.32/28 prohibit
192.0.2.48/28 blackhole
fd00:44::10/128 dev v0
2001:db8::/32 via fd00:128::1 dev eth0
2001:db8:1::/48 unreachable
2001:db8:2::/48 prohibit
2001:db8:3::/48 blackhole
"""

DNAT = """\
*nat
-A PREROUTING -d {vip} -p tcp --dport 1 -j DNAT --to-destination {pod}
-A PREROUTING -d {vip} -p tcp --dport 2 -j DNAT --to-destination {lost}
-A OUTPUT -d {vip} -p tcp --dport 1 -j DNAT --to-destination {pod}
-A OUTPUT -d {vip} -p tcp --dport 2 -j DNAT --to-destination {lost}
-A OUTPUT -d {vip} -p tcp --dport 3 -j DNAT --to-destination {own}
-A OUTPUT -d {home} -p tcp --dport 1 -j DNAT --to-destination {pod}
-A POSTROUTING -p tcp --dport 4 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP
-A FORWARD -p tcp -j ACCEPT
-A FORWARD -p udp --dport 1 -j DROP
-A FORWARD -p udp --dport 2 -j REJECT
-A FORWARD -p udp --dport 4 -j ACCEPT
COMMIT
"""

NAMES = {
    4: {
        "vip": "10.96.0.1", "pod": "10.244.1.10", "lost": "192.0.2.20", "own": "10.128.0.11", "home": "127.0.0.1",
        "out": "203.0.113.7", "node": "10.128.0.11", "prohibited": "192.0.2.33", "hole": "192.0.2.49", "bridged": "10.20.0.9",
        "other": "10.20.0.10", "all": "255.255.255.255", "group": "224.0.0.5", "gateway": "10.244.1.1", "bare": "172.16.0.9",
    },
    6: {
        "vip": "fd00:96::1", "pod": "fd00:44::10", "lost": "2001:db8:1::1", "own": "fd00:128::11", "home": "::1",
        "out": "2001:db8:9::7", "node": "fd00:128::11", "prohibited": "2001:db8:2::1", "hole": "2001:db8:3::1", "bridged": "fd00:20::9",
        "other": "fd00:20::10", "all": "", "group": "ff0e::5", "gateway": "fd00:44::1", "bare": "fd00:99::1",
    },
}  # fmt: skip
"""The addresses of the ways below, by family."""


def host(sysctls: Sysctls) -> Host:
    table = RoutingTable()
    for name, addresses in DEVICES.items():
        own = tuple(ip_interface(one) for one in addresses.split())
        table.add_interface(Interface(name, own, is_bridge=name == "br0"))
    for line in ROUTES.splitlines():
        prefix, *words = line.split()
        network = ip_interface(prefix)
        given = dict(zip(words[::2], words[1::2], strict=True)) if len(words) > 1 else {}
        via = int(ip_address(given["via"])) if "via" in given else None
        kind = "unicast" if given else words[0]
        length, version = network.network.prefixlen, network.version
        table.add(Route(int(network.ip), length, version, given.get("dev", ""), via, kind=kind))
    four = ChainGraph(Ruleset.from_save(DNAT.format(**NAMES[4]), "ipv4"))
    six = ChainGraph(Ruleset.from_save(DNAT.format(**NAMES[6]), "ipv6"))
    return Host("n1", table, {4: four, 6: six}.get, sysctls=sysctls)


def packet_of(words: str, version: int) -> Packet:
    protocol, src, dst, *rest = words.split()
    dst, _, port = dst.partition(":")
    ends = NAMES[version][src], NAMES[version][dst]
    ttl = int(rest[0].removeprefix("ttl=")) if rest else 64
    return Packet(protocol, *ends, 40000 if port else None, int(port) if port else None, ttl=ttl)


def said(way: str, version: int = 4, sysctls: Sysctls | None = None) -> list[str]:
    """A way as `eth0: tcp out vip:1`, by `eth0`, or as `here: tcp node vip:1`, made on the host: what was said of it, and its end."""
    start, words = way.split(": ")
    lines: list[str] = []

    def log(step: Walked | Event) -> None:
        if isinstance(step, Event):
            lines.append(f"{step.at}: {step.action}" + (f" ({step.detail})" if step.detail else ""))

    passage = Passage(host(sysctls or Sysctls()), HostState(), Enumeration(), log)
    packet = packet_of(words, version)
    if start in ("here", "answer"):
        out = passage.send(packet, answers=start == "answer")
    else:
        out = passage.receive(packet, start)
    return [*lines, ended(out)]


def ended(out: Outcome) -> str:
    """`transmit v0 10.244.1.10 ttl=63 at routing`, with the reason behind a colon and the answer at the end."""
    words = [out.kind, out.device]
    if out.next_hop is not None:
        words.append(str(ip_address(out.next_hop)))
    words += [f"ttl={out.skb.ttl}" if out.kind == "transmit" else "", f"at {out.at}"]
    text = " ".join(word for word in words if word)
    text += f": {out.reason}" if out.reason else ""
    text += f" ({out.detail})" if out.detail else ""
    if out.answer is not None:
        text += f" -> {out.answer.packet}"
    return text


WAYS = {
    "eth0: tcp out vip:1": [
        "nat: dst 10.96.0.1:1 -> 10.244.1.10:1 (DNAT)",
        "routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)",
        "transmit v0 10.244.1.10 ttl=63 at routing",
    ],
    "eth0: tcp out vip:2": [
        "nat: dst 10.96.0.1:2 -> 192.0.2.20:2 (DNAT)",
        "routing: no route to 192.0.2.20",
        "no-route at routing: no-route -> icmp 3/1 10.128.0.11 -> 203.0.113.7",
    ],
    "eth0: tcp out node:80": ["routing: 10.128.0.11 is an address of n1 (local delivery)", "deliver at socket"],
    "eth0: tcp out lost:80": ["routing: no route to 192.0.2.20", "no-route at routing: no-route -> icmp 3/1 10.128.0.11 -> 203.0.113.7"],
    "eth0: tcp out prohibited:80": [
        "routing: no route to 192.0.2.33",
        "no-route at routing: no-route -> icmp 3/13 10.128.0.11 -> 203.0.113.7",
    ],
    "eth0: tcp out hole:80": ["routing: no route to 192.0.2.49", "no-route at routing: no-route"],
    "eth0: tcp out bare:80": ["routing: 172.16.0.9 dev tun0 (172.16.0.0/12) (forwarded)", "transmit tun0 172.16.0.9 ttl=63 at routing"],
    "eth0: tcp out bare:4": [
        "routing: 172.16.0.9 dev tun0 (172.16.0.0/12) (forwarded)",
        "nat: src 203.0.113.7:40000 -> 10.128.0.11:40000 (MASQUERADE)",
        "transmit tun0 172.16.0.9 ttl=63 at routing",
    ],
    "eth0: tcp out pod:80 ttl=1": [
        "routing: time to live is used up (the packet runs in a circle)",
        "unreachable at routing: routing-loop -> icmp 11/0 10.128.0.11 -> 203.0.113.7",
    ],
    "eth0: tcp out pod:80 ttl=2": ["routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)", "transmit v0 10.244.1.10 ttl=1 at routing"],
    "eth0: udp out pod:1": ["routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)", "dropped at filter:FORWARD:rule:2: dropped-by-rule"],
    "eth0: udp out pod:2": [
        "routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)",
        "rejected at filter:FORWARD:rule:3: rejected-by-rule (icmp-port-unreachable) -> icmp 3/3 10.128.0.11 -> 203.0.113.7",
    ],
    "eth0: udp out pod:3": [
        "routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)",
        "dropped at filter:FORWARD:policy:5: dropped-by-policy",
    ],
    "eth0: tcp home pod:80": [
        "routing: dropped as martian (source in 127.0.0.0/8 from outside)",
        "martian at routing: loopback-address-on-the-wire (source in 127.0.0.0/8 from outside)",
    ],
    "eth0: tcp out home:80": [
        "routing: dropped as martian (destination in 127.0.0.0/8 from outside)",
        "martian at routing: loopback-address-on-the-wire (destination in 127.0.0.0/8 from outside)",
    ],
    "eth0: tcp node pod:80": [
        "routing: dropped as martian (the source is an address of this very host)",
        "martian at routing: own-address-as-source (the source is an address of this very host)",
    ],
    "eth0: udp out group:5": ["no-route at routing: broadcast-not-forwarded"],
    "eth0: udp out all:5": ["deliver at socket"],
    "br0: tcp bridged other:80": [
        "routing: 10.20.0.10 is behind br0 (carried to another port)",
        "transmit br0 10.20.0.10 ttl=64 at routing",
    ],
    "v0: tcp pod vip:1": [
        "nat: dst 10.96.0.1:1 -> 10.244.1.10:1 (DNAT)",
        "routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)",
        "transmit v0 10.244.1.10 ttl=63 at routing",
    ],
    "v0: tcp pod out:4": [
        "routing: 203.0.113.7 via 10.128.0.1 dev eth0 (default) (forwarded)",
        "nat: src 10.244.1.10:40000 -> 10.128.0.11:40000 (MASQUERADE)",
        "transmit eth0 10.128.0.1 ttl=63 at routing",
    ],
    "here: tcp node vip:1": [
        "nat: dst 10.96.0.1:1 -> 10.244.1.10:1 (DNAT)",
        "routing: 10.244.1.10 dev v0 (10.244.1.10) (routed again after DNAT)",
        "transmit v0 10.244.1.10 ttl=64 at routing",
    ],
    "here: udp node vip:1": ["transmit eth0 10.128.0.1 ttl=64 at routing"],
    "here: tcp node vip:2": [
        "nat: dst 10.96.0.1:2 -> 192.0.2.20:2 (DNAT)",
        "routing: no route to 192.0.2.20",
        "no-route at routing: no-route-after-dnat (unreachable)",
    ],
    "here: tcp node vip:3": [
        "nat: dst 10.96.0.1:3 -> 10.128.0.11:3 (DNAT)",
        "routing: 10.128.0.11 is an address of n1 (routed again after DNAT)",
        "routing: comes back in by lo (local delivery)",
        "deliver at socket",
    ],
    "here: tcp node lost:80": ["routing: no route to 192.0.2.20", "no-route at routing: no-route-from-here (unreachable)"],
    "here: tcp node prohibited:80": ["routing: no route to 192.0.2.33", "no-route at routing: no-route-from-here (prohibit)"],
    "here: tcp node hole:80": ["routing: no route to 192.0.2.49", "no-route at routing: no-route-from-here (blackhole)"],
    "here: tcp home home:1": [
        "nat: dst 127.0.0.1:1 -> 10.244.1.10:1 (DNAT)",
        "routing: dropped: a 127.0.0.0/8 source may not leave while route_localnet is 0",
        "martian at routing: loopback-source-leaves (loopback)",
    ],
    "here: tcp home home:80": ["routing: comes back in by lo (local delivery)", "deliver at socket"],
    "here: tcp node node:80": ["routing: comes back in by lo (local delivery)", "deliver at socket"],
    "here: tcp node bare:80": ["transmit tun0 172.16.0.9 ttl=64 at routing"],
    "here: tcp home out:80": ["transmit eth0 10.128.0.1 ttl=64 at routing"],
    "answer: tcp home out:80": [
        "routing: no way out from 127.0.0.0/8 while route_localnet is 0",
        "no-route at routing: no-route-from-here (loopback)",
    ],
    "answer: tcp home home:80": ["routing: comes back in by lo (local delivery)", "deliver at socket"],
    "here: tcp node all:80": ["routing: 255.255.255.255 is a broadcast address", "no-route at routing: no-route-from-here (broadcast)"],
    "here: udp node all:80": ["routing: 255.255.255.255 is a broadcast address", "no-route at routing: no-route-from-here (broadcast)"],
    "here: udp node group:80": [
        "routing: 224.0.0.5 is a multicast address",
        "unmodelled at routing: unmodelled (a multicast destination)",
    ],
    "here: tcp node group:80": ["routing: 224.0.0.5 is a multicast address", "no-route at routing: no-route-from-here (multicast)"],
}  # fmt: skip

WAYS_IPV6 = {
    "eth0: tcp out vip:1": [
        "nat: dst [fd00:96::1]:1 -> [fd00:44::10]:1 (DNAT)",
        "routing: fd00:44::10 dev v0 (fd00:44::10) (forwarded)",
        "transmit v0 fd00:44::10 ttl=63 at routing",
    ],
    "eth0: tcp out vip:2": [
        "nat: dst [fd00:96::1]:2 -> [2001:db8:1::1]:2 (DNAT)",
        "routing: no route to 2001:db8:1::1",
        "no-route at routing: no-route -> ipv6-icmp 1/0 fd00:128::11 -> 2001:db8:9::7",
    ],
    "eth0: tcp out node:80": ["routing: fd00:128::11 is an address of n1 (local delivery)", "deliver at socket"],
    "eth0: tcp out prohibited:80": [
        "routing: no route to 2001:db8:2::1",
        "no-route at routing: no-route -> ipv6-icmp 1/1 fd00:128::11 -> 2001:db8:9::7",
    ],
    "eth0: tcp out hole:80": ["routing: no route to 2001:db8:3::1", "no-route at routing: no-route"],
    "eth0: tcp out bare:80": [
        "routing: no route to fd00:99::1",
        "no-route at routing: no-route -> ipv6-icmp 1/0 fd00:128::11 -> 2001:db8:9::7",
    ],
    "eth0: tcp out pod:80 ttl=1": [
        "routing: time to live is used up (the packet runs in a circle)",
        "unreachable at routing: routing-loop -> ipv6-icmp 3/0 fd00:128::11 -> 2001:db8:9::7",
    ],
    "eth0: udp out pod:2": [
        "routing: fd00:44::10 dev v0 (fd00:44::10) (forwarded)",
        "rejected at filter:FORWARD:rule:3: rejected-by-rule (icmp6-port-unreachable) -> ipv6-icmp 1/4 fd00:128::11 -> 2001:db8:9::7",
    ],
    "eth0: tcp home pod:80": [
        "routing: dropped as martian (::1 from outside)",
        "martian at routing: loopback-address-on-the-wire (::1 from outside)",
    ],
    "eth0: tcp out home:80": [
        "routing: dropped as martian (::1 from outside)",
        "martian at routing: loopback-address-on-the-wire (::1 from outside)",
    ],
    "eth0: tcp node pod:80": ["routing: fd00:44::10 dev v0 (fd00:44::10) (forwarded)", "transmit v0 fd00:44::10 ttl=63 at routing"],
    "eth0: udp out group:5": ["no-route at routing: broadcast-not-forwarded"],
    "br0: tcp bridged other:80": [
        "routing: fd00:20::10 is behind br0 (carried to another port)",
        "transmit br0 fd00:20::10 ttl=64 at routing",
    ],
    "v0: tcp pod out:4": [
        "routing: 2001:db8:9::7 via fd00:128::1 dev eth0 (2001:db8::/32) (forwarded)",
        "nat: src [fd00:44::10]:40000 -> [fd00:128::11]:40000 (MASQUERADE)",
        "transmit eth0 fd00:128::1 ttl=63 at routing",
    ],
    "v0: tcp pod gateway:80": ["routing: fd00:44::1 is an address of n1 (local delivery)", "deliver at socket"],
    "here: tcp node out:80": ["transmit eth0 fd00:128::1 ttl=64 at routing"],
    "here: tcp node bare:80": ["routing: no route to fd00:99::1", "no-route at routing: no-route-from-here"],
    "here: tcp home home:1": [
        "nat: dst [::1]:1 -> [fd00:44::10]:1 (DNAT)",
        "routing: fd00:44::10 dev v0 (fd00:44::10) (routed again after DNAT)",
        "transmit v0 fd00:44::10 ttl=64 at routing",
    ],
    "here: tcp home home:80": ["routing: comes back in by lo (local delivery)", "deliver at socket"],
    "answer: tcp home out:80": ["transmit eth0 fd00:128::1 ttl=64 at routing"],
    "here: udp node group:80": ["routing: ff0e::5 is a multicast address", "unmodelled at routing: unmodelled (a multicast destination)"],
    "here: tcp node group:80": ["routing: ff0e::5 is a multicast address", "no-route at routing: no-route-from-here (multicast)"],
}  # fmt: skip

SETTINGS = {
    "forwarding": Sysctls(any_device=DeviceSettings(forwarding=False)),
    "rp_filter": Sysctls(any_device=DeviceSettings(rp_filter=1)),
    "rp_filter loose": Sysctls(any_device=DeviceSettings(rp_filter=2)),
    "route_localnet": Sysctls(any_device=DeviceSettings(route_localnet=True)),
    "accept_local": Sysctls(any_device=DeviceSettings(accept_local=True)),
    "ipv6 forwarding": Sysctls(ipv6_forward=False),
}

UNDER = {
    "forwarding": {
        "eth0: tcp out pod:80": ["routing: not forwarded: net.ipv4.conf.eth0.forwarding is off", "dropped at routing: forwarding-off"],
        "eth0: tcp out lost:80": ["routing: not forwarded: net.ipv4.conf.eth0.forwarding is off", "dropped at routing: forwarding-off"],
        "eth0: tcp out node:80": ["routing: 10.128.0.11 is an address of n1 (local delivery)", "deliver at socket"],
        "br0: tcp bridged other:80": [
            "routing: 10.20.0.10 is behind br0 (carried to another port)",
            "transmit br0 10.20.0.10 ttl=64 at routing",
        ],
        "here: tcp node vip:1": [
            "nat: dst 10.96.0.1:1 -> 10.244.1.10:1 (DNAT)",
            "routing: 10.244.1.10 dev v0 (10.244.1.10) (routed again after DNAT)",
            "transmit v0 10.244.1.10 ttl=64 at routing",
        ],
    },
    "rp_filter": {
        "eth0: tcp pod node:80": [
            "routing: dropped as martian (the way back to the source leaves by another device)",
            "martian at routing: reverse-path-filter (the way back to the source leaves by another device)",
        ],
        "eth0: tcp out node:80": ["routing: 10.128.0.11 is an address of n1 (local delivery)", "deliver at socket"],
        "v0: tcp out pod:80": [
            "routing: dropped as martian (the way back to the source leaves by another device)",
            "martian at routing: reverse-path-filter (the way back to the source leaves by another device)",
        ],
    },
    "rp_filter loose": {
        "eth0: tcp pod node:80": ["routing: 10.128.0.11 is an address of n1 (local delivery)", "deliver at socket"],
    },
    "route_localnet": {
        "eth0: tcp home node:80": [
            "routing: dropped as martian (the source is an address of this very host)",
            "martian at routing: own-address-as-source (the source is an address of this very host)",
        ],
        "eth0: tcp out home:80": ["routing: 127.0.0.1 is an address of n1 (local delivery)", "deliver at socket"],
        "here: tcp home home:1": [
            "nat: dst 127.0.0.1:1 -> 10.244.1.10:1 (DNAT)",
            "routing: 10.244.1.10 dev v0 (10.244.1.10) (routed again after DNAT)",
            "transmit v0 10.244.1.10 ttl=64 at routing",
        ],
        "answer: tcp home out:80": ["transmit eth0 10.128.0.1 ttl=64 at routing"],
    },
    "accept_local": {
        "eth0: tcp node pod:80": ["routing: 10.244.1.10 dev v0 (10.244.1.10) (forwarded)", "transmit v0 10.244.1.10 ttl=63 at routing"],
    },
    "ipv6 forwarding": {
        "eth0: tcp out pod:80": ["routing: not forwarded: net.ipv6.conf.all.forwarding is off", "dropped at routing: forwarding-off"],
        "eth0: tcp out lost:80": [
            "routing: no route to 2001:db8:1::1",
            "no-route at routing: no-route -> ipv6-icmp 1/0 fd00:128::11 -> 2001:db8:9::7",
        ],
        "here: tcp node out:80": ["transmit eth0 fd00:128::1 ttl=64 at routing"],
    },
}  # fmt: skip
"""By the name of a setting."""


@pytest.mark.parametrize("way", WAYS)
def test_a_way_in_ipv4(way: str) -> None:
    assert said(way) == WAYS[way]


@pytest.mark.parametrize("way", WAYS_IPV6)
def test_a_way_in_ipv6(way: str) -> None:
    assert said(way, 6) == WAYS_IPV6[way]


@pytest.mark.parametrize("name, way", [(name, way) for name, ways in UNDER.items() for way in ways])
def test_a_way_under_a_setting(name: str, way: str) -> None:
    version = 6 if name.startswith("ipv6") else 4
    assert said(way, version, SETTINGS[name]) == UNDER[name][way]
