"""The process that holds a lab: `python -m tests.kernel.inside PARENT`. It leaves the host's network before it does anything else.

It reads a line of JSON, does what it says and prints a line of JSON, until its input ends. The first line is a plan, and so is the line after
each `end`. It is one thread: to make a socket or to start a program in some network, it goes there and comes back.
"""

import errno
import json
import selectors
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.kernel import counters
from tests.kernel.callers import Caller
from tests.kernel.carrier import Carrier
from tests.kernel.doors import Door
from tests.kernel.ears import ANSWER, CALL, ICMP, ICMPV6, IPV6_PKTINFO, SCTP, TCP, UDP, Ear
from tests.kernel.namespaces import Namespaces, die_with, leave_the_host
from tests.kernel.plan import Flow, HostPlan, Plan
from tests.kernel.wiring import build, program, run, without_discovery

LAST_PACKETS = 0.0015
"""Seconds of silence after which a flow that is complete is taken to have sent its last packet: no link has a delay."""

FREE_BIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}
"""IP_FREEBIND and IPV6_FREEBIND: who was reached at an address that only a route makes his own answers from there."""

UNANSWERED = (errno.EPERM, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.EACCES)
"""What a server's send() says where rules or routes let no answer out: from 127.0.0.1 the last but one, by a route that prohibits the last."""

EARS = {4: (TCP, UDP, SCTP, ICMP), 6: (TCP, UDP, SCTP, ICMPV6)}


