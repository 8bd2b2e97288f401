"""The structure of a ruleset: what is made ready once, what a hook has to do, which chain leads where."""

import pytest

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.ruleset import Ruleset


def graph_of(lines: str) -> ChainGraph:
    return ChainGraph(Ruleset.from_save(f"{lines}\nCOMMIT\n", "ipv4"))


RULES = "*filter\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -s 10.0.0.1 -j DROP\n-A B -m recent --set"


def test_a_chain_is_made_ready_once() -> None:
    graph = graph_of(RULES)
    ready = graph.chain("filter", "A")
    assert graph.chain("filter", "A") is ready
    assert ([position.at for position in ready.rules], ready.end.at) == (
        ["filter:A:rule:1"],
        "filter:A:return:2",
    )
    with pytest.raises(KeyError):
        graph.chain("filter", "C")


@pytest.mark.parametrize(
    "policy, action, place",
    [
        (":INPUT DROP [0:0]", "DROP", "filter:INPUT:policy:2"),
        (":INPUT - [0:0]", "ACCEPT", "filter:INPUT:policy:2"),
    ],
)
def test_a_base_chain_ends_in_its_policy(policy: str, action: str, place: str) -> None:
    found = graph_of(f"*filter\n{policy}\n-A INPUT -p tcp").chain("filter", "INPUT").policy
    assert (found.action, found.at) == (action, place)


def test_what_stays_the_same_stays_ready() -> None:
    before = graph_of(RULES)
    one, other = before.chain("filter", "A"), before.chain("filter", "B")
    changed = before.ruleset.copy()
    changed.restore("*filter\n-A B -j DROP\nCOMMIT\n", noflush=True)
    after = ChainGraph(changed, before)
    assert after.chain("filter", "A") is one
    assert after.chain("filter", "B") is not other
    assert len(after.chain("filter", "B").rules) == 2


@pytest.mark.parametrize(
    "lines, hook, untracked, tracked",
    [
        ("*filter\n-A INPUT -j DROP", "INPUT", "filter", "filter nat"),
        ("*filter\n:INPUT DROP [0:0]", "INPUT", "filter", "filter nat"),
        ("*filter\n:INPUT ACCEPT [0:0]", "INPUT", "", "nat"),
        ("*filter\n-A INPUT -j DROP", "FORWARD", "", ""),
        (
            "*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n*raw\n-A PREROUTING -j CT --notrack",
            "PREROUTING",
            "raw",
            "raw conntrack nat",
        ),
        (
            "*mangle\n-A OUTPUT -j ACCEPT\nCOMMIT\n*security\n-A OUTPUT -j ACCEPT",
            "OUTPUT",
            "mangle security",
            "conntrack mangle nat security",
        ),
    ],
)
def test_what_a_hook_has_to_do(lines: str, hook: str, untracked: str, tracked: str) -> None:
    """In the order of their priorities (linux/netfilter_ipv4.h); without connections nothing is nat's."""
    graph = graph_of(lines)
    for _ in range(2):
        found = [" ".join(graph.busy_tables(hook, tracked=one)) for one in (False, True)]
        assert found == [untracked, tracked]


def test_what_rules_tell_apart() -> None:
    cuts = Cuts()
    graph = graph_of(RULES)
    graph.cut(cuts)
    assert cuts.atoms(4).is_single(0x0A000001)
    assert cuts.exact == {graph.chain("filter", "B").rules[0]}


def test_dead_chains_are_those_that_no_hook_leads_to() -> None:
    text = "*filter\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A B -j A\nCOMMIT\n"
    assert ChainGraph(Ruleset.from_save(text, "ipv4")).dead_chains() == [("filter", "B")]


def test_the_graph_of_a_ruleset() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -p tcp -j A\n-A INPUT -j DROP\n-A INPUT -g B\nCOMMIT\n"
    ruleset = Ruleset.from_save(f"{text}*nat\n-A OUTPUT -j ACCEPT\nCOMMIT\n", "ipv4")
    graph = ChainGraph(ruleset).to_networkx()
    assert {name: dict(data) for name, data in graph.nodes(data=True) if name[0] == "filter"} == {
        ("filter", "INPUT"): {"policy": "DROP", "rules": 3},
        ("filter", "FORWARD"): {"policy": "ACCEPT", "rules": 0},
        ("filter", "OUTPUT"): {"policy": "ACCEPT", "rules": 0},
        ("filter", "A"): {"policy": None, "rules": 0},
        ("filter", "B"): {"policy": None, "rules": 0},
    }
    rules = ruleset.tables["filter"].chains["INPUT"].rules
    order = [
        (start, end[0], data) for start, end, data in graph.edges(data=True) if start == ("hook", "OUTPUT")
    ]
    assert order == [
        (("hook", "OUTPUT"), "nat", {"kind": "hook", "order": 3}),  # behind raw, conntrack and mangle
        (("hook", "OUTPUT"), "filter", {"kind": "hook", "order": 4}),
    ]
    jumps = [(start, end, data) for start, end, data in graph.edges(data=True) if start[0] != "hook"]
    assert jumps == [
        (("filter", "INPUT"), ("filter", "A"), {"kind": "jump", "rule": rules[0], "number": 1}),
        (("filter", "INPUT"), ("filter", "B"), {"kind": "jump", "rule": rules[2], "number": 3}),
    ]
