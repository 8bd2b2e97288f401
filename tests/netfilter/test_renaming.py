"""What was recorded of one packet, told of another that went the same way: the same as what is recorded of that one."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest

from kproxysim.netfilter.conntrack import Connection, Flow, Tuple
from kproxysim.netfilter.events import Event, Happening
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.renaming import Mold, Renaming, Varying
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.walk import Walked
from kproxysim.packet import Packet
from tests.netfilter.test_passage import NAT, Run, node

A, B = IPv4Address("203.0.113.7"), IPv4Address("198.51.100.9")
VARYING = Varying(frozenset((int(A),)), frozenset((51514,)), frozenset(("internet/203.0.113.7",)))
MARKED = NAT.replace("*nat\n", "*nat\n-A PREROUTING -j MARK --set-mark 0x4000\n")


def renamed() -> Renaming:
    return Renaming({int(A): int(B)}, {51514: 40000}, {})


def told(step: Walked | Event) -> tuple[object, ...]:
    """Everything that somebody may read of a step."""
    seen = []
    for skb in (step.before, step.after):
        flow = skb.flow
        assert flow is None or flow.connection is not None
        ends = flow and flow.connection and (flow.connection.original, flow.connection.reply)
        seen.append((skb._replace(flow=None), flow and (flow.state, flow.is_reply, ends)))
    if isinstance(step, Event):
        return (*seen, step.at, step.action, step.detail)
    return (*seen, step.at, step.action)


def way(run: Run, client: IPv4Address, port: int) -> Iterator[Walked | Event]:
    """A call by a Service's address from outside, its answer, and an error about it from behind the node."""
    run.receive(Packet("tcp", client, "10.96.0.1", port, 80), "eth0")
    yield from run.seen
    run.receive(Packet("tcp", "10.244.1.10", "10.244.1.1", 8080, port, "SYN,ACK"), "v0")
    yield from run.seen
    about = Packet("tcp", "10.244.1.1", "10.244.1.10", port, 8080)
    run.receive(Packet("icmp", "10.244.1.10", "10.244.1.1", icmp=(3, 1), inner=about), "v0")
    yield from run.seen


def test_a_way_told_of_another_packet() -> None:
    recorded, own = list(way(Run(node(MARKED)), A, 51514)), list(way(Run(node(MARKED)), B, 40000))
    assert len(own) > 10
    mold = Mold.of(recorded, VARYING)
    assert [told(step) for step in renamed().steps(mold)] == [told(step) for step in own]
    assert {isinstance(step, Event) for step in own} == {True, False}
    assert {isinstance(one.said, str) for one in mold.recorded if isinstance(one, Happening)} == {True, False}


def test_a_packet_told_of_another() -> None:
    six = Renaming({int(IPv6Address("fd00::7")): int(IPv6Address("fd00::9"))}, {}, {})
    inner = Packet("udp", "10.0.0.1", A, 53, 51514)
    for renaming, before, after in (
        (renamed(), Packet("tcp", A, "10.0.0.1", 51514, 80, "ACK", in_window=False, ttl=7),
                  Packet("tcp", B, "10.0.0.1", 40000, 80, "ACK", in_window=False, ttl=7)),
        (renamed(), Packet("udp", "10.0.0.1", A, 53, 51514), Packet("udp", "10.0.0.1", B, 53, 40000)),
        (renamed(), Packet("icmp", A, "10.0.0.1", icmp=(8, 0), echo_id=5), Packet("icmp", B, "10.0.0.1", icmp=(8, 0), echo_id=5)),
        (renamed(), Packet("icmp", "10.0.0.1", A, icmp=(3, 3), inner=inner),
                  Packet("icmp", "10.0.0.1", B, icmp=(3, 3), inner=Packet("udp", "10.0.0.1", B, 53, 40000))),
        (six, Packet("udp", "fd00::7", "fd00::8", 5, 53), Packet("udp", "fd00::9", "fd00::8", 5, 53)),
    ):  # fmt: skip
        assert renaming.packet(before) == after
        assert renaming.packet(before).ttl == after.ttl
        assert renaming.header(Skb.of(before, iif="eth0")) == Skb.of(after, iif="eth0")


def test_what_is_one_and_the_same_stays_so() -> None:
    first, second = (
        Skb.of(Packet("udp", A, "10.0.0.1", 51514, 53)),
        Skb.of(Packet("udp", "10.0.0.2", A, 1, 53)),
    )
    renaming = renamed()
    assert renaming.skb(first) is renaming.skb(first)
    assert str(renaming.skb(second).packet) == "udp 10.0.0.2:1 -> 198.51.100.9:53"
    there = Tuple("udp", int(A), 51514, 5, 53)
    flows = [Flow("NEW", Connection(number, there, there.inverse())) for number in (1, 2)]
    made = [renaming.skb(skb.with_flow(flow)).flow for skb in (first, second) for flow in flows]
    assert [[other is one for other in made].index(True) for one in made] == [0, 1, 0, 1]
    assert [one and one.connection and one.connection.number for one in made] == [1, 2, 1, 2]


def test_a_connection_told_of_another() -> None:
    six = Renaming({7: 9, 8: 8}, {5: 6}, {})
    there, wanted = Tuple("udp", 7, 5, 8, 53, 6), Tuple("udp", 9, 6, 8, 53, 6)
    told_of = six.connection(Connection(3, there, there.inverse(), mark=1))
    assert told_of == Connection(3, wanted, wanted.inverse(), mark=1)


@pytest.mark.parametrize("name, wanted", [("internet/203.0.113.7", "internet/198.51.100.9"), ("n1", "n1")])
def test_a_host_that_is_called_by_an_address(name: str, wanted: str) -> None:
    renaming = Renaming({int(A): int(B)}, {}, {"internet/203.0.113.7": "internet/198.51.100.9"})
    assert renaming.name(name) == wanted
    run = Run(node())
    run.host = Host(name, run.host.routing, run.host.rules)
    for packet, device, action in (
        (
            Packet("tcp", "10.244.1.10", "10.128.0.11", 51514, 22),
            "v0",
            f"10.128.0.11 is an address of {wanted}",
        ),
        (Packet("tcp", A, "10.244.1.10", 51514, 22), "eth0", "10.244.1.10 dev v0 (10.244.1.10)"),
    ):
        run.receive(packet, device)
        events = [step for step in run.seen if isinstance(step, Event)]
        (step,) = renaming.steps(Mold.of(events, VARYING))
        assert isinstance(step, Event)
        assert step.action == action
