"""The edge's firewall: shut for who calls from outside, open for answers to who calls from within."""

import pytest

from kproxysim.network import Edge
from kproxysim.packet import Packet
from tests.network.small import service, world

CLIENT = "internet/203.0.113.7"
PUBLIC = {"198.51.100.12": "10.128.0.12", "198.51.100.13": "10.128.0.13"}
SHUT = {kind: Edge(kind, {} if kind == "routed" else PUBLIC, ()) for kind in ("gce", "nat", "routed")}


@pytest.mark.parametrize("kind", SHUT)
def test_a_node_is_told_what_the_internet_answers(kind: str) -> None:
    place = world(service("plain", "10.48.1.1"), edge=SHUT[kind], clients={"client": "203.0.113.7"})
    trace = place.send(place.packet("node/node-a", "203.0.113.7:80"), "node/node-a")
    assert [branch.client_sees for branch in trace] == ["refused"]


@pytest.mark.parametrize("kind", SHUT)
def test_nobody_calls_a_node(kind: str) -> None:
    place = world(service("plain", "10.48.1.1"), edge=SHUT[kind])
    trace = place.send(place.packet(CLIENT, "198.51.100.12:22"), CLIENT)
    assert [(branch.disposition, branch.reason) for branch in trace] == [("filtered", "firewall-closed")]


def test_a_node_s_ping_of_its_own_public_address_is_a_new_one_when_it_comes_back() -> None:
    """It comes in from that address, to the internal one: who asks and who is asked have changed places, but it is no answer."""
    place = world(service("plain", "10.48.1.1"), edge=SHUT["gce"])
    trace = place.send(Packet("icmp", "10.128.0.12", "198.51.100.12", icmp=(8, 0)), "node/node-a")
    states = [step.after.flow.state for _, step in trace.branches[0].steps() if step.after.flow is not None]
    assert set(states) == {"NEW"}
    assert trace.branches[0].client_sees == "answered"


def test_an_edge_that_knows_connections_leaves_answers_to_untranslated_calls_alone() -> None:
    """Whoever has a route to the internal address is answered from it, if the edge goes by connections and not by packets."""
    for kind, client in (("nat", "answered"), ("gce", "timeout")):
        place = world(service("plain", "10.48.1.1"), edge=Edge(kind, PUBLIC))
        trace = place.send(place.packet(CLIENT, "10.128.0.12:10250"), CLIENT)
        assert [branch.client_sees for branch in trace] == [client]


def test_nor_does_it_touch_an_error_about_such_a_call() -> None:
    """It is translated with the connection that it is about, or not at all; packet for packet it would come from a stranger."""
    for kind, client in (("nat", "refused"), ("gce", "timeout")):
        place = world(
            service("nobody", "10.48.1.1", externalIPs=["10.128.0.12"]), only=(), edge=Edge(kind, PUBLIC)
        )
        trace = place.send(place.packet(CLIENT, "10.128.0.12:80"), CLIENT)
        assert [(branch.disposition, branch.client_sees) for branch in trace] == [("rejected", client)]


def test_the_edge_speaks_from_the_side_where_the_sender_is() -> None:
    edge = Edge("routed", outside={4: "203.0.113.1"})
    place = world(service("plain", "10.48.1.1"), edge=edge)
    for source, address in ((CLIENT, "203.0.113.1"), ("node/node-a", "10.128.0.1")):
        trace = place.send(place.packet(source, "192.0.2.1:80"), source)
        assert [str(branch.reply.packet.src) for branch in trace if branch.reply] == [address]
