"""Packets that may be of one class: aimed at what a world tells apart, next to it, and at nothing."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from random import Random

import pytest

from kproxysim.errors import InputError
from kproxysim.netfilter.script import Family
from kproxysim.network import World
from kproxysim.network.who import find_sender
from kproxysim.packet import Packet

_WORD = re.compile(r"[0-9a-f:.]{3,}", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.:])\d{1,5}(?![\w.])")
_FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
_EVERYBODY = {4: ("127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"), 6: ("::1", "ff02::1", "fe80::1")}  # noqa: S104
_PORTS = (0, 1, 80, 511, 512, 600, 1023, 1024, 65535)
_KINDS = ("tcp", "tcp", "tcp", "udp", "sctp", "ping", "raw")
_FLAGS = ("", "", "", "ACK", "SYN,ACK", "RST", "FIN,ACK")


class Aim:
    """Draws packets for one world; the numbers come from its rules, hosts and edge."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        texts = [
            world.ruleset(node.name, family).to_save() for node in world.cluster.nodes for family in _FAMILIES
        ]
        own = [address for _, address in world.topology.owners]
        self.addresses: dict[int, list[int]] = {4: [], 6: []}
        for version, number in world.topology.owners:
            self.addresses[version].append(number)
        words = [*_EVERYBODY[4], *_EVERYBODY[6], *world.edge.one_to_one, *world.edge.one_to_one.values()]
        words += [word for text in texts for word in _WORD.findall(text)]
        for word in (*words, *map(str, world._balanced), *(text.split("/")[0] for text in world.edge.routes)):
            try:
                address = ip_address(word)
            except ValueError:
                continue
            self.addresses[address.version].append(int(address))
        assert own
        self.ports = [
            *_PORTS,
            *{int(port) for text in texts for port in _NUMBER.findall(text) if int(port) < 65536},
        ]
        self.senders = [*world.topology.hosts, *("",) * len(world.topology.hosts)]

    def first(self) -> tuple[Packet, str]:
        """A packet and its sender."""
        version = self.random.choice(
            [one for one in (4, 6) if len(self.addresses[one]) > len(_EVERYBODY[one])]
        )
        src, dst = self._address(version), self._address(version)
        source = self.random.choice(self.senders) or self._guest(version, src)
        kind = self.random.choice(_KINDS)
        if kind == "ping":
            ping = ("icmp", (8, 0)) if version == 4 else ("ipv6-icmp", (128, 0))
            return Packet(ping[0], _to(src, version), _to(dst, version), icmp=ping[1]), source
        if kind == "raw":
            return Packet("gre", _to(src, version), _to(dst, version)), source
        flags = self.random.choice(_FLAGS) if kind == "tcp" else ""
        return Packet(kind, _to(src, version), _to(dst, version), self._port(), self._port(), flags), source

    def others(self, packet: Packet, source: str, count: int) -> Iterator[tuple[Packet, str]]:
        """Packets of which some are told apart from this one, and some are not."""
        version = packet.family
        for _ in range(count):
            src, dst = (self._other(int(one), version) for one in (packet.src, packet.dst))
            sport, dport = (
                None if one is None else self._other_port(one) for one in (packet.sport, packet.dport)
            )
            if self.random.random() < 0.1:
                dst, dport = src, sport
            sender = source if source in self.world.topology.hosts else self._guest(version, src)
            yield (
                Packet(
                    packet.protocol,
                    _to(src, version),
                    _to(dst, version),
                    sport,
                    dport,
                    packet.flags,
                    packet.icmp,
                ),
                sender,
            )

    def _guest(self, version: int, src: int) -> str:
        return f"internet/{_to(src if self.random.random() < 0.7 else self._address(version), version)}"

    def _anywhere(self, version: int) -> int:
        return self.random.getrandbits(32) if version == 4 else 0x2001 << 112 | self.random.getrandbits(100)

    def _address(self, version: int) -> int:
        if self.random.random() < 0.3:
            return self._anywhere(version)
        return self._near(self.random.choice(self.addresses[version]), 1 << (32 if version == 4 else 128))

    def _near(self, number: int, limit: int) -> int:
        return (number + self.random.choice((0, 0, 0, -1, 1))) % limit

    def _other(self, number: int, version: int) -> int:
        if self.random.random() < 0.7:
            return number
        if self.random.random() < 0.5:
            return self._address(version)
        return number ^ 1 << self.random.randrange(16)

    def _port(self) -> int:
        return self.random.choice(
            (self.random.randrange(65536), self._near(self.random.choice(self.ports), 65536))
        )

    def _other_port(self, port: int) -> int:
        return self.random.choice((port, port, self._port(), self._near(port, 65536)))


def _to(number: int, version: int) -> IPv4Address | IPv6Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def compare(world: World, packet: Packet, source: str, via: str | None = None) -> bool:
    """Does the trace of `World.send` tell what a walk tells? Returns whether it was told and not walked."""
    sender = find_sender(source, world.topology, world.clients)
    try:
        walked = world._walk(packet, sender, via)
    except InputError as refused:  # too many ways
        with pytest.raises(InputError, match=re.escape(str(refused))):
            world.send(packet, source, via=via)
        return False
    trace = world.send(packet, source, via=via)
    assert trace.to_dict() == walked.to_dict(), f"{packet!r} from {source}"
    return hasattr(trace, "precedent")
