"""Which endpoints a node may choose: the tables of `CategorizeEndpoints`, pkg/proxy/topology.go."""

from typing import Any

import pytest

from kproxysim.kubeproxy.endpoints import read_slices
from kproxysim.kubeproxy.service_ports import PortKey, read_service
from kproxysim.kubeproxy.topology import Choice, choose
from tests.kubeproxy.small import endpoints, node, service, settings

HTTP = PortKey("http", "TCP")
HERE = {"nodeName": "n1"}
GONE = {"ready": False, "serving": True, "terminating": True}
DEAD = {"ready": False, "serving": False, "terminating": True}
COLD = {"ready": False, "serving": True, "terminating": False}

BOTH_CLUSTER: dict[str, Any] = {"externalIPs": ["192.0.2.1"]}
ETP_LOCAL: dict[str, Any] = {"externalIPs": ["192.0.2.1"], "externalTrafficPolicy": "Local"}
ITP_LOCAL: dict[str, Any] = {"internalTrafficPolicy": "Local"}
ITP_LOCAL_OUTSIDE: dict[str, Any] = {**ITP_LOCAL, "externalIPs": ["192.0.2.1"]}


def choice(
    spec: dict[str, Any], *entries: dict[str, Any], version: str | None = None, **options: Any
) -> Choice:
    """What a node n1 in zone a chooses of entries that get the addresses 10.0.0.0, 10.0.0.1 and so on."""
    how = settings(version, **options)
    numbered = [{"ip": f"10.0.0.{number}", **entry} for number, entry in enumerate(entries)]
    found = read_slices([endpoints(*numbered)], how).get(HTTP, ())
    return choose(found, read_service(service(**spec), how)[HTTP], how)


def numbers(choice: Choice) -> tuple[str, str, str, bool]:
    """The last digits of cluster, local and reachable endpoints, and whether there is any."""
    cluster, local, reachable = (
        "".join(one.ip[-1] for one in each) for each in (choice.cluster, choice.local, choice.reachable)
    )
    return cluster, local, reachable, choice.usable


class TestPolicies:
    """Ready endpoints; terminating ones only where there is nothing else; under Local, of this node only."""

    @pytest.mark.parametrize(
        "spec, entries, cluster, local, reachable, usable",
        [
            (BOTH_CLUSTER, [{}, {}], "01", "", "01", True),
            (BOTH_CLUSTER, [], "", "", "", False),
            (BOTH_CLUSTER, [GONE, {}], "1", "", "1", True),
            (BOTH_CLUSTER, [GONE, DEAD, COLD], "0", "", "0", True),
            (BOTH_CLUSTER, [DEAD, COLD], "", "", "", False),
            (ETP_LOCAL, [HERE, {}], "01", "0", "01", True),
            (ETP_LOCAL, [{}, {}], "01", "", "01", True),
            (ETP_LOCAL, [{**GONE, **HERE}, {}], "1", "0", "01", True),
            (ETP_LOCAL, [{**GONE, **HERE}, HERE], "1", "1", "1", True),
            (ETP_LOCAL, [{**GONE, **HERE}, GONE], "01", "0", "01", True),
            (ETP_LOCAL, [DEAD], "", "", "", False),
            (ITP_LOCAL, [HERE, {}], "", "0", "0", True),
            (ITP_LOCAL, [{}], "", "", "", True),
            (ITP_LOCAL, [GONE], "", "", "", True),
            (ITP_LOCAL, [COLD], "", "", "", False),
            (ITP_LOCAL, [{**GONE, **HERE}, {}], "", "0", "0", True),
            (ITP_LOCAL_OUTSIDE, [HERE, {}], "01", "0", "01", True),
        ],
    )
    def test_who_serves(
        self,
        spec: dict[str, Any],
        entries: list[dict[str, Any]],
        cluster: str,
        local: str,
        reachable: str,
        usable: bool,
    ) -> None:
        assert numbers(choice(spec, *entries)) == (cluster, local, reachable, usable)

    @pytest.mark.parametrize("version, usable", [("1.25", False), ("1.26", True), ("1.36", True)])
    def test_terminating_ones_serve_from_1_26_on(self, version: str, usable: bool) -> None:
        assert choice({}, GONE, version=version).usable is usable
        assert choice(ETP_LOCAL, {**GONE, **HERE}, version=version).usable is usable

    def test_a_gate_turns_them_on_before(self) -> None:
        config = {"featureGates": {"ProxyTerminatingEndpoints": True}}
        assert choice({}, GONE, version="1.25", config=config).usable

    @pytest.mark.parametrize("version, local", [("1.28", ""), ("1.29", "0")])
    def test_cluster_ip_services_have_an_external_policy_from_1_29_on(self, version: str, local: str) -> None:
        assert numbers(choice(ETP_LOCAL, HERE, version=version))[1] == local


