"""What a kube-proxy finds out at its start: its node, its settings, where node ports answer."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster, KubeProxyConfiguration, Node, NodeFacts
from kproxysim.errors import InputError
from kproxysim.kubeproxy.settings import mark_text, settings_for
from tests.kubeproxy.small import ZONE, node, settings

LOCAL = "-m addrtype --dst-type LOCAL"


class TestMark:
    """Go's `%#08x`: eight digits, for its width does not count the prefix. Recorded for bits 0, 1, 5, 14, 15, 20, 31."""

    @pytest.mark.parametrize(
        "bit, text", [(0, "0x00000001"), (14, "0x00004000"), (15, "0x00008000"), (31, "0x80000000")]
    )
    def test_has_eight_digits(self, bit: int, text: str) -> None:
        assert mark_text(bit) == text
        assert settings(config={"iptables": {"masqueradeBit": bit}}).mark == text


class TestLocalDetector:
    """`getLocalDetectors` in cmd/kube-proxy/app/server_linux.go."""

    @pytest.mark.parametrize(
        "version, config, ipv4, ipv6",
        [
            ("1.36", {}, None, None),
            ("1.36", {"clusterCIDR": "10.4.0.0/14"}, "-s 10.4.0.0/14", None),
            ("1.36", {"clusterCIDR": "fd00:4::/48,10.4.0.0/14"}, "-s 10.4.0.0/14", "-s fd00:4::/48"),
            ("1.30", {"clusterCIDR": "10.4.1.2/14"}, "-s 10.4.0.0/14", None),
            ("1.29", {"clusterCIDR": "10.4.1.2/14"}, "-s 10.4.1.2/14", None),
            ("1.36", {"detectLocalMode": "NodeCIDR"}, "-s 10.4.1.0/24", "-s fd00:4:0:1::/64"),
            (
                "1.36",
                {"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "cbr0"}},
                "-i cbr0",
                "-i cbr0",
            ),
            (
                "1.36",
                {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth"}},
                "-i veth+",
                "-i veth+",
            ),
        ],
    )
    def test_by_mode(self, version: str, config: dict[str, Any], ipv4: str | None, ipv6: str | None) -> None:
        own = node(podCIDRs=["10.4.1.0/24", "fd00:4:0:1::/64"])
        for family, wanted in (("ipv4", ipv4), ("ipv6", ipv6)):
            found = settings(version, family, config=config, own=own).local  # type: ignore[arg-type]
            assert (found and found.local) == wanted
            assert (found and found.not_local) == (wanted and f"! {wanted}")

    def test_node_without_pod_cidr_has_none(self) -> None:
        assert settings(config={"detectLocalMode": "NodeCIDR"}).local is None


class TestNode:
    """`detectNodeIPs` and `GetNodeHostIPs`; the name is that of `GetHostname`."""

    @pytest.mark.parametrize(
        "addresses, config, facts, ipv4, ipv6",
        [
            ([], {}, {}, "127.0.0.1", "::1"),
            ([("InternalIP", "10.0.0.1")], {}, {}, "10.0.0.1", "::1"),
            ([("ExternalIP", "192.0.2.1"), ("InternalIP", "10.0.0.1")], {}, {}, "10.0.0.1", "::1"),
            ([("InternalIP", "10.0.0.1"), ("ExternalIP", "2001:db8::1")], {}, {}, "10.0.0.1", "2001:db8::1"),
            ([("InternalIP", "10.0.0.1"), ("InternalIP", "10.0.0.2")], {}, {}, "10.0.0.1", "::1"),
            ([("InternalIP", "010.0.0.1")], {}, {}, "10.0.0.1", "::1"),
            ([("InternalIP", "10.0.0.1")], {"bindAddress": "10.9.9.9"}, {}, "10.9.9.9", "::1"),
            ([("InternalIP", "10.0.0.1")], {"bindAddress": "::"}, {}, "10.0.0.1", "::1"),
            ([("InternalIP", "10.0.0.1")], {"bindAddress": "fd00::9"}, {}, "10.0.0.1", "fd00::9"),
            ([("InternalIP", "10.0.0.1")], {}, {"nodeIPs": ["10.7.7.7"]}, "10.7.7.7", "::1"),
        ],
    )
    def test_own_addresses(
        self,
        addresses: list[tuple[str, str]],
        config: dict[str, Any],
        facts: dict[str, Any],
        ipv4: str,
        ipv6: str,
    ) -> None:
        own = Node.model_validate(
            {
                "metadata": {"name": "n1"},
                "status": {"addresses": [{"type": kind, "address": text} for kind, text in addresses]},
            }
        )
        assert str(settings(config=config, facts=facts, own=own).node_ip) == ipv4
        assert str(settings(family="ipv6", config=config, facts=facts, own=own).node_ip) == ipv6

    def make(self, override: str) -> tuple[str, str]:
        found = settings_for(
            Cluster([node("n1", "a"), node("n2", "b")]),
            "n1",
            "ipv4",
            None,
            config=KubeProxyConfiguration(hostname_override=override),
            facts=NodeFacts(),
        )
        return found.node_name, found.zone

    def test_hostname_override_is_another_name(self) -> None:
        assert self.make("") == ("n1", "a")
        assert self.make(" N2 ") == ("n2", "b")

    def test_an_override_that_no_node_has_knows_no_labels(self) -> None:
        assert self.make("elsewhere") == ("elsewhere", "")

    def test_an_unknown_node_is_an_error_that_names_the_others(self) -> None:
        with pytest.raises(InputError, match="n1") as caught:
            settings_for(
                Cluster([node()]), "n9", "ipv4", None, config=KubeProxyConfiguration(), facts=NodeFacts()
            )
        assert "n1" in str(caught.value)

    def test_the_zone_is_a_label(self) -> None:
        assert settings(own=node(zone="z1")).zone == "z1"
        assert settings(own=node(zone="")).zone == ""
        assert ZONE == "topology.kubernetes.io/zone"


class TestNodePorts:
    """`nodePortAddresses` and `localhostNodePorts`: pkg/proxy/util/nodeport_addresses.go and the end of syncProxyRules."""

    FACTS = {"interfaces": {"lo": ["127.0.0.1/8", "::1/128"], "eth0": ["10.128.0.2/24", "fd00:10::2/64"]}}  # noqa: RUF012

    CASES: tuple[tuple[Any, ...], ...] = (
        # version, family, nodePortAddresses, localhostNodePorts: dispatch, localhost, sysctl
        ("1.36", "ipv4", [], True, [LOCAL], True, True),
        ("1.36", "ipv4", [], False, [f"{LOCAL} ! -d 127.0.0.0/8"], False, False),
        ("1.36", "ipv6", [], True, [f"{LOCAL} ! -d ::1/128"], False, False),
        ("1.25", "ipv4", [], True, [LOCAL], True, True),
        ("1.25", "ipv6", [], True, [LOCAL], True, True),
        ("1.36", "ipv4", ["10.128.0.0/24"], True, ["-d 10.128.0.2"], False, False),
        ("1.36", "ipv6", ["10.128.0.0/24"], True, [f"{LOCAL} ! -d ::1/128"], False, False),
        (
            "1.36",
            "ipv4",
            ["127.0.0.0/8", "10.128.0.0/24"],
            True,
            ["-d 10.128.0.2", "-d 127.0.0.1"],
            True,
            True,
        ),
        ("1.36", "ipv4", ["127.0.0.0/8", "10.128.0.0/24"], False, ["-d 10.128.0.2"], False, False),
        ("1.36", "ipv6", ["::1/128", "fd00::/8"], True, ["-d fd00:10::2"], False, False),
        ("1.25", "ipv6", ["::1/128", "fd00::/8"], True, ["-d ::1", "-d fd00:10::2"], True, False),
        ("1.36", "ipv4", ["10.128.0.0/24", "0.0.0.0/0"], True, [LOCAL], True, True),
        ("1.34", "ipv4", ["10.1.2.3/0"], True, [LOCAL], True, True),
        ("1.33", "ipv4", ["10.1.2.3/0"], True, ["-d 10.128.0.2", "-d 127.0.0.1"], True, True),
        ("1.36", "ipv4", ["192.0.2.0/24"], True, [], False, False),
        ("1.31", "ipv4", ["primary"], True, ["-d 10.128.0.2"], False, False),
        ("1.31", "ipv6", ["primary"], True, ["-d fd00:10::2"], False, False),
    )

    @pytest.mark.parametrize("version, family, entries, localhost, dispatch, effective, sysctl", CASES)
    def test_where_they_answer(
        self,
        version: str,
        family: Any,
        entries: list[str],
        localhost: bool,
        dispatch: list[str],
        effective: bool,
        sysctl: bool,
    ) -> None:
        config = {"nodePortAddresses": entries, "iptables": {"localhostNodePorts": localhost}}
        facts = {**self.FACTS, "nodeIPs": ["10.128.0.2", "fd00:10::2"]}
        found = settings(version, family, config=config, facts=facts)
        assert list(found.node_ports.dispatch) == dispatch
        assert found.node_ports.localhost == effective
        assert bool(found.sysctls) == sysctl

    @pytest.mark.parametrize("version, written", [("1.25", False), ("1.26", False), ("1.27", True)])
    def test_without_an_address_old_versions_write_no_node_ports(self, version: str, written: bool) -> None:
        config = {"nodePortAddresses": ["192.0.2.0/24"]}
        assert settings(version, config=config, facts=self.FACTS).node_ports.written is written

    def test_primary_is_not_known_before_1_31(self) -> None:
        with pytest.raises(InputError) as caught:
            settings("1.30", config={"nodePortAddresses": ["primary"]})
        assert caught.value.code == "KPS404"

    def test_a_sysctl_that_is_set_is_not_set_again(self) -> None:
        assert settings().sysctls == (("net/ipv4/conf/all/route_localnet", "1"),)
        assert settings(facts={"sysctls": {"net.ipv4.conf.all.route_localnet": 1}}).sysctls == ()

    def test_interfaces_are_made_up_from_the_node(self) -> None:
        assert settings(config={"nodePortAddresses": ["10.0.0.0/8"]}).node_ports.dispatch == (
            "-d 10.128.0.2",
        )


class TestConntrack:
    @pytest.mark.parametrize(
        "version, config, facts, drops",
        [
            ("1.36", {}, {}, True),
            ("1.36", {"conntrack": {"tcpBeLiberal": True}}, {}, False),
            ("1.36", {}, {"sysctls": {"net.netfilter.nf_conntrack_tcp_be_liberal": 1}}, False),
            ("1.36", {}, {"sysctls": {"net/netfilter/nf_conntrack_tcp_be_liberal": 0}}, True),
            ("1.28", {"conntrack": {"tcpBeLiberal": True}}, {}, True),
        ],
    )
    def test_invalid_packets_are_dropped_unless_tcp_is_liberal(
        self, version: str, config: dict[str, Any], facts: dict[str, Any], drops: bool
    ) -> None:
        assert settings(version, config=config, facts=facts).drops_invalid is drops

    def test_counters_came_with_1_31(self) -> None:
        facts = {"nfacctCounters": ["ct_state_invalid_dropped_pkts"]}
        assert settings("1.30", facts=facts).counters == frozenset()
        assert settings("1.31", facts=facts).counters == {"ct_state_invalid_dropped_pkts"}
