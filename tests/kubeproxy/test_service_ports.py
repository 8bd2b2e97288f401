"""From a Service to the facts of its ports: pkg/proxy/serviceport.go."""

from typing import Any

import pytest

from kproxysim.kubeproxy.service_ports import PortKey, ServicePort, read_service
from kproxysim.netfilter.script import Family
from tests.kubeproxy.small import service, settings

HTTP = PortKey("http", "TCP")


def port(version: str | None = None, family: Family = "ipv4", **spec: Any) -> ServicePort:
    return read_service(service(**spec), settings(version, family))[HTTP]


class TestWhichServices:
    @pytest.mark.parametrize(
        "spec",
        [
            {"clusterIP": ""},
            {"clusterIP": "None"},
            {"type": "ExternalName", "externalName": "db.example.net"},
            {"metadata": {"labels": {"service.kubernetes.io/service-proxy-name": "other"}}},
            {"clusterIP": "fd00::1", "clusterIPs": ["fd00::1"], "ipFamilies": ["IPv6"]},
            {"ports": []},
        ],
    )
    def test_no_rules_for(self, spec: dict[str, Any]) -> None:
        assert read_service(service(**spec), settings()) == {}

    def test_each_family_has_its_cluster_ip(self) -> None:
        spec: dict[str, Any] = {
            "clusterIP": "fd00::1",
            "clusterIPs": ["fd00::1", "10.8.0.1"],
            "ipFamilies": ["IPv6", "IPv4"],
        }
        assert port(family="ipv4", **spec).cluster_ip == "10.8.0.1"
        assert port(family="ipv4", **spec).cluster_ip_field == "spec.clusterIPs[1]"
        assert port(family="ipv6", **spec).cluster_ip == "fd00::1"
        assert port(family="ipv6", **spec).cluster_ip_field == "spec.clusterIP"

    def test_an_address_without_a_family_has_the_one_that_it_shows(self) -> None:
        spec: dict[str, Any] = {"clusterIP": "fd00:0::1", "clusterIPs": ["fd00:0::1"], "ipFamilies": []}
        assert port(family="ipv6", **spec).cluster_ip == "fd00::1"
        assert port(family="ipv6", **spec).cluster_ip_field == "spec.clusterIP"
        assert read_service(service(**spec), settings(family="ipv4")) == {}

    def test_a_family_without_an_address_has_no_rules(self) -> None:
        spec: dict[str, Any] = {"clusterIPs": ["10.8.0.1"], "ipFamilies": ["IPv4", "IPv6"]}
        assert read_service(service(**spec), settings(family="ipv6")) == {}

    def test_of_two_ports_of_one_name_the_last_one_counts(self) -> None:
        assert port(ports=[{"name": "http", "port": 80}, {"name": "http", "port": 81}]).port == 81

    def test_a_port_is_shown_by_its_name_or_number(self) -> None:
        (unnamed,) = read_service(service(ports=[{"port": 8443}]), settings()).values()
        assert unnamed.name == "default/web"
        assert unnamed.shown_port == "8443"
        assert port().shown_port == "http"


