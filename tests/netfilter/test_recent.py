"""Lists of addresses seen before, as xt_recent.c keeps them."""

from ipaddress import ip_interface

import pytest

from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.condition import Condition
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.skb import NO_SOCKET, Owner, Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.syntax import parse_rule
from tests.netfilter.test_matches import TCP, Seen, host

CLIENT = int(TCP.src)


def test_update_refreshes_only_when_it_matches() -> None:
    seen = Seen(
        "-A INPUT -m recent --update --seconds 10 --name x -j DROP\n"
        "-A INPUT -m recent --set --name x -j ACCEPT"
    )
    assert seen.rule(at=0) == "rule:2"
    assert seen.rule(at=8) == "rule:1"
    assert seen.rule(at=16) == "rule:1"  # 8 seconds after the refresh
    assert seen.rule(at=40) == "rule:2"


def test_rcheck_does_not_refresh() -> None:
    seen = Seen(
        "-A INPUT -m recent --rcheck --seconds 10 --name x -j DROP\n"
        "-A INPUT -m recent --set --name x -j ACCEPT"
    )
    assert [seen.rule(at=at) for at in (0, 8, 16)] == ["rule:2", "rule:1", "rule:2"]


def test_hitcount_counts_within_the_seconds() -> None:
    seen = Seen(
        "-A INPUT -m recent --set --name x\n"
        "-A INPUT -m recent --rcheck --seconds 10 --hitcount 3 --name x -j DROP"
    )
    assert [seen.rule(at=at) for at in (0, 1, 2, 20)] == ["policy:3", "policy:3", "rule:2", "policy:3"]


def test_remove_matches_if_it_was_there() -> None:
    seen = Seen("-A INPUT -m recent --remove --name x -j DROP\n-A INPUT -m recent --set --name x -j ACCEPT")
    assert [seen.rule() for _ in range(4)] == ["rule:2", "rule:1", "rule:2", "rule:1"]


def test_negated() -> None:
    seen = Seen("-A INPUT -m recent ! --rcheck --name x -j DROP")
    assert seen.rule() == "rule:1"
    seen.state.remember("x", int(ip_interface("10.0.0.5/32").ip))
    assert seen.rule() == "policy:2"


def test_mask_and_destination() -> None:
    seen = Seen(
        "-A INPUT -m recent --rcheck --name net --mask 255.255.255.0 -j DROP\n"
        "-A INPUT -m recent --rcheck --name to --rdest -j REJECT\n"
        "-A INPUT -m recent --set --name net --mask 255.255.255.0 -m recent --set --name to --rdest"
    )
    assert [seen.rule(source) for source in ("10.0.0.5", "10.0.0.77", "10.0.1.5")] == [
        "policy:4",
        "rule:1",
        "rule:2",
    ]


def test_a_match_behind_that_fails_does_not_undo_the_action() -> None:
    """The kernel asks in the order of the rule, and carries out as it goes."""
    first = Seen("-A INPUT -m recent --set --name x -m mark --mark 1 -j DROP")
    behind = Seen("-A INPUT -m mark --mark 1 -m recent --set --name x -j DROP")
    for seen in (first, behind):
        assert seen.rule() == "policy:2"
    assert (list(first.state.recent), list(behind.state.recent)) == (["x"], [])


def test_reap_drops_the_one_refreshed_longest_ago() -> None:
    seen = Seen(
        "-A INPUT -m recent --rcheck --seconds 10 --reap --name x -j DROP\n"
        "-A INPUT -m recent --set --name x -j ACCEPT"
    )
    seen.rule("10.0.0.1", at=0)
    seen.rule("10.0.0.2", at=0)
    seen.rule("10.0.0.5", at=20)  # not in the list: nothing is reaped
    assert len(seen.state.recent["x"]) == 3
    seen.rule("10.0.0.5", at=21)
    assert list(seen.state.recent["x"]) == [int(ip_interface(f"10.0.0.{n}/32").ip) for n in (2, 5)]


def test_a_list_holds_a_hundred_and_forgets_the_oldest() -> None:
    seen = Seen("-A INPUT -m recent --rcheck --name x -j DROP\n-A INPUT -m recent --set --name x")
    for number in range(101):
        seen.rule(f"10.0.1.{number}")
    assert seen.rule("10.0.1.100") == "rule:1"
    assert seen.rule("10.0.1.0") == "policy:3"


def test_the_time_to_live_is_that_of_the_last_time() -> None:
    """Measured (scenarios/brute-force.yaml)."""
    seen = Seen("-A INPUT -m recent --rcheck --rttl --name x -j DROP\n-A INPUT -m recent --set --name x")
    found = [seen.rule(ttl=ttl) for ttl in (64, 64, 63, 64, 63, 64)]
    assert found == ["policy:3", "rule:1", "policy:3", "policy:3", "policy:3", "policy:3"]
    assert [seen.rule(ttl=64), seen.rule(ttl=63)] == ["rule:1", "policy:3"]


