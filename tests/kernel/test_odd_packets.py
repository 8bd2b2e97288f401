"""Packets that no client sends to open a connection, and protocols beside TCP and UDP."""

from itertools import product

import pytest

from kproxysim.cluster import NodeFacts
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, Pod, World
from tests.kernel.agreement import Tally, compare
from tests.kernel.lab import Lab
from tests.network.small import service, world

CLIENT, NODE, POD = "internet/203.0.113.7", "node/node-a", "pod/default/other"
SENDERS = (CLIENT, NODE, POD)
NODE_PORT = service("np", "10.48.1.1", type="NodePort", node_port=30080)
FLAGS = ("SYN", "ACK", "PSH,ACK", "FIN", "FIN,ACK", "RST", "RST,ACK", "SYN,ACK", "FIN,SYN")


def small(kind: str, **sysctls: str) -> World:
    facts = {"node-a": NodeFacts.model_validate({"sysctls": sysctls})}
    pods = [Pod("default", "other", "node-b", ("10.44.1.9",), ("sctp/8080",))]
    return world(
        NODE_PORT, only=(("10.44.0.5", "node-a", "echo-1"),), pods=pods, edge=Edge(kind), facts=facts
    )


@pytest.mark.parametrize(
    "backend, to",
    [
        ("nft", ("10.48.1.1:80",)),
        ("legacy", ("10.128.0.12:30080", "10.44.0.5:81")),
    ],
)
def test_tcp_out_of_the_blue(backend: str, to: tuple[str, ...]) -> None:
    """What conntrack thinks of a packet without a connection decides whether nat sees it, and KUBE-FORWARD whether it goes on."""
    tally = Tally()
    with Lab(small("routed"), ["203.0.113.7"], backend) as lab:
        for sender, flags, target in product(SENDERS, FLAGS, to):
            compare(lab, tally, sender, target, flags=flags)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == len(SENDERS) * len(FLAGS) * len(to)


def test_pings_and_sctp() -> None:
    tally = Tally()
    to = ("10.44.0.5/icmp", "10.128.0.13/icmp", "10.48.1.1/icmp", "10.44.1.99/icmp", "192.0.2.1/icmp")
    sctp = ("10.44.1.9:8080/sctp", "10.44.1.9:81/sctp", "10.48.1.1:80/sctp", "10.128.0.12:30080/sctp")
    with Lab(small("routed"), ["203.0.113.7"]) as lab:
        for sender, target in product(SENDERS, to + sctp):
            compare(lab, tally, sender, target)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == len(SENDERS) * len(to + sctp)


def test_conntrack_may_be_strict_about_tcp() -> None:
    """A lone ACK opens a connection only while nf_conntrack_tcp_loose is on."""
    tally = Tally()
    strict = small("routed", **{"net.netfilter.nf_conntrack_tcp_loose": "0"})
    with Lab(strict, ["203.0.113.7"], "legacy") as lab:
        for sender, flags in product((CLIENT, NODE), ("ACK", "PSH,ACK", "SYN")):
            compare(lab, tally, sender, "10.128.0.12:30080", flags=flags)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == 6


CIRCLES = """\
*mangle
-A FORWARD
-A POSTROUTING -p icmp
COMMIT
*nat
-A PREROUTING -d 10.96.0.1/32 -j DNAT --to-destination 10.44.0.99
-A POSTROUTING -d 192.0.2.7/32 -j MASQUERADE
-A POSTROUTING -d 192.0.2.8/32 -j SNAT --to-source 192.0.2.9
COMMIT
*filter
-A OUTPUT -p icmp -m icmp --icmp-type 0 -s 10.44.0.1/32 -j REJECT
-A OUTPUT -p udp -m udp --sport 53 -j REJECT
COMMIT
"""


def test_pings_in_a_circle_and_who_is_told_of_nothing() -> None:
    """Each time round a ping gets another id, since its answers would be those of the time before. A ping's answer that is
    refused on its way out is not told of, a process's is. Who is not there is asked for before a bridge carries a frame on.
    """
    tally = Tally()
    place = world(
        only=(),
        pods=[Pod("default", "inside", "node-a", ("10.44.0.5",))],
        edge=Edge(
            "routed", routes={f"192.0.2.{end}": "node-a" for end in (7, 8, 9)} | {"10.96.0.1": "node-a"}
        ),
        facts={"node-a": NodeFacts.model_validate({"listening": ["udp/53"]})},
        rules={"node-a": [Ruleset.from_save(CIRCLES)], "node-b": []},
        pod_network="bridge",
    )
    pod = "pod/default/inside"
    with Lab(place, ["203.0.113.7"]) as lab:
        for sender, target in product((CLIENT, pod), ("192.0.2.7/icmp", "192.0.2.8/icmp", "192.0.2.7:80")):
            compare(lab, tally, sender, target)
        for sender, target in product((CLIENT, pod, "node/node-b"), ("10.44.0.1/icmp", "10.128.0.12:53/udp")):
            compare(lab, tally, sender, target)
        for sender, target in product((CLIENT, pod), ("10.96.0.1:80", "10.96.0.1/icmp")):
            compare(lab, tally, sender, target)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == 16


def test_packets_with_little_time_to_live() -> None:
    """On their way, and in a circle in which the node translates the source, so that what the edge says of it comes back to the edge."""
    translating = Ruleset.from_save(
        "*nat\n-A POSTROUTING -d 192.0.2.7 -j SNAT --to-source 192.0.2.8\nCOMMIT\n"
    )
    place = world(
        only=(("10.44.0.5", "node-a", "echo-1"),),
        edge=Edge("routed", routes={"192.0.2.7": "node-a", "192.0.2.8": "node-a"}),
        rules={"node-a": [translating], "node-b": []},
    )
    tally = Tally()
    with Lab(place, ["203.0.113.7"]) as lab:
        for ttl, target in product((1, 2, 3, 4, 5), ("192.0.2.7:80", "10.44.0.5:8080/udp", "10.44.0.5/icmp")):
            compare(lab, tally, CLIENT, target, ttl=ttl)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == 15


STRANGE = ("224.0.0.9", "255.255.255.255", "0.0.0.9", "240.0.0.9", "169.254.7.7")


def test_sources_that_no_host_has() -> None:
    """As a neighbour's SNAT makes them: they pass PREROUTING, and most go no further."""
    for source in STRANGE:
        tally = Tally()
        rules = f"*nat\n-A POSTROUTING -d 10.128.0.12 -j SNAT --to-source {source}\nCOMMIT\n"
        counting = "*mangle\n-A PREROUTING\n-A INPUT\nCOMMIT\n"
        place = world(
            only=(),
            edge=Edge("routed"),
            rules={"node-a": [Ruleset.from_save(counting)], "node-b": [Ruleset.from_save(rules)]},
        )
        with Lab(place, ["203.0.113.7"]) as lab:
            for target in ("10.128.0.12:53/udp", "10.128.0.12:9/udp"):
                compare(lab, tally, "node/node-b", target)
        assert not tally.disagreements, "\n".join(tally.disagreements)
        assert tally.flows == 2
