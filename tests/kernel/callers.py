"""The sender's side of a flow: a socket that connects, a datagram, a raw packet; and what its process is told."""

import errno
import socket
from ipaddress import ip_address
from time import monotonic

from tests.kernel.ears import ANSWER, CALL, MSS_BASE, NUMBERS, Heard
from tests.kernel.namespaces import acting_for
from tests.kernel.plan import Arrival, Flow
from tests.kernel.raw import RAW, send_raw

WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "net-unreachable",
    errno.EHOSTUNREACH: "host-unreachable",
    errno.ENOPROTOOPT: "protocol-unreachable",
    errno.EACCES: "prohibited",
    errno.EPERM: "not-permitted",
    errno.EINVAL: "invalid-argument",
}
AFTER_ICMP = 0.02
"""Seconds that a socket is given to tell of an ICMP error. A TCP socket that was busy sending when the error came tells only when it sends again."""

ICMP_WORDS = {
    (4, 3, 0): "net-unreachable",
    (4, 3, 1): "host-unreachable",
    (4, 3, 2): "protocol-unreachable",
    (4, 3, 3): "refused",
    (4, 3, 9): "net-unreachable",
    (4, 3, 10): "host-unreachable",
    (4, 3, 13): "host-unreachable",
    (4, 11, 0): "host-unreachable",
    (6, 1, 0): "net-unreachable",
    (6, 1, 1): "prohibited",
    (6, 1, 3): "host-unreachable",
    (6, 1, 4): "refused",
    (6, 1, 5): "prohibited",
    (6, 1, 6): "prohibited",
    (6, 3, 0): "host-unreachable",
}
"""net/ipv4/icmp.c icmp_err_convert, net/ipv6/icmp.c icmpv6_err_convert: family, type, code."""


