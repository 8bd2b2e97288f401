"""What these tests need of a machine: root, iptables and iproute2, and private network namespaces."""

import os
import shutil
from pathlib import Path

import pytest

from tests.kernel.held import Held
from tests.kernel.plan import HostPlan, Plan

PROGRAMS = (
    "ip",
    "iptables-nft-restore",
    "iptables-legacy-restore",
    "ip6tables-nft-restore",
    "ip6tables-legacy-restore",
)
# Where they are on Debian, also for a user whose shell does not look there.
os.environ["PATH"] += ":/usr/sbin:/sbin"


BRIDGE_NETFILTER = Path("/proc/sys/net/bridge")
RULES = dict.fromkeys(("ipv4", "ipv6"), "*nat\n-A POSTROUTING -m mark --mark 0x1/0x1 -j MASQUERADE\nCOMMIT\n")


def missing() -> str:
    """What the machine lacks, "" if nothing."""
    if os.geteuid() != 0:
        return "they need root"
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if not BRIDGE_NETFILTER.exists():
        return "the kernel has no br_netfilter"
    try:
        for backend in ("nft", "legacy"):
            with Held(Plan(backend, {"node/any": HostPlan(rules=RULES)})):
                pass
    except ValueError as problem:
        return f"it does not work here: {problem}"
    return ""


HERE = Path(__file__).parent
LACKING = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where these tests cannot run, one stands for all of them, to be left out in one line; where CI=true they all stay, to fail."""
    mine = [item for item in items if HERE in item.path.parents]
    lacking = missing() if mine else ""
    if lacking and os.environ.get("CI") != "true":
        config.hook.pytest_deselected(items=mine[1:])
        items[:] = [item for item in items if item not in mine[1:]]
        lacking = f"{len(mine)} tests against the kernel are left out: {lacking}"
    config.stash[LACKING] = lacking


@pytest.fixture(autouse=True)
def _machine(pytestconfig: pytest.Config) -> None:
    lacking = pytestconfig.stash[LACKING]
    if lacking and os.environ.get("CI") == "true":
        pytest.fail(f"tests against the kernel cannot be left out where CI=true: {lacking}")
    if lacking:
        pytest.skip(lacking)
