"""What targets do to a packet that goes on with the next rule: its marks, its connection's, its time to live."""

import pytest

from kproxysim.netfilter.conntrack import Flow
from kproxysim.netfilter.meaning import Passing
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.syntax import parse_rule
from tests.netfilter.test_matches import TCP, UDP6, flow


def after(target: str, skb: Skb) -> Skb:
    """The packet after a target that goes on."""
    meant = parse_rule(f"-j {target}", "ipv4" if skb.family == 4 else "ipv6").target
    assert isinstance(meant, Passing)
    return meant.carried_out(skb)


CONNMARK = [
    # the marks of packet and connection, the option, and the marks after (`connmark_tg_shift` of xt_connmark.c)
    (0x5A, 0xC3, "--save-mark", 0x5A, 0x5A),
    (0x5A, 0xC3, "--restore-mark", 0xC3, 0xC3),
    (0x5A, 0xC3, "--save-mark --nfmask 0xf --ctmask 0xf0", 0x5A, 0x09),  # 0x03 ^ 0x0a
    (0x5A, 0xC3, "--restore-mark --nfmask 0xf --ctmask 0xf0", 0x90, 0xC3),  # 0x50 ^ 0xc0
    (0x5A, 0xC3, "--save-mark --mask 0xf", 0x5A, 0xCA),
    (0x5A, 0xC3, "--save-mark --left-shift-mark 4", 0x5A, 0x5A0),
    (0x5A, 0xC3, "--save-mark --right-shift-mark 4", 0x5A, 0x5),
    (0x5A, 0xC3, "--restore-mark --left-shift-mark 28", 0x30000000, 0xC3),  # 32 bits
    (0x5A, 0xC3, "--restore-mark --right-shift-mark 1", 0x61, 0xC3),
    (0x5A, 0xC3, "--set-xmark 0xf0/0xff --right-shift-mark 4", 0x5A, 0xF),
    (0x5A, 0xC3, "--set-xmark 0x0/0x0 --left-shift-mark 25", 0x5A, 0x86000000),
    (0x5A, 0xC3, "--set-mark 0x1/0xf", 0x5A, 0xC1),
    (0x5A, 0xC3, "--or-mark 0x5", 0x5A, 0xC7),
    (0x5A, 0xC3, "--and-mark 0x6", 0x5A, 0x2),
    (0x5A, 0xC3, "--xor-mark 0xffffffff", 0x5A, 0xFFFFFF3C),
]


@pytest.mark.parametrize("mark, kept, option, mark_after, kept_after", CONNMARK)
def test_marks_go_between_a_packet_and_its_connection(
    mark: int, kept: int, option: str, mark_after: int, kept_after: int
) -> None:
    found = after(f"CONNMARK {option}", Skb.of(TCP)._replace(mark=mark, flow=flow(mark=kept)))
    assert found.flow is not None
    assert found.flow.connection is not None
    assert (found.mark, found.flow.connection.mark) == (mark_after, kept_after)


@pytest.mark.parametrize("known", [None, Flow("INVALID")])
@pytest.mark.parametrize("option", ["--save-mark", "--restore-mark", "--set-mark 7"])
def test_there_may_be_no_connection_to_mark(option: str, known: Flow | None) -> None:
    skb = Skb.of(TCP)._replace(mark=5, flow=known)
    assert after(f"CONNMARK {option}", skb) == skb


MARK = [
    # the mark, the option, and the mark after (`mark_tg` of xt_mark.c)
    (0x5A, "--set-mark 0x1", 0x1),
    (0x5A, "--set-mark 0x1/0xf", 0x51),
    (0x5A, "--set-mark 0x5/0x2", 0x5D),  # what is set is in the mask
    (0x5F, "--set-mark 0x5/0x2", 0x5D),
    (0x5F, "--set-xmark 0x5/0x2", 0x58),  # 0x5d ^ 0x05
    (0x5A, "--set-xmark 0x3/0x0", 0x59),
    (0x5A, "--and-mark 0xf", 0xA),
    (0x5A, "--or-mark 0x5", 0x5F),
    (0x5A, "--xor-mark 0xffffffff", 0xFFFFFFA5),
]


@pytest.mark.parametrize("mark, option, wanted", MARK)
def test_a_mark_in_every_spelling(mark: int, option: str, wanted: int) -> None:
    assert after(f"MARK {option}", Skb.of(TCP)._replace(mark=mark)).mark == wanted


TTL = [
    # what is left, what becomes of it, and what is left then (`ttl_tg` of xt_HL.c)
    (64, "set 1", 1),
    (64, "set 0", 0),
    (64, "dec 3", 61),
    (64, "dec 64", 0),
    (64, "dec 65", 0),
    (64, "inc 3", 67),
    (64, "inc 191", 255),
    (64, "inc 192", 255),
]


@pytest.mark.parametrize("ttl, change, wanted", TTL)
def test_the_time_to_live_stays_a_byte(ttl: int, change: str, wanted: int) -> None:
    assert after(f"TTL --ttl-{change}", Skb.of(TCP)._replace(ttl=ttl)).ttl == wanted
    assert after(f"HL --hl-{change}", Skb.of(UDP6)._replace(ttl=ttl)).ttl == wanted


def test_only_notrack_keeps_a_packet_out_of_conntrack() -> None:
    """`xt_ct_target` of xt_CT.c."""
    fresh, known = Skb.of(TCP), Skb.of(TCP).with_flow(flow())
    assert after("CT --notrack", fresh).flow == Flow("UNTRACKED")
    assert after("NOTRACK", fresh).flow == Flow("UNTRACKED")
    assert after("CT --notrack", known) == known
    assert after("CT --ctevents new --zone 0", fresh) == fresh


@pytest.mark.parametrize(
    "target",
    [
        "AUDIT --type drop",
        "CHECKSUM --checksum-fill",
        "CLASSIFY --set-class 1:1",
        "DSCP --set-dscp 1",
        "LOG",
        "NFLOG",
        "TOS --set-tos 1",
        "TRACE",
    ],
)
def test_what_is_not_followed_leaves_the_packet(target: str) -> None:
    skb = Skb.of(TCP).with_flow(flow(mark=1))
    assert after(target, skb) == skb
