"""Private network namespaces by system call, so that none has a name and all vanish with the process that holds them."""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_NETWORK = 0x40000000
NEW_MOUNTS = 0x00020000
RECURSIVE = 0x4000
PRIVATE = 0x40000
DIE_WITH_PARENT = 1

HERE = "/proc/self/ns/net"

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def leave_the_host() -> None:
    """Into a network of our own, for good. iptables keeps its lock in /run, which becomes our own as well."""
    check(libc.unshare(NEW_NETWORK | NEW_MOUNTS), "unshare")
    check(libc.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None), "mount --make-rprivate /")
    check(libc.mount(b"kproxysim-lab", b"/run", b"tmpfs", 0, None), "mount /run")


def die_with(parent: int) -> None:
    """Be killed when `parent` ends, however it ends."""
    check(libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        raise SystemExit(1)


@contextmanager
def acting_for(uid: int, gid: int) -> Iterator[None]:
    """What is opened here belongs to this user and group (setfsuid(2))."""
    libc.setfsgid(gid)
    libc.setfsuid(uid)
    try:
        yield
    finally:
        libc.setfsuid(0)
        libc.setfsgid(0)


class Namespaces:
    """Network stacks by name, and one without a name, in which this process lives. Each is there as long as a file or a process holds it."""

    def __init__(self) -> None:
        check(libc.unshare(NEW_NETWORK), "unshare")
        self.base = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
        self.files: dict[str, int] = {}

    def add(self, name: str) -> None:
        check(libc.unshare(NEW_NETWORK), "unshare")
        self.files[name] = os.open(HERE, os.O_RDONLY | os.O_CLOEXEC)
        check(libc.setns(self.base, NEW_NETWORK), "setns")

    def path(self, name: str) -> str:
        """What `ip link set ... netns` takes."""
        return f"/proc/{os.getpid()}/fd/{self.files[name]}"

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """What is made here - a socket, a program started - belongs to that network."""
        check(libc.setns(self.files[name], NEW_NETWORK), "setns")
        try:
            yield
        finally:
            check(libc.setns(self.base, NEW_NETWORK), "setns")

    def close(self) -> None:
        for file in (self.base, *self.files.values()):
            os.close(file)

    def sysctls(self, name: str, values: dict[str, str]) -> None:
        with self.inside(name):
            for key, value in values.items():
                Path("/proc/sys", key).write_text(value, encoding="ascii")
