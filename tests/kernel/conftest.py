"""What these tests need of a machine: root, iptables and iproute2, and private network namespaces."""

import os
import shutil

import pytest

from tests.kernel.lab import Held
from tests.kernel.plan import Plan

PROGRAMS = (
    "ip",
    "iptables-nft-restore",
    "iptables-legacy-restore",
    "ip6tables-nft-restore",
    "ip6tables-legacy-restore",
)
SYSTEM_PATH = "/usr/sbin:/sbin"


def missing() -> str:
    """What the machine lacks, "" if nothing."""
    if os.geteuid() != 0:
        return "they need root"
    lacking = [
        name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:{SYSTEM_PATH}") is None
    ]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    try:
        with Held(Plan("legacy")):
            return ""
    except ValueError as problem:
        return f"no private network namespaces here: {problem}"


@pytest.fixture(scope="session", autouse=True)
def _machine() -> None:
    """Leave all tests of this folder out where they cannot run, in one line; where CI=true that is a failure."""
    lacking = missing()
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"tests against the kernel cannot be left out in CI; {lacking}")
    if lacking:
        pytest.skip(f"tests against the kernel are left out: {lacking}")
