"""Connections over time. What hosts do is from the kernel's tables and from what was measured: rules are read
for the first packet alone, held connections go on without them, as long as something tracks, a flush in mid-flow may break one.
"""

from fractions import Fraction
from random import Random
from typing import Any

import pytest

from kproxysim.cluster import NodeFacts
from kproxysim.errors import InputError
from kproxysim.netfilter.conntrack import Status
from kproxysim.network import Edge, Exchange, World
from tests.network.small import BOTH, endpoints, service, world

ECHO = service("echo", "10.8.0.1", node_port=30080)
CLIENT = "internet/203.0.113.7"
POD = "pod/default/client"
HERE = ("10.44.0.9", "node-a", "client")
NODE_PORT = "198.51.100.12:30080"
CLUSTER_IP = "10.8.0.1:80"


def small(*only: tuple[str, str, str], **more: Any) -> World:
    """Service echo with these endpoints, and a pod on node-a that belongs to no Service."""
    made = world(ECHO, only=only or BOTH, **more)
    made.apply([service("own", "10.8.0.9"), endpoints("own", HERE)])
    made.delete("Service default/own")
    made.delete("EndpointSlice default/own-x")
    return made


def reached(exchange: Exchange) -> str:
    assert exchange.trace is not None
    (branch,) = exchange.trace
    return branch.delivered_to.pod if branch.delivered_to else branch.disposition


def as_values(exchange: Exchange) -> object:
    return exchange.session, exchange.trace and exchange.trace.to_dict()


def entries(at: World, node: str = "node-a") -> list[tuple[str, bool, float]]:
    """State, whether it is assured, and the seconds that are left."""
    return [
        (one.state, bool(one.status & Status.ASSURED), one.expires - at.now) for one in at.conntrack(node)
    ]


class TestTcp:
    def test_a_connection_opens_talks_and_closes(self) -> None:
        here = small()
        opened = here.open(source=CLIENT, to=NODE_PORT, pick="echo-2")
        assert (opened.session.state, reached(opened)) == ("open", "default/echo-2")
        assert entries(here) == [("ESTABLISHED", True, 86400)]  # kube-proxy's tcpEstablishedTimeout
        here.advance(60)
        sent = here.send_on(opened.session)
        assert (sent.session.state, reached(sent)) == ("open", "default/echo-2")
        assert sent.trace is not None
        assert (sent.trace[0].reason, sent.trace[0].source) == ("served-by-endpoint", "masqueraded")
        assert sent.trace[0].reply is not None
        assert sent.trace[0].reply.packet.flags == "PSH,ACK"
        closed = here.close(opened.session)
        assert (closed.session.state, here.sessions) == ("closed", ())
        assert entries(here) == [("TIME_WAIT", True, 120)]
        here.advance(121)
        assert entries(here) == []

    def test_the_server_speaks(self) -> None:
        here = small()
        opened = here.open(source=CLIENT, to=NODE_PORT, pick="echo-2")
        spoken = here.reply_on(opened.session)
        assert spoken.trace is not None
        (branch,) = spoken.trace
        assert spoken.trace.source == "pod default/echo-2"
        assert (branch.reason, branch.packet.source) == ("answer-arrived", NODE_PORT)
        assert branch.reply is not None
        assert (branch.reply.packet.flags, branch.client_sees) == ("ACK", "answered")

    @pytest.mark.parametrize("by", ["client", "server"])
    def test_a_reset_ends_both_sides(self, by: Any) -> None:
        here = small()
        opened = here.open(source=CLIENT, to=NODE_PORT, pick="echo-2")
        assert here.close(opened.session, "rst", by).session.state == "reset"
        assert entries(here) == [("CLOSE", True, 10)]
        with pytest.raises(InputError, match="KPS710"):
            here.send_on(opened.session) if by == "client" else here.reply_on(opened.session)

    def test_a_server_that_went_silently_resets_what_comes(self) -> None:
        here = small()
        opened = here.open(source=CLIENT, to=NODE_PORT, pick="echo-2")
        assert here.close(opened.session, "silence", "server").trace is None
        assert entries(here) == [("ESTABLISHED", True, 86400)]
        sent = here.send_on(opened.session)
        assert (sent.session.state, here.sessions) == ("reset", ())
        assert entries(here) == [("CLOSE", True, 10)]

    def test_nobody_listens(self) -> None:
        here = small()
        refused = here.open(source=CLIENT, to="198.51.100.12:9999")
        assert (refused.session.state, here.sessions) == ("refused", ())

    def test_a_pod_that_went_leaves_its_clients_waiting(self) -> None:
        here = small()
        opened = here.open(source=POD, to=CLUSTER_IP, pick="echo-2")
        here.remove_pod("default/echo-2")
        here.apply(endpoints("echo", BOTH[0]))
        sent = here.send_on(opened.session)
        assert (reached(sent), sent.session.served and sent.session.served.pod) == (
            "unreachable",
            "default/echo-2",
        )
        assert reached(here.open(source=POD, to=CLUSTER_IP)) == "default/echo-1"

    def test_ports_are_not_used_twice(self) -> None:
        here = small(BOTH[0])
        ports = [here.open(source=POD, to=CLUSTER_IP).session.packet.sport for _ in range(3)]
        assert ports == [51514, 51515, 51516]


