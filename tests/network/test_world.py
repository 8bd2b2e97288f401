"""Packets all the way and back: who is reached, whom the endpoint sees, what the client sees.

Expectations follow what was measured on a kernel (nodeport, extip-internal-nat, extip-public-nat, etp-local, extip-no-endpoints), with GCE's
one-to-one NAT at the edge.
"""

import random
from fractions import Fraction
from itertools import pairwise

import pytest

from kproxysim.errors import InputError
from kproxysim.network import Allow, Edge, Pod
from kproxysim.network.trace import Branch, Trace
from kproxysim.packet import Packet
from tests.network.small import service, world

ONE = (("10.44.0.5", "node-a", "echo-1"),)
CLIENT = "internet/203.0.113.7"
EXTERNAL = service("ext", "10.48.3.7", externalIPs=["10.128.0.12"])
NODE_PORT = service("np", "10.48.1.1", type="NodePort", node_port=30080)
LOCAL = service("local", "10.48.1.2", type="NodePort", node_port=30081, externalTrafficPolicy="Local")
PUBLIC = service("pub", "10.48.3.8", externalIPs=["198.51.100.12"])


def only_branch(trace: Trace) -> Branch:
    assert len(trace.branches) == 1
    return trace.branches[0]


CASES = [
    # service, sender, destination, who answers, whom the endpoint sees, what the client sees
    (NODE_PORT, CLIENT, "198.51.100.12:30080", "default/echo-1", "10.44.0.1", "answered"),
    (NODE_PORT, CLIENT, "198.51.100.13:30080", "default/echo-1", "10.128.0.13", "answered"),
    (NODE_PORT, "node/node-b", "10.128.0.13:30080", "default/echo-1", "10.128.0.13", "answered"),
    (NODE_PORT, "pod/default/echo-1", "10.128.0.12:30080", "default/echo-1", "10.44.0.1", "answered"),
    (EXTERNAL, CLIENT, "198.51.100.12:80", "default/echo-1", "10.44.0.1", "answered"),
    (EXTERNAL, "pod/default/other", "10.128.0.12:80", "default/echo-1", "10.128.0.13", "answered"),
    (EXTERNAL, "node/node-a", "10.128.0.12:80", "default/echo-1", "10.44.0.1", "answered"),
    (EXTERNAL, "node/node-b", "10.128.0.12:80", "default/echo-1", "10.128.0.13", "answered"),
    (PUBLIC, "pod/default/other", "198.51.100.12:80", "default/echo-1", "10.128.0.13", "answered"),
    (PUBLIC, "node/node-b", "198.51.100.12:80", "default/echo-1", "10.128.0.13", "answered"),
    (LOCAL, CLIENT, "198.51.100.12:30081", "default/echo-1", "203.0.113.7", "answered"),
    (LOCAL, "node/node-b", "10.128.0.13:30081", "default/echo-1", "10.128.0.13", "answered"),
    (LOCAL, "pod/default/other", "10.128.0.13:30081", "default/echo-1", "10.44.1.9", "answered"),
]


@pytest.mark.parametrize("svc, sender, to, pod, saw, client", CASES)
def test_reaches_the_endpoint(svc: object, sender: str, to: str, pod: str, saw: str, client: str) -> None:
    place = world(svc, only=ONE, pods=[Pod("default", "other", "node-b", ("10.44.1.9",))])  # type: ignore[arg-type]
    branch = only_branch(place.send(place.packet(sender, to), sender))
    assert branch.delivered_to is not None
    assert (branch.delivered_to.pod, str(branch.packet.src), branch.client_sees) == (pod, saw, client)
    assert branch.packet.destination == "10.44.0.5:8080"


def test_two_endpoints_share_equally_and_the_kernels_fractions_add_up_too() -> None:
    place = world(NODE_PORT)
    trace = place.send(place.packet(CLIENT, "198.51.100.12:30080"), CLIENT)
    assert [branch.probability for branch in trace] == [Fraction(1, 2), Fraction(1, 2)]
    assert sum(branch.probability_kernel for branch in trace) == 1


