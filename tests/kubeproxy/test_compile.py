"""A compiled ruleset: who was first, where each rule comes from, and what is said about it."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, NodeFacts, Service
from kproxysim.errors import InputError
from kproxysim.kubeproxy import compile_rules
from kproxysim.netfilter.rule import Origin
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from tests.kubeproxy.dumps import lint
from tests.kubeproxy.small import endpoints, node, service

EVERYTHING: dict[str, Any] = {
    "type": "LoadBalancer",
    "externalIPs": ["2001:db8::1", "192.0.2.1"],
    "ports": [{"port": 80, "nodePort": 30080, "name": "http"}, {"port": 443, "name": "https"}],
    "externalTrafficPolicy": "Local",
    "sessionAffinity": "ClientIP",
    "healthCheckNodePort": 32000,
    "loadBalancerSourceRanges": ["10.0.0.0/8"],
    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.50"}]}},
}


def compiled(
    *things: Service | EndpointSlice,
    version: str | None = None,
    family: Family = "ipv4",
    kubelet: bool = False,
) -> Ruleset:
    return compile_rules(
        Cluster(
            [node()],
            [thing for thing in things if isinstance(thing, Service)],
            [thing for thing in things if isinstance(thing, EndpointSlice)],
        ),
        "n1",
        family,
        version,
        KubeProxyConfiguration(cluster_cidr="10.4.0.0/14"),
        NodeFacts(kubelet=kubelet),
    )


def origins(ruleset: Ruleset, table: str, chain: str) -> list[Origin | None]:
    """As named tuples they are equal to plain ones."""
    found = ruleset.chain(table, chain)
    assert found is not None
    return [rule.origin for rule in found.rules]


class TestKubelet:
    """Its jumps to KUBE-FIREWALL were there first, so that kube-proxy's stand before them."""

    def jumps(self, ruleset: Ruleset, chain: str) -> list[str]:
        found = ruleset.chain("filter", chain)
        assert found is not None
        return [rule.text.rpartition(" ")[2] for rule in found.rules]

    def test_where_none_runs(self) -> None:
        ruleset = compiled()
        assert self.jumps(ruleset, "INPUT") == [
            "KUBE-FIREWALL",
            "KUBE-PROXY-FIREWALL",
            "KUBE-NODEPORTS",
            "KUBE-EXTERNAL-SERVICES",
        ]
        assert set(ruleset.tables) == {"filter", "nat"}

    def test_where_it_was_first(self) -> None:
        ruleset = compiled(kubelet=True)
        assert self.jumps(ruleset, "INPUT")[-1] == "KUBE-FIREWALL"
        assert self.jumps(ruleset, "OUTPUT")[-1] == "KUBE-FIREWALL"
        assert self.jumps(ruleset, "FORWARD") == self.jumps(compiled(), "FORWARD")
        assert ruleset.chain("mangle", "KUBE-IPTABLES-HINT") is not None
        assert ruleset.chain("nat", "KUBE-KUBELET-CANARY") is not None

    def test_it_changes_nothing_in_kube_proxys_own_text(self) -> None:
        assert compiled(kubelet=True).to_restore() == compiled().to_restore()

    @pytest.mark.parametrize("version, drops", [("1.26", True), ("1.27", False)])
    def test_up_to_1_26_it_kept_the_mark_for_dropping(self, version: str, drops: bool) -> None:
        ruleset = compiled(version=version, kubelet=True)
        assert (ruleset.chain("nat", "KUBE-MARK-DROP") is not None) is drops
        firewall = ruleset.chain("filter", "KUBE-FIREWALL")
        assert firewall is not None
        texts = [rule.text for rule in firewall.rules]
        assert len(texts) == (2 if drops else 1)
        assert "block incoming localnet connections" in texts[0]
        if drops:
            assert "--mark 0x00008000/0x00008000 -j DROP" in texts[1]

    @pytest.mark.parametrize("version", ["1.26", "1.36"])
    def test_ipv6_has_no_localnet_rule(self, version: str) -> None:
        assert "localnet" not in compiled(version=version, family="ipv6", kubelet=True).to_save()


