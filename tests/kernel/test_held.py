"""The lab keeps to itself, and leaves nothing behind."""

import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.kernel.held import ROOT, Held
from tests.kernel.plan import HostPlan, Plan

PLAN = Plan(
    "legacy",
    {
        "node/any": HostPlan(
            ip=["link add d0 type bridge"], rules={"ipv4": "*filter\n-A INPUT -j DROP\nCOMMIT\n"}
        )
    },
)
OWN_RULES = ("iptables-legacy-save", "iptables-nft-save")

KILLED = """
import time
from tests.kernel.held import Held
from tests.kernel.plan import HostPlan, Plan
with Held(Plan("legacy", {"node/any": HostPlan()})) as held:
    print(held._process.pid, flush=True)
    time.sleep(60)
"""


def here() -> str:
    """Devices and rules of the network that the tests run in."""
    devices = sorted(one.name for one in Path("/sys/class/net").iterdir())
    saved = [
        subprocess.run([program], capture_output=True, text=True, check=True).stdout for program in OWN_RULES
    ]
    rules = [line for text in saved for line in text.splitlines() if line.startswith(("-A", "*"))]
    return f"{devices} {rules}"


def wait_for_end(process: int) -> bool:
    """Is it gone within five seconds? What was killed may stay a zombie until its parent looks."""
    until = monotonic() + 5
    while monotonic() < until:
        status = Path(f"/proc/{process}/status")
        if not status.exists() or "\nState:\tZ" in status.read_text(encoding="ascii"):
            return True
        sleep(0.01)
    return False


def test_the_network_of_the_tests_stays_as_it_is() -> None:
    before = here()
    with Held(PLAN):
        assert here() == before


def test_a_lab_ends_with_the_process_that_was_killed() -> None:
    """Its namespaces have no names, so they end with it."""
    tests = subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert tests.stdout is not None
    held = int(tests.stdout.readline())
    tests.send_signal(signal.SIGKILL)
    tests.wait(5)
    tests.stdout.close()
    assert wait_for_end(held)


def test_a_plan_that_cannot_be_built_is_told() -> None:
    with pytest.raises(ValueError, match="ip -batch"):
        Held(Plan("legacy", {"node/any": HostPlan(ip=["link add d0 type nonsense"])}))