def test_public_address_behind_nat_never_matches_and_the_trace_says_why() -> None:
    place = world(PUBLIC, only=ONE)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.12:80"), CLIENT))
    assert (branch.disposition, branch.reason, branch.client_sees) == (
        "refused",
        "no-rule-matched",
        "refused",
    )
    assert branch.nearest is not None
    assert (branch.nearest.field, branch.nearest.wanted, branch.nearest.had) == (
        "dst",
        "198.51.100.12/32",
        "10.128.0.12",
    )
    assert (branch.nearest.as_dialled, branch.nearest.held, branch.nearest.total) == (True, 2, 3)
    assert branch.advice[0].code == "cloud-nat-first"
    assert branch.advice[0].help == "put the internal address 10.128.0.12 into spec.externalIPs"


def test_without_nat_at_the_edge_the_public_address_is_the_right_one() -> None:
    edge = Edge("routed", routes={"198.51.100.12": "node-a"})
    place = world(PUBLIC, only=ONE, edge=edge)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.12:80"), CLIENT))
    assert (branch.disposition, branch.client_sees) == ("delivered", "answered")


def test_no_endpoints_is_refused_by_a_rule_with_the_dialled_address_as_sender() -> None:
    place = world(EXTERNAL, only=())
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.12:80"), CLIENT))
    assert (branch.disposition, branch.reason, branch.client_sees) == ("rejected", "no-endpoints", "refused")
    assert branch.reply is not None
    assert branch.reply.packet.icmp == (3, 3)
    assert str(branch.reply.packet.src) == "198.51.100.12"


def test_policy_local_without_a_local_pod_is_silence() -> None:
    place = world(LOCAL, only=ONE)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.13:30081"), CLIENT))
    assert (branch.disposition, branch.reason, branch.client_sees) == (
        "dropped",
        "no-local-endpoints",
        "timeout",
    )


def test_internal_policy_local_without_a_local_pod_is_silence_at_the_cluster_ip() -> None:
    near = service("near", "10.48.1.3", internalTrafficPolicy="Local")
    place = world(near, only=ONE, pods=[Pod("default", "other", "node-b", ("10.44.1.9",))])
    branch = only_branch(place.send(place.packet("pod/default/other", "10.48.1.3:80"), "pod/default/other"))
    assert (branch.disposition, branch.reason) == ("dropped", "no-local-endpoints")
    assert branch.advice[0].why.startswith(
        "internalTrafficPolicy: Local, and no usable endpoint runs on node-b"
    )


def test_policy_local_from_a_pod_to_another_nodes_port_loses_the_answer() -> None:
    """The other node takes it for pod traffic, so nothing is masqueraded and the answer comes back past that node."""
    place = world(LOCAL, only=ONE, pods=[Pod("default", "other", "node-a", ("10.44.0.9",))])
    branch = only_branch(
        place.send(place.packet("pod/default/other", "10.128.0.13:30081"), "pod/default/other")
    )
    assert branch.disposition == "delivered"
    assert branch.reply is not None
    assert (branch.reply.disposition, branch.reply.reason) == ("refused", "reply-from-stranger")
    assert branch.client_sees == "timeout"


@pytest.mark.parametrize(
    "opening, disposition", [(Allow("tcp", 30080, 30080), "delivered"), (Allow("tcp", 80, 80), "filtered")]
)
def test_the_firewall_is_asked_before_any_node(opening: Allow, disposition: str) -> None:
    edge = Edge("gce", {"198.51.100.12": "10.128.0.12"}, (opening,))
    place = world(NODE_PORT, only=ONE, edge=edge)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.12:30080"), CLIENT))
    assert branch.disposition == disposition
    assert any(hop.kind == "node" for hop in branch.hops) is (disposition == "delivered")


def test_an_open_firewall_that_nobody_gave_is_an_assumption() -> None:
    place = world(NODE_PORT, only=ONE)
    trace = place.send(place.packet(CLIENT, "198.51.100.12:30080"), CLIENT)
    assert trace.assumptions == ("the cloud's firewall is not given; it is taken as open",)


def test_a_load_balancers_address_is_local_on_gce_and_spreads_over_the_nodes() -> None:
    balanced = service("lb", "10.48.1.3", type="LoadBalancer", ingress="198.51.100.50")
    place = world(balanced, only=ONE)
    trace = place.send(place.packet(CLIENT, "198.51.100.50:80"), CLIENT)
    assert [branch.probability for branch in trace] == [Fraction(1, 2), Fraction(1, 2)]
    assert {branch.hops[1].where for branch in trace} == {"node-a", "node-b"}
    one = place.send(place.packet(CLIENT, "198.51.100.50:80"), CLIENT, via="node-b")
    assert only_branch(one).hops[1].where == "node-b"