class TestHeldConnections:
    def test_they_go_on_without_nat_rules(self) -> None:
        """Measured: rules were deleted; a held TCP connection and a UDP flow went on, new flows did not."""
        here = small()
        opened = here.open(source=POD, to=CLUSTER_IP, pick="echo-2")
        here.restore("node-a", "*nat\nCOMMIT\n", noflush=False)
        assert reached(here.send_on(opened.session)) == "default/echo-2"
        assert here.open(source=POD, to=CLUSTER_IP).session.state != "open"

    @pytest.mark.parametrize("conntrack, arrives", [(None, "unreachable"), (True, "default/echo-2")])
    def test_without_any_rule_that_asks_for_it_nothing_is_tracked(
        self, conntrack: bool | None, arrives: str
    ) -> None:
        """Measured: connections that stand are not translated any more, unless something else asks."""
        here = small(facts={"node-a": NodeFacts(conntrack=conntrack)})
        opened = here.open(source=POD, to=CLUSTER_IP, pick="echo-2")
        here.flush_rules("node-a")
        assert reached(here.send_on(opened.session)) == arrives

    def test_they_keep_their_endpoint_when_others_come(self) -> None:
        here = small(BOTH[0])
        opened = here.open(source=POD, to=CLUSTER_IP)
        here.apply(endpoints("echo", BOTH[1]))
        assert reached(here.send_on(opened.session)) == "default/echo-1"

    def test_a_flush_in_mid_flow_breaks_nothing_with_one_endpoint(self) -> None:
        """Measured (flush-mid-flow): the next packet opens a new entry that leads to the same endpoint."""
        here = small(BOTH[0])
        opened = here.open(source=POD, to=CLUSTER_IP)
        assert len(here.flush_conntrack("node-a")) == 1
        assert here.send_on(opened.session).session.state == "open"

    def test_a_flush_in_mid_flow_draws_again_and_the_wrong_endpoint_resets(self) -> None:
        here = small()
        opened = here.open(source=POD, to=CLUSTER_IP, pick="echo-2")
        here.flush_conntrack()
        ways = here.futures(lambda there: there.send_on(opened.session))
        assert [(way.probability, way.result.session.state) for way in ways] == [
            (Fraction(1, 2), "reset"),
            (Fraction(1, 2), "open"),
        ]

    def test_a_masqueraded_connection_does_not_outlive_its_entry(self) -> None:
        """--random-fully: the new entry has another source port, and the endpoint knows nobody there."""
        here = small(BOTH[0])
        opened = here.open(source=CLIENT, to=NODE_PORT)
        here.flush_conntrack("node-a")
        assert here.send_on(opened.session).session.state == "reset"

    def test_an_answer_outside_the_window_is_not_translated_and_kills_the_connection(self) -> None:
        """kubernetes#74839: the client sees a packet of a stranger, and resets it. KUBE-FORWARD drops it
        before that, unless conntrack is liberal, and then it is no stranger's.
        """
        here = small()
        opened = here.open(source=POD, to=CLUSTER_IP, pick="echo-2")
        late = here.fork().reply_on(opened.session, in_window=False)
        assert late.trace is not None
        assert (late.trace[0].disposition, late.trace[0].reason) == ("dropped", "invalid-state")
        text = "*filter\n:KUBE-FORWARD - [0:0]\nCOMMIT\n"
        here.restore("node-a", text)
        here.restore("node-b", text)
        late = here.reply_on(opened.session, in_window=False)
        assert late.trace is not None
        assert (late.trace[0].reason, late.session.state) == ("reply-from-stranger", "reset")
        assert here.send_on(opened.session).session.state == "reset"


