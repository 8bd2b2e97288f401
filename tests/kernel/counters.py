"""How often each rule matched, asked of the kernel as iptables-save asks it, without its process.

Both back ends number the rules of a chain as they stand there. A host asks for itself: the caller is in its network.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterable, Iterator

from tests.kernel.namespaces import check, libc

FAMILIES = {"ipv4": (socket.AF_INET, socket.IPPROTO_IP), "ipv6": (socket.AF_INET6, socket.IPPROTO_IPV6)}
"""A socket's family, and the level at which it is asked for legacy tables."""

Found = Iterable[tuple[str, int]]


def read(backend: str, family: str) -> dict[str, int]:
    """Packets by "table/CHAIN/number", rules numbered from 1, policies 0; what was never met is left out."""
    found = _nft(FAMILIES[family][0]) if backend == "nft" else _legacy(*FAMILIES[family])
    return {at: count for at, count in found if count}


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {at: count - before.get(at, 0) for at, count in after.items() if count != before.get(at, 0)}


# The legacy back end, as in linux/netfilter_ipv4/ip_tables.h and linux/netfilter/x_tables.h.

GET_INFO, GET_ENTRIES = 64, 65
INFO = struct.Struct("=32sI5I5III")
WANTED = struct.Struct("=32sI4x")
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
ENTRY: dict[int, struct.Struct] = {
    socket.AF_INET: struct.Struct("=88xHH4xQ8x"),
    socket.AF_INET6: struct.Struct("=140xHH8xQ8x"),
}
"""ipt_entry and ip6t_entry: where the target is, where the next entry is, packets."""

TARGET = struct.Struct("=H29sB")
ERROR = b"ERROR"
"""The target of an entry that begins a chain of its own, with the chain's name, and of the last one."""


def _legacy(family: int, level: int) -> Iterator[tuple[str, int]]:
    names = "ip_tables_names" if family == socket.AF_INET else "ip6_tables_names"
    with open(f"/proc/net/{names}", encoding="ascii") as tables:  # noqa: PTH123 - a Path costs as much as the read
        loaded = tables.read().split()
    if not loaded:
        return
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as asking:
        for table in loaded:
            info = INFO.unpack(_option(asking, level, GET_INFO, INFO.pack(table.encode(), *[0] * 13)))
            size = info[-1]
            wanted = WANTED.pack(table.encode(), size) + bytes(size)
            entries = _option(asking, level, GET_ENTRIES, wanted)[WANTED.size :]
            base = {info[2 + hook]: name for hook, name in enumerate(HOOKS) if info[1] >> hook & 1}
            ends = {info[7 + hook] for hook in range(5) if info[1] >> hook & 1}
            yield from _entries(table, entries, ENTRY[family], base, ends)


def _option(asking: socket.socket, level: int, name: int, value: bytes) -> bytes:
    """What getsockopt makes of `value`; Python's own takes no more than 1024 bytes."""
    buffer = ctypes.create_string_buffer(value, len(value))
    length = ctypes.c_uint32(len(value))
    check(libc.getsockopt(asking.fileno(), level, name, buffer, ctypes.byref(length)), "getsockopt")
    return buffer.raw


def _entries(
    table: str, entries: bytes, entry: struct.Struct, base: dict[int, str], ends: set[int]
) -> Iterator[tuple[str, int]]:
    """A chain's last entry is its policy, or the way back of a chain of its own: that is no rule."""
    chain, number, at = "", 0, 0
    pending: tuple[str, int] | None = None
    while at < len(entries):
        target, following, packets = entry.unpack_from(entries, at)
        _, kind, _ = TARGET.unpack_from(entries, at + target)
        begins = kind.rstrip(b"\0") == ERROR
        if begins or at in base:
            pending = None  # the last entry of the chain before
        if begins:
            chain, number = _text(entries[at + target + TARGET.size : at + following]), 0
        else:
            if at in base:
                chain, number = base[at], 0
            if pending is not None:
                yield pending
            number += 1
            pending = f"{table}/{chain}/{number}", packets
            if at in ends:
                yield f"{table}/{chain}/0", packets
                pending = None
        at += following


# The nft back end, as in linux/netfilter/nf_tables.h.

NETLINK_NETFILTER = 12
GET_CHAIN, GET_RULE = 0xA04, 0xA07
REQUEST_DUMP = 0x301
DONE, ERRONEOUS = 3, 2
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
TYPE = 0x3FFF
CHAIN_TABLE, CHAIN_NAME, CHAIN_COUNTERS = 1, 3, 8
RULE_TABLE, RULE_CHAIN, RULE_EXPRESSIONS = 1, 2, 4
EXPRESSION_NAME, EXPRESSION_DATA = 1, 2
COUNTER_PACKETS = 2
ROOM = 1 << 17


def _nft(family: int) -> Iterator[tuple[str, int]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asking:
        for chain in _dump(asking, GET_CHAIN, family):
            if CHAIN_COUNTERS in chain:
                yield (
                    f"{_text(chain[CHAIN_TABLE])}/{_text(chain[CHAIN_NAME])}/0",
                    _packets(chain[CHAIN_COUNTERS]),
                )
        numbers: dict[tuple[bytes, bytes], int] = {}
        for rule in _dump(asking, GET_RULE, family):
            key = rule[RULE_TABLE], rule[RULE_CHAIN]
            number = numbers[key] = numbers.get(key, 0) + 1
            yield f"{_text(key[0])}/{_text(key[1])}/{number}", _counted(rule[RULE_EXPRESSIONS])


def _dump(asking: socket.socket, kind: int, family: int) -> Iterator[dict[int, bytes]]:
    """All objects of a kind, each as its attributes."""
    asking.send(HEADER.pack(HEADER.size + 4, kind, REQUEST_DUMP, 0, 0) + bytes((family, 0, 0, 0)))
    while True:
        data, at = asking.recv(ROOM), 0
        while at < len(data):
            length, what, _, _, _ = HEADER.unpack_from(data, at)
            if what == DONE:
                return
            if what == ERRONEOUS:
                number = -struct.unpack_from("=i", data, at + HEADER.size)[0]
                raise OSError(number, f"nf_tables: {os.strerror(number)}")
            yield dict(_attributes(data, at + HEADER.size + 4, at + length))
            at += length + 3 & ~3


def _attributes(data: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    while at < end:
        length, kind = ATTRIBUTE.unpack_from(data, at)
        yield kind & TYPE, data[at + 4 : at + length]
        at += length + 3 & ~3


def _counted(expressions: bytes) -> int:
    """Of a rule's expressions the one that counts; it has one at most."""
    for _, expression in _attributes(expressions, 0, len(expressions)):
        if expression.startswith(b"counter\0", 4):
            return _packets(dict(_attributes(expression, 0, len(expression)))[EXPRESSION_DATA])
    return 0


def _packets(counter: bytes) -> int:
    return int.from_bytes(dict(_attributes(counter, 0, len(counter)))[COUNTER_PACKETS], "big")


def _text(name: bytes) -> str:
    return name.partition(b"\0")[0].decode()