def test_an_entry_of_another_time_to_live_is_no_entry() -> None:
    """Neither refreshed nor reaped."""
    seen = Seen("-A INPUT -m recent ! --update --rttl --name x -j DROP")
    seen.state.remember("x", CLIENT, 64)
    assert [seen.rule(ttl=ttl) for ttl in (63, 63, 64)] == ["rule:1", "rule:1", "policy:2"]
    plain = Seen("-A INPUT -m recent --rcheck --name x -j DROP")
    plain.state.remember("x", CLIENT, 64)
    assert plain.rule(ttl=63) == "rule:1"


def test_an_entry_of_the_same_time_to_live_is_refreshed() -> None:
    seen = Seen("-A INPUT -m recent --update --rttl --seconds 10 --name x -j DROP")
    seen.state.remember("x", CLIENT, 64)
    assert [seen.rule(at=at) for at in (8, 16, 27)] == ["rule:1", "rule:1", "policy:2"]


@pytest.mark.parametrize(
    "options, hits",
    [
        ("! --update --seconds 10 --reap", 2),
        ("--update --seconds 10 --reap", 0),
        ("! --rcheck --seconds 10 --reap", 0),
    ],
)
def test_what_is_refreshed_now_is_not_reaped(options: str, hits: int) -> None:
    """`recent_entry_reap` leaves the entry at hand, if it is updated after."""
    seen = Seen(f"-A INPUT -m recent {options} --name x")
    seen.state.remember("x", CLIENT)
    seen.rule(at=20)
    assert seen.state.recently_seen("x", CLIENT, None, 1) is (hits > 0)
    assert seen.state.recently_seen("x", CLIENT, None, 2) is (hits > 1)


@pytest.mark.parametrize(
    "oif, owner, ttl, came_with",
    [
        ("", NO_SOCKET, 63, 63),  # not routed yet
        ("eth1", NO_SOCKET, 63, 64),  # this host has taken one off
        ("eth1", NO_SOCKET, 255, 0),  # a byte
        ("eth1", Owner(), 63, 63),  # made here
    ],
)
def test_the_time_to_live_is_that_before_this_host(oif: str, owner: Owner, ttl: int, came_with: int) -> None:
    skb = Skb.of(TCP, iif="eth0", oif=oif, owner=owner)._replace(ttl=ttl)
    state = HostState()
    passage = Passage(host(), state, Enumeration(), lambda _: None)
    (remember,) = parse_rule("-m recent --set --name x", "ipv4").checks
    (asked,) = parse_rule("-m recent --rcheck --rttl --name x", "ipv4").checks
    remember.holds(skb, passage)
    assert state.recently_seen("x", CLIENT, None, 1, came_with)
    assert state.recently_seen("x", CLIENT, None, 1, came_with + 1) is (came_with == 0)  # which is any
    assert asked.holds(skb, passage)


@pytest.mark.parametrize(
    "options, wanted, at, held",
    [
        ("--rcheck", "in x", 99, True),
        ("--rcheck --seconds 10", "in x within 10 s", 20, True),
        ("--rcheck --seconds 10", "in x within 10 s", 21, False),
        ("! --update --seconds 10", "not in x within 10 s", 21, True),
        ("--rcheck --hitcount 1", "in x", 99, True),
        ("--rcheck --hitcount 2", "in x 2 times", 99, True),
        ("--rcheck --hitcount 3", "in x 3 times", 99, False),
        ("--rcheck --hitcount 2 --seconds 10", "in x 2 times within 10 s", 15, False),
        ("--rcheck --rttl", "in x with time to live 64", 99, False),
        ("--remove", "in x", 99, True),
    ],
)
def test_what_is_said_of_a_list(options: str, wanted: str, at: float, held: bool) -> None:
    """Of an address seen at 0 and at 10 seconds, then with a time to live of 63. To say it changes nothing."""
    state = HostState()
    for state.clock, ttl in ((0, 64), (10, 63)):
        state.remember("x", CLIENT, ttl)
    state.clock = at
    passage = Passage(host(), state, Enumeration(), lambda _: None)
    (match,) = parse_rule(f"-m recent {options} --name x", "ipv4").checks
    seen = held is not ("!" in options)
    had = f"10.0.0.5 is {'' if seen else 'not '}in it"
    for _ in range(2):
        assert match.condition(Skb.of(TCP), passage) == Condition("recent", wanted, had, held)
