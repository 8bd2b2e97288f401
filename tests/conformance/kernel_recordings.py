"""The recordings of tests/golden/kernel as Worlds: nodes, pods, clients, edge and rules of a case, and its connections one by one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from kproxysim.cluster import Cluster, Node, NodeFacts
from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.state import HostState
from kproxysim.network import Edge, Pod, World
from kproxysim.network.journey import Journey, Leg
from kproxysim.packet import Packet
from tests.kernel.expected import Expected, expected

GOLDEN = Path(__file__).parent.parent / "golden" / "kernel"
NAMESPACE = "lab"
EVERY_NODE = "*"
GATEWAY = "10.128.0.1"
OUTSIDE = "203.0.113.1"

CLIENT_SEES = {
    "error:EPERM": "not-permitted",
    "no-route": "net-unreachable",
    "answered:SA": "answered",
    "answered:R": "refused",
}
"""The recordings' words for an outcome, where they are not those of a Branch."""

FLAGS = {"S": "SYN", "A": "ACK", "F": "FIN", "R": "RST", "P": "PSH"}


@dataclass(frozen=True)
class Connection:
    """One connection of a case: what was sent, the world that it was sent in, and what the kernel did with it.

    `before` is what the hosts remember of those before it. `is_held` says that it was opened by an earlier step and goes on.
    """

    step: dict[str, Any]
    truth: dict[str, Any]
    world: World
    before: Mapping[str, HostState]
    is_held: bool = False

    def source(self) -> str:
        """Who sent it, as World.send takes it."""
        return str(self.step["from"])

    def ways(self) -> list[Expected]:
        """What the simulator makes of it, to its end."""
        raw = self.step.get("proto") == "tcp-raw"
        topology, sender = self.world._sender(self.source())
        return expected(self.world, topology, self.packet(), sender.host, raw=raw, before=self.before)

    def packet(self) -> Packet:
        """The first packet."""
        step = self.step
        protocol = step.get("proto", "tcp").removesuffix("-raw")
        destination = f"[{step['dst']}]" if ":" in step["dst"] else step["dst"]
        if protocol == "icmp":
            sent = self.world.packet(self.source(), f"{destination}:1")
            return Packet("icmp", sent.src, sent.dst, icmp=(8, 0))
        sent = self.world.packet(
            self.source(), f"{destination}:{step['dport']}/{protocol}", sport=step.get("src_port")
        )
        flags = ",".join(FLAGS[letter] for letter in step.get("flags", ""))
        return Packet(protocol, step.get("src_ip", sent.src), sent.dst, sent.sport, sent.dport, flags)

    def goes_on(self) -> tuple[Leg, Leg]:
        """Of a held connection: a packet to the server, and its answer."""
        topology, sender = self.world._sender(self.source())
        journey = Journey(topology, self.world._router(topology), self.before, Enumeration())
        opening = self.packet()
        out = journey.send(sender.host, replace(opening, flags="PSH,ACK"))
        back = journey.send(out.end.host, out.end.outcome.skb.packet.reply("PSH,ACK"))
        return out, back


class Replay:
    """A case, connection by connection: what one leaves behind the next one finds.

    Whoever replays it says which way a connection went (`keep`) before he asks for the next one.
    """

    def __init__(self, recording: "Recording") -> None:
        self.recording = recording
        self.states: dict[str, HostState] = {}

    def keep(self, way: Expected) -> None:
        self.states |= way.states

    def connections(self) -> Iterator[Connection]:
        """The connections in order. Entries of conntrack go before each that does not keep them; lists of `recent` stay."""
        recording = self.recording
        rules, sysctls = (
            dict(recording.rules),
            {node["name"]: dict(node.get("sysctl", {})) for node in recording.cluster["nodes"]},
        )
        truth = iter(recording.truth)
        held: dict[str, dict[str, Any]] = {}
        for step in recording.steps:
            action = step.get("do")
            if action == "rules":
                rules = {name: rules.get(name, rules.get(EVERY_NODE, "")) for name in sysctls} | {
                    step["node"]: step["text"]
                }
            elif action == "sysctl":
                sysctls[step["node"]] |= step["set"]
            elif action == "sleep":
                for state in self.states.values():
                    state.clock += step["seconds"]
            elif action == "again":
                world = recording.world(rules, sysctls)
                yield Connection(held[step["hold"]], next(truth), world, self.states, is_held=True)
            elif action is None:
                world = recording.world(rules, sysctls)
                sent = recording.with_source(step)
                held[step.get("hold", "")] = sent
                for _ in range(step.get("repeat", 1)):
                    if not step.get("keep_conntrack"):
                        for state in self.states.values():
                            state.conntrack.flush()
                    yield Connection(sent, next(truth), world, self.states)
            else:
                assert action == "recent", action


