"""The class of a packet is true: whatever else is in it meets the same rules."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kproxysim.errors import InputError
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Branch, Hop, Trace
from kproxysim.packet import Packet
from kproxysim.report.packet_class import class_of
from tests.report.worlds import article

WORLDS = [
    article(),
    article(externalTrafficPolicy="Local"),
    article(externalTrafficPolicy="Local", pods=(("echo-1", "10.44.0.5", "node-a"),)),
    article(external_ip="198.51.100.12"),
    article(pods=()),
]
SOURCES = (
    ("browser", "203.0.113.7"),
    ("internet/192.0.2.9", "192.0.2.9"),
    ("internet/10.44.7.7", "10.44.7.7"),
    ("pod/default/echo-1", "10.44.0.5"),
    ("pod/default/echo-2", "10.44.1.7"),
    ("node/node-a", "10.128.0.12"),
    ("node/node-b", "10.128.0.13"),
)
DESTINATIONS = (
    "198.51.100.12",
    "198.51.100.13",
    "10.128.0.12",
    "10.128.0.13",
    "10.48.3.7",
    "10.48.3.8",
    "10.44.0.5",
)

packets = st.builds(
    lambda source, protocol, dst, sport, dport: (
        source[0],
        Packet(protocol, source[1], dst, sport, dport),
    ),
    st.sampled_from(SOURCES),
    st.sampled_from(["tcp", "udp"]),
    st.sampled_from(DESTINATIONS),
    st.sampled_from([1024, 51514]),
    st.sampled_from([22, 80, 8080, 30080]),
)


def first_rules(branch: Branch) -> Hop | None:
    return next((hop for hop in branch.hops if any(isinstance(step, Walked) for step in hop.steps)), None)


def way(branch: Branch, hop: Hop) -> list[tuple[str, str]]:
    """Host and position of every rule that matched, from the first host with rules on."""
    start = branch.hops.index(hop)
    return [
        (one.where, step.at)
        for one in branch.hops[start:]
        for step in one.steps
        if isinstance(step, Walked) and step.rule is not None
    ]


def sent(world_number: int, source: str, packet: Packet) -> Trace | None:
    try:
        return WORLDS[world_number].send(packet, source)
    except InputError:
        return None


class TestClass:
    """Every packet that comes to the same host within the class takes one of the ways that the traced one may take."""

    @settings(max_examples=60)
    @given(number=st.integers(0, len(WORLDS) - 1), one=packets, other=packets)
    def test_others_of_the_class_meet_the_same_rules(
        self, number: int, one: tuple[str, Packet], other: tuple[str, Packet]
    ) -> None:
        first, second = sent(number, *one), sent(number, *other)
        if first is None or second is None:
            return
        for branch in first.branches:
            found, host = class_of(branch), first_rules(branch)
            if found is None or host is None:
                continue
            there = [
                (candidate, hop)
                for candidate in second.branches
                if (hop := first_rules(candidate)) is not None and hop.where == host.where
            ]
            inside = [
                (candidate, hop)
                for candidate, hop in there
                if found.contains(
                    hop.steps[0].before, next(s for s in hop.steps if isinstance(s, Walked)).host
                )
            ]
            assert not inside or way(branch, host) in [way(candidate, hop) for candidate, hop in inside]

    @given(number=st.integers(0, len(WORLDS) - 1), one=packets)
    def test_holds_the_packet_itself(self, number: int, one: tuple[str, Packet]) -> None:
        trace = sent(number, *one)
        for branch in trace.branches if trace is not None else ():
            found, host = class_of(branch), first_rules(branch)
            if found is not None and host is not None:
                walked = next(step for step in host.steps if isinstance(step, Walked))
                assert found.contains(host.steps[0].before, walked.host)
