"""Walking chains as ipt_do_table does: jumps come back, RETURN and the end of a chain too, the policy is last."""

from fractions import Fraction

import pytest

from kproxysim.netfilter.chance import Enumeration, enumerate_runs
from kproxysim.netfilter.condition import Unmodelled
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.walk import Verdict, Walked, walk_chain
from kproxysim.packet import Packet

PACKET = Packet("tcp", "203.0.113.7", "10.96.0.1", 51514, 80)


def walk(
    rules: str, packet: Packet = PACKET, chance: Enumeration | None = None
) -> tuple[Verdict, list[Walked]]:
    text = "*filter\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n" + rules + "\nCOMMIT\n"
    graph = ChainGraph(Ruleset.from_save(text, "ipv4"))
    events: list[Walked] = []
    chance = chance or Enumeration()
    passage = Passage(Host("here"), HostState(), chance, lambda _: None)
    verdict = walk_chain(graph, "filter", "INPUT", Skb.of(packet, iif="eth0"), passage, chance, events.append)
    return verdict, events


def places(events: list[Walked]) -> list[str]:
    return [event.at for event in events]


def test_a_jump_comes_back_behind_its_rule() -> None:
    verdict, events = walk("-A INPUT -j A\n-A INPUT -j DROP\n-A A -j MARK --set-mark 1")
    assert places(events) == [
        "filter:INPUT:rule:1",
        "filter:A:rule:1",
        "filter:A:return:2",
        "filter:INPUT:rule:2",
    ]
    assert (verdict.name, verdict.at, verdict.skb.mark) == ("DROP", "filter:INPUT:rule:2", 1)


def test_return_goes_back_to_the_caller_and_from_a_base_chain_to_the_policy() -> None:
    verdict, events = walk(
        "-A INPUT -j A\n-A INPUT -j RETURN\n-A INPUT -j DROP\n-A A -j RETURN\n-A A -j DROP"
    )
    assert places(events) == [
        "filter:INPUT:rule:1",
        "filter:A:rule:1",
        "filter:INPUT:rule:2",
        "filter:INPUT:policy:4",
    ]
    assert verdict.name == "ACCEPT"


def test_goto_does_not_come_back_to_the_chain_that_went() -> None:
    verdict, events = walk(
        "-A INPUT -j A\n-A INPUT -j DROP\n-A A -g B\n-A A -j ACCEPT\n-A B -j MARK --set-mark 2"
    )
    assert places(events) == [
        "filter:INPUT:rule:1",
        "filter:A:rule:1",
        "filter:B:rule:1",
        "filter:B:return:2",
        "filter:INPUT:rule:2",
    ]
    assert verdict.name == "DROP"


def test_policy_decides_last() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -j ACCEPT\nCOMMIT\n"
    graph = ChainGraph(Ruleset.from_save(text, "ipv4"))
    chance = Enumeration()
    passage = Passage(Host("here"), HostState(), chance, lambda _: None)
    verdict = walk_chain(graph, "filter", "INPUT", Skb.of(PACKET), passage, chance, lambda _: None)
    assert (verdict.name, verdict.at, verdict.rule) == ("DROP", "filter:INPUT:policy:2", None)


def test_every_rule_passed_over_says_what_failed_first() -> None:
    _, events = walk(
        "-A INPUT -d 10.96.0.2/32 -j DROP\n-A INPUT -p tcp -m tcp --dport 81 -j DROP\n-A INPUT -j ACCEPT"
    )
    missed = events[0].missed
    first = [next(one for one in miss.conditions() if not one.held) for miss in missed]
    assert [(one.field, one.wanted, one.had) for one in first] == [
        ("dst", "10.96.0.2/32", "10.96.0.1"),
        ("dport", "81", "80"),
    ]


def test_statistic_takes_every_branch_with_its_exact_fraction() -> None:
    rules = (
        "-A INPUT -m statistic --mode random --probability 0.3333333333 -j A\n"
        "-A INPUT -m statistic --mode random --probability 0.5000000000 -j B\n"
        "-A INPUT -j C\n-A A -j DROP\n-A B -j ACCEPT\n-A C -j MARK --set-mark 3"
    )
    found = {}
    for chance, (_, events) in enumerate_runs(lambda chance: walk(rules, chance=chance)):
        chain = next(event.action for event in events if event.action.startswith("jump"))
        found[chain] = (chance.meant, chance.kernel)
    third = Fraction(715827883, 1 << 31)
    assert found == {
        "jump A": (Fraction(1, 3), third),
        "jump B": (Fraction(1, 3), (1 - third) / 2),
        "jump C": (Fraction(1, 3), (1 - third) / 2),
    }


def test_a_rule_that_draws_twice_tells_the_fraction_of_both() -> None:
    twice = "-m statistic --mode random --probability 0.5 -m statistic --mode random --probability 0.25"
    runs = enumerate_runs(lambda chance: walk(f"-A INPUT {twice} -j DROP\n-A INPUT -j ACCEPT", chance=chance))
    found = {(str(chance.meant), verdict.name, events[0].chance) for chance, (verdict, events) in runs}
    assert found == {
        ("1/8", "DROP", Fraction(1, 8)),
        ("3/8", "ACCEPT", None),
        ("1/2", "ACCEPT", None),
    }


@pytest.mark.parametrize("probability, name", [("0", "ACCEPT"), ("1", "DROP")])
def test_what_is_certain_is_not_drawn(probability: str, name: str) -> None:
    rule = f"-A INPUT -m statistic --mode random --probability {probability} -j DROP"
    assert [
        (str(chance.kernel), verdict.name)
        for chance, (verdict, _) in enumerate_runs(lambda chance: walk(rule, chance=chance))
    ] == [("1", name)]