class TestOrigins:
    """Each rule says which object and which field made it."""

    def ruleset(self) -> Ruleset:
        return compiled(
            service(**EVERYTHING),
            endpoints({"ip": "10.4.1.1", "nodeName": "n1"}, {"ip": "10.4.2.1", "nodeName": "n2"}),
        )

    def test_captures(self) -> None:
        web = "Service default/web"
        assert origins(self.ruleset(), "nat", "KUBE-SERVICES") == [
            (web, "spec.clusterIP", "http"),
            (web, "spec.externalIPs[1]", "http"),
            (web, "status.loadBalancer.ingress[0].ip", "http"),
            ("kube-proxy", "KubeProxyConfiguration nodePortAddresses", ""),
        ]
        assert origins(self.ruleset(), "nat", "KUBE-NODEPORTS") == [(web, "spec.ports[0].nodePort", "http")]
        assert origins(self.ruleset(), "filter", "KUBE-NODEPORTS") == [
            (web, "spec.healthCheckNodePort", "http"),
            (web, "spec.healthCheckNodePort", "https"),
        ]
        assert origins(self.ruleset(), "filter", "KUBE-PROXY-FIREWALL") == [
            (web, "spec.loadBalancerSourceRanges", "http"),
        ]
        assert origins(self.ruleset(), "filter", "KUBE-SERVICES") == [(web, "spec.clusterIP", "https")]
        assert origins(self.ruleset(), "filter", "KUBE-EXTERNAL-SERVICES") == [
            (web, "spec.externalIPs[1]", "https"),
            (web, "status.loadBalancer.ingress[0].ip", "https"),
        ]

    def test_own_chains(self) -> None:
        ruleset = self.ruleset()
        nat = ruleset.tables["nat"]
        by_prefix = {
            name[:8]: [rule.origin.field if rule.origin else "" for rule in chain.rules]
            for name, chain in nat.chains.items()
            if len(name) >= 24
        }
        here = "endpoints: EndpointSlice default/web-1 endpoints[0]"
        there = "endpoints: EndpointSlice default/web-1 endpoints[1]"
        cidr = "KubeProxyConfiguration clusterCIDR"
        policy, affinity = "spec.externalTrafficPolicy", "spec.sessionAffinity"
        assert by_prefix == {
            "KUBE-EXT": [cidr, policy, policy, policy],
            "KUBE-FW-": [
                "spec.loadBalancerSourceRanges[0]",
                "status.loadBalancer.ingress[0].ip",
                "spec.loadBalancerSourceRanges",
            ],
            "KUBE-SVC": [cidr, affinity, affinity, here, there],
            "KUBE-SVL": [affinity, here],
            "KUBE-SEP": [there, there],
        }

    @pytest.mark.parametrize(
        "entries, inside, outside",
        [
            ([], "spec.clusterIP", ["spec.externalIPs[0]", "spec.ports[0].nodePort"]),
            (
                [{"ip": "10.4.2.1", "nodeName": "n2"}],
                "spec.internalTrafficPolicy",
                ["spec.externalTrafficPolicy", "spec.externalTrafficPolicy"],
            ),
        ],
    )
    def test_a_refusal_is_made_by_the_policy_or_by_the_address(
        self, entries: list[Any], inside: str, outside: list[str]
    ) -> None:
        local = service(
            type="NodePort",
            externalIPs=["192.0.2.1"],
            ports=[{"port": 80, "nodePort": 30080, "name": "http"}],
            externalTrafficPolicy="Local",
            internalTrafficPolicy="Local",
        )
        ruleset = compiled(local, endpoints(*entries))
        web = "Service default/web"
        assert origins(ruleset, "filter", "KUBE-SERVICES") == [(web, inside, "http")]
        assert origins(ruleset, "filter", "KUBE-EXTERNAL-SERVICES") == [(web, one, "http") for one in outside]

    def test_whatever_is_masqueraded_is_by_the_configuration(self) -> None:
        """proxier.go: `masqueradeAll` asks for no source."""
        ruleset = compile_rules(
            Cluster([node()], [service()], [endpoints("10.4.1.1")]),
            "n1",
            config=KubeProxyConfiguration.model_validate({"iptables": {"masqueradeAll": True}}),
        )
        (mark, _) = next(
            chain.rules
            for name, chain in ruleset.tables["nat"].chains.items()
            if name.startswith("KUBE-SVC-")
        )
        assert mark.text == (
            '-m comment --comment "default/web:http cluster IP" '
            "-m tcp -p tcp -d 10.8.0.1 --dport 80 -j KUBE-MARK-MASQ"
        )
        assert mark.origin == (
            "Service default/web",
            "KubeProxyConfiguration iptables.masqueradeAll",
            "http",
        )

    def test_chains_of_its_own_have_no_policy(self) -> None:
        """As iptables-save prints a user's chain: `:KUBE-EXT-... - [0:0]`."""
        chains = self.ruleset().tables["nat"].chains
        assert {name[:8]: chain.policy for name, chain in chains.items() if len(name) >= 24} == dict.fromkeys(
            ("KUBE-EXT", "KUBE-FW-", "KUBE-SVC", "KUBE-SVL", "KUBE-SEP")
        )

    def test_no_rule_is_without_one(self) -> None:
        for _, rule in self.ruleset().rules():
            assert rule.origin is not None, rule

    def test_endpoints_share_theirs(self) -> None:
        chains = self.ruleset().tables["nat"].chains.values()
        (first, second) = next(chain.rules for chain in chains if chain.name.startswith("KUBE-SEP-"))
        assert first.origin is second.origin