class TestTheEdge:
    BALANCED = service("lb", "10.8.0.7", node_port=30081, ingress="198.51.100.40", type="LoadBalancer")

    def test_the_balancer_keeps_a_connection_on_its_node(self) -> None:
        here = world(self.BALANCED)
        ways = here.futures(lambda there: there.open(source=CLIENT, to="198.51.100.40:80"))
        assert [way.probability for way in ways] == [Fraction(1, 4)] * 4
        assert {way.result.session.state for way in ways} == {"open"}
        for way in ways:
            assert way.world.send_on(way.result.session).session.state == "open"

    def test_answers_pass_a_shut_firewall(self) -> None:
        edge = Edge(kind="gce", one_to_one={"198.51.100.12": "10.128.0.12"}, firewall=())
        here = world(ECHO, edge=edge, clients={"server": "203.0.113.7"})
        opened = here.open(source="node/node-a", to="203.0.113.7:443")
        assert opened.session.state == "refused"  # nobody listens there: the answer came


class TestOneWayOnly:
    def test_more_than_one_way_is_an_error_that_names_them(self) -> None:
        here = small()
        with pytest.raises(InputError, match=r"KPS708.*2 ways") as caught:
            here.open(source=POD, to=CLUSTER_IP)
        assert caught.value.diagnostics[0].notes == (
            "it may end at: default/echo-1 (1/2), default/echo-2 (1/2)",
        )
        assert (here.sessions, entries(here)) == ((), [])

    def test_a_draw(self) -> None:
        here = small()
        rng = Random(7)
        ends = [reached(here.open(source=POD, to=CLUSTER_IP, rng=rng)) for _ in range(20)]
        assert set(ends) == {"default/echo-1", "default/echo-2"}
        assert len(here.sessions) == 20

    def test_futures_leave_the_world_alone_and_add_up(self) -> None:
        here = small()

        def twice(there: World) -> tuple[str, str]:
            first = there.open(source=POD, to=CLUSTER_IP)
            return reached(first), reached(there.open(source=POD, to=CLUSTER_IP))

        ways = here.futures(twice)
        assert [way.probability for way in ways] == [Fraction(1, 4)] * 4
        assert len({way.result for way in ways}) == 4
        assert [len(way.world.sessions) for way in ways] == [2, 2, 2, 2]
        assert here.sessions == ()

    def test_a_draw_is_one_of_the_futures(self) -> None:
        here = small()
        ways = here.futures(lambda there: there.open(source=POD, to=CLUSTER_IP))
        drawn = here.fork().open(source=POD, to=CLUSTER_IP, rng=Random(3))
        assert as_values(drawn) in [as_values(way.result) for way in ways]


