"""kube-proxy over time: what a sync writes again, and what it leaves alone."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.kubeproxy import Proxier, Sync
from kproxysim.kubeproxy.proxier import LARGE_CLUSTER
from kproxysim.netfilter.rule import Rule
from kproxysim.netfilter.ruleset import Ruleset
from tests.kubeproxy.small import endpoints, node, service

ONE = service("one", clusterIP="10.8.0.1")
TWO = service("two", clusterIP="10.8.0.2")
OF_ONE = endpoints("10.4.1.1", owner="one", name="one-1")
OF_TWO = endpoints("10.4.1.2", owner="two", name="two-1")


def proxier(
    *things: Service | EndpointSlice,
    version: str | None = None,
    facts: dict[str, Any] | None = None,
    **config: Any,
) -> Proxier:
    return Proxier(
        Cluster(
            [node()],
            [thing for thing in things if isinstance(thing, Service)],
            [thing for thing in things if isinstance(thing, EndpointSlice)],
        ),
        "n1",
        version=version,
        config=KubeProxyConfiguration.model_validate(config),
        facts=NodeFacts.model_validate(facts or {}),
    )


def written(sync: Sync) -> list[str]:
    """The service ports whose own chains a sync has written."""
    lines = sync.script.to_text().splitlines()
    return sorted(
        line.split('"')[1].removesuffix(" -> 10.4.1.1:8080").removesuffix(" -> 10.4.1.2:8080")
        for line in lines
        if line.startswith("-A KUBE-SVC-") and " -> " in line
    )


class TestPartialSync:
    """After the first sync, only Services of which something changed are written again."""

    def test_nothing_happened(self) -> None:
        one = proxier(ONE, TWO, OF_ONE, OF_TWO)
        assert written(one.sync()) == ["default/one:http", "default/two:http"]
        second = one.sync()
        assert not second.full
        assert written(second) == []
        assert second.ensured == ()
        assert second.sysctls == ()

    def test_rules_written_again_say_who_made_them(self) -> None:
        one = proxier(ONE, OF_ONE)
        one.sync()
        one.apply(service("two", clusterIP="10.8.0.2"))
        (nat,) = (section for section in one.sync().script.sections if section.table == "nat")
        (caught,) = (rule for rule in nat.statements if isinstance(rule, Rule) and "10.8.0.1" in rule.text)
        assert caught.origin == ("Service default/one", "spec.clusterIP", "http")

    def test_a_service_changed(self) -> None:
        one = proxier(ONE, TWO, OF_ONE, OF_TWO)
        one.sync()
        one.apply(service("one", clusterIP="10.8.0.9"))
        assert written(one.sync()) == ["default/one:http"]

    def test_endpoints_changed(self) -> None:
        one = proxier(ONE, TWO, OF_ONE, OF_TWO)
        one.sync()
        one.apply(endpoints({"ip": "10.4.1.2", "nodeName": "n1"}, owner="two", name="two-1"))
        assert written(one.sync()) == ["default/two:http"]

    def test_an_update_that_changes_no_rule_is_none(self) -> None:
        one = proxier(ONE, OF_ONE)
        one.sync()
        one.apply(service("one", clusterIP="10.8.0.1", metadata={"labels": {"team": "a"}}))
        one.apply(OF_ONE)
        assert written(one.sync()) == []

    def test_there_and_back_is_no_change_of_a_service(self) -> None:
        one = proxier(ONE, OF_ONE)
        one.sync()
        one.apply(service("one", clusterIP="10.8.0.9"))
        one.apply(ONE)
        assert written(one.sync()) == []

    @pytest.mark.parametrize(
        "version, partial", [("1.25", False), ("1.26", False), ("1.27", True), ("1.36", True)]
    )
    def test_came_with_1_27(self, version: str, partial: bool) -> None:
        one = proxier(ONE, OF_ONE, version=version)
        one.sync()
        assert one.sync().full is not partial

    def test_a_gate_turned_it_on_before_and_kept_the_jumps(self) -> None:
        gates = {"MinimizeIPTablesRestore": True}
        one = proxier(ONE, OF_ONE, version="1.26", featureGates=gates)
        first, second = one.sync(), one.sync()
        assert not second.full
        assert len(second.ensured) == len(first.ensured) > 0

    def test_leaves_the_tables_as_a_full_one_would(self) -> None:
        one = proxier(ONE, TWO, OF_ONE, OF_TWO)
        ruleset = Ruleset()
        ruleset.apply(one.sync().script)
        changed = service("one", clusterIP="10.8.0.9", externalIPs=["192.0.2.1"])
        one.apply(changed)
        one.delete(OF_TWO)
        ruleset.apply(one.sync().script)
        whole = Ruleset()
        whole.apply(proxier(changed, TWO, OF_ONE).sync().script)
        assert ruleset == whole


class TestFullSync:
    def test_on_request(self) -> None:
        one = proxier(ONE, OF_ONE)
        one.sync()
        one.request_full_sync()
        assert one.sync().full
        assert not one.sync().full

    @pytest.mark.parametrize(
        "version, zone, labels, full",
        [
            ("1.33", "a", {}, False),
            ("1.33", "b", {}, True),
            ("1.33", "a", {"disk": "ssd"}, True),
            ("1.34", "a", {"disk": "ssd"}, False),
            ("1.34", "b", {}, True),
        ],
    )
    def test_after_a_change_of_the_nodes_labels(
        self, version: str, zone: str, labels: dict[str, str], full: bool
    ) -> None:
        one = proxier(ONE, OF_ONE, version=version)
        one.sync()
        one.apply(relabelled(node(zone=zone), labels))
        one.apply(relabelled(node("n2", zone="c"), labels))
        assert one.sync().full is full

    def test_a_new_zone_counts(self) -> None:
        one = proxier(
            ONE,
            endpoints({"ip": "10.4.1.1", "zones": ["a"]}, {"ip": "10.4.1.2", "zones": ["b"]}, owner="one"),
        )
        assert "10.4.1.1:8080" in one.sync().script.to_text()
        one.apply(node(zone="b"))
        assert "10.4.1.1:8080" not in one.sync().script.to_text()
        one.delete(node(zone="b"))
        assert "10.4.1.1:8080" in one.sync().script.to_text()

    @pytest.mark.parametrize(
        "version, large, full",
        [
            ("1.32", False, False),
            ("1.33", False, True),
            ("1.33", True, True),
            ("1.34", False, True),
            ("1.34", True, False),
        ],
    )
    def test_an_hour_later(self, version: str, large: bool, full: bool) -> None:
        things = (ONE, many_endpoints(LARGE_CLUSTER + 1) if large else OF_ONE)
        one = proxier(*things, version=version)
        one.sync(now=0)
        assert not one.sync(now=3600).full
        assert one.sync(now=3601).full is full


def relabelled(thing: Node, labels: dict[str, str]) -> Node:
    metadata = thing.metadata.model_copy(update={"labels": {**thing.metadata.labels, **labels}})
    return thing.model_copy(update={"metadata": metadata})


def many_endpoints(count: int) -> EndpointSlice:
    addresses = [f"10.4.{number >> 8}.{number & 255}" for number in range(count)]
    return endpoints(*addresses, owner="one", name="one-1")


class TestLargeClusters:
    """More than 1000 endpoints, ready or not, counted for each service port: rules about them have no comments."""

    @pytest.mark.parametrize("count, explained", [(LARGE_CLUSTER, True), (LARGE_CLUSTER + 1, False)])
    def test_comments(self, count: int, explained: bool) -> None:
        text = proxier(ONE, many_endpoints(count)).sync().script.to_text()
        assert ('"default/one:http -> 10.4.0.1:8080"' in text) is explained
        assert ("-m comment --comment default/one:http -s 10.4.0.1 " in text) is explained
        assert '"default/one:http cluster IP"' in text

    def test_endpoints_count_for_each_port(self) -> None:
        ports = [{"name": "http", "port": 80}, {"name": "https", "port": 443}]
        slice_ = endpoints(
            *[f"10.4.{number >> 8}.{number & 255}" for number in range(501)], owner="one", ports=ports
        )
        text = proxier(service("one", ports=ports), slice_).sync().script.to_text()
        assert " -> " not in text

    def test_endpoints_without_a_service_port_do_not_count(self) -> None:
        ports = [{"name": "http", "port": 80}, {"name": "unused", "port": 443}]
        slice_ = endpoints(
            *[f"10.4.{number >> 8}.{number & 255}" for number in range(501)], owner="one", ports=ports
        )
        assert " -> " in proxier(ONE, slice_).sync().script.to_text()


class TestStaleChains:
    """Chains of the kind that a service port owns, and that none owns any more, are emptied and removed."""

    SAVED = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SVC-OLD - [0:0]\n:KUBE-XLB-OLD - [0:0]\n:OTHER - [0:0]\nCOMMIT\n"

    def removed(self, sync: Sync) -> list[str]:
        lines = sync.script.to_text().splitlines()
        gone = [line.removeprefix("-X ") for line in lines if line.startswith("-X ")]
        assert all(f":{chain} - [0:0]" in lines for chain in gone)
        return gone

    @pytest.mark.parametrize(
        "version, gone", [("1.27", ["KUBE-SVC-OLD", "KUBE-XLB-OLD"]), ("1.28", ["KUBE-SVC-OLD"])]
    )
    def test_at_the_start(self, version: str, gone: list[str]) -> None:
        assert self.removed(proxier(ONE, version=version, facts={"existingNat": self.SAVED}).sync()) == gone

    def test_of_its_own(self) -> None:
        one = proxier(ONE, TWO, OF_ONE, OF_TWO)
        one.sync()
        assert self.removed(one.sync()) == []
        one.delete(TWO)
        gone = self.removed(one.sync())
        assert [chain[:9] for chain in gone] == ["KUBE-SEP-", "KUBE-SVC-"]
        assert self.removed(one.sync()) == []

    def test_as_iptables_save_shows_them(self) -> None:
        one = proxier(ONE, OF_ONE)
        assert self.removed(one.sync(nat_chains=["KUBE-SEP-OLD", "KUBE-SERVICES"])) == ["KUBE-SEP-OLD"]

    def test_seldom_in_a_large_cluster(self) -> None:
        one = proxier(ONE, TWO, many_endpoints(LARGE_CLUSTER + 1), OF_TWO)
        one.sync(now=0)
        one.delete(TWO)
        assert self.removed(one.sync(now=30)) == []
        assert len(self.removed(one.sync(now=31))) == 2


DNS_PORTS = [{"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}]
DNS = service("dns", clusterIP="10.8.0.53", ports=DNS_PORTS, externalIPs=["192.0.2.53"])


def of_dns(*entries: Any) -> EndpointSlice:
    return endpoints(
        *entries, owner="dns", name="dns-1", ports=[{"name": "dns", "port": 53, "protocol": "UDP"}]
    )


class TestStaleConnections:
    """Up to 1.31 events make commands; from 1.32 on the kernel's table is read. See also the recordings."""

    def commands(self, sync: Sync) -> list[str]:
        assert not sync.conntrack.listed
        return [" ".join(command) for command in sync.conntrack.commands]

    def test_first_endpoint_then_none(self) -> None:
        one = proxier(DNS, of_dns("10.4.1.1"), version="1.31")
        assert self.commands(one.sync()) == [
            "conntrack -D --orig-dst 10.8.0.53 -p udp",
            "conntrack -D --orig-dst 192.0.2.53 -p udp",
            "conntrack -D -p udp --dport 30053",
        ]
        assert self.commands(one.sync()) == []
        one.apply(of_dns())
        assert self.commands(one.sync()) == [
            "conntrack -D --orig-dst 10.8.0.53 --dst-nat 10.4.1.1 -p udp",
            "conntrack -D --orig-dst 192.0.2.53 --dst-nat 10.4.1.1 -p udp",
            "conntrack -D -p udp --dport 30053 --dst-nat 10.4.1.1",
        ]

    def test_a_terminating_endpoint_that_serves_stays(self) -> None:
        one = proxier(DNS, of_dns("10.4.1.1"), version="1.31")
        one.sync()
        one.apply(of_dns({"ip": "10.4.1.1", "ready": False, "terminating": True}))
        assert self.commands(one.sync()) == []

    def test_a_service_that_went(self) -> None:
        one = proxier(DNS, of_dns("10.4.1.1"), version="1.31")
        one.sync()
        one.delete(DNS)
        assert self.commands(one.sync()) == ["conntrack -D --orig-dst 10.8.0.53 -p udp"]

    def test_from_1_32_on_the_table_is_read_when_udp_endpoints_changed(self) -> None:
        one = proxier(DNS, of_dns("10.4.1.1"), ONE, OF_ONE, version="1.32")
        assert one.sync().conntrack.listed
        one.apply(endpoints("10.4.1.9", owner="one", name="one-1"))
        assert not one.sync().conntrack.listed
        one.delete(of_dns())
        assert one.sync().conntrack.listed
