"""What strategies draw is valid, has everything in it, shrinks to what a reader knows; wrong arguments are told."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, NoSuchExample

from kproxysim.cluster import Cluster
from kproxysim.errors import InputError, Severity
from kproxysim.netfilter.matches import EXTENSIONS as KNOWN_MATCHES
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.netfilter.targets import EXTENSIONS as KNOWN_TARGETS
from kproxysim.network import World
from kproxysim.network.pods import pods_of
from kproxysim.packet import Packet
from kproxysim.testing import Call, Situation
from kproxysim.testing.strategies import (
    calls,
    clusters,
    configurations,
    facts,
    nodes,
    packets,
    rulesets,
    situations,
    timelines,
    worlds,
)
from kproxysim.testing.strategies.rule_words import MATCHES, TARGETS

few = settings(max_examples=40 if settings.get_current_profile_name() == "ordinary" else 1000)
quick = settings(max_examples=400, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


OCCURS: dict[str, Callable[[Cluster], bool]] = {
    "headless": lambda one: any(service.spec.is_headless for service in one.services),
    "ExternalName": lambda one: any(service.spec.type == "ExternalName" for service in one.services),
    "dual stack": lambda one: any(len(service.spec.ip_families) == 2 for service in one.services),
    "policy Local": lambda one: any(
        service.spec.external_traffic_policy == "Local" for service in one.services
    ),
    "SCTP": lambda one: any(
        port.protocol == "SCTP" for service in one.services for port in service.spec.ports
    ),
    "ipMode Proxy": lambda one: any(
        entry.ip_mode == "Proxy" for service in one.services for entry in service.status.load_balancer.ingress
    ),
    "hints": lambda one: any(
        endpoint.hints.for_zones for piece in one.endpoint_slices for endpoint in piece.endpoints
    ),
    "draining": lambda one: any(
        endpoint.conditions.terminating and endpoint.conditions.serving
        for piece in one.endpoint_slices
        for endpoint in piece.endpoints
    ),
    "on the node's network": lambda one: any(pod.host_network for pod in pods_of(one)),
    "an endpoint that no pod has": lambda one: any(not pod.node for pod in pods_of(one)),
    "source ranges": lambda one: any(service.spec.load_balancer_source_ranges for service in one.services),
}


class TestClusters:
    @few
    @given(clusters())
    def test_an_api_server_would_take_them(self, cluster: Cluster) -> None:
        assert [one for one in cluster.findings if one.severity is not Severity.NOTE] == []

    def test_everything_occurs(self) -> None:
        seen: Counter[str] = Counter()

        @settings(max_examples=150)
        @given(clusters())
        def draw(cluster: Cluster) -> None:
            seen.update(name for name, occurs in OCCURS.items() if occurs(cluster))

        draw()
        assert set(seen) == set(OCCURS)

    def test_they_shrink_to_one_node_and_one_service(self) -> None:
        cluster = find(clusters(), lambda one: bool(one.services), settings=quick)
        assert [node.name for node in cluster.nodes] == ["n0"]
        (service,) = cluster.services
        assert (service.spec.type, service.spec.cluster_ips, service.spec.external_ips) == (
            "ClusterIP",
            ("10.48.0.1",),
            (),
        )

    def test_arguments_narrow(self) -> None:
        narrow = clusters(nodes=2, services=1, families=("ipv6",), types=("NodePort",), external_ips=())

        @few
        @given(narrow)
        def holds(cluster: Cluster) -> None:
            assert (len(cluster.nodes), len(cluster.services)) == (2, 1)
            (service,) = cluster.services
            assert (service.spec.type, service.spec.ip_families) == ("NodePort", ("IPv6",))
            assert service.spec.external_ips == ()

        holds()


class TestRulesets:
    @settings(max_examples=30)
    @given(rulesets())
    def test_they_are_read_as_they_are_printed(self, ruleset: Ruleset) -> None:
        assert Ruleset.from_save(ruleset.to_save(), ruleset.family) == ruleset

    def test_every_match_and_every_target_has_words_that_fit_somewhere(self) -> None:
        assert (set(MATCHES), set(TARGETS)) == (set(KNOWN_MATCHES), set(KNOWN_TARGETS))
        for words, option in ((MATCHES, "-m"), (TARGETS, "-j")):
            for name, by_family in words.items():
                own = "" if name in ("tcp", "udp", "sctp") else f"{option} {name}"
                for family, texts in by_family.items():
                    for text in texts:
                        taken = [
                            Ruleset.from_save(f"*{table}\n-A {base} {text}\nCOMMIT\n", family)
                            for table, bases in BASE_CHAINS.items()
                            for base in bases
                            if fits(family, table, base, text)
                        ]
                        assert taken, text
                        assert own in text

    def test_what_narrowing_leaves_out_does_not_occur(self) -> None:
        @settings(max_examples=30)
        @given(
            rulesets(tables=("filter",), matches=("tcp",), targets=("DROP",), policies=("ACCEPT",), chains=0)
        )
        def holds(ruleset: Ruleset) -> None:
            assert set(ruleset.tables) <= {"filter"}
            for _, rule in ruleset.rules():
                assert "-m " not in rule.text or "-m tcp" in rule.text
                assert "-j" not in rule.text or rule.text.endswith(("-j DROP", "-j RETURN"))

        holds()


def fits(family: Family, table: str, base: str, text: str) -> bool:
    try:
        Ruleset.from_save(f"*{table}\n-A {base} {text}\nCOMMIT\n", family)
    except InputError:
        return False
    return True


class TestCalls:
    def test_each_aim_and_each_sender_occurs(self) -> None:
        seen: Counter[str] = Counter()

        @settings(max_examples=60)
        @given(situations(worlds(clusters(services=1, types=("NodePort",)))))
        def draw(situation: Situation) -> None:
            seen[situation.call.source.partition("/")[0]] += 1
            ports = {situation.packet.dport} & {80, 30000, 8080, 22}
            seen.update(map(str, ports))

        draw()
        assert {"internet", "pod", "node", "80", "30000"} <= set(seen)

    @few
    @given(st.data())
    def test_a_call_can_be_sent(self, data: st.DataObject) -> None:
        world = data.draw(worlds())
        call = data.draw(calls(world))
        assert world.packet(call.source, call.to).family in (4, 6)

    def test_packets_are_for_whom_there_is(self) -> None:
        world = World(find(clusters(), lambda one: len(one.services) == 2, settings=quick))
        seen: Counter[str] = Counter()

        @settings(max_examples=100)
        @given(packets(world))
        def draw(packet: Packet) -> None:
            seen.update((packet.protocol, packet.flags, str(packet.dst)))

        draw()
        known = {text for service in world.cluster.services for text in service.spec.cluster_ips}
        assert {"tcp", "udp", "sctp", "icmp", "SYN,ACK"} <= set(seen)
        assert known & set(seen), seen


WRONG = [
    (lambda: clusters(nodes=0), "nodes=0 is no number of them: write a number from 1 to 9"),
    (lambda: clusters(services=(3, 1)), r"services=\(3, 1\)"),
    (lambda: clusters(types="NodePort"), "types='NodePort' is no list of words: write for example"),
    (lambda: clusters(types=("Nodeport",)), "'Nodeport' is not known; the words are 'ClusterIP', 'NodePort'"),
    (lambda: clusters(protocols=()), "leaves nothing to draw from: take at least one of 'TCP'"),
    (
        lambda: clusters(hints="yes"),  # type: ignore[arg-type]
        "hints='yes': write True or False",
    ),
    (lambda: clusters(ingress=("shared",)), "write ingress="),
    (lambda: configurations(masquerade_bits=32), "write a number from 0 to 31"),
    (
        lambda: configurations(masquerade_all=True),  # type: ignore[arg-type]
        r"masquerade_all=True: write the values that it may have, such as masquerade_all=\(False, True\)",
    ),
    (lambda: configurations(localhost_node_ports=()), r"localhost_node_ports=\(\): write the values"),
    (
        lambda: configurations(conntrack=1),  # type: ignore[arg-type]
        "conntrack=1: write True or False",
    ),
    (
        lambda: facts(listening=("tcp/22",)),  # type: ignore[arg-type]
        "listening=.*: write True or False",
    ),
    (lambda: facts(reverse_path=("3",)), "'3' is not known; the words are '0', '1', '2'"),
    (lambda: nodes(families=("ipv5",)), "'ipv5' is not known"),
    (lambda: rulesets(matches=("ipvs",)), "'ipvs' is not known; the words are 'tcp', 'udp'"),
    (lambda: rulesets(chains=10), "chains=10 is no number of them: write a number from 0 to 9"),
    (lambda: timelines(events=("explode",)), "'explode' is not known; the words are 'open', 'send'"),
    (lambda: timelines(steps=(3, 1)), r"steps=\(3, 1\)"),
    (lambda: worlds(versions=("1.20",)), "'1.20' is not known"),
    (
        lambda: worlds("cluster.yaml"),  # type: ignore[arg-type]
        "clusters='cluster.yaml' is nothing to draw from: write a Cluster",
    ),
    (lambda: situations(aims=("services",)), "'services' is not known; the words are 'service'"),
    (
        lambda: situations(rules="kube-proxy"),  # type: ignore[arg-type]
        "write a function of cluster, node and family",
    ),
    (lambda: calls(World(Cluster()), aims=("service",)), "there is nothing to call"),
    (lambda: calls(World(Cluster()), clients=("me",)), "write addresses, such as 203.0.113.7"),
    (lambda: calls(World(Cluster()), services=("default/echo",)), "the Services are: there is none"),
]


@pytest.mark.parametrize("make, says", WRONG)
def test_a_wrong_argument_is_told_what_to_write(make: Callable[[], object], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        make()


def test_what_narrowing_leaves_out_does_not_occur() -> None:
    with pytest.raises(NoSuchExample):
        find(
            clusters(external_ips=()),
            lambda one: any(service.spec.external_ips for service in one.services),
            settings=settings(max_examples=50, database=None),
        )


def test_a_call_says_itself() -> None:
    assert str(Call("node/n0", "10.48.0.1:80", "n1")) == "node/n0 calls 10.48.0.1:80 by way of n1"