class TestEndsThatAreGone:
    def test_the_client(self) -> None:
        here = small(BOTH[0])
        opened = here.open(source=POD, to=CLUSTER_IP)
        here.remove_pod("default/client")
        with pytest.raises(InputError, match=r"KPS710.*pod/default/client.* is gone"):
            here.send_on(opened.session)

    def test_a_server_that_was_never_reached(self) -> None:
        here = small(BOTH[0])
        lost = here.open(source=POD, to="10.44.0.77:53/udp")
        for speak in (here.reply_on, lambda it: here.close(it, "silence", "server")):
            with pytest.raises(InputError, match=r"KPS710.*no server"):
                speak(lost.session)
        assert here.close(lost.session).session.state == "closed"
        assert here.sessions == ()

    def test_a_pod_in_the_nodes_own_network(self) -> None:
        here = world(ECHO, only=(("10.128.0.13", "node-b", "echo-1"),))
        opened = here.open(source=CLIENT, to=NODE_PORT)
        assert reached(opened) == "default/echo-1"
        here.remove_pod("default/echo-1")
        assert here.send_on(opened.session).session.state == "reset"


def test_a_port_that_the_server_still_holds_opens_at_the_second_try() -> None:
    """RFC 9293, 3.5.1: an old connection of the same port answers with an ACK, the caller resets it."""
    here = small(BOTH[0])
    opened = here.open(source=POD, to=CLUSTER_IP)
    here.close(opened.session, "silence")
    again = here.open(opened.session.packet)
    assert again.session.state == "timeout"
    assert here.open(opened.session.packet).session.state == "open"


def test_a_client_runs_out_of_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("session", "world"):
        monkeypatch.setattr(f"kproxysim.network.{module}.CLIENT_PORTS", range(51514, 51516))
    here = small(BOTH[0])
    first, _ = (here.open(source=POD, to=CLUSTER_IP) for _ in range(2))
    with pytest.raises(InputError, match=r"KPS711.*each of its 2 ports"):
        here.open(source=POD, to=CLUSTER_IP)
    here.close(first.session)
    assert here.open(source=POD, to=CLUSTER_IP).session.packet.sport == 51514


class TestSctp:
    """Measured for the entry: CLOSED at INIT, COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED, SHUTDOWN_SENT and on."""

    def world(self) -> World:
        sctp = [{"port": 80, "protocol": "SCTP", "name": "http", "targetPort": 8080}]
        slices = endpoints("echo", BOTH[0]).model_dump(by_alias=True, exclude_unset=True)
        slices["ports"][0]["protocol"] = "SCTP"
        here = world(service("echo", "10.8.0.1", ports=sctp), only=())
        here.apply({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **slices})
        return here

    def test_an_association_opens_talks_and_closes(self) -> None:
        here = self.world()
        opened = here.open(source="node/node-a", to="10.8.0.1:80/sctp")
        assert (opened.session.state, reached(opened)) == ("open", "default/echo-1")
        assert entries(here) == [("ESTABLISHED", True, 210)]
        assert here.send_on(opened.session).session.state == "open"
        assert here.reply_on(opened.session).session.state == "open"
        assert here.close(opened.session).session.state == "closed"
        assert entries(here) == [("CLOSED", True, 10)]

    def test_data_of_nobodys_association_is_aborted(self) -> None:
        here = self.world()
        opened = here.open(source="node/node-a", to="10.8.0.1:80/sctp")
        here.close(opened.session, "silence", "server")
        assert here.send_on(opened.session).session.state == "reset"
        assert here.sessions == ()


def test_what_marks_the_first_packet_marks_all_of_its_socket() -> None:
    here = small(BOTH[0])
    text = "*filter\n-A OUTPUT -m mark --mark 0x7 -p tcp --tcp-flags PSH PSH -j DROP\nCOMMIT\n"
    here.restore("node-a", text)
    opened = here.open(source="node/node-a", to=CLUSTER_IP, mark=7)
    assert opened.session.state == "open"
    assert here.send_on(opened.session).session.state == "timeout"
    other = here.open(source="node/node-a", to=CLUSTER_IP)
    assert here.send_on(other.session).session.state == "open"
