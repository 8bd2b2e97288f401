"""Where rules may stand in a table: what the kernel refuses (x_tables.c, `xt_check_match`; ip_tables.c, `mark_source_chains`)."""

import pytest

from kproxysim.netfilter.placing import Layout, Need, Refused, needs_of
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.syntax import parse_rule


def layout(table: str, *rules: str, family: Family = "ipv4") -> Layout:
    """Rules as `CHAIN text`, one in each line."""
    found = Layout(table)
    for line, rule in enumerate(rules, 1):
        chain, _, text = rule.partition(" ")
        meaning = parse_rule(text, family)
        found.add_needs(chain, needs_of(meaning), line)
        target = getattr(meaning.target, "chain", "")
        if target:
            found.add_jump(chain, target, line)
    return found


CASES: list[tuple[str, list[str], list[tuple[str, int, str, str]]]] = [
    ("filter", ["INPUT -i eth0 -j A", "A -o eth0 -j ACCEPT"], []),
    ("filter", ["INPUT -o eth0 -j ACCEPT"], [("KPS505", 1, "-o does not work in INPUT", "-o")]),
    ("filter", ["OUTPUT -i eth0 -j ACCEPT"], [("KPS505", 1, "-i does not work in OUTPUT", "-i")]),
    ("filter", ["FORWARD -i eth0 -o eth1 -j ACCEPT"], []),
    ("mangle", ["PREROUTING -i eth0 -j ACCEPT", "POSTROUTING -o eth0 -j ACCEPT"], []),
    ("mangle", ["POSTROUTING -i eth0 -j ACCEPT"], [("KPS505", 1, "-i does not work in POSTROUTING", "-i")]),
    ("nat", ["POSTROUTING -j DNAT --to-destination 10.0.0.1"], [("KPS505", 1, "DNAT does not work in POSTROUTING", "DNAT")]),
    ("filter", ["INPUT -j MASQUERADE"], [("KPS505", 1, "MASQUERADE works in table nat only", "MASQUERADE")]),
    ("nat", ["OUTPUT -j REJECT"], [("KPS505", 1, "REJECT works in table filter only", "REJECT")]),
    (
        "nat",
        ["PREROUTING -j A", "A -j B", "B -j MASQUERADE", "C -j MASQUERADE"],
        [("KPS505", 3, "MASQUERADE does not work in PREROUTING, from which chain B is reached", "MASQUERADE")],
    ),
    (
        "raw",
        ["OUTPUT -j A", "A -m rpfilter -j DROP", "A -m rpfilter -j ACCEPT"],
        [("KPS505", 2, "rpfilter does not work in OUTPUT, from which chain A is reached", "rpfilter")],
    ),
    (
        "filter",
        ["FORWARD -j A", "A -j B", "B -j C", "C -j A"],
        [("KPS503", 4, "chains call each other in a circle: A -> B -> C -> A", "A")],
    ),
    ("filter", ["FORWARD -j A", "A -j A"], [("KPS503", 2, "chains call each other in a circle: A -> A", "A")]),
    ("filter", ["FORWARD -j A", "B -j C", "C -j B"], []),  # no packet gets there
    ("filter", ["FORWARD -j A", "FORWARD -j B", "A -j C", "B -j C"], []),
]  # fmt: skip


@pytest.mark.parametrize("table, rules, wanted", CASES)
def test_what_the_kernel_refuses_of_a_table(
    table: str, rules: list[str], wanted: list[tuple[str, int, str, str]]
) -> None:
    assert list(layout(table, *rules).refused()) == [Refused(*one) for one in wanted]


def test_who_calls_a_chain() -> None:
    found = layout("filter", "INPUT -j A", "FORWARD -j B", "B -j A", "INPUT -j A")
    assert (found.callers("A"), found.callers("B"), found.callers("C")) == (["INPUT", "B"], ["FORWARD"], [])
    assert found.jumps == {"INPUT": {"A": 1}, "FORWARD": {"B": 2}, "B": {"A": 3}}
    found.forget("B")
    assert found.callers("A") == ["INPUT"]


def test_needs_keep_the_line_of_the_first_rule() -> None:
    found = layout("filter", "INPUT -i eth0 -j A", "INPUT -i eth1 -j A", "INPUT -m conntrack --ctstate NEW")
    assert [(need.word, line) for need, line in found.needs["INPUT"].items()] == [("-i", 1)]
    assert all(isinstance(need, Need) for need in found.needs["INPUT"])
    found.forget("INPUT")
    found.forget("NOWHERE")
    assert found.needs == {}
