"""What every test may ask for."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# An ordinary run draws the same examples every time, so a failure here is a failure everywhere; more of them would
# find no more. To look for new ones: pytest --hypothesis-profile search
settings.register_profile("ordinary", max_examples=30, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("laws", max_examples=300, deadline=None, print_blob=True)
settings.register_profile("search", max_examples=2000, deadline=None, print_blob=True)
settings.register_profile(
    "mutants", max_examples=60, derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate)
)
# One process asks the same test of many mutants.
settings.register_profile(
    "mutmut",
    settings.get_profile("mutants"),
    max_examples=15,
    suppress_health_check=[HealthCheck.differing_executors],
)
settings.load_profile("ordinary")


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: tests that wait for a kernel or a browser leave theirs to others."""
    return (os.cpu_count() or 1) + 2


WAITING = {"test_pages.py", "test_wheel.py", "kernel", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for other programs comes first, so that nobody waits for it at the end."""
    items.sort(key=lambda item: WAITING.isdisjoint(item.path.parts))


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: looking through them for garbage would take a tenth of the time.
    What tests make is mostly gone before the young would be looked through a second time, so that is done seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Recorded conformance data: what kube-proxy wrote and what kernels did."""
    place = os.environ.get("KPROXYSIM_SHARED")
    if not place:
        pytest.skip("KPROXYSIM_SHARED names no folder of conformance data")
    if not Path(place).is_dir():
        pytest.fail(f"KPROXYSIM_SHARED is {place!r}, which is not a folder")
    return Path(place)
