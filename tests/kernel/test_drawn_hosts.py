"""Hosts with rules, settings and routes drawn at random: packets go the same way in both, and each rule counts as many of them.

KPROXYSIM_KERNEL_HOSTS says how many hosts to build, KPROXYSIM_KERNEL_SEED is a word of which they are made; run with `-s` to see the count.
"""

import os

from tests.kernel.agreement import Tally
from tests.kernel.one_host import PACKETS, compare_host

HOSTS = int(os.environ.get("KPROXYSIM_KERNEL_HOSTS", "2"))
SEED = os.environ.get("KPROXYSIM_KERNEL_SEED", "usual")


def test_raw_hosts_agree() -> None:
    tally = Tally()
    told: list[str] = []
    for number in range(HOSTS):
        before = len(tally.disagreements)
        host = compare_host(f"{SEED}-{number}", tally)
        if len(tally.disagreements) > before:
            told += [host, *tally.disagreements[before:]]
    print(f"\n{tally}")  # noqa: T201 - for whoever asked for many hosts
    assert not told, "\n".join(told)
    assert tally.flows >= HOSTS * PACKETS * 2 // 3
