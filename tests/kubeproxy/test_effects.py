"""What kube-proxy does beside rules when it starts: `setupConntrack` in cmd/kube-proxy/app/server_linux.go."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.kubeproxy import node_effects
from tests.kubeproxy.small import node, service

CONNTRACK = "net/netfilter/nf_conntrack_"
USUAL = {f"{CONNTRACK}tcp_timeout_established": "86400", f"{CONNTRACK}tcp_timeout_close_wait": "3600"}
ROUTES_LOCALNET = {"net/ipv4/conf/all/route_localnet": "1"}
LIBERAL = {f"{CONNTRACK}tcp_be_liberal": "1"}


@pytest.mark.parametrize(
    "version, conntrack, wanted",
    [
        ("1.36", {}, USUAL),
        (
            "1.36",
            {"udpTimeout": "40s", "udpStreamTimeout": "3m", "tcpCloseWaitTimeout": "0s"},
            {
                f"{CONNTRACK}tcp_timeout_established": "86400",
                f"{CONNTRACK}udp_timeout": "40",
                f"{CONNTRACK}udp_timeout_stream": "180",
            },
        ),
        ("1.36", {"tcpBeLiberal": True}, USUAL | LIBERAL),
        ("1.25", {"tcpBeLiberal": True}, USUAL),  # the field came with 1.29
    ],
)
def test_settings_of_conntrack(version: str, conntrack: dict[str, Any], wanted: dict[str, str]) -> None:
    config = KubeProxyConfiguration.model_validate({"conntrack": conntrack})
    cluster = Cluster([node()])
    assert node_effects(cluster, "n1", version, config).sysctls == ROUTES_LOCALNET | wanted


def test_a_node_that_routes_to_localhost_already_is_left_so() -> None:
    facts = NodeFacts.model_validate({"sysctls": {"net.ipv4.conf.all.route_localnet": "1"}})
    assert node_effects(Cluster([node()]), "n1", "1.36", None, facts).sysctls == USUAL


def test_health_checks_are_answered_in_order_of_ports() -> None:
    balanced = [
        service(
            name,
            type="LoadBalancer",
            clusterIP=f"10.8.0.{place}",
            externalTrafficPolicy="Local",
            healthCheckNodePort=port,
        )
        for place, (name, port) in enumerate((("b", 30202), ("a", 30201)), 1)
    ]
    plain = service("c", clusterIP="10.8.0.3")
    assert node_effects(Cluster([node()], [*balanced, plain]), "n1").listening == (30201, 30202)