def test_policy_local_spreads_over_nodes_with_endpoints_only() -> None:
    balanced = service(
        "lb", "10.48.1.3", type="LoadBalancer", ingress="198.51.100.50", externalTrafficPolicy="Local"
    )
    place = world(balanced, only=ONE)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.50:80"), CLIENT))
    assert (branch.hops[1].where, str(branch.packet.src), branch.client_sees) == (
        "node-a",
        "203.0.113.7",
        "answered",
    )


def test_pick_keeps_one_endpoint_and_its_chance() -> None:
    place = world(NODE_PORT)
    packet = place.packet(CLIENT, "198.51.100.12:30080")
    branch = only_branch(place.send(packet, CLIENT, pick="echo-2"))
    assert branch.probability == Fraction(1, 2)
    with pytest.raises(InputError, match="never reaches"):
        place.send(packet, CLIENT, pick="echo-9")


def test_a_draw_comes_from_the_callers_random_alone() -> None:
    place = world(NODE_PORT)
    packet = place.packet(CLIENT, "198.51.100.12:30080")
    drawn = [only_branch(place.send(packet, CLIENT, rng=random.Random(7))).packet for _ in range(3)]
    assert len(set(map(str, drawn))) == 1


def test_sending_leaves_the_world_as_it_was() -> None:
    place = world(NODE_PORT)
    packet = place.packet(CLIENT, "198.51.100.12:30080")
    assert place.send(packet, CLIENT).to_dict() == place.send(packet, CLIENT).to_dict()


UNKNOWN = [
    ("pod/default/ehco-1", "did you mean pod/default/echo-1?"),
    ("node/node-c", "node/node-a"),
    ("internet/nobody", "internet/ADDRESS"),
    ("somebody", "write internet/ADDRESS"),
]


