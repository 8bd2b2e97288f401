"""The laws of Service routing, held against toyproxy."""

from hypothesis import Phase, given, settings
from toyproxy import rules

from kproxysim.testing import LAWS, Situation, check_laws
from kproxysim.testing.strategies import clusters, configurations, situations, worlds

PROMISED = worlds(
    clusters(
        types=("ClusterIP", "NodePort"),
        external_policies=("Cluster",),
        internal_policies=("Cluster",),
        affinities=("None",),
        external_ips=(),
        endpoint_states=("ready", "unsaid", "not ready"),
        hints=False,
        oddities=False,
    ),
    configurations=configurations(
        detect_local=("ClusterCIDR",),
        masquerade_all=(False,),
        node_port_addresses=False,
        localhost_node_ports=(True,),
    ),
    versions=("1.25",),
)

KEPT = [
    LAWS[name]
    for name in (
        "usable-endpoints-only",
        "served-at-every-address",
        "equal-shares",
        "masqueraded-where-promised",
        "source-kept-where-promised",
        "answer-from-the-dialled-address",
        "translated-once",
        "no-loops",
        "mark-stays-home",
        "left-alone",
        "order-means-nothing",
        "other-services-mean-nothing",
    )
]

few = settings(
    max_examples=40, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate, Phase.shrink)
)


@few
@given(situations(PROMISED, rules=rules))
def test_the_laws_that_it_keeps(situation: Situation) -> None:
    check_laws(situation, KEPT)


@few
@given(situations(PROMISED, rules=rules, aims=("service",), senders=("pod",)))
def test_a_pod_that_reaches_itself(situation: Situation) -> None:
    check_laws(situation, [LAWS["hairpin"]])