def test_a_rule_passed_over_by_chance_says_so() -> None:
    rules = "-A INPUT -p tcp -m statistic --mode random --probability 0.5 -j DROP\n-A INPUT -j ACCEPT"
    found = [events[0] for _, (_, events) in enumerate_runs(lambda chance: walk(rules, chance=chance))]
    (missed,) = next(event.missed for event in found if event.missed)
    assert [(one.field, one.had, one.held) for one in missed.conditions()] == [
        ("protocol", "tcp", True),
        ("statistic", "not drawn", False),
    ]
    (met,) = (event for event in found if not event.missed)
    assert [(one.field, one.had, one.held) for one in met.conditions()] == [
        ("protocol", "tcp", True),
        ("statistic", "drawn", True),
    ]
    assert met.noted == ()  # to ask again would give the same


def test_what_a_list_held_then_is_said_later() -> None:
    """A later rule changes what the conditions of an earlier one are about."""
    verdict, events = walk(
        "-A INPUT -m recent --rcheck --name A -j DROP\n-A INPUT -m recent --set --name A -j MARK --set-mark 1\n"
        "-A INPUT -m mark --mark 2 -m recent --rcheck --name A -j DROP\n-A INPUT -m recent --remove --name A -j ACCEPT"
    )
    assert (verdict.name, verdict.at) == ("ACCEPT", "filter:INPUT:rule:4")
    (first,), (third,) = (event.missed for event in events)
    assert [(one.had, one.held) for one in first.conditions()] == [("203.0.113.7 is not in it", False)]
    assert [(one.field, one.had, one.held) for one in third.conditions()] == [
        ("mark", "0x1", False),
        ("recent", "203.0.113.7 is in it", True),
    ]
    assert [(one.had, one.held) for one in events[1].conditions()] == [("203.0.113.7 is in it", True)]


def test_a_notebook_shows_the_step_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    _, events = walk("-A INPUT -j DROP")
    monkeypatch.setattr("kproxysim.notebook._makers", [lambda shown: f"{shown is events[0]}"])
    assert events[0]._repr_html_() == "True"


def test_what_one_rule_noted_is_not_said_of_the_next() -> None:
    _, events = walk("-A INPUT -m recent --rcheck --name A -j DROP\n-A INPUT -p tcp -j ACCEPT")
    assert [one.field for one in events[0].conditions()] == ["protocol"]


@pytest.mark.parametrize(
    "rules, name, at",
    [
        ("-A INPUT -p udp -j DROP\n-A INPUT -j DROP", "DROP", "filter:INPUT:rule:2"),
        ("-A INPUT -j REJECT", "REJECT", "filter:INPUT:rule:1"),
        ("-A INPUT -p udp -j DROP\n-A INPUT -j RETURN", "ACCEPT", "filter:INPUT:policy:3"),
        ("-A INPUT -g A\n-A A -p tcp -j RETURN", "ACCEPT", "filter:INPUT:policy:2"),
    ],
)
def test_a_verdict_names_its_rule(rules: str, name: str, at: str) -> None:
    verdict, _ = walk(rules)
    assert verdict.rule is not None
    assert (verdict.name, verdict.rule.text, verdict.at) == (
        name,
        rules.splitlines()[-1].split(" ", 2)[2],
        at,
    )


def test_translation_is_a_verdict_too() -> None:
    graph = ChainGraph(Ruleset.from_save("*nat\n-A PREROUTING -j DNAT --to-destination 10.0.0.1\nCOMMIT\n"))
    chance = Enumeration()
    passage = Passage(Host("here"), HostState(), chance, lambda _: None)
    verdict = walk_chain(graph, "nat", "PREROUTING", Skb.of(PACKET), passage, chance, lambda _: None)
    assert verdict.rule is not None
    assert (verdict.name, verdict.rule.text) == ("NAT", "-j DNAT --to-destination 10.0.0.1")


@pytest.mark.parametrize(
    "rules, what",
    [
        ("-A INPUT -p tcp -m u32 --u32 6=1 -j DROP", "match 'u32'"),
        ("-A INPUT -p tcp -j NFQUEUE --queue-num 1", "target 'NFQUEUE'"),
    ],
)
def test_unknown_is_an_error_with_a_name(rules: str, what: str) -> None:
    with pytest.raises(Unmodelled) as caught:
        walk(rules)
    assert caught.value.what == what


def test_unknown_is_not_asked_where_something_known_fails() -> None:
    verdict, _ = walk("-A INPUT -m u32 --u32 6=1 -p udp -j DROP\n-A INPUT -j ACCEPT")
    assert verdict.at == "filter:INPUT:rule:2"


MARKS = [
    ("--set-mark 0x1", 0xF0, 0x1),
    ("--or-mark 0x4000", 0xF0, 0x40F0),
    ("--xor-mark 0x4000", 0x40F0, 0xF0),
    ("--and-mark 0xf", 0xFF, 0xF),
    ("--set-xmark 0x1/0xf", 0xFF, 0xF1),
    ("--set-mark 0x1/0xf", 0xFE, 0xF1),
]


@pytest.mark.parametrize("option, before, after", MARKS)
def test_mark_is_cleared_by_the_mask_and_xored(option: str, before: int, after: int) -> None:
    verdict, _ = walk(f"-A INPUT -j MARK --set-mark {before:#x}\n-A INPUT -j MARK {option}")
    assert verdict.skb.mark == after
