"""Packets through a router whose two neighbours have no say: they are made byte by byte, and what arrives is looked at and dropped.

The addresses that the packets carry belong to nobody; the router has routes for them. It writes into each packet's DSCP what it thinks of it.
"""

import socket
from contextlib import ExitStack
from time import monotonic

from tests.kernel.namespaces import Namespaces

SIDES = ("left", "right")
ROUTER = "router"
IPV4 = 0x0800
FOR_THIS_HOST = 0
ROOM = 1 << 22
"""Bytes that wait for us to read them: a whole batch."""


class Carrier:
    """Sockets on both sides. A packet is known again by the id in its header: its place in the batch, from 1."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._open = ExitStack()
        self._senders = {}
        self._ears = {}
        for side in SIDES:
            with namespaces.inside(side):
                sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
                ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4))
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            self._senders[side] = self._open.enter_context(sender)
            self._ears[side] = self._open.enter_context(ear)

    def close(self) -> None:
        self._open.close()

    def carry(self, packets: list[tuple[str, str]], patience: float) -> list[int | None]:
        """Send packets, each from a side and as hexadecimal text; the DSCP with which each arrived on the other, None if it did not.

        `patience` is for how many seconds to wait.
        """
        for side, text in packets:
            data = bytes.fromhex(text)
            to = socket.inet_ntoa(data[16:20])
            self._senders[side].sendto(data, (to, 0))
        found: list[int | None] = [None] * len(packets)
        until = monotonic() + patience
        while None in found and monotonic() < until:
            for side, ear in self._ears.items():
                self._listen(side, ear, packets, found)
        return found

    def _listen(
        self, side: str, ear: socket.socket, packets: list[tuple[str, str]], found: list[int | None]
    ) -> None:
        while True:
            try:
                data, (_, _, kind, _, _) = ear.recvfrom(2048, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            number = int.from_bytes(data[4:6], "big") - 1
            if kind == FOR_THIS_HOST and 0 <= number < len(packets) and packets[number][0] != side:
                found[number] = data[1] >> 2
