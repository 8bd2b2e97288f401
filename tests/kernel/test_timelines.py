"""Every time line in scenarios/, step by step: what the World says of it the kernel does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kproxysim.scenario import Scenario, find_scenarios
from tests.kernel.played import Play, has_steps
from tests.kernel.tracker import needs_conntrack

FOLDER = Path(__file__).parent.parent.parent / "scenarios"
FILES = [path for path in find_scenarios([FOLDER]) if has_steps(path)]

HASTE = dict.fromkeys(("stale-udp-entry", "udp-before-rules", "affinity-over-time"), (30, 15, 4))
"""Where something expires: how many times as fast it may be, and again, where the machine was too busy for that."""

BACKENDS = ("nft", "legacy")
TURNS = [pytest.param(file, BACKENDS[turn % 2], id=file.stem) for turn, file in enumerate(FILES)]


def hastened(path: Path, folder: Path, factor: int) -> Path:
    """A scenario in which everything takes less time: waits, the kernel's timeouts, affinity."""
    file = yaml.safe_load(path.read_text(encoding="utf-8"))
    file["manifests"] = [str(path.parent / name) for name in file["manifests"]]
    for node in ("node-a", "node-b"):
        facts = file.setdefault("nodes", {}).setdefault(node, {})
        facts["sysctls"] = {
            "net.netfilter.nf_conntrack_udp_timeout": 30 // factor,
            "net.netfilter.nf_conntrack_udp_timeout_stream": 120 // factor,
        }
    for service in file["services"]:
        sticky = service.get("spec", {}).get("sessionAffinityConfig")
        if sticky is not None:
            sticky["clientIP"]["timeoutSeconds"] //= factor
    for step in file["steps"]:
        if "wait" in step:
            step["wait"] = f"{int(step['wait'].removesuffix('s')) * 1000 // factor}ms"
    hasty = folder / path.name
    hasty.write_text(yaml.safe_dump(file), encoding="utf-8")
    return hasty


def plays(path: Path, backend: str, folder: Path) -> Iterator[Play]:
    factors = HASTE.get(path.stem)
    if factors is None:
        yield Play(Scenario.load(path), backend, waits=False)
        return
    for factor in factors:
        yield Play(Scenario.load(hastened(path, folder, factor)), backend, waits=True)


@pytest.mark.parametrize("file, backend", TURNS)
def test_the_kernel_does_what_the_time_line_says(file: Path, backend: str, tmp_path: Path) -> None:
    needs_conntrack()
    for play in plays(file, backend, tmp_path):
        play.run()
        if not play.disagreements:
            return
    pytest.fail("\n".join(play.disagreements))
