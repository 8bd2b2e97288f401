"""How many packets a second a World takes, beside a plain scan of rules: python -m tests.benchmarks.packets

Ten Services with three endpoints each on three nodes, called from the internet by cluster IP, node port and external IP;
every packet comes from another address and another port. One core. Lines:

- "send": `World.send` alone. The trace holds everything; it is put together when it is read.
- "send, verdicts": and every branch's end, reason, receiver, packet and answer read.
- "send, every step": and the place and the action of every step of every hop read, there and back.
- "send, to_dict": and all of it as plain values, every condition of every rule passed over included.
- "send, all classes new": each packet is the first of its class, so that it is walked and kept.
- "walk": the same packets step by step, each on its own; what the traces are held against.
- "reference": a loop over 10,000 slotted dataclasses, four fields of each compared: the least that looking at rules
  takes in Python. The last column says over how many such rules it would have come in the time of one packet.
"""

import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kproxysim.cluster import Cluster
from kproxysim.network import Trace, World
from kproxysim.network.who import find_sender
from kproxysim.packet import Packet

NODES, SERVICES, RUNS = 3, 10, 5
RULES = 10_000

Call = tuple[Packet, str]


def manifests() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"node-{number}"},
            "spec": {"podCIDR": f"10.44.{number}.0/24", "providerID": f"gce://project/zone/node-{number}"},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": f"10.128.0.{10 + number}"},
                    {"type": "ExternalIP", "address": f"198.51.100.{10 + number}"},
                ]
            },
        }
        for number in range(NODES)
    ]
    for number in range(SERVICES):
        found += service(f"service-{number}", number)
    return found


def service(name: str, number: int) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "type": "NodePort",
                "clusterIP": f"10.48.0.{10 + number}",
                "clusterIPs": [f"10.48.0.{10 + number}"],
                "externalIPs": [f"10.128.0.{10 + number % NODES}"],
                "ports": [
                    {"name": "http", "port": 8000 + number, "targetPort": 8080, "nodePort": 30000 + number}
                ],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-x",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [f"10.44.{node}.{10 + number}"],
                    "nodeName": f"node-{node}",
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "namespace": "default", "name": f"{name}-{node}"},
                }
                for node in range(NODES)
            ],
        },
    ]


def calls(draw: random.Random, count: int) -> list[Call]:
    """Packets from all over the internet to all addresses of all Services."""
    found = []
    for _ in range(count):
        number, node = draw.randrange(SERVICES), draw.randrange(NODES)
        dst, dport = draw.choice(
            (
                (f"10.48.0.{10 + number}", 8000 + number),
                (f"198.51.100.{10 + node}", 30000 + number),
                (f"198.51.100.{10 + number % NODES}", 8000 + number),
            )
        )
        src = (
            f"{draw.randrange(20, 100)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"
        )
        found.append((Packet("tcp", src, dst, draw.randrange(1024, 65536), dport), f"internet/{src}"))
    return found


def verdicts(trace: Trace) -> None:
    for branch in trace.branches:
        _ = branch.disposition, branch.reason, branch.delivered_to, branch.packet
        _ = branch.reply and branch.reply.packet


def steps(trace: Trace) -> int:
    count = 0
    for branch in trace.branches:
        for hop in (*branch.hops, *(branch.reply.hops if branch.reply is not None else ())):
            for step in hop.steps:
                _ = step.at, step.action
                count += 1
    return count


@dataclass(frozen=True, slots=True)
class Rule:
    network: int
    mask: int
    protocol: str
    dport: int


def scan(rules: Iterable[Rule], dst: int, protocol: str, dport: int) -> Rule | None:
    for rule in rules:
        if dst & rule.mask == rule.network and rule.protocol == protocol and rule.dport == dport:
            return rule
    return None


def seconds_a_rule() -> float:
    rules = [Rule(0x0A600000 + number, 0xFFFFFFFF, "tcp", 80) for number in range(RULES)]
    best = float("inf")
    for _ in range(3 * RUNS):
        start = time.process_time()
        scan(rules, 1, "tcp", 80)
        best = min(best, time.process_time() - start)
    return best / RULES


def seconds_a_packet(take: Callable[[Packet, str], object], batches: list[list[Call]]) -> float:
    best = float("inf")
    for batch in batches:
        start = time.process_time()
        for packet, source in batch:
            take(packet, source)
        best = min(best, (time.process_time() - start) / len(batch))
    return best


def main() -> None:
    say = sys.stdout.write
    draw = random.Random(1)
    cluster = Cluster.load(manifests())
    world = World(cluster)

    def walk(packet: Packet, source: str) -> Trace:
        return world._walk(packet, find_sender(source, world.topology, world.clients))

    def fresh(packet: Packet, source: str) -> Trace:
        assert world._precedents is not None
        world._precedents._known.clear()
        return world.send(packet, source)

    def batches(count: int) -> list[list[Call]]:
        return [calls(draw, count) for _ in range(RUNS)]

    for packet, source in calls(draw, 2_000):
        world.send(packet, source)
    some = [walk(*call) for call in calls(draw, 50)]
    reference = seconds_a_rule()
    say(
        f"{SERVICES} Services, {NODES} nodes; a packet has {sum(map(len, some)) / len(some):.1f} branches and "
    )
    say(f"{sum(map(steps, some)) / len(some):.0f} steps on average\n")
    say("                         us a packet   packets/s   rules scanned in that time\n")
    send = world.send
    lines: tuple[tuple[str, int, Callable[[Packet, str], object]], ...] = (
        ("send", 2_000, send),
        ("send, verdicts", 1_000, lambda packet, source: verdicts(send(packet, source))),
        ("send, every step", 500, lambda packet, source: steps(send(packet, source))),
        ("send, to_dict", 50, lambda packet, source: send(packet, source).to_dict()),
        ("send, all classes new", 50, fresh),
        ("walk", 50, walk),
        ("walk, to_dict", 50, lambda packet, source: walk(packet, source).to_dict()),
    )
    for name, count, take in lines:
        found = seconds_a_packet(take, batches(count))
        say(f"{name:<22}{found * 1e6:>14.1f}{1 / found:>12,.0f}{found / reference:>18,.0f}\n")
        sys.stdout.flush()
    say(f"{'reference: one rule':<22}{reference * 1e6:>14.3f}{'':>12}{1:>18}\n")


if __name__ == "__main__":
    main()
