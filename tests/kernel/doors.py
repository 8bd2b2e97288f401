"""A listening TCP socket of the lab, and the connections that came in by it."""

import socket
from contextlib import suppress

from tests.kernel.ears import ANSWER, CALL


class Door:
    """Connections wait until somebody wants something of them: the kernel has completed them by itself."""

    def __init__(self, host: str, server: socket.socket) -> None:
        self.host, self.server = host, server
        self.inside: list[socket.socket] = []

    def _let_in(self) -> None:
        with suppress(BlockingIOError):
            while True:
                connection, _ = self.server.accept()
                connection.setblocking(False)
                self.inside.append(connection)

    def answer(self) -> None:
        """Answer whoever has said something."""
        self._let_in()
        for connection in self.inside:
            with suppress(OSError):
                if connection.recv(2048).startswith(CALL):
                    connection.send(ANSWER)

    def speak(self) -> None:
        """Say something to everybody."""
        self._let_in()
        for connection in self.inside:
            with suppress(OSError):
                connection.send(ANSWER)

    def close(self) -> None:
        for connection in self.inside:
            connection.close()
