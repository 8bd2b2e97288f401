"""Small worlds, one question each, and packets from everywhere: what the World says of them the kernel does."""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from kproxysim.cluster import NodeFacts
from kproxysim.network import Allow, Edge, Pod, World
from tests.kernel.agreement import Tally, compare, every_way
from tests.kernel.expected import expected
from tests.kernel.lab import Lab
from tests.network.small import service, world

CLIENT, OTHER_CLIENT = "internet/203.0.113.7", "internet/203.0.113.8"
NODE_A, NODE_B = "node/node-a", "node/node-b"
ENDPOINT, POD = "pod/default/echo-1", "pod/default/other"
EVERYBODY = (CLIENT, NODE_A, NODE_B, ENDPOINT, POD)

INTERNAL_A, INTERNAL_B = "10.128.0.12", "10.128.0.13"
PUBLIC_A, PUBLIC_B = "198.51.100.12", "198.51.100.13"
BALANCED = "198.51.100.200"
NAT = {PUBLIC_A: INTERNAL_A, PUBLIC_B: INTERNAL_B}

ONE = (("10.44.0.5", "node-a", "echo-1"),)
OTHER = Pod("default", "other", "node-b", ("10.44.1.9",), ("tcp/8080", "udp/53"))
ON_NODE_A = (("10.128.0.12", "node-a", "agent"),)


@dataclass
class Question:
    """A world, who sends, and where to."""

    about: str
    world: World
    to: tuple[str, ...]
    senders: tuple[str, ...] = EVERYBODY
    backend: str = "legacy"
    ways: tuple[tuple[str, str], ...] = field(default=())


def small(*services: Any, **more: Any) -> World:
    return world(*services, pods=[OTHER], **more)


def facts(**known: Any) -> NodeFacts:
    return NodeFacts.model_validate(known)


ROUTES = ["10.128.0.12 dev eth0", "10.44.0.0/24 via 10.128.0.12 dev eth0"]
REFUSING = ["unreachable 192.0.2.16/28", "prohibit 192.0.2.32/28", "blackhole 192.0.2.48/28"]

NODE_PORT = service("np", "10.48.1.1", type="NodePort", node_port=30080)
LOCAL = service("local", "10.48.1.2", type="NodePort", node_port=30081, externalTrafficPolicy="Local")
INSIDE = service("inside", "10.48.1.3", internalTrafficPolicy="Local")
EXTERNAL = service("ext", "10.48.3.7", externalIPs=[INTERNAL_A])
PUBLIC = service("pub", "10.48.3.8", externalIPs=[PUBLIC_A, "192.0.2.9"])
BALANCER = service("lb", "10.48.4.1", type="LoadBalancer", node_port=30082, ingress=BALANCED)
GUARDED = service(
    "guarded",
    "10.48.4.2",
    type="LoadBalancer",
    node_port=30083,
    ingress=BALANCED,
    loadBalancerSourceRanges=["203.0.113.7/32"],
)
STICKY = service("sticky", "10.48.5.1", type="NodePort", node_port=30084, sessionAffinity="ClientIP")

FEW = ["10.128.0.0/24 dev eth0", "10.44.1.0/24 via 10.128.0.13", "unreachable 192.0.2.16/28"]
"""Routes of a node that has no default one."""

