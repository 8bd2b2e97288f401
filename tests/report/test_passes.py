"""A host's steps, folded: nothing is lost, nothing comes twice, and what decided is kept."""

from __future__ import annotations

import pytest

from kproxysim.netfilter.events import Event
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.walk import Walked
from kproxysim.network import World
from kproxysim.network.trace import Trace
from kproxysim.report.passes import passes
from kproxysim.report.text import trace_page
from tests.report.worlds import article, sent

DUMP = """\
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -j TRACE
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
-A PREROUTING -p tcp -j RETURN
-A FORWARD -p tcp -j LOG --log-prefix "seen "
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:AWAY - [0:0]
:OFFICE - [0:0]
-A PREROUTING -j OFFICE
-A PREROUTING -p tcp -m tcp --dport 80 -g AWAY
-A OFFICE -s 192.0.2.0/24 -j RETURN
-A AWAY -p tcp -m comment --comment "by hand" -j DNAT --to-destination 10.44.0.5:8080
-A POSTROUTING -d 10.44.0.5/32 -j SNAT --to-source 10.128.0.12
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
-A FORWARD -m set --match-set friends src -j ACCEPT
COMMIT
"""


def with_rules(text: str) -> World:
    world = article()
    rules = {"node-a": [Ruleset.from_save(text)]}
    return World(world.cluster, config=world.config, clients={"browser": "203.0.113.7"}, rules=rules)


class TestPasses:
    def test_hold_every_step_once_and_in_order(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            for branch in trace.branches:
                for hop in (*branch.hops, *(branch.reply.hops if branch.reply else ())):
                    parts = list(passes(hop))
                    flat = [
                        step
                        for part in parts
                        for step in (
                            [part] if isinstance(part, Event) else [*part.steps, *filter(None, [part.nat])]
                        )
                    ]
                    assert flat == hop.steps

    def test_each_is_one_table_from_base_chain_to_verdict(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            for branch in trace.branches:
                for hop in branch.hops:
                    for part in passes(hop):
                        if isinstance(part, Event):
                            continue
                        assert part.hook in BASE_CHAINS[part.table]
                        assert {step.table for step in part.steps} == {part.table}
                        policies = [step for step in part.steps if step.kind == "policy"]
                        assert policies in ([], [part.last])

    def test_what_decided_or_changed_is_kept(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            for branch in trace.branches:
                for hop in branch.hops:
                    for part in passes(hop):
                        if isinstance(part, Event):
                            continue
                        kept = part.notable()
                        changed = [step for step in part.steps if step.before is not step.after]
                        assert [step for step in kept if step in changed] == changed
                        assert not part.decided or kept[-1] is part.last


@pytest.fixture(scope="module")
def text() -> str:
    trace = sent(with_rules(DUMP.replace("-m set --match-set friends src", "-p tcp")), "198.51.100.12:80")
    return "\n".join(" ".join(line.split()) for line in trace_page(trace))


class TestOtherPeoplesRules:
    @pytest.mark.parametrize(
        "line",
        [
            "raw:PREROUTING:1 TRACE",
            "mangle:PREROUTING:1 RETURN tcp",
            "nat:PREROUTING:2 goto AWAY tcp, dport 80",
            "nat:AWAY:1 DNAT dst 10.128.0.12:80 -> 10.44.0.5:8080",
            'mangle:FORWARD:1 LOG --log-prefix "seen "',
            "filter:FORWARD:1 ACCEPT tcp",
            "nat:POSTROUTING:1 SNAT src 203.0.113.7 -> 10.128.0.12",
            "matched dst 10.44.0.5 = 10.44.0.5/32",
        ],
    )
    def test_are_shown_as_they_are(self, text: str, line: str) -> None:
        assert line in text.split("\n")

    def test_a_chain_that_only_looked_is_left_out(self, text: str) -> None:
        assert "OFFICE" not in text

    def test_what_is_not_modelled_is_named(self) -> None:
        trace = sent(with_rules(DUMP), "198.51.100.12:80")
        text = " ".join(trace_page(trace).text().split())
        assert "verdict unmodelled: set 'friends' decides on node-a" in text

    def test_a_policy_that_drops_is_the_decider(self) -> None:
        rules = DUMP.replace("-A FORWARD -m set --match-set friends src -j ACCEPT\n", "")
        trace = sent(with_rules(rules), "198.51.100.12:80")
        text = " ".join(trace_page(trace).text().split())
        assert "filter:FORWARD policy DROP" in text
        assert "verdict dropped on node-a by the policy of filter:FORWARD" in text
        assert all(isinstance(step, Walked | Event) for _, step in trace.branches[0].steps())
