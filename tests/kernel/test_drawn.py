"""Clusters and packets drawn by hypothesis: the World and the kernel do the same with them.

KPROXYSIM_KERNEL_FLOWS says how many flows to send at least; run with `-s` to see the count.
"""

import os

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.kernel.agreement import Tally, compare
from tests.kernel.lab import Lab
from tests.kernel.strategies import CLIENTS, Drawn, clusters

FLOWS = int(os.environ.get("KPROXYSIM_KERNEL_FLOWS", "112"))
CALLS = 16


def test_world_and_kernel_agree() -> None:
    tally = Tally()

    @settings(
        max_examples=-(-FLOWS // CALLS),
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(drawn=clusters(CALLS), backend=st.sampled_from(("nft", "legacy")))
    def send(drawn: Drawn, backend: str) -> None:
        with Lab(drawn.world, CLIENTS.values(), backend) as lab:
            for call in drawn.calls:
                compare(lab, tally, call.source, call.to, call.via)

    send()
    print(f"\n{tally}")  # noqa: T201 - for whoever asked for many flows
    assert not tally.disagreements, "\n".join(tally.disagreements[:20])
    assert tally.flows >= FLOWS * 3 // 4