class Lab:
    """Namespaces, ears, servers; and what the counters showed when they were last read."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.namespaces: Namespaces = build(plan)
        self.selector = selectors.DefaultSelector()
        self.callers: list[Caller] = []
        self.kept: list[socket.socket] = []
        self.doors: list[Door] = []
        self.carrier: Carrier | None = None
        for name, host in plan.hosts.items():
            with self.namespaces.inside(name):
                for version, protocols in EARS.items():
                    for protocol in protocols:
                        ear = Ear(name, version, protocol)
                        self.selector.register(ear.socket, selectors.EVENT_READ, ear)
                self._serve(name, host)
        self.before: dict[tuple[str, str], dict[str, int]] = {}
        for family in ("ipv4", "ipv6"):
            self._count(family)

    def end(self) -> None:
        """Let go of everything: a network stack without a file that holds it is gone."""
        for key in list(self.selector.get_map().values()):
            ear = key.data
            (ear.socket if isinstance(ear, Ear) else ear).close()
        self.selector.close()
        if self.carrier is not None:
            self.carrier.close()
        for one in self.kept:
            one.close()
        for door in self.doors:
            door.close()
        for caller in self.callers:
            if caller.socket is not None:
                caller.socket.close()
        self.namespaces.close()

    # servers

    def _serve(self, name: str, host: HostPlan) -> None:
        for protocol, address, port in host.listen:
            for any_address, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)):  # noqa: S104 - in a private network
                if address and (ip_address(address).version == 6) != (family == socket.AF_INET6):
                    continue
                kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
                server = socket.socket(family, kind | socket.SOCK_NONBLOCK)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.setsockopt(*FREE_BIND[family], 1)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.bind((address or any_address, port))
                self.kept.append(server)
                if protocol == "tcp":
                    server.listen(4096)  # the kernel completes connections; nobody needs to accept them
                    self.doors.append(Door(name, server))
                    continue
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                else:
                    server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
                self.selector.register(server, selectors.EVENT_READ, server)

    @staticmethod
    def _answer(server: socket.socket) -> None:
        """Answer each datagram from the address that it was sent to, as DNS servers do."""
        while True:
            try:
                data, notes, _, sender = server.recvmsg(2048, 256)
            except OSError:
                return
            if not data.startswith(CALL):
                continue
            level, kind, note = next(one for one in notes if one[1] in (8, IPV6_PKTINFO))
            # in6_pktinfo and in_pktinfo: the address, no device
            note = note[:16] + bytes(4) if kind == IPV6_PKTINFO else bytes(4) + note[8:12] + bytes(4)
            try:
                server.sendmsg([ANSWER + data.removeprefix(CALL)], [(level, kind, note)], 0, sender)
            except OSError as error:
                if error.errno not in UNANSWERED:
                    raise

    # one flow

    def send(self, flow: Flow) -> dict[str, Any]:
        with self.namespaces.inside(flow.host):
            caller = Caller(flow, len(self.callers))
            chosen = caller.chosen_source()
            caller.start()
        self.callers.append(caller)  # keeps its socket open: closing it would send packets
        while not caller.is_done:
            left = caller.deadline - monotonic()
            if left <= 0:
                break
            self._turn(caller, min(left, 0.005))
        while self._turn(caller, LAST_PACKETS):
            pass
        caller.give_up()
        family = "ipv4" if caller.version == 4 else "ipv6"
        return {
            "number": len(self.callers) - 1,
            "client": caller.client,
            "chosen": chosen,
            "arrivals": [vars(one) for one in caller.arrivals],
            "errors": caller.errors,
            "counters": self._count(family),
        }

    def _turn(self, caller: Caller, wait: float) -> bool:
        """Look at every socket on which something happened. False if nothing did."""
        ready = self.selector.select(wait)
        for key, _ in ready:
            if isinstance(key.data, Ear):
                for heard in key.data.listen():
                    caller.hear(heard)
            else:
                self._answer(key.data)
        caller.look()
        return bool(ready)

    # more on a connection that stands

    def say(self, number: int, patience: float) -> dict[str, Any]:
        """The client of a flow sends on; where that arrived, and what it is told."""
        caller = self.callers[number]
        caller.say(patience)
        while not caller.is_done and monotonic() < caller.deadline:
            self._turn(caller, 0.005)
            for door in self.doors:
                door.answer()
        while self._turn(caller, LAST_PACKETS):
            pass
        caller.give_up()
        return {"client": caller.client, "arrivals": [vars(one) for one in caller.arrivals]}

    def speak(self, number: int, host: str, patience: float) -> str:
        """The TCP server of a flow that is at this host sends on its own: what its client gets."""
        caller = self.callers[number]
        for door in self.doors:
            if door.host == host:
                door.speak()
        until = monotonic() + patience
        while not (text := caller.read()) and monotonic() < until:
            self._turn(caller, 0.005)
        return text

    def hang_up(self, number: int) -> None:
        """The client of a flow lets go of its socket, and a server finds it reset."""
        caller = self.callers[number]
        if caller.socket is not None:
            caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.socket.close()

    # counters and state

    def _count(self, family: str) -> list[tuple[str, str, int]]:
        """What the rules counted since the last time."""
        found = []
        for name, host in self.plan.hosts.items():
            if family in host.rules and name != "edge":
                with self.namespaces.inside(name):
                    after = counters.read(self.plan.backend, family)
                if (self.plan.backend, family) == ("legacy", "ipv6"):
                    after = without_discovery(after)
                before = self.before.get((name, family), {})
                self.before[name, family] = after
                found += [(name, at, count) for at, count in counters.difference(before, after).items()]
        return found

    def forget(self) -> None:
        """Empty the lists of `-m recent` on every host."""
        for name in self.plan.hosts:
            with self.namespaces.inside(name):
                lists = Path("/proc/net/xt_recent")
                for one in lists.iterdir() if lists.exists() else ():
                    one.write_text("/", encoding="ascii")

    def recent(self, host: str, lines: list[tuple[str, str]]) -> dict[str, str]:
        """Write a line to some lists of `-m recent`, and read all that there are."""
        lists = Path("/proc/net/xt_recent")
        with self.namespaces.inside(host):
            for name, line in lines:
                (lists / name).write_text(line, encoding="ascii")
            return {one.name: one.read_text(encoding="ascii") for one in sorted(lists.glob("*"))}

    def ip(self, host: str, lines: list[str]) -> None:
        with self.namespaces.inside(host):
            run(["ip", "-batch", "-"], "\n".join(lines))

    def restore(self, host: str, family: str, text: str, *, keep: bool) -> str:
        """Load rules, in place of those that are there or beside them, and print what iptables-save makes of them."""
        with self.namespaces.inside(host):
            run([program(self.plan.backend, family, "restore"), *(["--noflush"] if keep else [])], text)
            return run([program(self.plan.backend, family, "save")])

    def counted(self, host: str, family: str, text: str) -> list[Any]:
        """Load rules with their counters: what iptables-save then prints of them, and what is read past it."""
        backend = self.plan.backend
        with self.namespaces.inside(host):
            run([program(backend, family, "restore"), "-c"], text)
            return [run([program(backend, family, "save"), "-c"]), counters.read(backend, family)]

    def carry(self, packets: list[tuple[str, str]], patience: float) -> list[int | None]:
        """See `Carrier`."""
        if self.carrier is None:
            self.carrier = Carrier(self.namespaces)
        return self.carrier.carry(packets, patience)

    def connections(self, host: str, arguments: list[str]) -> str:
        """What `conntrack` prints there."""
        with self.namespaces.inside(host):
            return run(["conntrack", *arguments])

    def settle(self, seconds: float) -> None:
        sleep(seconds)
        for key, _ in self.selector.select(0):
            if isinstance(key.data, Ear):
                list(key.data.listen())
        for family in ("ipv4", "ipv6"):
            self._count(family)


def obey(lab: Lab, command: dict[str, Any]) -> Any:
    word, given = next(iter(command.items()))
    if word == "send":
        return lab.send(Flow(**given))
    if word == "forget":
        return lab.forget()
    alone: dict[str, Callable[..., Any]] = {"settle": lab.settle, "hang up": lab.hang_up}
    named: dict[str, Callable[..., Any]] = {
        "ip": lab.ip,
        "carry": lab.carry,
        "conntrack": lab.connections,
        "restore": lab.restore,
        "counted": lab.counted,
        "say": lab.say,
        "speak": lab.speak,
        "recent": lab.recent,
    }
    if word in alone:
        return alone[word](given)
    if word in named:
        return named[word](**given)
    raise ValueError(f"what is {word!r}?")


def main(parent: int) -> None:
    die_with(parent)
    leave_the_host()
    lab = None
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any]
        try:
            if lab is None:
                lab = Lab(Plan.from_json(command))
                answer = {"done": None}
            elif "end" in command:
                lab.end()
                lab, answer = None, {"done": None}
            else:
                answer = {"done": obey(lab, command)}
        except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
            answer = {"failed": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