class Caller:
    """One flow from its sender's point of view. Made, and `start`ed, within the sender's namespace."""

    def __init__(self, flow: Flow, number: int) -> None:
        self.flow, self.number = flow, number % NUMBERS
        self.version = ip_address(flow.dst).version
        self.family = socket.AF_INET if self.version == 4 else socket.AF_INET6
        self.socket: socket.socket | None = None
        self.client = ""
        self.acknowledged = False
        self.arrivals: list[Arrival] = []
        self.errors: list[tuple[int, int, str]] = []
        self.deadline = 0.0
        self.talks = False
        self.is_routed = False

    @property
    def is_done(self) -> bool:
        """Nothing more is to come. A TCP connection is complete when the server has the client's acknowledgement."""
        if self.client == "answered" and self.flow.protocol == "tcp":
            return self.acknowledged
        return self.client != ""

    def chosen_source(self) -> str:
        with socket.socket(self.family, socket.SOCK_DGRAM) as unbound:
            try:
                unbound.connect((self.flow.dst, self.flow.dport))
            except OSError:
                return ""
            self.is_routed = True
            return str(unbound.getsockname()[0])

    def start(self) -> None:
        flow = self.flow
        self.deadline = monotonic() + flow.patience
        try:
            if flow.flags or flow.protocol in RAW:
                send_raw(flow, self.number)
                return
            kind = socket.SOCK_STREAM if flow.protocol == "tcp" else socket.SOCK_DGRAM
            with acting_for(flow.uid, flow.gid):
                self.socket = socket.socket(self.family, kind | socket.SOCK_NONBLOCK)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, flow.mark)
            if flow.protocol == "tcp":
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, MSS_BASE + self.number)
            elif self.version == 4:
                self.socket.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: every ICMP error is told
            else:
                self.socket.setsockopt(socket.IPPROTO_IPV6, 25, 1)  # IPV6_RECVERR
            if self.version == 4:
                self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, flow.ttl)
            else:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, flow.ttl)
            self.socket.bind((flow.src, flow.sport))
            self._tell(self.socket.connect_ex((flow.dst, flow.dport)))
            if flow.protocol == "udp" and not self.client:
                self.socket.send(CALL + b"%04d" % self.number)
        except OSError as error:
            if not (self.is_routed and (flow.flags or flow.protocol == "sctp")):
                self._tell(
                    error.errno or 0
                )  # TCP and SCTP try again: what becomes of it only a raw socket hears

    def say(self, patience: float) -> None:
        """Send on. A TCP socket whose connection is gone is told so."""
        assert self.socket is not None
        self.read()
        self.client, self.acknowledged, self.talks = "", True, True
        self.arrivals, self.errors = [], []
        self.deadline = monotonic() + patience
        try:
            self.socket.send(CALL + b"%04d" % self.number)
        except OSError as error:
            self._tell(error.errno or 0)

    def read(self) -> str:
        """What came in, and what the socket was told, are forgotten."""
        assert self.socket is not None
        try:
            return self.socket.recv(2048).decode("ascii")
        except OSError:
            return ""

    def _tell(self, error: int) -> None:
        if error in (errno.ECONNRESET, errno.EPIPE) and self.talks:
            self.client = "reset"
        elif (
            error == errno.ECONNRESET
        ):  # only what was connected is told so: a rule took offence at the acknowledgement
            self.client, self.acknowledged = "answered", True
        elif error not in (0, errno.EINPROGRESS):
            self.client = WORDS.get(error, f"error:{errno.errorcode.get(error, error)}")

    def look(self) -> None:
        """What the socket says by now."""
        if self.socket is None or self.client:
            return
        try:
            if self.flow.protocol == "tcp" and not self.talks:
                error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                self._tell(error)
                if not error and _is_established(self.socket):
                    self.client = "answered"
            elif self.socket.recv(100).startswith(ANSWER):
                self.client = "answered"
        except BlockingIOError:
            return
        except OSError as error:
            self._tell(error.errno or 0)

    def hear(self, heard: Heard) -> None:
        """A packet turned up at a host."""
        flow = self.flow
        if heard.icmp is not None:
            if heard.host == flow.host and heard.inner == (
                flow.protocol,
                flow.src,
                flow.sport,
                flow.dst,
                flow.dport,
            ):
                self.errors.append((*heard.icmp, heard.src))
                self.deadline = min(self.deadline, monotonic() + AFTER_ICMP)
            return
        if (heard.protocol, heard.host, heard.number) == ("echo-reply", flow.host, self.number):
            if heard.src != flow.dst:
                return
            self.client = "answered"
        elif heard.protocol == ("echo" if flow.protocol == "icmp" else flow.protocol):
            self._hear_own(heard)

    def _hear_own(self, heard: Heard) -> None:
        """A packet of the flow's protocol: the call itself, the acknowledgement of an answer, or what answers a raw packet."""
        flow = self.flow
        if self.talks and flow.protocol == "tcp":
            if "PSH" in heard.flags and heard.host != flow.host and not self.arrivals:
                self.arrivals.append(Arrival(heard.host, heard.src, heard.sport, heard.dst, heard.dport))
        elif heard.number == self.number and (heard.flags or "SYN") == (flow.flags or "SYN"):
            self.arrivals.append(Arrival(heard.host, heard.src, heard.sport, heard.dst, heard.dport))
        elif any(
            (one.host, one.src, one.sport, one.dport) == (heard.host, heard.src, heard.sport, heard.dport)
            for one in self.arrivals
        ):
            self.acknowledged = self.acknowledged or heard.flags == "ACK"
        elif flow.flags and heard.host == flow.host and (heard.src, heard.dport) == (flow.dst, flow.sport):
            self.acknowledged = True  # as far as a raw packet goes
            self.client = self.client or ("refused" if "RST" in heard.flags else "answered")

    def give_up(self) -> None:
        """No more is awaited. An ICMP error of which the socket has not told yet counts as told."""
        if not self.client:
            kind = (self.version, *self.errors[0][:2]) if self.errors else None
            self.client = "timeout" if kind is None else ICMP_WORDS.get(kind, f"icmp {kind}")
        if self.client != "answered" and self.socket is not None and not self.flow.held:
            self.socket.close()  # before the first packet would be sent a second time


def _is_established(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1
