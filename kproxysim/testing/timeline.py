"""Timeline: what happens to a world, one thing after the other, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from kproxysim.cluster import EndpointSlice, Service
from kproxysim.network import Exchange, Session, SyncReport, World
from kproxysim.scenario.write import manifest_of
from kproxysim.testing.call import Call, has_choice

__all__ = ["Ending", "KubeProxyEvent", "Moment", "Table", "Timeline"]

KubeProxyEvent = Literal["stop", "start", "restart", "lag", "sync"]
Ending = Literal["fin", "rst", "silence"]
Table = Literal["conntrack", "rules"]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One thing that happened.

    `step` is it as a scenario has it, `line` as a program does it (on `world`), `world` what came of it.
    Where it is about a connection, `connection` is its name and `exchange` what was said; `reports` are those
    of kube-proxies that wrote.
    """

    step: dict[str, Any]
    line: str
    world: World
    connection: str = ""
    exchange: Exchange | None = None
    reports: tuple[SyncReport, ...] = ()

    def __str__(self) -> str:
        verb, about = next(iter(self.step.items()))
        what = f"{about[0]['kind']} {about[0]['metadata']['name']}" if verb == "apply" else about
        where = f" at {', '.join(self.step['nodes'])}" if "nodes" in self.step else ""
        return f"{verb} {what}{where}"

    @property
    def verb(self) -> str:
        """What happened, as the step calls it: open, send, apply, kubeProxy and so on."""
        return next(iter(self.step))


