"""Packets that nobody takes: who says so, and what their sender is told. As a kernel with a Linux router for an edge does."""

import pytest

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.walk import Walked
from kproxysim.network import Edge, Pod, World
from kproxysim.network.trace import Branch
from kproxysim.packet import Packet
from kproxysim.testing.strategies.objects import make_node
from tests.network.small import service, world

PUBLIC = {"198.51.100.12": "10.128.0.12", "198.51.100.13": "10.128.0.13"}
NAT = Edge("nat", PUBLIC)
ROUTED = Edge("routed", routes={"192.0.2.7": "node-a"})
CLIENT = "internet/203.0.113.7"
PLAIN = service("plain", "10.48.1.1")


def told(edge: Edge, sender: str, to: str) -> tuple[str, str, str, tuple[int, int] | None]:
    """Reason, what the client sees, who told it, with which ICMP type and code."""
    place = world(PLAIN, edge=edge, pods=[Pod("default", "other", "node-b", ("10.44.1.9",))])
    trace = place.send(place.packet(sender, to), sender)
    assert len(trace.branches) == 1
    branch: Branch = trace.branches[0]
    assert branch.reply is not None
    return branch.reason, branch.client_sees, str(branch.reply.packet.src), branch.reply.packet.icmp


def test_a_loop_ends_at_the_router_where_the_time_to_live_is_used_up() -> None:
    """64 forwards from the client: the edge is every odd one, node-a every even one, so the node is the last."""
    assert told(ROUTED, CLIENT, "192.0.2.7:80") == (
        "routing-loop",
        "host-unreachable",
        "10.128.0.12",
        (11, 0),
    )


def test_a_loop_begun_by_a_pod_ends_at_the_edge() -> None:
    """Its node is the first router, so the 64th is the edge."""
    assert told(NAT, "pod/default/other", "10.44.1.99:80") == (
        "routing-loop",
        "host-unreachable",
        "10.128.0.1",
        (11, 0),
    )


def test_a_cloud_s_fabric_takes_nothing_off_the_time_to_live() -> None:
    """So all 64 forwards are the node's."""
    gce = Edge("gce", PUBLIC)
    assert told(gce, "pod/default/other", "10.44.1.99:80") == (
        "routing-loop",
        "host-unreachable",
        "10.44.1.1",
        (11, 0),
    )


def test_what_the_edge_says_about_a_translated_packet_reaches_the_internal_address() -> None:
    assert told(NAT, "node/node-a", "192.0.2.1:80") == (
        "nobody-has-this-address",
        "net-unreachable",
        "10.128.0.1",
        (3, 0),
    )


def test_a_loop_in_which_a_rule_renews_the_time_to_live_never_ends() -> None:
    """Measured: the kernel forwards it tens of thousands of times a second."""
    renewing = Ruleset.from_save("*mangle\n-A FORWARD -j TTL --ttl-set 64\nCOMMIT\n", "ipv4")
    place = world(only=(), edge=ROUTED, rules={"node-a": [renewing], "node-b": []})
    (branch,) = place.send(place.packet(CLIENT, "192.0.2.7:80"), CLIENT)
    assert (branch.reason, branch.client_sees, branch.reply) == ("routing-loop", "timeout", None)


def test_a_router_drops_its_own_error_that_is_sent_back_to_it() -> None:
    """Measured: its source is the router's own address. The node takes the error for one about what it translated."""
    translating = Ruleset.from_save("*nat\n-A POSTROUTING -j SNAT --to-source 192.0.2.8\nCOMMIT\n", "ipv4")
    edge = Edge("routed", routes={"192.0.2.7": "node-a", "192.0.2.8": "node-a"})
    place = world(only=(), edge=edge, rules={"node-a": [translating], "node-b": []})
    (branch,) = place.send(place.packet(CLIENT, "192.0.2.7:80", ttl=4), CLIENT)
    assert (branch.reason, branch.client_sees) == ("routing-loop", "timeout")
    assert branch.reply is not None
    assert (branch.reply.disposition, branch.reply.reason) == ("martian", "own-address-as-source")


def test_how_far_a_packet_gets_is_a_matter_of_its_time_to_live() -> None:
    """As traceroute asks: edge, node, pod."""
    place = world(PLAIN, only=(("10.44.0.5", "node-a", "echo-1"),), edge=Edge("routed"))
    told = []
    for ttl in (1, 2, 3):
        (branch,) = place.send(place.packet(CLIENT, "10.44.0.5:8080", ttl=ttl), CLIENT)
        told.append((branch.client_sees, branch.hops[-1].where))
    assert told == [
        ("host-unreachable", "router"),
        ("host-unreachable", "node-a"),
        ("answered", "default/echo-1"),
    ]


