"""What the compiler writes is what kube-proxy wrote: every recording, every version."""

from pathlib import Path

import pytest

from kproxysim.kubeproxy import SUPPORTED, compile_rules
from kproxysim.kubeproxy.versions import minor_of
from tests.kubeproxy.recordings import (
    FIRST_SYNCS,
    PARTIAL_SYNCS,
    name_of,
    observed,
    parse_object,
    read,
    recorded,
)
from tests.kubeproxy.restore_text import FIXED, comparable_restore, comparable_save


def test_there_are_recordings_of_every_supported_version() -> None:
    assert {f"1.{minor_of(path.parent.name)}" for path in FIRST_SYNCS} == set(SUPPORTED)
    assert len(FIRST_SYNCS) == 353
    assert len(PARTIAL_SYNCS) == 3


@pytest.mark.parametrize("path", FIRST_SYNCS, ids=name_of)
def test_the_first_sync_and_the_tables_afterwards(path: Path) -> None:
    recording = read(path)
    for family, expected in recording.expected.items():
        sync = recording.proxier(family).sync(connections=recording.connections)
        wanted = recorded(expected)
        assert sync.full
        assert observed(sync, wanted) == wanted, family
        ruleset = compile_rules(
            recording.cluster, recording.node, family, recording.version, recording.config, recording.facts
        )
        assert comparable_restore(ruleset.to_restore().splitlines()) == comparable_restore(
            expected["restore"]
        )
        if "iptablesSave" in expected:
            assert comparable_save(ruleset.to_save().splitlines()) == comparable_save(
                expected["iptablesSave"]
            )


@pytest.mark.parametrize("path", PARTIAL_SYNCS, ids=name_of)
def test_partial_syncs(path: Path) -> None:
    recording = read(path)
    (family,) = recording.expected
    expected = recording.expected[family]
    proxier = recording.proxier(family)
    first = recorded(expected)
    assert observed(proxier.sync(), first) == first
    for step, after in zip(recording.steps, expected["steps"], strict=True):
        for change in step:
            thing = parse_object(change["object"])
            if change["op"] == "apply":
                proxier.apply(thing)
            else:
                proxier.delete(thing)
        # the stand-in for iptables-save showed an empty table throughout
        sync = proxier.sync(nat_chains=())
        wanted = recorded(after)
        assert not sync.full
        assert observed(sync, wanted) == wanted


class TestTheComparison:
    """It passes over what does not matter, and over nothing else."""

    RULES = (
        '-A KUBE-SERVICES -m comment --comment "a/one cluster IP" -m tcp -p tcp -d 10.0.0.1 --dport 1 -j X',
        '-A KUBE-SERVICES -m comment --comment "a/one external IP" -m tcp -p tcp -d 10.0.0.2 --dport 1 -j X',
        '-A KUBE-SERVICES -m comment --comment "a/two cluster IP" -m tcp -p tcp -d 10.0.0.3 --dport 1 -j X',
    )

    def text(self, *rules: str) -> dict[str, object]:
        lines = []
        for table, chains in FIXED.items():
            lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in chains)]
            lines += [*(rules if table == "nat" else ()), "COMMIT"]
        return comparable_restore(lines)

    def test_pieces_may_change_places(self) -> None:
        one, external, two = self.RULES
        assert self.text(one, external, two) == self.text(two, one, external)

    def test_rules_of_one_piece_may_not(self) -> None:
        one, external, two = self.RULES
        assert self.text(one, external, two) != self.text(external, one, two)

    def test_rules_of_other_chains_may_not(self) -> None:
        first, second = "-A KUBE-POSTROUTING -j RETURN", "-A KUBE-POSTROUTING -j ACCEPT"
        assert self.text(first, second) != self.text(second, first)

    def test_nothing_stands_behind_the_jump_to_node_ports(self) -> None:
        last = (
            '-A KUBE-SERVICES -m comment --comment "x; NOTE: this must be the last rule in this chain" -j Y'
        )
        with pytest.raises(AssertionError, match="goes on behind"):
            self.text(last, self.RULES[0])