class TestLargeCluster:
    """Of more than 1000 endpoints, rules that name endpoints are written without comments (largeClusterEndpointsThreshold)."""

    @pytest.mark.parametrize("further, explained", [(0, True), (1, False)])
    def test_comments(self, further: int, explained: bool) -> None:
        many = [f"10.5.{number >> 8}.{number & 255}" for number in range(999 + further)]
        ruleset = compiled(
            service(sessionAffinity="ClientIP"),
            endpoints("10.4.1.1"),
            service("other", clusterIP="10.8.0.2"),
            endpoints(*many, owner="other", name="other-1"),
        )
        chains = ruleset.tables["nat"].chains
        endpoint = next(
            name for name, chain in chains.items() if any("-s 10.4.1.1 " in rule.text for rule in chain.rules)
        )
        service_chain = next(
            chain
            for chain in chains.values()
            if any(rule.text.endswith(f"-j {endpoint}") for rule in chain.rules)
        )
        led = '-m comment --comment "default/web:http -> 10.4.1.1:8080" ' if explained else ""
        named = "-m comment --comment default/web:http " if explained else ""
        assert [rule.text for rule in service_chain.rules[1:]] == [
            f"{led}-m recent --name {endpoint} --rcheck --seconds 10800 --reap -j {endpoint}",
            f"{led}-j {endpoint}",
        ]
        assert [rule.text for rule in chains[endpoint].rules] == [
            f"{named}-s 10.4.1.1 -j KUBE-MARK-MASQ",
            f"{named}-m recent --name {endpoint} --set -m tcp -p tcp -j DNAT --to-destination 10.4.1.1:8080",
        ]