def test_a_pod_s_addresses_are_one_whatever_their_spelling() -> None:
    place = world(PLAIN, pods=[Pod("default", "six", "node-b", ("fd00:44:0:0::9", "fd00:44::9"))])
    assert next(pod.ips for pod in place.pods if pod.name == "six") == ("fd00:44::9",)


def test_a_pod_on_a_bridge_finds_out_for_itself_that_nobody_of_its_network_has_an_address() -> None:
    """It asks its neighbours, and no router."""
    pods = [Pod("default", "other", "node-b", ("10.44.1.9",))]
    place = world(PLAIN, edge=NAT, pods=pods, pod_network="bridge")
    sender = "pod/default/other"
    trace = place.send(place.packet(sender, "10.44.1.99:80"), sender)
    assert [(hop.where, hop.kind) for hop in trace.branches[0].hops] == [("default/other", "pod")]
    assert trace.branches[0].client_sees == "host-unreachable"


def test_a_neighbour_who_is_not_there_is_told_by_the_node() -> None:
    """Nobody answers for an address of the node's own network; the router is not asked."""
    facts = {"node-b": NodeFacts.model_validate({"interfaces": {"eth0": ["10.128.0.13/24"]}})}
    place = world(PLAIN, edge=NAT, facts=facts)
    trace = place.send(place.packet("node/node-b", "10.128.0.99:80"), "node/node-b")
    assert [hop.where for hop in trace.branches[0].hops] == ["node-b"]
    assert trace.branches[0].client_sees == "host-unreachable"


def test_lo_is_on_every_host() -> None:
    """Facts that name a node's devices need not name it: kube-proxy finds 127.0.0.1 there, and serves node ports."""
    cluster = world(service("web", "10.48.1.1", node_port=30080, type="NodePort")).cluster
    place = World(
        cluster,
        facts={"node-b": NodeFacts.model_validate({"interfaces": {"eth0": ["10.128.0.13/24"]}})},
        config=KubeProxyConfiguration.model_validate({"nodePortAddresses": ["127.0.0.0/8"]}),
    )
    for node in ("node-a", "node-b"):
        trace = place.send(place.packet(f"node/{node}", "127.0.0.1:30080"), f"node/{node}")
        assert {branch.disposition for branch in trace} == {"delivered"}


def test_a_ping_is_answered_by_the_host_itself() -> None:
    place = world(PLAIN, edge=NAT)
    trace = place.send(Packet("icmp", "10.128.0.13", "10.44.0.5", icmp=(8, 0)), "node/node-b")
    assert [branch.client_sees for branch in trace] == ["answered"]
    assert trace.branches[0].reply is not None
    assert trace.branches[0].reply.packet.icmp == (0, 0)


RESET = """\
*nat
-A PREROUTING -d 10.96.0.1/32 -j DNAT --to-destination 10.44.0.6
COMMIT
*filter
-A INPUT -p tcp -m tcp --dport 99 -j REJECT --reject-with tcp-reset
-A FORWARD -p tcp -m tcp --dport 99 -j REJECT --reject-with tcp-reset
COMMIT
"""


def refused(sender: str, to: str, pod_network: str, **facts: object) -> tuple[str, tuple[str, ...]]:
    """What the client sees, and what is taken for granted."""
    pods = [Pod("default", f"p{end}", "node-a", (f"10.44.0.{end}",)) for end in (5, 6)]
    place = world(
        only=(),
        pods=pods,
        pod_network=pod_network,
        edge=Edge("routed"),
        rules={"node-a": [Ruleset.from_save(RESET, "ipv4")]},
        facts={"node-a": NodeFacts.model_validate(facts)},
    )
    trace = place.send(place.packet(sender, to), sender)
    return trace.branches[0].client_sees, trace.assumptions


def test_a_reset_from_a_bridge_is_not_translated_back() -> None:
    """Measured: it goes back by the port that the packet came by, past all rules and conntrack."""
    assert refused("pod/default/p5", "10.96.0.1:99", "ptp") == ("refused", ())
    assert refused("pod/default/p5", "10.96.0.1:99", "bridge") == ("timeout", ())
    assert refused("pod/default/p5", "10.44.0.6:99", "bridge") == ("refused", ())
    unseen = {"net.bridge.bridge-nf-call-iptables": "0"}
    assert refused("pod/default/p5", "10.96.0.1:99", "bridge", sysctls=unseen) == ("refused", ())


def test_a_device_of_which_nobody_said_what_it_is_is_taken_for_no_bridge() -> None:
    interfaces = {"br7": ["10.128.0.12/24"]}
    assert refused("internet/203.0.113.7", "10.128.0.12:99", "ptp", interfaces=interfaces) == (
        "refused",
        (
            "the cloud's firewall is not given; it is taken as open",
            "br7 of node-a is taken for no bridge: a reset passes its rules",
        ),
    )