@dataclass
class Recording:
    """One case: its input, and the lines of truth.jsonl that tell what became of it."""

    name: str
    cluster: dict[str, Any]
    rules: dict[str, str]
    rules6: dict[str, str]
    steps: list[dict[str, Any]]
    truth: list[dict[str, Any]] = field(default_factory=list)

    def with_source(self, step: dict[str, Any]) -> dict[str, Any]:
        pods = {pod["name"] for node in self.cluster["nodes"] for pod in node["pods"]}
        nodes = {node["name"] for node in self.cluster["nodes"]}
        who = step["from"]
        source = (
            f"pod/{NAMESPACE}/{who}"
            if who in pods
            else f"node/{who}"
            if who in nodes
            else self._client(who, step)
        )
        return {**step, "from": source}

    def _client(self, name: str, step: dict[str, Any]) -> str:
        """A client under the address that it calls from: another than its first if the step or the family asks for it."""
        client = next(client for client in self.cluster["clients"] if client["name"] == name)
        if step.get("src_ip") in client.get("extra_ips", ()):
            return f"internet/{step['src_ip']}"
        return f"internet/{client['ip6' if ':' in step['dst'] else 'ip']}"

    def world(self, rules: dict[str, str], sysctls: dict[str, dict[str, Any]]) -> World:
        nodes = self.cluster["nodes"]
        edge = self.cluster["edge"]
        translates = edge["nat_1to1"]
        routes = {route["dst"]: route["via"] for route in edge["routes"]}
        if not translates:
            routes |= {f"{node['public_ip']}/32": node["name"] for node in nodes}
        return World(
            Cluster([_node(node) for node in nodes]),
            edge=Edge(
                "nat" if translates else "routed",
                one_to_one={node["public_ip"]: node["ip"] for node in nodes} if translates else {},
                routes=routes,
                gateway={4: GATEWAY, 6: "fd00:128::1"},
                outside={4: OUTSIDE},
            ),
            pods=[_pod(node, pod) for node in nodes for pod in node["pods"]],
            facts={
                node["name"]: NodeFacts.model_validate(node_facts(node, sysctls[node["name"]], nodes))
                for node in nodes
            },
            rules={node["name"]: self._rulesets(node["name"], rules) for node in nodes},
            pod_network=self.cluster["pod_net"],
        )

    def _rulesets(self, node: str, rules: dict[str, str]) -> list[Ruleset]:
        found = [Ruleset.from_save(rules.get(node, rules.get(EVERY_NODE, "")), "ipv4", self.name)]
        if self.rules6:
            found.append(
                Ruleset.from_save(self.rules6.get(node, self.rules6.get(EVERY_NODE, "")), "ipv6", self.name)
            )
        return found


def _node(node: dict[str, Any]) -> Node:
    addresses = [{"type": "InternalIP", "address": node["ip"]}]
    addresses += [{"type": "InternalIP", "address": node["ip6"]}] if "ip6" in node else []
    addresses.append({"type": "ExternalIP", "address": node["public_ip"]})
    ranges = [node["pod_cidr"], *([node["pod_cidr6"]] if "pod_cidr6" in node else [])]
    return Node.model_validate(
        {"metadata": {"name": node["name"]}, "spec": {"podCIDRs": ranges}, "status": {"addresses": addresses}}
    )


def sockets_of(serve: dict[str, list[int]]) -> tuple[str, ...]:
    return tuple(f"{protocol}/{port}" for protocol, ports in serve.items() for port in ports)


def _pod(node: dict[str, Any], pod: dict[str, Any]) -> Pod:
    ips = (pod["ip"], *([pod["ip6"]] if "ip6" in pod else []))
    return Pod(NAMESPACE, pod["name"], node["name"], ips, sockets_of(pod["serve"]))


def _usual_routes(node: dict[str, Any], nodes: list[dict[str, Any]]) -> list[str]:
    """The routes of a node of the lab; a list given in NodeFacts takes the place of those that are made up."""
    others = [
        f"{other['pod_cidr']} via {other['ip']} dev eth0" for other in nodes if other["name"] != node["name"]
    ]
    return ["10.128.0.0/24 dev eth0", *others, f"default via {GATEWAY} dev eth0"]


def node_facts(node: dict[str, Any], sysctls: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """What the lab's nodes had beside the Node object: sockets, settings, further addresses and routes."""
    facts: dict[str, Any] = {"listening": list(sockets_of(node["serve"])), "sysctls": sysctls}
    further = [f"local {address} dev lo table local" for address in node.get("local_ips", ())]
    if further:
        facts["routes"] = [*_usual_routes(node, nodes), *further]
    extra = [text.split() for text in node.get("extra_addrs", ())]
    if extra:
        interfaces = {"lo": ["127.0.0.1/8"], "eth0": [f"{node['ip']}/24"]}
        for address, device in extra:
            interfaces[device].append(address)
        facts["interfaces"] = interfaces
    return facts


@cache
def recordings() -> dict[str, Recording]:
    """Every recorded case by name."""
    found = {}
    for path in sorted((GOLDEN / "cases").glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        found[case["name"]] = Recording(
            case["name"], case["cluster"], case["rules"], case.get("rules6", {}), case["steps"]
        )
    for line in (GOLDEN / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        found[truth["case"]].truth.append(truth)
    return found
