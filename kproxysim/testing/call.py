"""Call: a packet to be sent, in words that a world understands. Situation: a world, and a call in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from kproxysim.cluster import Cluster
from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.network import Trace, World
from kproxysim.network.balancing import balanced_addresses
from kproxysim.network.pods import pods_of
from kproxysim.network.who import parse_target
from kproxysim.packet import Packet

if TYPE_CHECKING:
    from kproxysim.testing.timeline import Timeline

__all__ = ["NEW_PORT", "Call", "Maker", "Situation", "again", "has_choice"]

T = TypeVar("T")

NEW_PORT = 40000
"""Clients of a world take ports from 51514 on: none has come here when a time line ends."""

Maker: TypeAlias = Callable[[Cluster, str, Family], Ruleset | str]
"""Somebody else's service proxy: called with a cluster, a node's name and a family ("ipv4", "ipv6"), it gives
the node's rules, as a Ruleset or as what iptables-save would print.
"""


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls whom: `source` and `to` as in `World.packet` ("pod/default/p00", "10.48.0.1:80/udp").

    `via` is the node at which the edge lets in what several nodes could take; None for the edge's own choice.
    """

    source: str
    to: str
    via: str | None = None

    def __str__(self) -> str:
        return f"{self.source} calls {self.to}" + (f" by way of {self.via}" if self.via else "")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Situation:
    """A world and a call in it. `trace` is what becomes of the call, followed when it is first asked for.

    `rules` made the rules of the world's nodes; None where they are kube-proxy's, or given by hand.
    `timeline` is what has happened to the world until now; None where nothing has.
    """

    world: World
    call: Call
    rules: Maker | None = None
    timeline: Timeline | None = None
    _known: dict[Any, Any] = field(default_factory=dict, init=False)

    def __repr__(self) -> str:
        cluster = self.world.cluster
        nodes, services = len(cluster.nodes), len(cluster.services)
        return f"<Situation: {self.call}, in a world of {nodes} nodes and {services} Services>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - the protocol has it
        """As hypothesis shows a value that fails: in one line, the program is in the error's own words."""
        printer.text(repr(self))

    @property
    def sport(self) -> int | None:
        """The port that a call comes from: a new one, where connections were opened before. None for the
        usual one.
        """
        return None if self.timeline is None else NEW_PORT

    @property
    def packet(self) -> Packet:
        """The first packet of the call."""
        return self.trace.packet

    @property
    def trace(self) -> Trace:
        """Everything that may become of it."""
        return self.send(self.call)

    @property
    def endless(self) -> bool:
        """Does the packet go round in a circle, in too many ways to be followed (KPS709)?"""

        def runs_on() -> bool:
            try:
                self.trace  # noqa: B018 - whether it can be followed is the question
            except InputError as error:
                if error.code == "KPS709":
                    return True
                raise
            return False

        return self.known("endless", runs_on)

    def send(self, call: Call) -> Trace:
        """What becomes of another call in the same world."""

        def sent() -> Trace:
            packet = self.world.packet(call.source, call.to, sport=self.sport)
            return self.world.send(packet, call.source, via=call.via)

        return self.known(call, sent)

    def known(self, about: object, find: Callable[[], T]) -> T:
        """What `find` gives, asked once: several laws look at the same things."""
        if about not in self._known:
            self._known[about] = find()
        found: T = self._known[about]
        return found


def has_choice(world: World, call: Call) -> bool:
    """Is `via` one of several nodes to which the edge could hand the call? A scenario has it only then."""
    dialled = parse_target(call.to)[0]
    routed = any(dialled in ip_network(prefix) for prefix in world.edge.routes)
    return call.via in balanced_addresses(world.cluster).get(dialled, ()) and not routed


def again(world: World, *, rules: Maker | None = None, **changed: Any) -> World:
    """The same world once more, but for what is `changed`: arguments of `World`.

    Rules are made by `rules`, or else by kube-proxy.
    """
    same: dict[str, Any] = {
        "cluster": world.cluster,
        "edge": world.edge,
        "pods": world.pods,
        "clients": {name: str(address) for name, address in world.clients.items()},
        "facts": world.facts,
        "config": world.config,
        "version": world.version,
        "pod_network": world.pod_network,
    }
    arguments = {**same, **changed}
    if rules is not None:
        arguments["rules"] = _made_by(rules, arguments["cluster"])
    other = World(**arguments)
    alive = {pod.key for pod in arguments["pods"]}
    ended = {pod.key for pod in pods_of(world.cluster)} - alive
    for key in [pod.key for pod in other.pods if pod.key in ended]:
        other.remove_pod(key)  # endpoints that outlive their pods are there in the other world as well
    return other


def _made_by(rules: Maker, cluster: Cluster) -> dict[str, list[Ruleset]]:
    found: dict[str, list[Ruleset]] = {}
    families: tuple[Family, Family] = ("ipv4", "ipv6")
    for node in cluster.nodes:
        for family in families:
            made = rules(cluster, node.name, family)
            one = Ruleset.from_save(made, family) if isinstance(made, str) else made
            found.setdefault(node.name, []).append(one)
    return found