class TestOwners:
    """kube-proxy's order is undefined where two Services claim one address and port; a note says so."""

    def notes(self, *things: Service | EndpointSlice) -> list[str]:
        return [note.message for note in compiled(*things).notes]

    def test_none_in_peace(self) -> None:
        assert self.notes(service(**EVERYTHING), service("other", clusterIP="10.8.0.2")) == []

    def test_an_external_ip_of_two(self) -> None:
        one = service("one", clusterIP="10.8.0.1", externalIPs=["192.0.2.1"])
        two = service("two", clusterIP="10.8.0.2", externalIPs=["192.0.2.1"])
        slices = [endpoints("10.4.1.1", owner="one"), endpoints("10.4.1.2", owner="two", name="two-1")]
        ruleset = compiled(two, one, *slices)
        (note,) = ruleset.notes
        assert note.code == "ambiguous-owner"
        assert note.objects == ("Service default/one", "Service default/two")
        assert note.message == (
            "tcp port 80 of 192.0.2.1 is claimed by default/one:http and default/two:http; "
            "kube-proxy's order is undefined, here the rule of default/one:http stands first"
        )
        services = ruleset.chain("nat", "KUBE-SERVICES")
        assert services is not None
        first = next(rule for rule in services.rules if "192.0.2.1" in rule.text)
        assert "default/one:http external IP" in first.text

    def test_where_only_one_of_them_can_answer(self) -> None:
        one = service("one", clusterIP="10.8.0.1", externalIPs=["192.0.2.1"])
        two = service("two", clusterIP="10.8.0.2", externalIPs=["192.0.2.1"])
        (message,) = self.notes(one, two, endpoints("10.4.1.2", owner="two"))
        assert message.endswith("; only default/two:http has endpoints to send its traffic to")

    def test_a_cluster_ip_as_an_external_ip(self) -> None:
        one = service("one", clusterIP="10.8.0.1")
        two = service("two", clusterIP="10.8.0.2", externalIPs=["10.8.0.1"])
        (message,) = self.notes(one, two)
        assert message.startswith("tcp port 80 of 10.8.0.1 is claimed by")

    def test_a_node_port(self) -> None:
        ports = [{"name": "http", "port": 80, "nodePort": 30080}]
        one, two = service("one", ports=ports), service("two", clusterIP="10.8.0.2", ports=ports)
        (message,) = self.notes(one, two)
        assert message.startswith("tcp node port 30080 is claimed by default/one:http and default/two:http")

    def test_another_port_or_protocol_is_another_claim(self) -> None:
        outside = ["192.0.2.1"]
        one = service("one", externalIPs=outside)
        two = service("two", clusterIP="10.8.0.2", externalIPs=outside, ports=[{"name": "x", "port": 81}])
        three = service(
            "three", clusterIP="10.8.0.3", externalIPs=outside, ports=[{"port": 80, "protocol": "UDP"}]
        )
        assert self.notes(one, two, three) == []

    def test_a_service_does_not_compete_with_itself(self) -> None:
        ingress = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        assert self.notes(service(externalIPs=["192.0.2.1", "192.0.2.1"], status=ingress)) == []


class TestTheWhole:
    def test_the_text_is_kept_as_it_was_written(self) -> None:
        ruleset = compiled(service(**EVERYTHING), endpoints("10.4.1.1"))
        before = ruleset.to_restore()
        assert ruleset.to_save()
        assert ruleset.to_restore() == before
        assert lint(before.split("\n")) is None

    def test_reads_back(self) -> None:
        ruleset = compiled(service(**EVERYTHING), endpoints("10.4.1.1"))
        assert Ruleset.from_save(ruleset.to_save(), "ipv4") == ruleset

    def test_the_newest_version_is_the_default(self) -> None:
        assert compiled(service()).to_restore() == compiled(service(), version="1.36").to_restore()

    def test_an_unknown_node_or_version_is_refused(self) -> None:
        with pytest.raises(InputError, match="n9"):
            compile_rules(Cluster([node()]), "n9")
        with pytest.raises(InputError, match=r"1\.24"):
            compile_rules(Cluster([node()]), "n1", version="1.24")


class TestWhatThereIsNot:
    """Not the built-in's KeyError or TypeError, but what may be written instead."""

    @pytest.mark.parametrize("family", ["ip", "IPv4", 4, None, []])
    def test_an_address_family(self, family: Any) -> None:
        with pytest.raises(InputError, match="is no address family") as raised:
            compiled(family=family)
        said = raised.value.diagnostics[0]
        assert (said.code, said.found, said.help) == ("KPS406", str(family), "write ipv4 or ipv6")

    @pytest.mark.parametrize("version", [1.30, 130, b"1.30"])
    def test_a_version_that_is_no_text(self, version: Any) -> None:
        with pytest.raises(InputError, match="a version is text") as raised:
            compiled(version=version)
        assert raised.value.code == "KPS401"
        assert raised.value.diagnostics[0].help.startswith('put it in quotes: "1.30"')
