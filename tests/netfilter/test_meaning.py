"""What a rule asks and in which order, which of it failed first, and how it is written again."""

import pytest

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.condition import Condition, Unmodelled
from kproxysim.netfilter.meaning import UnknownMatch
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.syntax import parse_rule
from kproxysim.packet import Packet
from tests.netfilter.test_conditions import passage

HALF = "-m statistic --mode random --probability 0.5"
SECOND = "-m statistic --mode nth --every 2 --packet 0"
U32 = "-m u32 --u32 6=1"

ASKED = [
    # the rule; what is asked, draws apart, in the order of asking; all in order where the order shows; a draw? an effect?
    ("", "", "", False, False),
    ("-s 10.0.0.1 -p tcp -m mark --mark 1", "address protocol mark", "", False, False),
    ("-m comment --comment x -m nfacct --nfacct-name n -p tcp", "protocol", "", False, False),
    (f"{U32} -m mark --mark 1 -p tcp", "protocol mark unknown", "", False, False),
    (f"{U32} -m mac --mac-source 00:11:22:33:44:55 -m mark --mark 1", "mark unknown mac", "", False, False),
    (f"-p tcp {HALF} -m mark --mark 1", "protocol mark", "protocol statistic mark", True, False),
    (f"{HALF} -m limit --limit 1/s -p tcp", "protocol", "protocol statistic limit", True, False),
    (f"{U32} {HALF} -m mark --mark 1", "mark unknown", "statistic mark unknown", True, False),
    (f"{SECOND} -m mark --mark 1", "statistic mark", "statistic mark", False, True),
    ("-m recent --set -m mark --mark 1", "recent mark", "recent mark", False, True),
    # what is not known goes behind what is, but not behind what changes something
    (f"{U32} -m mark --mark 1 -m recent --set", "mark unknown recent", "mark unknown recent", False, True),
    (f"-m recent --set {U32} -m mark --mark 1", "recent mark unknown", "recent mark unknown", False, True),
    (f"{U32} -m recent --set {U32}", "unknown recent unknown", "unknown recent unknown", False, True),
    (f"{HALF} -m recent --set", "recent", "statistic recent", True, True),
]


@pytest.mark.parametrize("text, checks, ordered, draws, has_effect", ASKED)
def test_what_is_asked_in_which_order(
    text: str, checks: str, ordered: str, draws: bool, has_effect: bool
) -> None:
    meaning = parse_rule(f"{text} -j DROP".strip(), "ipv4")
    found = [" ".join(match.field for match in matches) for matches in (meaning.checks, meaning.ordered)]
    assert (*found, meaning.draw is not None, meaning.has_effect) == (checks, ordered, draws, has_effect)


def test_the_first_draw_of_several() -> None:
    draw = parse_rule(f"{HALF} -m limit --limit 1/s -j DROP", "ipv4").draw
    assert draw is not None
    assert draw.field == "statistic"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-j DROP",
        "-g NEXT",
        "-j NEXT",
        "-s 10.0.0.1/32 -p tcp -m tcp --dport 80 -m mark --mark 0x1 -j MARK --set-xmark 0x2/0xffffffff",
        "-m u32 -j DROP",
        f"{U32} -j NFQUEUE --queue-num 1",
        "-m socket -j DROP",
        "-m u32 --u32 X -j DROP",  # a word may end in anything
        "-m u32 --u32 1\u00a0 -j DROP",
        '-m comment --comment "a b" -m nfacct --nfacct-name  n',  # with both blanks
    ],
)
def test_it_is_written_as_iptables_save_prints_it(text: str) -> None:
    assert parse_rule(text, "ipv4").save() == text


SKB = Skb.of(Packet("tcp", "10.0.0.5", "10.96.0.1", 4000, 80), iif="eth0")


@pytest.mark.parametrize(
    "text, missed",
    [
        ("-p tcp -d 10.96.0.1 -m tcp --dport 80", None),
        ("-p udp -d 10.96.0.2", "dst"),  # the header is asked in the kernel's order
        ("-m comment --comment x -p tcp -m tcp --sport 1 --dport 81", "sport"),
        ("-p tcp -m mark --mark 1 -m tcp --dport 81", "mark"),
        (f"-p tcp {HALF} -m mark --mark 1", "mark"),  # a draw is taken to hold
        (f"-p tcp {U32}", "u32"),
    ],
)
def test_what_fails_first(text: str, missed: str | None) -> None:
    found = parse_rule(f"{text} -j DROP", "ipv4").first_miss(SKB, passage(SKB))
    assert (None if found is None else found.field) == missed


@pytest.mark.parametrize("words, wanted", [("--u32 6=1", "--u32 6=1"), ("", "?")])
def test_what_is_not_known_does_not_hold(words: str, wanted: str) -> None:
    match = parse_rule(f"-m u32 {words} -j DROP", "ipv4").checks[0]
    assert match == UnknownMatch("u32", words)
    assert match.condition(SKB, passage(SKB)) == Condition("u32", wanted, "not modelled", False)
    with pytest.raises(Unmodelled, match=r"^match 'u32' is not modelled$"):
        match.holds(SKB, passage(SKB))


@pytest.mark.parametrize(
    "text, by_ranges",
    [
        ("", True),
        ("-m comment --comment x", True),
        ("-s 10.0.0.0/8 -j DROP", True),
        ("-j DNAT --to-destination 10.0.0.1", True),
        ("-m recent --set -j DROP", False),
        ("-s 10.0.0.0/8 -m recent --set", False),
        ("-s 10.0.0.0/255.0.255.0 -m mark --mark 1 -j DROP", False),
        ("-j NETMAP --to 10.0.0.0/8", False),
    ],
)
def test_what_hangs_on_ranges_alone(text: str, by_ranges: bool) -> None:
    assert parse_rule(text, "ipv4").cut(Cuts()) is by_ranges