QUESTIONS = [
    Question(
        "node-ports-behind-nat",
        small(NODE_PORT, edge=Edge("nat", NAT)),
        (
            f"{PUBLIC_B}:30080",
            f"{INTERNAL_A}:30080",
            f"{INTERNAL_B}:30080",
            "10.48.1.1:80",
            "127.0.0.1:30080",
        ),
        backend="nft",
        ways=((CLIENT, f"{PUBLIC_A}:30080"), (POD, "10.48.1.1:80")),
    ),
    Question(
        "external-ips-internal-and-public",
        small(EXTERNAL, PUBLIC, only=ONE),
        (f"{PUBLIC_A}:80", f"{PUBLIC_B}:80", f"{INTERNAL_A}:80", f"{INTERNAL_B}:80", "192.0.2.9:80"),
    ),
    Question(
        "external-ips-routed",
        small(PUBLIC, only=ONE, edge=Edge("routed", routes={"192.0.2.9": "node-b"})),
        (f"{PUBLIC_A}:80", "192.0.2.9:80", "192.0.2.9:81"),
    ),
    Question(
        "load-balancer-and-its-source-ranges",
        small(BALANCER, GUARDED),
        (f"{BALANCED}:80", f"{BALANCED}:30082", f"{PUBLIC_A}:30083", "10.48.4.2:80"),
        (*EVERYBODY, OTHER_CLIENT),
        ways=((CLIENT, f"{BALANCED}:80"),),
    ),
    Question(
        "policies-local",
        small(LOCAL, INSIDE, only=ONE),
        (
            f"{PUBLIC_A}:30081",
            f"{PUBLIC_B}:30081",
            f"{INTERNAL_A}:30081",
            f"{INTERNAL_B}:30081",
            "10.48.1.3:80",
        ),
    ),
    Question(
        "nobody-behind-the-service",
        small(NODE_PORT, EXTERNAL, BALANCER, only=()),
        (f"{PUBLIC_A}:30080", f"{PUBLIC_A}:80", f"{BALANCED}:80", "10.48.1.1:80", f"{INTERNAL_B}:30080"),
        (CLIENT, NODE_A, POD),
        backend="nft",
    ),
    Question(
        "refused-by-an-address-that-no-nat-translates",
        small(EXTERNAL, only=(), edge=Edge("nat", NAT, outside={4: "203.0.113.1"})),
        (f"{INTERNAL_A}:80", f"{PUBLIC_A}:80", "192.0.2.1:80"),
        (CLIENT, NODE_B),
    ),
    Question(
        "no-service-takes-it",
        small(NODE_PORT, edge=Edge("routed")),
        (
            "10.48.1.1:81",
            "10.44.1.9:53/udp",
            "10.44.1.9:54/udp",
            "10.44.0.99:80",
            "192.0.2.1:80",
            f"{INTERNAL_B}:10250",
        ),
    ),
    Question(
        "a-process-of-a-node-as-endpoint",
        small(NODE_PORT, only=ON_NODE_A),
        (f"{PUBLIC_A}:30080", f"{PUBLIC_B}:30080", f"{INTERNAL_A}:30080", "10.48.1.1:80"),
        (CLIENT, NODE_A, NODE_B, POD),
    ),
    Question(
        "pods-on-bare-links",
        small(NODE_PORT, pod_network="ptp-bare"),
        (f"{PUBLIC_A}:30080", f"{INTERNAL_A}:30080", "10.48.1.1:80", "10.44.0.99:80"),
    ),
    Question(
        "pods-on-a-bridge",
        small(NODE_PORT, pod_network="bridge", only=(*ONE, ("10.44.0.6", "node-a", "echo-3"))),
        (f"{PUBLIC_A}:30080", f"{INTERNAL_A}:30080", "10.48.1.1:80", "10.44.0.6:8080", "10.44.0.99:80"),
    ),
    Question(
        "a-bridge-past-the-rules",
        small(
            NODE_PORT,
            pod_network="bridge",
            only=(*ONE, ("10.44.0.6", "node-a", "echo-3")),
            facts={"node-a": facts(sysctls={"net.bridge.bridge-nf-call-iptables": "0"})},
        ),
        ("10.48.1.1:80", "10.44.0.6:8080", "10.44.0.99:80"),
        (ENDPOINT, POD),
    ),
    Question(
        "sticky-clients-begin-anywhere",
        small(STICKY),
        (f"{PUBLIC_A}:30084", f"{INTERNAL_B}:30084", "10.48.5.1:80"),
        ways=((CLIENT, f"{PUBLIC_A}:30084"),),
    ),
    Question(
        "a-firewall-with-one-opening",
        small(NODE_PORT, edge=Edge("gce", NAT, (Allow("tcp", 30000, 30080, "203.0.113.7/32"),))),
        (f"{PUBLIC_A}:30080", f"{PUBLIC_A}:22", "203.0.113.7:80", "203.0.113.7/icmp", f"{PUBLIC_A}/icmp"),
        (CLIENT, OTHER_CLIENT, NODE_A, POD),
    ),
    Question(
        "the-way-back-is-filtered",
        small(
            NODE_PORT,
            edge=Edge("routed", routes={"192.0.2.9": "node-b"}),
            facts={"node-b": facts(sysctls={"net.ipv4.conf.all.rp_filter": "1"})},
        ),
        (f"{INTERNAL_B}:30080", f"{PUBLIC_B}:30080", "10.44.1.9:8080"),
    ),
    Question(
        "each-device-has-settings-of-its-own",
        small(
            NODE_PORT,
            edge=Edge("routed"),
            facts={
                "node-a": facts(
                    routes=[
                        "10.128.0.13 dev eth0",
                        "203.0.113.7 dev veth0",
                        "default via 10.128.0.1 dev eth0",
                    ],
                    sysctls={
                        "net.ipv4.conf.all.route_localnet": "0",
                        "net.ipv4.conf.veth0.route_localnet": "1",
                        "net.ipv4.conf.eth0.rp_filter": "1",
                    },
                ),
                "node-b": facts(
                    sysctls={"net.ipv4.conf.veth0.rp_filter": "1", "net.ipv4.conf.default.rp_filter": "2"}
                ),
            },
        ),
        (f"{INTERNAL_A}:30081", f"{INTERNAL_A}:10250", "127.0.0.1:30080", "10.44.0.5:81"),
        (CLIENT, OTHER_CLIENT, NODE_A, NODE_B, ENDPOINT),
    ),
    Question(
        "routes-that-refuse",
        small(
            NODE_PORT,
            edge=Edge("routed"),
            facts={"node-b": facts(routes=[*ROUTES, "default via 10.128.0.1 dev eth0", *REFUSING])},
        ),
        ("192.0.2.17:80", "192.0.2.33:80", "192.0.2.17:80/udp", "192.0.2.33:80/udp"),
        (NODE_B, POD),
    ),
    Question(
        "a-route-into-nothing",
        small(NODE_PORT, edge=Edge("routed"), facts={"node-b": facts(routes=[*ROUTES, *REFUSING])}),
        ("192.0.2.49:80", "192.0.2.49:80/udp"),
        (POD,),
    ),
    Question(
        "no-default-route",
        small(NODE_PORT, edge=Edge("routed"), facts={"node-b": facts(routes=ROUTES)}),
        ("192.0.2.17:80", "10.48.1.1:80", "10.48.1.1:81", f"{INTERNAL_B}:30080"),
        (CLIENT, NODE_B, POD),
    ),
    Question(
        "many-addresses",
        small(
            NODE_PORT,
            only=ONE,
            pod_network="ptp-bare",
            edge=Edge("routed"),
            facts={
                "node-a": facts(
                    interfaces={"lo": ["192.0.2.7/32"], "eth0": ["10.128.0.12/24", "10.128.0.22/24"]}
                ),
                "node-b": facts(
                    interfaces={"eth0": ["10.128.0.13/24", "192.0.2.80/24"], "eth1": ["172.16.0.1/24"]}
                ),
            },
        ),
        (
            "10.128.0.22:30080",
            "192.0.2.7:30080",
            "172.16.0.1:30080",
            "127.0.0.1:30080",
            "10.128.0.99:80",
            "192.0.2.99:80",
        ),
    ),
    Question(
        "loopback-with-an-address",
        small(
            NODE_PORT,
            only=ON_NODE_A,
            edge=Edge("routed"),
            facts={"node-a": facts(interfaces={"lo": ["192.0.2.7/32"], "eth0": ["10.128.0.12/24"]})},
        ),
        (f"{INTERNAL_A}:30080", "192.0.2.7:30080", "10.48.1.1:80", "127.0.0.1:30080"),
        (NODE_A, POD),
    ),
    Question(
        "loopback-stays-within",
        small(
            NODE_PORT, only=ONE, facts={"node-a": facts(sysctls={"net.ipv4.conf.all.route_localnet": "0"})}
        ),
        ("127.0.0.1:30080", "127.0.0.5:10250"),
        (NODE_A, NODE_B, POD),
    ),
    Question(
        "a-node-that-forwards-nothing",
        small(NODE_PORT, facts={"node-a": facts(sysctls={"net.ipv4.conf.all.forwarding": "0"}, routes=FEW)}),
        (f"{INTERNAL_A}:30080", "10.48.1.1:80", "10.44.0.5:8080", "192.0.2.1:80", "192.0.2.17:80"),
    ),
    Question(
        "a-device-that-nothing-is-forwarded-from",
        small(
            NODE_PORT,
            facts={
                "node-a": facts(
                    sysctls={"net.ipv4.conf.veth0.forwarding": "0", "net.ipv4.conf.eth0.accept_local": "1"},
                    routes=FEW,
                )
            },
        ),
        (f"{INTERNAL_A}:30080", "10.48.1.1:80", "10.44.1.7:8080", "192.0.2.1:80", "192.0.2.17:80"),
        (NODE_A, NODE_B, "pod/default/echo-1"),
    ),
    Question(
        "to-everybody",
        small(NODE_PORT, facts={"node-a": facts(interfaces={"eth0": ["10.128.0.12/24"]})}),
        ("10.128.0.255:30080", "10.128.0.255:80/udp", "255.255.255.255:30080", "224.0.0.5:80"),
    ),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.about)
def test_the_kernel_does_the_same(question: Question) -> None:
    tally = Tally()
    clients = [
        sender.removeprefix("internet/") for sender in question.senders if sender.startswith("internet/")
    ]
    with Lab(question.world, clients, question.backend) as lab:
        for sender, to in product(question.senders, question.to):
            compare(lab, tally, sender, to)
        for sender, to in question.ways:
            every_way(lab, tally, sender, to)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows + tally.left_out.total() >= len(question.senders) * len(question.to)


@pytest.mark.parametrize("question", QUESTIONS[:3], ids=lambda question: question.about)
def test_what_is_compared_is_what_the_world_says(question: Question) -> None:
    """The lab's side of the simulator goes on where a branch ends; up to there it is the branch that World.send gives."""
    place = question.world
    for sender, to in product((NODE_A, POD), question.to):
        packet = place.packet(sender, to)
        ways = expected(place, place.topology, packet, sender)
        assert [way.branch.to_dict() for way in ways] == [
            branch.to_dict() for branch in place.send(packet, sender).branches
        ]