@dataclass(slots=True, eq=False, repr=False)
class Timeline:
    """What happens to a world. `start` is it before anything did, `world` as it is now, `moments` are what
    happened in between.

    Each method makes one thing happen, as the method of that name of `kproxysim.World` does, and raises what
    that raises.
    """

    start: World
    world: World = field(init=False)
    moments: list[Moment] = field(default_factory=list, init=False)
    packets: dict[str, dict[str, str]] = field(default_factory=dict, init=False)
    _sessions: dict[str, Session] = field(default_factory=dict, init=False)
    _stopped: set[str] = field(default_factory=set, init=False)
    _lagging: set[str] = field(default_factory=set, init=False)
    _flushed: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.world = self.start.fork()

    def __repr__(self) -> str:
        return f"<Timeline: {self.account}, in a world of {len(self.start.cluster.nodes)} nodes>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - the protocol has it
        """As hypothesis shows a value that fails: in one line, the program is in the error's own words."""
        printer.text(repr(self))

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What happened, as a scenario has it."""
        return [dict(moment.step) for moment in self.moments]

    @property
    def account(self) -> str:
        """What happened, in a line."""
        return f"after {self.world.now:g} s and {', '.join(map(str, self.moments)) or 'nothing'}"

    @property
    def connections(self) -> dict[str, Session]:
        """Those whose clients have their sockets still, by name, as they stand now."""
        hosts = self.world.topology.hosts
        alive = {
            one.number: one
            for one in self.world.sessions
            if one.host in hosts or one.host.startswith("internet/")
        }
        return {name: alive[one.number] for name, one in self._sessions.items() if one.number in alive}

    @property
    def behind(self) -> frozenset[str]:
        """The nodes whose tables are not what their kube-proxy would write now. Rules that were given are
        nobody's to write: from the first change of an object on their nodes are among these.
        """
        changed = any(moment.verb in ("apply", "delete") for moment in self.moments)
        return frozenset(
            (*self._stopped, *self._lagging, *self._flushed, *(self.start.given_rules if changed else ()))
        )

    @property
    def running(self) -> tuple[str, ...]:
        """The nodes on which a kube-proxy runs."""
        known = (*self._stopped, *self.start.given_rules)
        return tuple(node.name for node in self.world.cluster.nodes if node.name not in known)

    # connections

    def open(self, call: Call, seed: int = 0) -> Session:
        """A client opens a connection. Where chance decides, `seed` does; its name is c1, c2 and so on."""
        name = f"c{len(self.packets) + 1}"
        node = call.via if has_choice(self.world, call) else None
        self.packets[name] = {"from": call.source, "to": call.to, **({"via": node} if node else {})}
        exchange = self.world.open(source=call.source, to=call.to, via=node, rng=Random(seed))
        self._sessions[name] = exchange.session
        via = f", via={node!r}" if node else ""
        arguments = f"source={call.source!r}, to={call.to!r}{via}, rng=Random({seed})"
        self._add({"open": name, "seed": seed}, f"{name} = world.open({arguments}).session", name, exchange)
        return exchange.session

    def send(self, name: str, seed: int = 0) -> Exchange:
        """The client of an open connection sends data."""
        exchange = self.world.send_on(
            self._sessions[name], via=self.packets[name].get("via"), rng=Random(seed)
        )
        via = f", via={self.packets[name]['via']!r}" if "via" in self.packets[name] else ""
        self._add(
            {"send": name, "seed": seed}, f"world.send_on({name}{via}, rng=Random({seed}))", name, exchange
        )
        return exchange

    def reply(self, name: str, seed: int = 0) -> Exchange:
        """The server of an open connection sends data."""
        exchange = self.world.reply_on(self._sessions[name], rng=Random(seed))
        self._add(
            {"reply": name, "seed": seed}, f"world.reply_on({name}, rng=Random({seed}))", name, exchange
        )
        return exchange

    def close(self, name: str, how: Ending = "fin", seed: int = 0) -> None:
        """The client of an open connection closes it."""
        exchange = self.world.close(self._sessions[name], how, rng=Random(seed))
        line = f"world.close({name}, {how!r}, rng=Random({seed}))"
        self._add({"close": name, "how": how, "seed": seed}, line, name, exchange)

    # objects

    def apply(self, thing: Service | EndpointSlice) -> None:
        """An object is there, or in the place of the one with its name."""
        manifest = manifest_of(thing)
        reports = self.world.apply(manifest)
        self._add({"apply": [manifest]}, f"world.apply({manifest!r})", reports=reports)

    def delete(self, title: str) -> None:
        """An object goes, "Service default/s0", or a pod ends, "Pod default/p00"."""
        self._add({"delete": title}, f"world.delete({title!r})", reports=self.world.delete(title))

    def reboot(self, name: str) -> None:
        """A node goes and comes back: its rules, its connections and its lists of clients are new.

        Two steps in which no time passes.
        """
        manifest = manifest_of(self.world.cluster.node(name))
        self.delete(f"Node {name}")
        self._add({"apply": [manifest]}, f"world.apply({manifest!r})", reports=self.world.apply(manifest))
        self._caught_up(name)

    # kube-proxies, tables and time

    def kube_proxy(self, event: KubeProxyEvent, node: str) -> None:
        """What happens to the kube-proxy of a node."""
        verb = "start" if event == "restart" else event
        reports = getattr(self.world, f"{verb}_kube_proxy")(node) or ()
        if verb in ("stop", "lag"):
            (self._stopped if verb == "stop" else self._lagging).add(node)
        else:
            self._lagging.discard(node)
        if verb == "start":
            self._caught_up(node)
        self._add(
            {"kubeProxy": event, "nodes": [node]}, f"world.{verb}_kube_proxy({node!r})", reports=reports
        )

    def _caught_up(self, node: str) -> None:
        """Its kube-proxy has begun anew, and written everything."""
        for names in (self._stopped, self._lagging, self._flushed):
            names.discard(node)

    def flush(self, what: Table, node: str) -> None:
        """Somebody empties the table of connections of a node, or all its tables of rules."""
        getattr(self.world, f"flush_{what}")(node)
        if what == "rules":
            self._flushed.add(node)
        self._add({"flush": what, "nodes": [node]}, f"world.flush_{what}({node!r})")

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self._add({"wait": f"{seconds}s"}, f"world.advance({seconds})", reports=self.world.advance(seconds))

    def _add(
        self,
        step: dict[str, Any],
        line: str,
        connection: str = "",
        exchange: Exchange | None = None,
        reports: Iterable[SyncReport] = (),
    ) -> None:
        moment = Moment(step, line, self.world.fork(), connection, exchange, tuple(reports))
        self.moments.append(moment)
