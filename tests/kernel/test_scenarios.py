"""Every scenario file, packet by packet: what the World says of it the kernel does. The back ends of iptables take turns."""

from pathlib import Path

import pytest

from kproxysim.scenario import Scenario, find_scenarios
from tests.kernel.agreement import Tally, every_way
from tests.kernel.lab import Lab
from tests.kernel.played import has_steps

FOLDER = Path(__file__).parent.parent.parent / "scenarios"
FILES = [path for path in find_scenarios([FOLDER]) if not has_steps(path)]  # the others: test_timelines


BACKENDS = ("nft", "legacy")
TURNS = [pytest.param(file, BACKENDS[turn % 2], id=file.stem) for turn, file in enumerate(FILES)]


@pytest.mark.parametrize("file, backend", TURNS)
def test_the_kernel_does_what_the_scenario_says(file: Path, backend: str) -> None:
    scenario = Scenario.load(file)
    world = scenario.world()
    outside = [
        one.source.removeprefix("internet/")
        for one in scenario.packets.values()
        if one.source.startswith("internet/")
    ]
    tally = Tally()
    with Lab(world, outside, backend) as lab:
        for one in scenario.packets.values():
            source = f"internet/{world.clients[one.source]}" if one.source in world.clients else one.source
            said = (one.src, one.icmp, one.uid, one.gid)
            assert said == (None, None, None, None), "no sender of the lab does that"
            assert not one.mark or one.to.endswith("/udp"), "its other packets would need the mark as well"
            every_way(lab, tally, source, one.to, one.via, flags=one.flags, mark=one.mark)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows >= len(scenario.packets)