@pytest.mark.parametrize("who, says", UNKNOWN)
def test_a_sender_nobody_knows_is_an_error_with_names(who: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        world(NODE_PORT).packet(who, "198.51.100.12:80")
    assert says in caught.value.diagnostics[0].help + " ".join(caught.value.diagnostics[0].notes)


@pytest.mark.parametrize(
    "to", ["198.51.100.12", "198.51.100.12:", "198.51.100.12:0", "nowhere:80", "1.2.3.4:80/icmp"]
)
def test_a_destination_that_is_none_is_an_error(to: str) -> None:
    with pytest.raises(InputError) as caught:
        world(NODE_PORT).packet(CLIENT, to)
    assert caught.value.code == "KPS702"


def test_an_address_that_nobody_has_is_unreachable() -> None:
    place = world(NODE_PORT)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.99:80"), CLIENT))
    assert (branch.disposition, branch.reason) == ("unreachable", "nobody-has-this-address")


def test_icmp_inside_the_way_back_names_what_the_client_dialled() -> None:
    place = world(EXTERNAL, only=())
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.12:80"), CLIENT))
    assert branch.reply is not None
    inner = branch.reply.packet.inner
    assert inner is not None
    assert (inner.source, inner.destination) == ("203.0.113.7:51514", "198.51.100.12:80")


def test_a_packet_made_by_hand_finds_its_sender() -> None:
    place = world(NODE_PORT, only=ONE)
    trace = place.send(Packet("tcp", "10.44.0.5", "10.48.1.1", 51514, 80))
    assert trace.source == "pod default/echo-1"
    assert str(only_branch(trace).packet.src) == "10.44.0.1"


@pytest.mark.parametrize("pod_network", ["ptp", "ptp-bare", "bridge"])
def test_pods_of_one_node_reach_each_other_in_every_pod_network(pod_network: str) -> None:
    near = (("10.44.0.5", "node-a", "echo-1"), ("10.44.0.6", "node-a", "echo-2"))
    place = world(NODE_PORT, only=near, pod_network=pod_network)
    for sender in ("pod/default/echo-1", "pod/default/echo-2"):
        trace = place.send(place.packet(sender, "10.48.1.1:80"), sender)
        assert {branch.delivered_to.pod for branch in trace if branch.delivered_to} == {
            "default/echo-1",
            "default/echo-2",
        }
        assert {branch.client_sees for branch in trace} == {"answered"}


@pytest.mark.parametrize(
    "pod_network, saw", [("ptp", "10.44.0.1"), ("ptp-bare", "10.128.0.12"), ("bridge", "10.44.0.1")]
)
def test_a_pod_that_reaches_itself_sees_an_address_of_its_node(pod_network: str, saw: str) -> None:
    """Measured: 10.244.1.1 with ptp and bridge, the node's own address with ptp-bare."""
    place = world(NODE_PORT, only=ONE, pod_network=pod_network)
    sender = "pod/default/echo-1"
    branch = only_branch(place.send(place.packet(sender, "10.48.1.1:80"), sender))
    assert (str(branch.packet.src), branch.client_sees) == (saw, "answered")


def test_a_trace_is_a_path_in_the_topology() -> None:
    place = world(NODE_PORT)
    graph = place.topology.graph
    trace = place.send(place.packet(CLIENT, "198.51.100.12:30080"), CLIENT)
    assert graph.nodes["edge"]["kind"] == "edge"
    for branch in trace:
        ways = [{"edge": "edge"}.get(hop.kind, f"{hop.kind}/{hop.where}") for hop in branch.hops]
        for one, other in pairwise(ways):
            assert set(graph[one]) & set(graph[other]), f"{one} and {other} share no segment"


def test_the_internet_as_sender_takes_the_packets_own_address() -> None:
    trace = world(NODE_PORT, only=ONE).send(
        Packet("tcp", "203.0.113.9", "198.51.100.12", 51514, 30080), "internet"
    )
    assert trace.source == "internet"
    assert trace[0].client_sees == "answered"
    assert len(repr(trace)) < 300


def test_nearest_is_the_rule_with_the_right_port_and_an_address_nearby() -> None:
    """A node port far from the port that was dialled is not what its sender hoped for."""
    place = world(EXTERNAL, NODE_PORT, only=ONE)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.13:80"), CLIENT))
    assert branch.nearest is not None
    assert (branch.nearest.field, branch.nearest.wanted) == ("dst", "10.128.0.12/32")
    wrong_port = only_branch(place.send(place.packet(CLIENT, "198.51.100.13:30081"), CLIENT))
    assert wrong_port.nearest is not None
    assert (wrong_port.nearest.field, wrong_port.nearest.wanted) == ("dport", "30080")


def test_nothing_is_nearest_where_a_service_took_the_packet() -> None:
    place = world(LOCAL, NODE_PORT, only=ONE)
    branch = only_branch(place.send(place.packet(CLIENT, "198.51.100.13:30081"), CLIENT))
    assert (branch.disposition, branch.nearest) == ("dropped", None)


def test_advice_about_policy_local_is_for_senders_outside() -> None:
    place = world(EXTERNAL, only=ONE)
    outside = only_branch(place.send(place.packet(CLIENT, "198.51.100.12:80"), CLIENT))
    inside = only_branch(place.send(place.packet("node/node-a", "10.128.0.12:80"), "node/node-a"))
    assert any("Local keeps" in advice.help for advice in outside.advice)
    assert not any("Local keeps" in advice.help for advice in inside.advice)


def test_a_cloud_refuses_pods_towards_public_addresses_and_says_what_it_took_for_granted() -> None:
    place = world(NODE_PORT, only=ONE)
    sender = "pod/default/echo-1"
    trace = place.send(place.packet(sender, "8.8.8.8:53/udp"), sender)
    assert only_branch(trace).reason == "egress-refuses-source"
    assert "masquerades what leaves node-a" in trace.assumptions[0]
    nobody = only_branch(place.send(place.packet(sender, "10.48.9.99:80"), sender))
    assert (nobody.disposition, nobody.reason) == ("unreachable", "nobody-has-this-address")


class TestEquality:
    """Traces are what their JSON says."""

    @staticmethod
    def trace(sport: int = 40000, to: str = "198.51.100.12:80", **more: str) -> Trace:
        place = world(
            service("ext", "10.48.3.7", externalIPs=["10.128.0.12"]), version=more.get("version", "1.30")
        )
        return place.send(place.packet(CLIENT, to, sport=sport), CLIENT)

    def test_of_equal_worlds_they_are_equal(self) -> None:
        first, again = self.trace(), self.trace()
        assert first == again
        assert hash(first) == hash(again)
        assert len({first, again}) == 1

    def test_of_others_they_differ(self) -> None:
        others = [
            self.trace(sport=40001),
            self.trace(to="198.51.100.13:80"),
            self.trace(to="198.51.100.12:81"),
        ]
        assert self.trace() not in others
        assert self.trace() != self.trace().to_dict()
