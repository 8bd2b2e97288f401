"""`World.send` tells of a packet what a walk tells, also where it walks another one that goes the same way."""

from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.network import Edge, Pod, World, precedents
from kproxysim.network.trace import Trace
from kproxysim.packet import Packet
from kproxysim.scenario import Scenario, find_scenarios
from tests.kernel.strategies import Drawn, clusters
from tests.netfilter.rule_tables import ACCEPTED
from tests.network.likenesses import Aim, compare
from tests.network.small import BOTH, service, world

SCENARIOS = find_scenarios([Path(__file__).parent.parent.parent / "scenarios"])
CLIENTS = ("203.0.113.7", "203.0.113.8", "198.18.0.1")


@pytest.fixture(autouse=True)
def _from_the_first_packet_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedents, "_RULES_A_WALK", 1 << 30)


def walks(monkeypatch: pytest.MonkeyPatch) -> list[Packet]:
    """Every packet that a world walks from here on."""
    seen: list[Packet] = []
    walk = World._walk

    def counted(self: World, packet: Packet, *others: object) -> Trace:
        seen.append(packet)
        return walk(self, packet, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(World, "_walk", counted)
    return seen


def tcp(src: str, dst: str, sport: int, dport: int) -> Packet:
    return Packet("tcp", src, dst, sport, dport)


class TestToldAndWalked:
    """A trace that was told is the trace of a walk."""

    def _holds(self, place: World, seed: int, firsts: int = 5, followers: int = 5) -> int:
        aim = Aim(place, Random(seed))
        told = 0
        for _ in range(firsts):
            packet, source = aim.first()
            for one in ((packet, source), *aim.others(packet, source, followers)):
                told += compare(place, *one)
        return told

    def test_in_drawn_clusters(self) -> None:
        told: list[int] = []

        @settings(max_examples=8, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
        @given(drawn=clusters(calls=0), seed=st.integers(0, 1 << 32))
        def holds(drawn: Drawn, seed: int) -> None:
            told.append(self._holds(drawn.world, seed))

        holds()
        assert sum(told) > 50

    def test_with_drawn_rules(self) -> None:
        told: list[int] = []

        @settings(max_examples=12, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
        @given(seed=st.integers(0, 1 << 32), family=st.sampled_from(("ipv4", "ipv6")))
        def holds(seed: int, family: Family) -> None:
            told.append(self._holds(self._odd_node(seed, family), seed))

        holds()
        assert sum(told) > 50

    @staticmethod
    def _odd_node(seed: int, family: Family) -> World:
        """A node with rules of all kinds, from the tables that iptables itself was asked about."""
        random = Random(seed)
        tables: dict[str, list[str]] = {}
        for (table, chain, of), rules in ACCEPTED.items():
            if of == family:
                some = random.sample(rules, min(len(rules), random.randrange(5)))
                lines = (one if isinstance(one, str) else one[0] for one in some)
                tables.setdefault(table, []).extend(f"-A {chain} {line}" for line in lines)
        text = "".join(f"*{table}\n" + "\n".join(lines) + "\nCOMMIT\n" for table, lines in tables.items())
        own = "10.44.0.5" if family == "ipv4" else "fd00:44::5"
        return world(
            only=(),
            pods=[Pod("default", "inside", "node-a", (own,), ("tcp/80", "udp/80"))],
            edge=Edge(random.choice(("routed", "nat", "gce"))),
            rules={"node-a": [Ruleset.from_save(text, family)], "node-b": []},
        )

    @pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
    def test_for_neighbours_of_every_scenario_s_packets(self, path: Path) -> None:
        scenario = Scenario.load(path)
        for name in scenario.packets:
            trace = scenario.trace(name)
            place = scenario.world()
            aim = Aim(place, Random(name))
            source = trace.source.replace(" ", "/") if " " in trace.source else f"internet/{trace.packet.src}"
            for one in aim.others(trace.packet, source, 4):
                compare(place, *one)


def test_only_the_first_packet_of_a_class_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    place = world(service("echo", "10.48.3.7", node_port=30080))
    seen = walks(monkeypatch)
    for number in range(50):
        client = f"198.18.{number}.1"
        trace = place.send(tcp(client, "198.51.100.12", 40000 + number, 30080), f"internet/{client}")
        assert str(trace[0].reply and trace[0].reply.packet.dst) == client
    assert len(seen) == 1


def test_a_range_of_sources_makes_two_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    ranged = service(
        "echo",
        "10.48.3.7",
        ingress="198.51.100.200",
        type="LoadBalancer",
        loadBalancerSourceRanges=["198.18.0.0/15"],
    )
    place = world(ranged)
    ends = [
        place.send(tcp(client, "198.51.100.200", 40000, 80), f"internet/{client}")[0].reason
        for client in ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0")
    ]
    assert ends == [
        "source-not-in-ranges",
        "served-by-endpoint",
        "served-by-endpoint",
        "source-not-in-ranges",
    ]


class TestEveryPacketIsWalked:
    """Where more than ranges decides."""

    def _walked(self, monkeypatch: pytest.MonkeyPatch, place: World, dst: str, dport: int = 80) -> int:
        seen = walks(monkeypatch)
        for client in CLIENTS:
            place.send(tcp(client, dst, 40000, dport), f"internet/{client}")
        return len(seen)

    def test_by_a_rule_that_asks_a_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sticky = service("echo", "10.48.3.7", node_port=30080, sessionAffinity="ClientIP")
        assert self._walked(monkeypatch, world(sticky), "198.51.100.12", 30080) == len(CLIENTS)

    @pytest.mark.parametrize(
        "rule",
        [
            "-A POSTROUTING -j SNAT --to-source 10.128.0.100-10.128.0.120",
            "-A POSTROUTING -j NETMAP --to 192.0.2.0/24",
            "-A PREROUTING -p tcp -j DNAT --to-destination :8000-8010",
            "-A PREROUTING -s 203.0.0.7/255.0.0.255 -j REDIRECT",
        ],
    )
    def test_by_a_rule_that_reckons_with_the_numbers(
        self, rule: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = f"*nat\n{rule}\nCOMMIT\n"
        pods = [Pod("default", "inside", "node-a", ("10.44.0.5",), ("tcp/80",))]
        place = world(
            only=(),
            pods=pods,
            edge=Edge("routed", routes={"10.44.0.0/24": "node-a"}),
            rules={"node-a": [Ruleset.from_save(text)], "node-b": []},
        )
        assert self._walked(monkeypatch, place, "10.44.0.5") == len(CLIENTS)

    def test_while_a_host_remembers_a_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        place = world(service("echo", "10.48.3.7", node_port=30080))
        place._state("node/node-a").take_turn("counter", 0, 2)
        assert self._walked(monkeypatch, place, "198.51.100.12", 30080) == len(CLIENTS)


def test_what_changes_the_world_ends_its_classes() -> None:
    place = world(service("echo", "10.48.3.7", node_port=30080))
    packet = tcp("203.0.113.7", "198.51.100.12", 40000, 30080)
    assert [place.send(packet)[0].disposition for _ in range(2)] == ["delivered", "delivered"]
    place.delete("Service default/echo")
    assert place.send(packet)[0].disposition == "refused"
    place.clients["new"] = packet.src
    assert compare(place, packet, "new") is False


def test_so_many_classes_and_no_more_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedents, "_KEPT", 3)
    place = world(service("echo", "10.48.3.7", node_port=30080), only=BOTH[:1])
    seen = walks(monkeypatch)

    def send(port: int) -> None:
        place.send(tcp("203.0.113.7", "198.51.100.12", 40000, port))

    for port in (30080, 10250, 10256, 30080, 22, 30080):  # 30080 stays, being asked for
        send(port)
    assert [packet.dport for packet in seen] == [30080, 10250, 10256, 22]
    send(10250)
    assert [packet.dport for packet in seen][4:] == [10250]


def test_a_few_packets_are_walked_before_all_rules_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedents, "_RULES_A_WALK", 20)
    place = world(service("echo", "10.48.3.7", node_port=30080))
    seen = walks(monkeypatch)
    for number in range(100):
        place.send(tcp("203.0.113.7", "198.51.100.12", 40000 + number, 30080))
    assert 2 < len(seen) < 20


class TestToldApart:
    """What may tell packets apart beside addresses and ports."""

    BASE = tcp("203.0.113.7", "10.128.0.12", 40000, 80)
    OTHERS: ClassVar[dict[str, object]] = {
        "protocol": "udp",
        "flags": "ACK",
        "icmp": (8, 0),
        "inner": tcp("10.128.0.12", "203.0.113.7", 80, 40000),
        "in_window": False,
        "ttl": 1,
        "echo_id": 1,
    }

    def test_by_every_other_field(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert {field.name for field in fields(Packet)} == {"src", "dst", "sport", "dport", *self.OTHERS}
        place = world(service("echo", "10.48.3.7"))
        place.send(self.BASE, "internet")
        seen = walks(monkeypatch)
        for name, value in self.OTHERS.items():
            place.send(replace(self.BASE, **{name: value}), "internet")  # type: ignore[arg-type]
        assert len(seen) == len(self.OTHERS)

    def test_by_sender_way_in_and_mark(self, monkeypatch: pytest.MonkeyPatch) -> None:
        place = world(service("echo", "10.48.3.7"))
        place.send(self.BASE, "internet")
        seen = walks(monkeypatch)
        place.send(self.BASE, "node/node-a")
        place.send(self.BASE, "internet", via="node-b")
        place.send(self.BASE, "internet", mark=1)
        place.send(self.BASE, "internet/198.18.0.1")
        assert len(seen) == 4
