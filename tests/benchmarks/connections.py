"""How long 100,000 connections take on one world, and whether it stays that way: python -m tests.benchmarks.connections

Ten Services with five endpoints each on three nodes; clients on the internet and a pod open a connection, drawn, and
close it; a tenth of a second passes between two. For each 10,000 of them: seconds to open and close, beside the seconds that
as many `World.send` take (two packets each, no state kept) and the entries in the tables of all nodes. Then the peak
of memory (of what Python allocates, in a run of its own, as counting is slow) after each of the first 30,000.
"""

import sys
import time
import tracemalloc
from random import Random

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, Service
from kproxysim.network import World

NUMBER = 100_000
CHUNK = 10_000
NODES = 3
SERVICES = 10
ENDPOINTS = 5
BETWEEN = 0.1
CONFIG = KubeProxyConfiguration(cluster_cidr="10.64.0.0/10")


def build() -> World:
    """The world before the first connection."""
    nodes = [
        Node.model_validate(
            {
                "metadata": {"name": f"node-{number}"},
                "spec": {"podCIDR": f"10.64.{number}.0/24"},
                "status": {"addresses": [{"type": "InternalIP", "address": f"10.128.0.{10 + number}"}]},
            }
        )
        for number in range(NODES)
    ]
    services, slices = [], []
    for number in range(SERVICES):
        services.append(
            Service.model_validate(
                {
                    "metadata": {"name": f"service-{number}"},
                    "spec": {
                        "type": "NodePort",
                        "clusterIP": f"10.96.0.{10 + number}",
                        "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30000 + number}],
                    },
                }
            )
        )
        slices.append(
            EndpointSlice.model_validate(
                {
                    "metadata": {
                        "name": f"service-{number}-x",
                        "labels": {"kubernetes.io/service-name": f"service-{number}"},
                    },
                    "addressType": "IPv4",
                    "ports": [{"port": 8080}],
                    "endpoints": [
                        {
                            "addresses": [f"10.64.{place % NODES}.{10 + number * ENDPOINTS + place}"],
                            "nodeName": f"node-{place % NODES}",
                        }
                        for place in range(ENDPOINTS)
                    ],
                }
            )
        )
    return World(Cluster(nodes, services, slices), config=CONFIG)


def calls(count: int) -> list[tuple[str, str]]:
    """Who calls whom."""
    return [
        (
            f"internet/203.0.113.{1 + number % 200}",
            f"10.128.0.{10 + number % NODES}:{30000 + number % SERVICES}",
        )
        if number % 3
        else ("pod/default/10.64.0.10", f"10.96.0.{10 + number % SERVICES}:80")
        for number in range(count)
    ]


def connect(world: World, rng: Random, count: int) -> None:
    """Open and close so many connections."""
    for source, to in calls(count):
        opened = world.open(source=source, to=to, rng=rng)
        assert opened.session.state == "open"
        world.close(opened.session, rng=rng)
        world.advance(BETWEEN)


def send(world: World, rng: Random, count: int) -> None:
    """The reference: as many packets as there are first packets above."""
    for source, to in calls(count):
        packet = world.packet(source, to)
        world.send(packet, source, rng=rng)
        world.send(packet, source, rng=rng)


def entries(world: World) -> int:
    """In the tables of all nodes."""
    return sum(len(world.conntrack(node.name)) for node in world.cluster.nodes)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(number: int) -> None:
    world, rng = build(), Random(1)
    say(f"{'connections':>12}  {'open, close':>11}  {'send':>8}  {'entries':>8}")
    for done in range(CHUNK, number + 1, CHUNK):
        start = time.perf_counter()
        connect(world, rng, CHUNK)
        middle = time.perf_counter()
        send(world, rng, CHUNK)
        end = time.perf_counter()
        say(f"{done:>12}  {middle - start:>10.1f}s  {end - middle:>7.1f}s  {entries(world):>8}")
    world = build()
    tracemalloc.start()
    for part in range(CHUNK, min(number, 3 * CHUNK) + 1, CHUNK):
        connect(world, rng, CHUNK)
        say(f"{part:>12}  peak of memory {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else NUMBER)