A, B = {"zones": ["a"]}, {"zones": ["b"]}
N1, N2 = {"nodes": ["n1"]}, {"nodes": ["n2"]}


class TestHints:
    """Hints count if every ready endpoint has one and one names this node, or else its zone."""

    @pytest.mark.parametrize(
        "entries, cluster",
        [
            ([A, B], "0"),
            ([A, A, B], "01"),
            ([B, B], "01"),
            ([A, {}], "01"),
            ([A, B, GONE], "0"),
            ([{"zones": ["a", "b"]}, B], "0"),
            ([{**GONE, **A}, {**GONE, **B}], "01"),
            ([N1, N2], "0"),
            ([N2, N2], "01"),
            ([N1, {}], "01"),
            ([{**N2, **A}, {**N2, **B}], "0"),
            ([{**N1, **B}, {**N2, **A}], "0"),
            ([{**N1, **A}, A], "01"),
        ],
    )
    def test_who_is_chosen(self, entries: list[dict[str, Any]], cluster: str) -> None:
        assert numbers(choice({}, *entries))[0] == cluster

    def test_a_node_without_a_zone_has_no_zone_hints(self) -> None:
        assert numbers(choice({}, A, B, own=node(zone="")))[0] == "01"

    def test_they_do_not_count_for_local_traffic(self) -> None:
        assert numbers(choice(ETP_LOCAL, {**HERE, **B}, A)) == ("1", "0", "01", True)

    AWARE = "service.kubernetes.io/topology-aware-hints"
    MODE = "service.kubernetes.io/topology-mode"

    @pytest.mark.parametrize(
        "annotations, allowing",
        [
            ({}, [31, 32, 33, 34, 35, 36]),
            ({AWARE: "Auto"}, range(25, 37)),
            ({AWARE: "auto"}, range(25, 37)),
            ({AWARE: "something"}, range(27, 37)),
            ({AWARE: "Disabled"}, range(31, 37)),
            ({MODE: "Auto"}, range(27, 37)),
            ({AWARE: "", MODE: "Auto"}, range(31, 37)),
            ({AWARE: "disabled", MODE: "Auto"}, range(31, 37)),
        ],
    )
    def test_annotations_allow_them_in_old_versions(
        self, annotations: dict[str, str], allowing: range | list[int]
    ) -> None:
        spec = {"metadata": {"annotations": annotations}}
        found = [
            minor for minor in range(25, 37) if numbers(choice(spec, A, B, version=f"1.{minor}"))[0] == "0"
        ]
        assert found == list(allowing)

    @pytest.mark.parametrize(
        "gate, value, version, cluster",
        [
            ("ServiceTrafficDistribution", True, "1.30", "0"),
            ("ServiceTrafficDistribution", False, "1.31", "01"),
            ("TopologyAwareHints", False, "1.31", "01"),
            ("TopologyAwareHints", False, "1.25", "01"),
        ],
    )
    def test_gates_allow_zone_hints(self, gate: str, value: bool, version: str, cluster: str) -> None:
        config = {"featureGates": {gate: value}}
        assert numbers(choice({}, A, B, version=version, config=config))[0] == cluster

    @pytest.mark.parametrize(
        "version, gates, cluster",
        [
            ("1.32", {}, "01"),
            ("1.33", {}, "01"),
            ("1.33", {"PreferSameTrafficDistribution": True}, "0"),
            ("1.34", {}, "0"),
            ("1.34", {"PreferSameTrafficDistribution": False}, "01"),
            ("1.36", {}, "0"),
        ],
    )
    def test_node_hints_came_with_a_gate(self, version: str, gates: dict[str, bool], cluster: str) -> None:
        assert numbers(choice({}, N1, N2, version=version, config={"featureGates": gates}))[0] == cluster