ABSENT = "*nat\n-A PREROUTING -d 10.96.0.1/32 -j DNAT --to-destination 10.44.0.99\nCOMMIT\n*mangle\n-A FORWARD\nCOMMIT\n"


def test_a_bridge_asks_who_is_there_before_it_carries_a_translated_frame_on() -> None:
    """Measured, and `br_nf_pre_routing_finish_bridge`: rules in FORWARD never see it. What is routed passes them first."""
    told = {}
    for pod_network in ("bridge", "ptp"):
        place = world(
            only=(),
            pods=[Pod("default", "p5", "node-a", ("10.44.0.5",))],
            pod_network=pod_network,
            edge=Edge("routed", routes={"10.44.0.0/24": "node-a"}),
            rules={"node-a": [Ruleset.from_save(ABSENT, "ipv4")]},
        )
        (branch,) = place.send(place.packet("pod/default/p5", "10.96.0.1:80", ttl=3), "pod/default/p5")
        seen = [step.chain for hop in branch.hops for step in hop.steps if isinstance(step, Walked)]
        told[pod_network] = branch.reason, "FORWARD" in seen
    assert told == {
        "bridge": ("nobody-has-this-address", False),
        "ptp": ("routing-loop", True),
    }


def test_a_ping_that_comes_round_again_gets_another_id() -> None:
    """Measured: its answers would be those of the connection before (`nf_nat_l4proto_unique_tuple`), so each is another."""
    translating = Ruleset.from_save("*nat\n-A POSTROUTING -j SNAT --to-source 192.0.2.8\nCOMMIT\n", "ipv4")
    place = world(only=(), edge=ROUTED, rules={"node-a": [translating], "node-b": []})
    (branch,) = place.send(place.packet(CLIENT, "192.0.2.7/icmp", ttl=9), CLIENT)
    left = [skb.packet.echo_id for skb in (hop.steps[-1].after for hop in branch.hops if hop.kind == "node")]
    assert left == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "protocol, told", [("tcp", "timeout"), ("sctp", "timeout"), ("udp", "not-permitted")]
)
def test_who_is_told_that_nothing_may_go_out(protocol: str, told: str) -> None:
    """TCP and SCTP send again and wait (`sctp_packet_transmit` in net/sctp/output.c)."""
    dropping = Ruleset.from_save("*filter\n-A OUTPUT -j DROP\nCOMMIT\n", "ipv4")
    place = world(only=(), edge=ROUTED, rules={"node-a": [dropping], "node-b": []})
    (branch,) = place.send(place.packet("node/node-a", f"10.128.0.13:80/{protocol}"), "node/node-a")
    assert branch.client_sees == told


@pytest.mark.parametrize("pod_network, told", [("bridge", "timeout"), ("ptp", "net-unreachable")])
def test_a_bridge_says_nothing_of_translated_ipv6_without_a_route(pod_network: str, told: str) -> None:
    """Measured, and `br_nf_pre_routing_finish_ipv6`: it drops what it finds no way for."""
    led = Ruleset.from_save(
        "*nat\n-A PREROUTING -d fd00:96::1 -j DNAT --to-destination 2001:db8:bad::1\nCOMMIT\n", "ipv6"
    )
    facts = NodeFacts.model_validate(
        {"routes": ["default via fd00:128::1 dev eth0", "unreachable 2001:db8:bad::/48"]}
    )
    place = World(
        Cluster([make_node(0, (6,), "")]),
        pods=[Pod("default", "six", "n0", ("fd00:44::5",))],
        facts={"n0": facts},
        rules={"n0": [led]},
        pod_network=pod_network,
    )
    (branch,) = place.send(place.packet("pod/default/six", "[fd00:96::1]:80"), "pod/default/six")
    assert (branch.reason, branch.client_sees) == ("no-route", told)


@pytest.mark.parametrize("to, told", [("10.44.0.6:80", "timeout"), ("10.96.0.1:80", "host-unreachable")])
def test_nobody_is_told_of_a_frame_that_was_for_another_port(to: str, told: str) -> None:
    """Measured: an error is about what was sent to this host (`icmp_send`), and that frame was for the other pod."""
    led = Ruleset.from_save(
        "*nat\n-A PREROUTING -p tcp -j DNAT --to-destination 10.44.0.99\nCOMMIT\n", "ipv4"
    )
    place = world(
        only=(),
        pods=[Pod("default", f"p{end}", "node-a", (f"10.44.0.{end}",)) for end in (5, 6)],
        pod_network="bridge",
        rules={"node-a": [led]},
    )
    (branch,) = place.send(place.packet("pod/default/p5", to), "pod/default/p5")
    assert (branch.reason, branch.client_sees) == ("nobody-has-this-address", told)
