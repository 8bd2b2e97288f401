"""The steps of a scenario, done to a kernel as well: each connection goes where the time line says, each table of connections holds the same."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from kproxysim.netfilter.conntrack_text import conntrack_list
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.network import Branch, World
from kproxysim.network.pods import pods_of
from kproxysim.network.router import INTERNET_SIDE
from kproxysim.network.topology import EDGE
from kproxysim.packet import Packet
from kproxysim.scenario import Moment, Scenario
from tests.kernel.agreement import PATIENCE, SILENCE
from tests.kernel.lab import TABLES, Lab
from tests.kernel.linux_edge import balance
from tests.kernel.plan import Flow

EMPTY = "".join(
    "\n".join([f"*{table}", *(f":{chain} ACCEPT [0:0]" for chain in BASE_CHAINS[table]), "COMMIT", ""])
    for table in TABLES
)
"""What `iptables -F` and `-X` leave."""


@dataclass(frozen=True)
class Outcome:
    """What a client saw, and which host took its packet; "" if none did, or one that nobody listens on."""

    client: str
    host: str


class Play:
    """A lab in which the steps of a scenario happen, one after the other."""

    def __init__(self, scenario: Scenario, backend: str, *, waits: bool) -> None:
        self.scenario, self.waits = scenario, waits
        self.disagreements: list[str] = []
        self._callers: dict[str, tuple[int, Packet]] = {}
        self._own_ports: set[int] = set()
        forms = scenario.packets.values()
        outside = [
            one.source.removeprefix("internet/") for one in forms if one.source.startswith("internet/")
        ]
        self.lab = Lab(_with_all_pods(scenario), outside, backend)

    def run(self) -> None:
        """All steps."""
        with self.lab:
            for moment in self.scenario.timeline():
                before = len(self.disagreements)
                self._step(moment)
                self._compare_tables(moment)
                if len(self.disagreements) > before:
                    return

    def _step(self, moment: Moment) -> None:
        step = moment.step
        self.lab.world = moment.ways[0].world
        if step.clients is not None:
            self._crowd(moment)
        elif step.open is not None:
            self._open(moment, step.connection)
        elif step.trace is not None:
            self._trace(moment)
        elif step.send is not None or step.reply is not None:
            self._talk(moment)
        elif step.wait is not None and self.waits:
            sleep(step.wait.total_seconds())
        elif step.delete is not None and step.delete.startswith("Pod "):
            self.lab.ask({"ip": {"host": f"pod/{step.delete[4:]}", "lines": ["link delete eth0"]}})
        elif step.rules is not None:
            self._restore(str(step.node), step.rules, keep=True)
        elif step.flush is not None:
            self._flush(moment)
        self._write(moment)

    # packets

    def _open(self, moment: Moment, name: str) -> None:
        session = moment.ways[0].connections[name]
        with self._picking(moment):
            seen = self._dial(moment, session.packet, session.host)
        self._judge(moment, seen)
        self._callers[name] = int(seen["number"]), session.packet

    @contextmanager
    def _picking(self, moment: Moment) -> Iterator[None]:
        """Rules that go straight to the endpoint that the time line picks, if it does."""
        assert moment.trace is not None
        detours = list(_detours(moment.trace.branches)) if moment.step.pick is not None else []
        for node, chain, endpoint in detours:
            self._restore(node, f"*nat\n-I {chain} 1 -j {endpoint}\nCOMMIT\n", keep=True)
        yield
        for node, chain, _ in detours:
            self._restore(node, f"*nat\n-D {chain} 1\nCOMMIT\n", keep=True)

    def _dial(self, moment: Moment, packet: Packet, host: str) -> dict[str, Any]:
        """Open a connection as the time line has it."""
        self.lab.hand_to(packet.dst, self.scenario.packets[moment.packet].via)
        return self._send(packet, host, _patience(moment))

    def _send(self, packet: Packet, host: str, patience: float) -> dict[str, Any]:
        self._own_ports.add(packet.sport or 0)
        flow = Flow(
            host, packet.protocol, str(packet.src), packet.sport or 0, str(packet.dst), packet.dport or 0,
            patience=patience, held=True, ttl=packet.ttl,
        )  # fmt: skip
        found: dict[str, Any] = self.lab.ask({"send": flow.to_json()})
        return found

    def _crowd(self, moment: Moment) -> None:
        """Clients with addresses in a row, all on the host of the first."""
        known = {way_packet.src for _, way_packet in self._callers.values()}
        sessions = [one for one in moment.ways[0].world.sessions if one.packet.src not in known]
        first = sessions[0].packet.src
        host = f"internet/{first}"
        others = [one.packet.src for one in sessions[1:]]
        self.lab.ask({"ip": {"host": host, "lines": [f"address add {one}/32 dev eth0" for one in others]}})
        routes = [f"route replace {one} via {first} dev {INTERNET_SIDE} onlink" for one in others]
        self.lab.ask({"ip": {"host": EDGE, "lines": routes}})
        with self._picking(moment):
            seen = [self._dial(moment, session.packet, host) for session in sessions]
        for one in seen:
            self._judge(moment, one)

    def _trace(self, moment: Moment) -> None:
        """A packet that leaves nothing behind: what it left is taken away."""
        assert moment.trace is not None
        form = self.scenario.packets[moment.packet]
        packet = moment.trace.packet
        source = self.lab.world._owner(packet) if not form.source.startswith("node/") else form.source
        entries = {node: self._entries(node) for node in self._nodes()}
        lists = {node: self._recent(node) for node in self._nodes()}
        seen = self._dial(moment, packet, source)
        self._judge(moment, seen)
        self.lab.ask({"hang up": seen["number"]})
        for node in self._nodes():
            for options in self._entries(node) - entries[node]:
                self._conntrack(node, "-D", *options)
            now = self._recent(node)
            gone = [(name, f"-{one}") for name in now for one in now[name] - lists[node].get(name, set())]
            self._recent(node, gone)

    def _talk(self, moment: Moment) -> None:
        name = moment.step.connection
        number, packet = self._callers[name]
        via = self.scenario.packets[moment.packet].via
        if via is not None:  # a balancer lets connections that stand where they are
            lines = balance(self.lab.topology, packet.dst, via)
            self.lab.ask({"ip": {"host": EDGE, "lines": lines}})
        if moment.step.reply is not None:
            served = moment.ways[0].connections[name].server
            said = self.lab.ask({"speak": {"number": number, "host": served, "patience": PATIENCE}})
            if not said:
                self._disagree(moment, "the server's words never came to the client")
            return
        self._judge(moment, self.lab.ask({"say": {"number": number, "patience": _patience(moment)}}))

    def _judge(self, moment: Moment, seen: dict[str, Any]) -> None:
        arrivals = [one["host"] for one in seen["arrivals"]]
        expected = set(_expected(moment))
        hosts = [*arrivals, ""] if len(set(arrivals)) < 2 else arrivals
        if not any(Outcome(seen["client"], host) in expected for host in hosts):
            self._disagree(
                moment, f"kernel {seen['client']} {arrivals}, simulator {sorted(map(str, expected))}"
            )

    # changes

    def _write(self, moment: Moment) -> None:
        """What kube-proxies wrote in this step, and what they deleted."""
        for delta in moment.deltas:
            report = delta.report
            if report.family != "ipv4":
                continue
            self._restore(report.node, report.script, keep=True)
            for connection in report.deleted:
                line = conntrack_list([connection], report.at)
                self._conntrack(report.node, "-D", *_tuple_options(line))

    def _flush(self, moment: Moment) -> None:
        for node in moment.step.nodes or self._nodes():
            if moment.step.flush == "conntrack":
                self._conntrack(node, "-F")
            else:
                self._restore(node, EMPTY, keep=False)

    def _restore(self, node: str, text: str, *, keep: bool) -> None:
        self.lab.ask({"restore": {"host": f"node/{node}", "family": "ipv4", "text": text, "keep": keep}})

    def _conntrack(self, node: str, *arguments: str) -> str:
        text = self.lab.ask({"conntrack": {"host": f"node/{node}", "arguments": list(arguments)}})
        assert isinstance(text, str)
        return text

    def _entries(self, node: str) -> set[tuple[str, ...]]:
        """What `conntrack -D` needs to know of each entry."""
        return {_tuple_options(line) for line in self._conntrack(node, "-L").splitlines()}

    def _recent(self, node: str, lines: Iterable[tuple[str, str]] = ()) -> dict[str, set[str]]:
        """The clients on each list of a node, after writing some lines to them."""
        lists = self.lab.ask({"recent": {"host": f"node/{node}", "lines": list(lines)}})
        return {
            name: {line.split()[0].removeprefix("src=") for line in text.splitlines()}
            for name, text in lists.items()
        }

    def _nodes(self) -> list[str]:
        return [node.name for node in self.lab.world.cluster.nodes]

    # comparison

    def _compare_tables(self, moment: Moment) -> None:
        """What connection tracking holds on each node; in one of the ways if there are several."""
        for node in self._nodes():
            kernel = self._counted(node, self._conntrack(node, "-L"))
            tables = [
                self._counted(node, conntrack_list(way.world.conntrack(node), way.world.now))
                for way in moment.ways
            ]
            if kernel not in tables:
                ours = tables[0]
                self._disagree(
                    moment,
                    f"conntrack of {node}: only kernel {kernel - ours}, only simulator {ours - kernel}",
                )

    def _counted(self, node: str, text: str) -> Counter[str]:
        return Counter(self._entry(node, line) for line in text.splitlines())

    def _entry(self, node: str, line: str) -> str:
        """An entry without its time, and without ports that the kernel draws."""
        plain, pairs = _words(line)
        if not self.waits and plain[0] == "udp":
            plain = [word for word in plain if word != "[ASSURED]"]  # that takes two seconds
        others = {address for name in self._nodes() if name != node for address in self._addresses(name)}
        drawn = int(pairs["sport"][0]) not in self._own_ports or pairs["src"][0] in others
        sport = "*" if drawn else pairs["sport"][0]
        named = [*pairs["src"], *pairs["dst"], sport, pairs["dport"][0], pairs["sport"][1]]
        return " ".join([plain[0], *plain[3:], *named])

    def _addresses(self, node: str) -> tuple[str, ...]:
        return self.lab.world.cluster.node(node).addresses("InternalIP")

    def _disagree(self, moment: Moment, what: str) -> None:
        self.disagreements.append(f"step {moment.number}, {moment.event}: {what}")


def has_steps(path: Path) -> bool:
    """Is this scenario a time line?"""
    return "\nsteps:\n" in path.read_text(encoding="utf-8")


def _with_all_pods(scenario: Scenario) -> World:
    """The world of a scenario, with the pods that come later there already."""
    world = scenario.world()
    later = [pod for cluster in scenario.clusters for pod in pods_of(cluster)]
    return World(
        world.cluster,
        edge=world.edge,
        pods={one.key: one for one in [*later, *world.pods]}.values(),
        clients={name: str(address) for name, address in world.clients.items()},
        facts=world.facts,
        rules=world.given_rules,
        config=world.config,
        version=world.version,
        pod_network=world.pod_network,
    )


def _detours(branches: Iterable[Branch]) -> Iterator[tuple[str, str, str]]:
    """Where the endpoint was drawn: node, chain, and the chain of the endpoint."""
    found = {
        (hop.where, step.chain, step.action.split()[1]): None
        for branch in branches
        for hop, step in branch.rules()
        if step.action.startswith("jump KUBE-SEP-")
    }
    yield from found


def _expected(moment: Moment) -> Iterator[Outcome]:
    assert moment.trace is not None
    for branch in moment.trace:
        reached = branch.delivered_to
        host = ""
        if reached is not None:
            host = f"pod/{reached.pod}" if reached.pod else f"node/{reached.node}"
        yield Outcome(branch.client_sees, host)


def _patience(moment: Moment) -> float:
    silent = all(outcome.client == "timeout" for outcome in _expected(moment))
    return SILENCE if silent else PATIENCE


def _words(line: str) -> tuple[list[str], dict[str, list[str]]]:
    """A line of `conntrack -L`: words, and pairs by their keys, the client's direction first."""
    plain: list[str] = []
    pairs: dict[str, list[str]] = {}
    for word in line.split():
        key, equals, value = word.partition("=")
        if equals:
            pairs.setdefault(key, []).append(value)
        else:
            plain.append(word)
    return plain, pairs


def _tuple_options(line: str) -> tuple[str, ...]:
    """What makes `conntrack -D` delete the entry of this line."""
    plain, pairs = _words(line)
    options = ("-p", plain[0], "-s", pairs["src"][0], "-d", pairs["dst"][0])
    return (*options, "--sport", pairs["sport"][0], "--dport", pairs["dport"][0])
