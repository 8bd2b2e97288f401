"""Packets that no socket sends, byte by byte: TCP with any flags, pings, SCTP."""

import socket
import struct
from ipaddress import ip_address

from tests.kernel.ears import CALL, FLAGS, ICMP, ICMPV6, SCTP, SEQUENCE_BASE, TCP
from tests.kernel.plan import Flow

RAW = ("icmp", "sctp")
CASTAGNOLI = 0x82F63B78


def send_raw(flow: Flow, number: int) -> None:
    """Send a flow's packet, with its number in it."""
    src, dst = ip_address(flow.src), ip_address(flow.dst)
    addresses = src.packed + dst.packed
    if flow.protocol == "icmp":
        protocol, payload = _ping(number, dst.version, addresses)
    elif flow.protocol == "sctp":
        protocol, payload = SCTP, _init(flow, number)
    else:
        protocol, payload = TCP, _segment(flow, number, addresses)
    if dst.version == 4:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, flow.ttl, protocol, 0)
    else:
        header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, flow.ttl)
    family = socket.AF_INET if dst.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + addresses + payload, (flow.dst, 0))


def _segment(flow: Flow, number: int, addresses: bytes) -> bytes:
    """A TCP header."""
    bits = sum(1 << FLAGS.index(name) for name in flow.flags.split(","))
    acknowledgement = 1 if "ACK" in flow.flags else 0
    ports = flow.sport, flow.dport
    fields = (*ports, SEQUENCE_BASE + number, acknowledgement, 5 << 4, bits, 8192, 0, 0)
    segment = struct.pack("!HHIIBBHHH", *fields)
    total = _checksum(addresses + struct.pack("!HH", TCP, len(segment)) + segment)
    return segment[:16] + total + segment[18:]


def _ping(number: int, version: int, addresses: bytes) -> tuple[int, bytes]:
    """Protocol and message of an echo request."""
    text = CALL + b"%04d" % number
    message = struct.pack("!BBHHH", 8 if version == 4 else 128, 0, 0, number, 1) + text
    if version == 4:
        return ICMP, message[:2] + _checksum(message) + message[4:]
    pseudo = addresses + struct.pack("!II", len(message), ICMPV6)
    return ICMPV6, message[:2] + _checksum(pseudo + message) + message[4:]


def _init(flow: Flow, number: int) -> bytes:
    """The INIT that opens an SCTP association (RFC 9260): header and one chunk."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, SEQUENCE_BASE + number, 65536, 1, 1, 1)
    header = struct.pack("!HHII", flow.sport, flow.dport, 0, 0)
    return header[:8] + struct.pack("<I", _crc32c(header + chunk)) + chunk


def _checksum(data: bytes) -> bytes:
    """Of the internet (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def _crc32c(data: bytes) -> int:
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (CASTAGNOLI if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF
