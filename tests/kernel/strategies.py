"""Clusters to be built twice, as a World and as namespaces, and packets to be sent through both.

They are those of `kproxysim.testing.strategies`, without what a kernel need not have (SCTP, counting objects) and
what only kube-proxy reads (hints, slices that contradict each other).
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from kproxysim.network import World
from kproxysim.testing import Call, strategies
from kproxysim.testing.strategies.addresses import CLIENTS as ALL_CLIENTS
from kproxysim.testing.strategies.calls import draw_call, possible_calls

CLIENTS = {version: clients[0] for version, clients in ALL_CLIENTS.items()}

WORLDS = strategies.worlds(
    strategies.clusters(
        services=(1, 4),
        types=("ClusterIP", "NodePort", "LoadBalancer"),
        protocols=("TCP", "UDP"),
        ingress=("VIP", "shared"),
        hints=False,
        oddities=False,
    ),
    edge_kinds=("gce", "nat", "routed"),
    configurations=strategies.configurations(masquerade_bits=14, conntrack=False),
    facts=strategies.facts(oddities=False),
)


@dataclass(frozen=True)
class Drawn:
    """A World and what is to be sent in it."""

    world: World
    calls: tuple[Call, ...]


@st.composite
def clusters(draw: st.DrawFn, calls: int = 16) -> Drawn:
    """A cluster of one to three nodes, and packets."""
    world = draw(WORLDS)
    possible = possible_calls(world, clients=CLIENTS.values())
    assert possible is not None, "every node can call a Service"
    return Drawn(world, tuple(draw_call(draw, possible) for _ in range(calls)))