class TestAddresses:
    """In the order of the object, of the family, duplicates kept; printed by Go from 1.30 on."""

    def test_external_ips(self) -> None:
        found = port(externalIPs=["192.0.2.9", "2001:DB8::9", "192.0.2.1", "192.0.2.9", "::ffff:192.0.2.7"])
        assert found.external_ips == ("192.0.2.9", "192.0.2.1", "192.0.2.9", "192.0.2.7")
        assert found.external_ip_fields == tuple(f"spec.externalIPs[{index}]" for index in (0, 2, 3, 4))
        assert port(family="ipv6", **DUAL, externalIPs=["2001:DB8::9"]).external_ips == ("2001:db8::9",)
        assert port("1.29", externalIPs=["010.0.0.1"]).external_ips == ("010.0.0.1",)

    @pytest.mark.parametrize(
        "version, gates, found",
        [
            ("1.36", {}, ("192.0.2.1", "192.0.2.3")),
            ("1.29", {}, ("192.0.2.1", "192.0.2.2", "192.0.2.3")),
            ("1.29", {"LoadBalancerIPMode": True}, ("192.0.2.1", "192.0.2.3")),
            ("1.30", {"LoadBalancerIPMode": False}, ("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        ],
    )
    def test_load_balancer_ips_that_stay_in_the_packet(
        self, version: str, gates: dict[str, bool], found: tuple[str, ...]
    ) -> None:
        ingress = [
            {"ip": "192.0.2.1"},
            {"ip": "192.0.2.2", "ipMode": "Proxy"},
            {"ip": "192.0.2.3", "ipMode": "VIP"},
            {"hostname": "lb.example.net"},
            {"ip": "2001:db8::1"},
        ]
        one = service(type="LoadBalancer", status={"loadBalancer": {"ingress": ingress}})
        how = settings(version, config={"featureGates": gates})
        assert read_service(one, how)[HTTP].load_balancer_ips == found

    @pytest.mark.parametrize("version, printed", [("1.29", "2001:DB8::9"), ("1.30", "2001:db8::9")])
    def test_load_balancer_ips_are_printed_by_go_from_1_30_on(self, version: str, printed: str) -> None:
        status = {"loadBalancer": {"ingress": [{"ip": "2001:DB8::9"}]}}
        six = {"clusterIP": "fd00::1", "ipFamilies": ["IPv6"]}
        found = port(version, "ipv6", type="LoadBalancer", status=status, **six)
        assert found.load_balancer_ips == (printed,)

    @pytest.mark.parametrize(
        "version, given, found",
        [
            ("1.36", [" 203.0.113.0/25", "10.8.0.5/16"], ("203.0.113.0/25", "10.8.0.0/16")),
            ("1.29", [" 203.0.113.0/25 ", "10.8.0.5/16"], ("203.0.113.0/25", "10.8.0.5/16")),
            ("1.36", ["10.0.0.0/8", "fd00::/8"], ("10.0.0.0/8",)),
            ("1.33", ["10.0.0.0/8", "10.9.8.7/0"], ("10.0.0.0/8", "0.0.0.0/0")),
            ("1.34", ["10.0.0.0/8", "10.9.8.7/0"], ()),
            ("1.34", ["10.0.0.0/8", "::/0"], ("10.0.0.0/8",)),
        ],
    )
    def test_source_ranges(self, version: str, given: list[str], found: tuple[str, ...]) -> None:
        assert port(version, loadBalancerSourceRanges=given).source_ranges == found


DUAL: dict[str, Any] = {
    "clusterIP": "10.8.0.1",
    "clusterIPs": ["10.8.0.1", "fd00::1"],
    "ipFamilies": ["IPv4", "IPv6"],
}


class TestPolicies:
    @pytest.mark.parametrize(
        "spec, local",
        [
            ({"type": "NodePort"}, True),
            ({"type": "LoadBalancer"}, True),
            ({"type": "ClusterIP"}, False),
            ({"type": "ClusterIP", "externalIPs": ["192.0.2.1"]}, True),
            ({"type": "ClusterIP", "externalIPs": ["2001:db8::1"]}, True),
        ],
    )
    def test_external_policy_counts_where_there_is_an_outside(
        self, spec: dict[str, Any], local: bool
    ) -> None:
        assert port(externalTrafficPolicy="Local", **spec).external_policy_local is local

    def test_internal_policy_had_a_gate(self) -> None:
        config = {"featureGates": {"ServiceInternalTrafficPolicy": False}}
        one = service(internalTrafficPolicy="Local")
        assert read_service(one, settings("1.25"))[HTTP].internal_policy_local
        assert not read_service(one, settings("1.25", config=config))[HTTP].internal_policy_local

    @pytest.mark.parametrize(
        "spec, number",
        [
            ({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}, 32000),
            ({"type": "LoadBalancer", "externalTrafficPolicy": "Cluster", "healthCheckNodePort": 32000}, 0),
            ({"type": "NodePort", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}, 0),
            ({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}, 0),
        ],
    )
    def test_health_check_port(self, spec: dict[str, Any], number: int) -> None:
        assert port(**spec).health_check_node_port == number

    def test_affinity(self) -> None:
        assert port().affinity_seconds is None
        assert port(sessionAffinity="ClientIP").affinity_seconds == 10800
        config = {"clientIP": {"timeoutSeconds": 60}}
        assert port(sessionAffinity="ClientIP", sessionAffinityConfig=config).affinity_seconds == 60

    def test_without_the_gate_external_ips_are_gone_but_leave_the_service_external(self) -> None:
        """Recorded for 1.36.3: the KUBE-EXT- chain is written, and nothing leads to it."""
        config = {"featureGates": {"AllowServiceExternalIPs": False}}
        one = service(externalIPs=["192.0.2.1"], externalTrafficPolicy="Local")
        found = read_service(one, settings("1.36", config=config))[HTTP]
        assert found.external_ips == ()
        assert found.externally_accessible
        assert found.external_policy_local

    def test_equal_facts_are_equal_wherever_they_stand(self) -> None:
        first = port(externalIPs=["2001:db8::1", "192.0.2.1"])
        second = port(externalIPs=["192.0.2.1"])
        assert first == second
        assert first.external_ip_fields != second.external_ip_fields
