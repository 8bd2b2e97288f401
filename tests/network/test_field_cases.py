"""Troubles from the field that need time: stale UDP entries, flows from before the rules, rolling updates."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster, EndpointSlice, Service
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, Exchange, Session, World
from tests.network.small import CONFIG, node, service, world

CLIENT = "internet/203.0.113.7"
NODES = (
    node("node-a", "10.128.0.12", "198.51.100.12", "10.44.0.0/24", provider=""),
    node("node-b", "10.128.0.13", "198.51.100.13", "10.44.1.0/24", provider=""),
)
EDGE = Edge(kind="routed", routes={"192.0.2.53/32": "node-a"})
DNS = Service.model_validate(
    {
        "metadata": {"name": "dns"},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": "10.8.0.53",
            "externalIPs": ["192.0.2.53"],
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.53"}]}},
    }
)
ONE, TWO = ("10.44.1.7", "node-b", "dns-1"), ("10.44.1.8", "node-b", "dns-2")


def of_dns(*pods: tuple[str, str, str]) -> EndpointSlice:
    return EndpointSlice.model_validate(
        {
            "metadata": {"name": "dns-x", "labels": {"kubernetes.io/service-name": "dns"}},
            "addressType": "IPv4",
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}],
            "endpoints": [
                {
                    "addresses": [address],
                    "nodeName": where,
                    "targetRef": {"kind": "Pod", "namespace": "default", "name": name},
                }
                for address, where, name in pods
            ],
        }
    )


def dns(*pods: tuple[str, str, str], services: tuple[Service, ...] = (DNS,), **more: Any) -> World:
    cluster = Cluster(NODES, services, [of_dns(*pods)] if pods else [])
    return World(cluster, edge=EDGE, config=CONFIG, **more)


def served(exchange: Exchange) -> str:
    assert exchange.trace is not None
    (branch,) = exchange.trace
    return branch.delivered_to.pod if branch.delivered_to else branch.client_sees


class TestAStaleUdpEntry:
    """kubernetes#65228: the pod behind a UDP Service is replaced, the flow has to move with it. Clean-up once
    knew cluster IPs only; today it knows every kind of address, by commands up to 1.31 and by entries after.
    """

    @pytest.mark.parametrize("version", ["1.25", "1.31", "1.32", "1.36"])
    @pytest.mark.parametrize(
        "source, to",
        [
            ("node/node-a", "10.8.0.53:53/udp"),
            (CLIENT, "192.0.2.53:53/udp"),
            (CLIENT, "198.51.100.53:53/udp"),
            (CLIENT, "198.51.100.12:30053/udp"),
        ],
        ids=["cluster IP", "external IP", "load balancer IP", "node port"],
    )
    def test_the_flow_moves(self, source: str, to: str, version: str) -> None:
        here = dns(ONE, version=version)
        opened = here.open(source=source, to=to, via="node-a")
        assert served(opened) == "default/dns-1"
        here.advance(5)
        here.remove_pod("default/dns-1")
        reports = here.apply(of_dns(TWO))
        gone = {report.node: [one.original.sport for one in report.deleted] for report in reports}
        assert gone["node-a"] == [51514]
        assert here.conntrack("node-a") == ()
        assert served(here.send_on(opened.session)) == "default/dns-2"

    def test_without_clean_up_it_stays_with_the_dead(self) -> None:
        here = dns(ONE)
        opened = here.open(source=CLIENT, to="192.0.2.53:53/udp")
        here.lag_kube_proxy("node-a")
        here.remove_pod("default/dns-1")
        here.apply(of_dns(TWO))
        for _ in range(6):  # each datagram keeps the entry alive
            here.advance(10)
            assert served(here.send_on(opened.session)) == "host-unreachable"
        (report,) = here.sync_kube_proxy("node-a")
        assert len(report.deleted) == 1
        assert served(here.send_on(opened.session)) == "default/dns-2"

    def test_tcp_entries_are_left_alone(self) -> None:
        here = world(service("echo", "10.8.0.1", node_port=30080))
        here.open(source=CLIENT, to="198.51.100.12:30080", pick="echo-2")
        reports = here.delete("EndpointSlice default/echo-x")
        assert [report.deleted for report in reports] == [(), ()]
        assert len(here.conntrack("node-a")) == 1


class TestAFlowFromBeforeTheRules:
    """kubernetes#48370, and measured (udp-before-rules): a UDP flow that began while nothing translated it stays
    as it is as long as its entry lives, and each datagram keeps it alive.
    """

    SENDER, TO = "node/node-a", "10.8.0.53:53/udp"

    def opened(self, here: World) -> Session:
        session = here.open(source=self.SENDER, to=self.TO).session
        (entry,) = here.conntrack("node-a")
        assert entry.reply == entry.original.inverse()
        return session

    @pytest.mark.parametrize("version", ["1.30", "1.36"])
    def test_the_first_endpoint_clears_it(self, version: str) -> None:
        here = dns(services=(), version=version)
        session = self.opened(here)
        here.apply(DNS)
        reports = here.apply(of_dns(ONE))
        assert [len(report.deleted) for report in reports if report.node == "node-a"] == [1]
        assert served(here.send_on(session)) == "default/dns-1"

    def test_an_empty_service_refuses_and_leaves_no_entry(self) -> None:
        """Measured: a first packet that is rejected is in no table, so nothing is left to clear."""
        here = dns()
        refused = here.open(source=self.SENDER, to=self.TO)
        assert (served(refused), here.conntrack("node-a")) == ("not-permitted", ())
        here.apply(of_dns(ONE))
        assert served(here.send_on(refused.session)) == "default/dns-1"

    def test_rules_alone_do_not_help(self) -> None:
        tracks = Ruleset.from_save(
            "*filter\n-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n", "ipv4"
        )
        here = dns(ONE, rules={"node-a": [tracks]})
        session = self.opened(here)
        here.restore("node-a", dns(ONE).ruleset("node-a").to_save(), noflush=False)
        for _ in range(4):
            here.advance(20)
            assert served(here.send_on(session)) == "net-unreachable"
        here.advance(31)  # the client pauses for longer than an unanswered entry lives
        assert served(here.send_on(session)) == "default/dns-1"


class TestARollingUpdate:
    """kubernetes#85643: policy Local, one pod a node. The balancer goes on sending to a node whose only pod is
    ending, until its health checks have failed.
    """

    LB = service(
        "echo",
        "10.8.0.1",
        node_port=30080,
        ingress="198.51.100.40",
        type="LoadBalancer",
        externalTrafficPolicy="Local",
        healthCheckNodePort=32000,
    )
    PODS = (("10.44.0.5", "node-a", "echo-1"), ("10.44.1.7", "node-b", "echo-2"))

    def ending(self, version: str) -> tuple[World, Session]:
        """A client talks to echo-2, which begins to end: not ready any more, but serving."""
        here = world(self.LB, only=self.PODS, version=version)
        opened = here.open(source=CLIENT, to="198.51.100.40:80", via="node-b")
        assert served(opened) == "default/echo-2"
        (piece,) = here.cluster.endpoint_slices
        data = piece.model_dump(by_alias=True, exclude_unset=True)
        data["endpoints"][1]["conditions"] = {"ready": False, "serving": True, "terminating": True}
        here.patch("EndpointSlice default/echo-x", {"endpoints": data["endpoints"]})
        return here, opened.session

    @pytest.mark.parametrize("version, seen", [("1.25", "timeout"), ("1.28", "default/echo-2")])
    def test_new_connections_while_the_balancer_has_not_noticed(self, version: str, seen: str) -> None:
        """ProxyTerminatingEndpoints: alpha in 1.22 and off, beta in 1.26."""
        here, _ = self.ending(version)
        here.advance(20)
        assert served(here.open(source=CLIENT, to="198.51.100.40:80", via="node-b")) == seen

    @pytest.mark.parametrize("version", ["1.25", "1.28"])
    def test_the_old_connection_goes_on_until_the_pod_is_gone(self, version: str) -> None:
        here, session = self.ending(version)
        here.advance(30)
        assert served(here.send_on(session)) == "default/echo-2"
        here.remove_pod("default/echo-2")
        assert here.send_on(session).session.state == "timeout"

    def test_after_three_failed_checks_the_node_is_out(self) -> None:
        here, _ = self.ending("1.28")
        here.advance(24)
        assert served(here.open(source=CLIENT, to="198.51.100.40:80", via="node-b")) == "default/echo-1"

    def test_a_node_that_answers_again_is_back_after_a_check(self) -> None:
        here, _ = self.ending("1.28")
        here.advance(60)
        here.patch(
            "EndpointSlice default/echo-x",
            {"endpoints": [{"addresses": ["10.44.1.9"], "nodeName": "node-b"}]},
        )
        here.advance(7)
        assert here.open(source=CLIENT, to="198.51.100.40:80").session.state == "timeout"
        here.advance(1)
        back = here.open(source=CLIENT, to="198.51.100.40:80", via="node-b")
        assert served(back) == "default/10.44.1.9"


class TestFlushedRules:
    """`Monitor` in pkg/util/iptables: kube-proxy looks for its canary once a sync period, 30 seconds."""

    def test_kube_proxy_notices(self) -> None:
        here = dns(ONE)
        here.advance(10)
        here.flush_rules("node-a")
        assert here.advance(19) == ()
        (report, _) = here.advance(1)
        assert (report.node, report.at, report.full) == ("node-a", 30, True)
        new = here.open(source="node/node-a", to="10.8.0.53:53/udp")
        assert served(new) == "default/dns-1"

    def test_a_partial_sync_in_between_fails_and_is_tried_again(self) -> None:
        """What was not written anew is missing: iptables-restore refuses jumps to it. All chains come when the
        flush is noticed.
        """
        here = dns(ONE)
        here.apply([service("echo", "10.8.0.1"), *world(service("echo", "10.8.0.1")).cluster.endpoint_slices])
        here.flush_rules("node-a")
        report = next(one for one in here.apply(of_dns(TWO)) if (one.node, one.family) == ("node-a", "ipv4"))
        assert (report.failed, report.full, report.written.rules_added) == (True, False, 0)
        assert here.ruleset("node-a").chain("nat", "KUBE-SERVICES") is None
        again = next(one for one in here.advance(30) if one.node == "node-a")
        assert (again.at, again.full, again.failed) == (30, True, False)

    def test_a_sync_an_hour(self) -> None:
        here = dns(ONE)
        reports = here.advance(2 * 3600 + 60)
        assert [(one.node, one.at) for one in reports] == [
            ("node-a", 3600),
            ("node-b", 3600),
            ("node-a", 7200),
            ("node-b", 7200),
        ]
        assert not any(one.written.rules_added or one.failed for one in reports)
