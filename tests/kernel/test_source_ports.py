"""Which source NAT gives a connection that is not its client's first: the kernel's choice, one connection after the other."""

import pytest

from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.state import HostState
from kproxysim.network import Edge, Pod, World
from kproxysim.packet import Packet
from tests.kernel.agreement import PATIENCE
from tests.kernel.expected import expected
from tests.kernel.lab import Lab
from tests.network.small import world

ONE, OTHER, FAR = "10.44.0.5", "10.44.0.6", "10.44.1.9"
POD = {ONE: "pod/default/one", OTHER: "pod/default/other"}
PORT = 5000


def node_with(target: str) -> World:
    text = f"*nat\n-A POSTROUTING -s 10.44.0.0/16 -d {FAR} -p udp -j {target}\nCOMMIT\n"
    return world(
        only=(),
        pods=[
            Pod("default", "one", "node-a", (ONE,)),
            Pod("default", "other", "node-a", (OTHER,)),
            Pod("default", "far", "node-b", (FAR,), ("udp/80", "udp/81")),
        ],
        edge=Edge("routed"),
        rules={"node-a": [Ruleset.from_save(text, "ipv4")], "node-b": []},
    )


CALLS = ((ONE, 80), (OTHER, 80), (OTHER, 81), (ONE, 81))
"""The second finds its port taken. The third would find its own free: it gets the one that its client has by now."""


@pytest.mark.parametrize(
    "target",
    ["MASQUERADE", "SNAT --to-source 10.128.0.12", "SNAT --to-source 10.128.0.12-10.128.0.12:5000-5010"],
)
def test_a_client_keeps_the_source_that_it_has_on_another_connection(target: str) -> None:
    place = node_with(target)
    states: dict[str, HostState] = {}
    theirs, ours = [], []
    with Lab(place) as lab:
        for source, port in CALLS:
            packet = Packet("udp", source, FAR, PORT, port)
            (way,) = expected(place, lab.topology, packet, POD[source], before=states)
            states |= way.states
            (arrival,) = lab.send(packet, POD[source], PATIENCE).arrivals
            assert arrival.src == "10.128.0.12"
            assert arrival.sport in way.ports
            theirs.append(arrival.sport)
            ours.append(way.branch.packet.sport)
    for found in (theirs, ours):
        first, second, third, fourth = found
        assert (first, fourth) == (PORT, PORT)
        assert second == third != PORT
