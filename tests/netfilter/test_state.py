"""What a host remembers for the match `recent`, at its limits (net/netfilter/xt_recent.c)."""

import pytest

from kproxysim.netfilter import state as module
from kproxysim.netfilter.state import HostState


def test_of_many_times_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a rule can ask for; once there are twice as many the oldest are forgotten."""
    monkeypatch.setattr(module, "_STAMPS_LIMIT", 3)
    host = HostState()
    for clock in range(1, 14):
        host.clock = clock
        host.remember("list", 1)
        kept = clock if clock < 7 else 4 + (clock - 7) % 3
        assert [host.recently_seen("list", 1, None, hits) for hits in (kept, kept + 1)] == [True, False]
    host.clock = 14
    for hits, oldest in ((1, 13), (2, 12), (3, 11), (4, 10)):
        assert host.recently_seen("list", 1, 14 - oldest, hits)
        assert not host.recently_seen("list", 1, 13 - oldest, hits)


def test_the_time_to_live_is_that_of_the_last_packet() -> None:
    host = HostState()
    for ttl in (64, 63):
        host.remember("list", 1, ttl)
    assert [host.recently_seen("list", 1, None, 1, ttl) for ttl in (0, 63, 64)] == [True, True, False]
    assert host.recently_seen("list", 1, None, 1)
    host.remember("list", 1)
    assert host.recently_seen("list", 1, None, 1, 64)


def test_of_a_hundred_and_one_addresses_the_one_refreshed_longest_ago_goes() -> None:
    host = HostState()
    for address in range(100):
        host.remember("list", address)
    host.remember("list", 0)
    host.remember("list", 100)
    assert list(host.recent["list"]) == [*range(2, 100), 0, 100]
    host.remember("other", 5)
    assert list(host.recent) == ["list", "other"]


@pytest.mark.parametrize("keep, left", [(None, [2, 3]), (1, [1, 2, 3]), (2, [2, 3])])
def test_one_entry_is_reaped(keep: int | None, left: list[int]) -> None:
    """`recent_entry_reap`: the one refreshed longest ago, if that is longer ago than the time, and not the one asked for."""
    host = HostState()
    for clock, address in enumerate((1, 2, 3), 1):
        host.clock = clock
        host.remember("list", address)
    host.clock = 11
    host.reap("list", 10, keep)
    assert list(host.recent["list"]) == [1, 2, 3]
    host.reap("list", 7, keep)
    assert list(host.recent["list"]) == left
    host.reap("nobody", 7, keep)


def test_what_is_forgotten_was_there() -> None:
    host = HostState()
    host.remember("list", 1)
    assert [host.forget(name, 1) for name in ("other", "list", "list")] == [False, True, False]
    assert host.recent == {"list": {}}


@pytest.mark.parametrize(
    "start, every, wanted", [(0, 3, "100100"), (1, 3, "010010"), (5, 3, "001001"), (0, 1, "111111")]
)
def test_turns(start: int, every: int, wanted: str) -> None:
    """`statistic --mode nth`: each rule counts for itself."""
    host = HostState()
    assert "".join(str(int(host.take_turn("a", start, every))) for _ in wanted) == wanted
    assert host.take_turn("b", 0, every)
