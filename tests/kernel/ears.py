"""What a host's own protocol stack is handed, heard by raw sockets: after INPUT, before any socket of a process.

Each packet that the lab sends carries a number that no NAT changes, so that it is known wherever it turns up: a SYN in its MSS option, other raw
TCP packets in their sequence number, SCTP in its initiate tag, UDP and pings in their text.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

TCP, UDP, SCTP = socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP
ICMP, ICMPV6 = socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6
NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp", ICMP: "icmp", ICMPV6: "icmp"}
FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK")

MSS_BASE, NUMBERS = 300, 1000
SEQUENCE_BASE = 0x4B500000
CALL, ANSWER = b"kproxysim calls ", b"kproxysim answers "

IPV6_PKTINFO = 50
ECHO_REPLIES = {(4, 0), (6, 129)}
ECHOES = {(4, 8), (6, 128)}
ERRORS = {(4, 3), (4, 11), (6, 1), (6, 3)}


@dataclass(frozen=True)
class Heard:
    """One packet. `number` is None where it carries none; an ICMP error has `icmp` and, as its ports and addresses, those of `inner`."""

    host: str
    protocol: str
    src: str
    sport: int
    dst: str
    dport: int
    flags: str = ""
    number: int | None = None
    icmp: tuple[int, int] | None = None
    inner: tuple[str, str, int, str, int] | None = None


class Ear:
    """One raw socket of a host."""

    def __init__(self, host: str, version: int, protocol: int) -> None:
        self.host, self.version, self.protocol = host, version, protocol
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        if version == 6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)

    def listen(self) -> Iterator[Heard]:
        """All that came in since the last time."""
        while True:
            try:
                data, notes, _, sender = self.socket.recvmsg(2048, 256)
            except BlockingIOError:
                return
            if self.version == 4:
                src, dst = str(ip_address(data[12:16])), str(ip_address(data[16:20]))
                data = data[(data[0] & 15) * 4 :]
            else:
                src = str(ip_address(sender[0].partition("%")[0]))
                dst = next(str(ip_address(note[:16])) for _, kind, note in notes if kind == IPV6_PKTINFO)
            heard = self._read(src, dst, data)
            if heard is not None:
                yield heard

    def _read(self, src: str, dst: str, data: bytes) -> Heard | None:
        if self.protocol not in (ICMP, ICMPV6):
            sport, dport = struct.unpack_from("!HH", data)
            flags = _flags(data) if self.protocol == TCP else ""
            return Heard(
                self.host, NAMES[self.protocol], src, sport, dst, dport, flags, self._number(data, flags)
            )
        kind, code = data[0], data[1]
        if (self.version, kind) in ECHOES | ECHO_REPLIES:
            word = "echo" if (self.version, kind) in ECHOES else "echo-reply"
            return Heard(self.host, word, src, 0, dst, 0, number=_text_number(data[8:]))
        if (self.version, kind) in ERRORS:
            return Heard(self.host, "icmp", src, 0, dst, 0, icmp=(kind, code), inner=_inner(data[8:]))
        return None

    def _number(self, data: bytes, flags: str) -> int | None:
        if self.protocol == TCP:
            return _tcp_number(data, flags)
        if self.protocol == SCTP:
            return _in_range(struct.unpack_from("!I", data, 16)[0])
        return _text_number(data[8:])


def _in_range(number: int) -> int | None:
    return number - SEQUENCE_BASE if 0 <= number - SEQUENCE_BASE < NUMBERS else None


def _flags(segment: bytes) -> str:
    return ",".join(name for bit, name in enumerate(FLAGS) if segment[13] & (1 << bit))


def _tcp_number(segment: bytes, flags: str) -> int | None:
    sequence = _in_range(struct.unpack_from("!I", segment, 4)[0])
    if sequence is not None:
        return sequence
    options = segment[20 : (segment[12] >> 4) * 4]
    while flags == "SYN" and options and options[0] != 0:
        if options[0] == 2:
            return int(struct.unpack_from("!H", options, 2)[0]) - MSS_BASE
        options = options[1:] if options[0] == 1 else options[options[1] :]
    return None


def _text_number(text: bytes) -> int | None:
    return int(text.removeprefix(CALL)[:4]) if text.startswith(CALL) else None


def _inner(data: bytes) -> tuple[str, str, int, str, int] | None:
    """Protocol, source, source port, destination, destination port of the packet that an error is about; no ports for a ping."""
    if data[0] >> 4 == 4:
        protocol, header, src, dst = data[9], (data[0] & 15) * 4, data[12:16], data[16:20]
    else:
        protocol, header, src, dst = data[6], 40, data[8:24], data[24:40]
    if len(data) < header + 4:
        return None
    sport, dport = (0, 0) if protocol in (ICMP, ICMPV6) else struct.unpack_from("!HH", data, header)
    return NAMES.get(protocol, str(protocol)), str(ip_address(src)), sport, str(ip_address(dst)), dport
