"""World: all state of one simulation. Send a packet, follow it to its end, follow the reply back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_address
from typing import Literal, TypeVar

from kproxysim.cluster.addresses import parse_ip
from kproxysim.errors import InputError
from kproxysim.netfilter.chance import Chance, Draw, enumerate_runs
from kproxysim.netfilter.skb import Owner
from kproxysim.network.choosing import all_ways, picked, the_only
from kproxysim.network.dialogue import answer_back, close_by, open_session, reset_by, send_more
from kproxysim.network.futures import Future, Since
from kproxysim.network.journey import Journey
from kproxysim.network.precedents import Precedents
from kproxysim.network.running import RunningCluster
from kproxysim.network.session import CLIENT_PORTS, FIRST_PORT, Exchange, Session, socket_of
from kproxysim.network.speech import SPEECH, saying
from kproxysim.network.surroundings import source_address
from kproxysim.network.told import Precedent
from kproxysim.network.topology import Topology
from kproxysim.network.trace import Branch, Trace
from kproxysim.network.verdict import Call, branch_of
from kproxysim.network.who import PING, Sender, find_sender, parse_target
from kproxysim.packet import TIME_TO_LIVE, Packet

__all__ = ["World"]

Result = TypeVar("Result")
Word = Literal["data", "ended", "broken"]


class World(RunningCluster):
    """A cluster, its edge and its clients.

    - `edge`: the cloud's edge; by default what the Node objects tell (`Edge.of`).
    - `pods`: pods that no EndpointSlice names. `clients`: names of internet addresses.
    - `facts`: what is known of each node. `rules`: rules to use on a node instead of those that kube-proxy
      would write, one ruleset a family.
    - `config`, `version`: kube-proxy's settings and version, on all nodes; by default its own defaults and
      the newest version.
    - `pod_network`: "ptp", "ptp-bare" or "bridge" (see `topology`).

    Every `send` starts from the state that the world is in and leaves it as it was: each branch is a future
    of its own. What changes the world are events, one after the other: time passes (`advance`), objects are
    applied, patched and deleted, kube-proxies stop and start, connections are opened, used and closed.
    `fork` gives an independent copy.

    Raises InputError for facts or rules of unknown nodes and for what `compile_rules` refuses.
    """

    def fork(self) -> World:
        """An independent copy: what happens in the one does not happen in the other."""
        return self._copy(None)

    def _copy(self, chance: Chance | None) -> World:
        """A copy where `chance` decides what becomes of events."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other._chance = chance
        other.clients = dict(self.clients)
        other._proxies = self._proxies.fork()
        other._states = {name: state.fork() for name, state in self._states.items()}
        other._edge_memory = self._edge_memory.fork()
        other._sessions = self._sessions.fork()
        other._removed = set(self._removed)
        other._known_topologies = dict(self._known_topologies)
        other._guests = dict(self._guests)
        return other

    def packet(
        self,
        source: str,
        to: str,
        *,
        sport: int | None = None,
        src: str | None = None,
        flags: str = "",
        icmp: tuple[int, int] | None = None,
        ttl: int = TIME_TO_LIVE,
    ) -> Packet:
        """The first packet of a connection from `source` to "ADDRESS:PORT[/protocol]", or a ping to
        "ADDRESS/icmp", with the source address that its socket would take.

        Or a packet that no socket would send: from another address (`src`), with other TCP `flags`, with
        another ICMP type and code. `ttl` is its time to live, or hop limit. Raises InputError for a sender
        nobody knows or a destination that is none.
        """
        address, port, protocol = parse_target(to)
        topology, sender = self._sender(source)
        own = source_address(topology, sender, address) if src is None else parse_ip(src)
        if own.version != address.version:
            raise InputError.of("KPS702", f"{own} and {address} are of different families", found=str(own))
        if protocol == PING:
            protocol, echo = (PING, (8, 0)) if address.version == 4 else ("ipv6-icmp", (128, 0))
            return Packet(protocol, own, address, icmp=icmp or echo, ttl=ttl)
        return Packet(protocol, own, address, FIRST_PORT if sport is None else sport, port, flags, ttl=ttl)

    def send(
        self,
        packet: Packet,
        source: str | None = None,
        *,
        via: str | None = None,
        mark: int = 0,
        uid: int | None = None,
        gid: int | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Trace:
        """Send `packet` from `source` (by default:

        whoever has its source address, else the internet) and follow all that may become of it.

        `via` is the node at which the edge lets in what several nodes could take; `mark` is what its socket
        marks it with (SO_MARK), `uid` and `gid` whose process it is (`-m owner`), seen by its sender's own
        rules; `pick` keeps the branches that reach one endpoint (pod, namespace/pod, address or
        address:port); `rng` draws one branch. Raises InputError for names nobody knows, and for a packet that
        is dealt out anew each time it goes round in a circle (KPS709): the ways that it may take are too many
        to follow.
        """
        if source == "internet":
            source = f"internet/{packet.src}"
        sender = find_sender(source or self._owner(packet), self.topology, self.clients)
        if via is not None:
            self._check_node(via)
        if rng is not None or uid is not None or gid is not None:
            trace = self._walk(packet, sender, via, mark, rng, Owner(uid=uid, gid=gid))
        else:
            trace = self._trace(packet, sender, via, mark)
        if pick is None:
            return trace
        branches = picked(trace.branches, pick)
        return Trace(packet, sender.label, branches, trace.assumptions, self._notes(branches))

    def _trace(self, packet: Packet, sender: Sender, via: str | None, mark: int) -> Trace:
        """As `_walk`, of the packet itself or of one before it that goes the same way.

        What hosts remember may tell any two packets apart, so as soon as one does, every packet is walked.
        """
        if not self._is_fresh():
            return self._walk(packet, sender, via, mark)
        topology = self.topology
        router = self._router(topology)
        if self._precedents is None or not self._precedents.is_of(topology, router):
            self._precedents = Precedents(topology, router)
        known = self._precedents.find(packet, sender, via, mark)
        if known is not None:
            return known.told_of(packet, sender.guest)
        trace = self._walk(packet, sender, via, mark)
        call = self._call(packet, sender, self._topology_with(sender.host), mark)
        self._precedents.learn(Precedent(call, via, trace))
        return trace

    def _walk(
        self,
        packet: Packet,
        sender: Sender,
        via: str | None = None,
        mark: int = 0,
        rng: random.Random | None = None,
        owner: Owner | None = None,
    ) -> Trace:
        """Follow a packet step by step: what all faster ways to the same trace are held against."""
        call = self._call(packet, sender, self._topology_with(sender.host), mark, owner)
        if rng is not None:
            branches = [branch_of(call, self._journey(call, Draw(rng), via))]
        else:

            def run(chance: Chance) -> Branch:
                return branch_of(call, self._journey(call, chance, via))

            branches = all_ways(packet, run, lambda branch: branch)
        assumptions = tuple(dict.fromkeys(text for branch in branches for text in call.assumptions(branch)))
        return Trace(packet, sender.label, tuple(branches), assumptions, self._notes(branches))

    # connections

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The connections whose clients have their sockets still, oldest first, as they stand now."""
        return self._sessions.all()

    def open(
        self,
        packet: Packet | None = None,
        source: str | None = None,
        *,
        to: str = "",
        via: str | None = None,
        mark: int = 0,
        uid: int | None = None,
        gid: int | None = None,
        ttl: int = TIME_TO_LIVE,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Exchange:
        """Open a connection: its first `packet` as for `send`, or `to` an address from `source`, by a port
        that the client has not used yet. TCP shakes hands; other protocols send the packet and get an answer.

        `via`, `mark`, `uid` and `gid` are as for `send`, `ttl` for `packet`; the socket keeps them.
        What the event does stays: entries of connection tracking, lists of `recent`, the sockets of
        both ends. Where it may go more than one way, `pick` names the endpoint that it is to reach,
        or `rng` draws; with neither, InputError (KPS708), unless the world is one of `futures`.
        Raises what `send` raises.
        """
        if packet is None:
            packet = self._dialled(source or "", to, ttl)
        topology, sender = self._sender(
            f"internet/{packet.src}" if source == "internet" else source or self._owner(packet)
        )
        if via is not None:
            self._check_node(via)
        owner = Owner(uid=uid, gid=gid)
        call = self._call(packet, sender, topology, mark, owner)
        number = self._sessions.new_number()
        session = Session(number, packet, sender.host, sender.label, "", self._now, mark=mark, owner=owner)
        return self._happen(open_session, call, session, via=via, pick=pick, rng=rng)

    def send_on(
        self,
        session: Session | int,
        *,
        answered: bool = True,
        in_window: bool = True,
        via: str | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Exchange:
        """The client sends on an open connection: data, and the server answers with data, or with a bare ACK
        where it is not to be `answered` (with nothing but for TCP). `in_window`: see `Packet`.

        `via`, `pick` and `rng` as for `open`. Raises InputError for a connection whose client has closed it
        or was told that it is gone (KPS710).
        """
        known = self._sessions.find(session)
        packet = self._saying(known.packet, "data", in_window=in_window)
        call = self._call_on(known, packet, known.host, answered=answered)
        return self._happen(send_more, call, known, via=via, pick=pick, rng=rng)

    def reply_on(
        self, session: Session | int, *, in_window: bool = True, rng: random.Random | None = None
    ) -> Exchange:
        """The server sends on its own on an open connection; a TCP client acknowledges. The trace is that of
        the server's packet.

        Raises InputError where there is no such connection (KPS710) or it has reached no server.
        """
        known = self._sessions.find(session)
        call = self._call_back(known, "data", in_window=in_window, answered=False)
        return self._happen(answer_back, call, known, rng=rng)

    def close(
        self,
        session: Session | int,
        how: Literal["fin", "rst", "silence"] = "fin",
        by: Literal["client", "server"] = "client",
        *,
        rng: random.Random | None = None,
    ) -> Exchange:
        """Close a connection: with FIN from both ends, with RST from one (SHUTDOWN and ABORT of SCTP), or in
        "silence": the process is gone, and nobody is told. A UDP socket closes in silence always, and so
        there is no trace.

        Raises InputError as `reply_on`.
        """
        known = self._sessions.find(session)
        if known.protocol not in SPEECH or how == "silence":
            return self._fall_silent(known, by)
        word: Literal["ended", "broken"] = "ended" if how == "fin" else "broken"
        if by == "client":
            packet = self._saying(known.packet, word)
            call = self._call_on(known, packet, known.host, answered=True)
        else:
            call = self._call_back(known, word, in_window=True, answered=True)
        return self._happen(close_by if how == "fin" else reset_by, call, known, rng=rng)

    def futures(self, event: Callable[[World], Result]) -> list[Future[Result]]:
        """All ways that an event may go, each in a world of its own: `event` is called with copies of this
        world, once for each way, and makes one thing or several happen there:

            world.futures(lambda world: world.open(packet, "internet"))
        """

        def run(chance: Chance) -> tuple[World, Result]:
            world = self._copy(chance)
            result = event(world)
            return world.fork(), result

        return [
            Future(chance.meant, chance.kernel, world, result)
            for chance, (world, result) in enumerate_runs(run)
        ]

    def _happen(
        self,
        event: Callable[[Call, Journey, Session], tuple[Branch, Session]],
        call: Call,
        session: Session,
        *,
        via: str | None = None,
        pick: str | None = None,
        rng: random.Random | None = None,
    ) -> Exchange:
        """Let a connection's event come true, in the one way that it can or shall go."""
        chance: Chance | None = None
        if rng is not None:
            chance = Draw(rng)
        elif self._chance is not None and pick is None:
            chance = Since(self._chance)
        if chance is not None:
            journey = Journey(
                call.topology,
                self._router(call.topology),
                {},
                chance,
                via,
                self._states,
                self._edge_memory,
                self._now,
            )
            branch, session = event(call, journey, session)
        else:

            def run(chance: Chance) -> tuple[Journey, Branch, Session]:
                journey = self._journey(call, chance, via)
                return journey, *event(call, journey, session)

            ways = all_ways(call.packet, run, lambda way: way[1])
            journey, branch, session = the_only(ways, lambda way: way[1], pick)
            self._states.update(journey.states)
            self._edge_memory = journey.calls
        self._edge_memory.settle()
        self._keep(session)
        trace = Trace(
            call.packet,
            call.sender.label,
            (branch,),
            tuple(dict.fromkeys(call.assumptions(branch))),
            self._notes([branch]),
        )
        return Exchange(session, trace)

    def _keep(self, session: Session) -> None:
        """A connection stays known while its client has the socket; a client on the internet that has none
        any more is forgotten.
        """
        socket = socket_of(session.packet)
        host = session.host
        if session.protocol not in SPEECH or (socket and self._state(host).has_session(socket)):
            self._sessions.keep(session)
        else:
            self._forget(session)
        self._changed()

    def _forget(self, session: Session) -> None:
        self._sessions.drop(session)
        if session.host.startswith("internet/") and not self._sessions.is_talking(session.host):
            self._states.pop(session.host, None)

    def _fall_silent(self, session: Session, by: str) -> Exchange:
        """A process goes, and its socket with it."""
        if by == "server":
            packet = self._call_back(session, "data", in_window=True, answered=False).packet
        else:
            packet = session.packet
        socket = socket_of(packet)
        if socket is not None:
            self._state(session.server if by == "server" else session.host).disconnect(socket)
        if by == "client":
            session = replace(session, state="closed")
            self._forget(session)
        self._changed()
        return Exchange(session, None)

    def _dialled(self, source: str, to: str, ttl: int) -> Packet:
        """The first packet of a new connection, from a port that the client does not use."""
        _, sender = self._sender(source)
        for _ in CLIENT_PORTS:
            packet = self.packet(source, to, sport=self._sessions.next_port(sender.host), ttl=ttl)
            socket = socket_of(packet)
            if socket is None or not self._state(sender.host).has_session(socket):
                return packet
        raise InputError.of(
            "KPS711",
            f"{sender.label} has a connection to {to} from each of its {len(CLIENT_PORTS)} ports",
            found=source,
            help="close some, or call another address or port",
        )

    def _call(
        self,
        packet: Packet,
        sender: Sender,
        topology: Topology,
        mark: int = 0,
        owner: Owner | None = None,
    ) -> Call:
        return Call(packet, sender, topology, self.cluster, self.edge, self.pods, mark, owner)

    def _call_on(self, session: Session, packet: Packet, host: str, *, answered: bool) -> Call:
        """A packet of the client of an open connection."""
        topology = self._topology_with(host)
        if host not in topology.hosts:
            raise InputError.of("KPS710", f"{host}, which opened {session.packet}, is gone", found=host)
        sender = Sender(host, session.source)
        call = self._call(packet, sender, topology, session.mark, session.owner)
        return replace(call, session=session, answered=answered)

    @staticmethod
    def _saying(packet: Packet, word: Word, *, in_window: bool = True) -> Packet:
        """A further packet of a connection that began with this one; without speech all packets are alike."""
        speech = SPEECH.get(packet.protocol)
        return packet if speech is None else saying(packet, getattr(speech, word), in_window=in_window)

    def _call_back(self, session: Session, word: Word, *, in_window: bool, answered: bool) -> Call:
        """A packet of its server. Raises InputError (KPS710) if none was reached, or it is gone."""
        topology = self._topology_with(session.host)
        placed = topology.hosts.get(session.server)
        if session.arrived is None or placed is None:
            raise InputError.of(
                "KPS710",
                f"{session.packet} has no server that could speak",
                found=session.server or session.state,
            )
        packet = self._saying(session.arrived.reply(), word, in_window=in_window)
        sender = Sender(session.server, f"{placed.kind} {placed.label}")
        call = self._call(packet, sender, topology)
        return replace(call, session=session, towards_client=True, answered=answered)

    def _journey(self, call: Call, chance: Chance, via: str | None) -> Journey:
        """A run that changes nothing here."""
        return Journey(
            call.topology,
            self._router(call.topology),
            self._states,
            chance,
            via,
            calls=self._edge_memory.fork(),
            clock=self._now,
        )

    def _sender(self, source: str) -> tuple[Topology, Sender]:
        sender = find_sender(source, self.topology, self.clients)
        return self._topology_with(sender.host), sender

    def _topology_with(self, host: str) -> Topology:
        """The topology with this host in it, if it is one that anybody may be."""
        topology = self.topology
        if host in topology.hosts or not host.startswith("internet/"):
            return topology
        return self._hosted(ip_address(host.removeprefix("internet/")))

    def _owner(self, packet: Packet) -> str:
        owner = self.topology.owners.get((packet.family, int(packet.src)))
        return owner or f"internet/{packet.src}"

    def _notes(self, branches: Iterable[Branch]) -> tuple[str, ...]:
        """What the authors of the rules that were read have to say about them."""
        nodes = dict.fromkeys(
            (hop.where, step.before.family)
            for branch in branches
            for hop, step in branch.rules()
            if hop.kind == "node"
        )
        found: dict[str, None] = {}
        for node, version in nodes:
            graph = self._proxies.rules(node).graph(version)
            if graph is not None:
                found.update(dict.fromkeys(f"{note.code}: {note.message}" for note in graph.ruleset.notes))
        return tuple(found)
