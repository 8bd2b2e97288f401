"""The laws of Service routing hold for every cluster and every packet; the one that kube-proxy does not keep is seen to break.

`make laws` draws 300 situations for each law, new ones each time.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings

from kproxysim import Cluster, World
from kproxysim.testing import ALL_LAWS, LAWS, UNKEPT, Call, Law, LawBroken, Situation, check_laws
from kproxysim.testing.program import program
from kproxysim.testing.strategies import situations, situations_for
from tests.properties.spoken import check_spoke

ORDINARY = settings.get_current_profile_name() == "ordinary"
few = settings(max_examples=16) if ORDINARY else settings()


def of_a_kind() -> list[list[Law]]:
    """The laws, those together that have most to say in the same situations."""
    found: dict[str, list[Law]] = {}
    for law in ALL_LAWS:
        found.setdefault(f"{law.clusters} {law.calls}", []).append(law)
    return list(found.values())


@pytest.mark.parametrize("laws", of_a_kind(), ids=lambda laws: " ".join(law.name for law in laws))
def test_law(laws: list[Law]) -> None:
    """Each situation is drawn for all of these laws, and followed once."""
    spoke = dict.fromkeys((law.name for law in laws), 0)

    @few
    @given(situations_for(laws[0]))
    def holds(situation: Situation) -> None:
        for law in laws:
            spoke[law.name] += law.applies(situation)
        check_laws(situation, laws)

    holds()
    check_spoke(spoke, few)


@few
@given(situations())
def test_all_laws_hold_everywhere(situation: Situation) -> None:
    check_laws(situation)


@pytest.mark.parametrize("law", UNKEPT, ids=[law.name for law in UNKEPT])
def test_what_kube_proxy_does_not_keep_is_found(law: Law) -> None:
    @settings(max_examples=200, database=None, phases=(Phase.generate,))
    @given(situations_for(law))
    def holds(situation: Situation) -> None:
        check_laws(situation, [law])

    with pytest.raises(LawBroken) as broken:
        holds()
    (violation,) = broken.value.violations
    taken = {one.key for one in violation.situation.world.cluster.services if one.spec.external_ips}
    assert any(f"without Service {key}" in str(broken.value) for key in taken)


@few
@given(situations())
def test_a_situation_is_a_program_to_paste(situation: Situation) -> None:
    """Run, it sends the same packet in the same world."""
    assume(not situation.endless)
    names: dict[str, Any] = {}
    exec(program(situation), names)  # noqa: S102 - what is to be pasted runs
    assert names["trace"] == situation.trace


def test_every_law_says_what_it_is_and_where_it_is_written(root: Path) -> None:
    assert len(LAWS) == len(ALL_LAWS) > 20
    for law in (*ALL_LAWS, *UNKEPT):
        assert law.statement.endswith(".")
        assert law.source
        assert not law.scenario or (root / law.scenario).is_file()
        assert repr(law).startswith(f"Law(name={law.name!r}")


def test_no_answer_for_ipv6_loopback_comes_from_elsewhere() -> None:
    """The condition of a law: the endpoint on another node takes the packet, and its answer is not taken."""
    node = {"apiVersion": "v1", "kind": "Node"}
    cluster = Cluster.load(
        [
            {
                **node,
                "metadata": {"name": name},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            }
            for name, address in (("n0", "fd00:128::11"), ("n1", "fd00:128::12"))
        ]
        + [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "s0", "namespace": "default"},
                "spec": {
                    "type": "NodePort",
                    "clusterIP": "fd00:48::1",
                    "ipFamilies": ["IPv6"],
                    "ports": [{"port": 80, "targetPort": 9090, "nodePort": 30000}],
                },
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": "s0-1",
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": "s0"},
                },
                "addressType": "IPv6",
                "ports": [{"port": 9090}],
                "endpoints": [{"addresses": ["fd00:128::11"], "nodeName": "n0"}],
            },
        ]
    )
    situation = Situation(World(cluster, version="1.25"), Call("node/n1", "[::1]:30000"))
    assert [(branch.disposition, branch.client_sees) for branch in situation.trace] == [
        ("delivered", "timeout")
    ]
    check_laws(situation, [LAWS["own-node-translates-back"]])
