"""The comparison answers the question by itself: why one Service needs no address and the other the internal one."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from kproxysim.cluster import KubeProxyConfiguration
from kproxysim.network import Edge, World
from kproxysim.network.trace import Trace
from kproxysim.report.align import meeting, parting
from kproxysim.report.compare import Comparison, compare
from kproxysim.report.compare_text import comparison_page
from tests.report.worlds import article, sent


@pytest.fixture(scope="module")
def comparison(nodeport: Trace, externalip: Trace) -> Comparison:
    return compare(nodeport, externalip, ("nodeport", "externalip"))


def about(comparison: Comparison, what: str) -> list[str]:
    return [finding.text for finding in comparison.findings if finding.about == what]


class TestTheArticlesQuestion:
    def test_what_each_was_dialled_with(self, comparison: Comparison) -> None:
        assert about(comparison, "dialled") == [
            "nodeport is dialled to 198.51.100.12:30080, externalip to 198.51.100.12:80: the same address, two ports."
        ]

    def test_the_cloud_rewrote_the_public_address_before_the_node(self, comparison: Comparison) -> None:
        (text,) = about(comparison, "edge")
        assert "198.51.100.12 is node-a's external address" in text
        assert "puts node-a's internal one, 10.128.0.12, in its place before node-a sees the packet" in text

    def test_which_rule_caught_each(self, comparison: Comparison) -> None:
        nodeport, externalip = about(comparison, "caught")
        assert "nat:KUBE-SERVICES:4, the last rule of its chain (dst type LOCAL (10.128.0.12))" in nodeport
        assert "nat:KUBE-NODEPORTS:1 (tcp, dport 30080)" in nodeport
        assert "It names no address" in nodeport
        assert "nat:KUBE-SERVICES:2 (dst 10.128.0.12 = 10.128.0.12/32, tcp, dport 80)" in externalip
        assert "spec.externalIPs[0]" in externalip
        assert "It names the address, 10.128.0.12, and has to name what node-a sees" in externalip

    def test_from_kube_ext_on_the_steps_are_the_same(self, comparison: Comparison) -> None:
        met = meeting(comparison.pairs)
        assert met is not None
        assert comparison.meets_at == met
        first = comparison.pairs[met].left
        assert first is not None
        assert first.place == "nat:KUBE-EXT:1"
        assert all(pair.same for pair in comparison.pairs[met:])
        (text,) = about(comparison, "met")
        assert text.startswith(
            "From KUBE-EXT on (the chain for traffic from outside; each Service has its own) the same "
        )
        assert "rules match, one for one" in text

    def test_they_part_in_kube_services(self, comparison: Comparison) -> None:
        assert comparison.parts_at is not None
        parted = comparison.pairs[comparison.parts_at]
        assert {stage.at.rpartition(":rule:")[0] for stage in (parted.left, parted.right) if stage} <= {
            "nat:KUBE-SERVICES"
        }

    def test_the_cluster_ip_appears_in_neither(self, comparison: Comparison) -> None:
        (text,) = about(comparison, "cluster IP")
        assert text.startswith(
            "Neither goes by way of a cluster IP: at no step does a packet carry 10.48.3.8 or 10.48.3.7"
        )

    def test_what_the_pod_sees(self, comparison: Comparison) -> None:
        (text,) = about(comparison, "source")
        assert "sees 10.44.0.1 as source (masqueraded), not the client's 203.0.113.7" in text

    def test_the_text_says_all_of_it(self, comparison: Comparison) -> None:
        text = " ".join(comparison_page(comparison).text().split())
        for finding in comparison.findings:
            assert finding.text in text
        assert "here they part" in text
        assert "here they meet" in text


class TestOthers:
    def test_a_dispatch_by_address_is_not_called_the_last_rule(self) -> None:
        config = {"clusterCIDR": "10.44.0.0/14", "nodePortAddresses": ["10.128.0.0/24"]}
        world = World(
            article().cluster,
            config=KubeProxyConfiguration.model_validate(config),
            clients={"browser": "203.0.113.7"},
        )
        trace = sent(world, "198.51.100.12:30080")
        (text,) = about(compare(trace, trace), "caught")
        assert "nat:KUBE-NODEPORTS:1 (tcp, dport 30080)" in text
        assert "the last rule" not in text
        assert "It names the address, 10.128.0.12" in text

    def test_the_sentences_are_made_from_the_steps(self, missed: Trace, externalip: Trace) -> None:
        found = compare(externalip, missed, ("internal", "public"))
        assert found.meets_at is None
        text = " ".join(finding.text for finding in found.findings)
        assert "No rule of a Service catches public" in text
        assert "dst is 10.128.0.12, rule wants 198.51.100.12" in text
        assert "public is refused: nothing listens on node-a:80" in text
        assert "internal never carries the cluster IP 10.48.3.7" in text

    def test_a_packet_to_the_cluster_ip_carries_it(self, world: World, externalip: Trace) -> None:
        dialled = sent(world, "10.48.3.7:80", "pod/default/echo-2")
        text = " ".join(one.text for one in compare(externalip, dialled, ("a", "b")).findings)
        assert "b is addressed to the cluster IP 10.48.3.7" in text
        assert "a never carries the cluster IP 10.48.3.7" in text

    def test_a_packet_beside_itself_never_parts(self, externalip: Trace) -> None:
        found = compare(externalip, externalip, ("one", "same"))
        assert found.parts_at is None
        assert parting(found.pairs) is None
        assert all(finding.same for finding in found.findings)
        assert "they never part" in comparison_page(found).text()

    def test_follows_branches_that_end_alike(self, nodeport: Trace, world: World) -> None:
        picked = sent(world, "198.51.100.12:80", pick="echo-2")
        found = compare(nodeport, picked)
        reached = [side.branch.delivered_to for side in (found.left, found.right)]
        assert [one.pod for one in reached if one] == ["default/echo-2", "default/echo-2"]

    def test_every_stage_of_both_is_there_in_order(self, various: dict[str, Trace]) -> None:
        traces = list(various.values())
        for left, right in pairwise(traces):
            found = compare(left, right)
            mirrored = compare(right, left)
            assert len([pair for pair in found.pairs if pair.same]) == len(
                [pair for pair in mirrored.pairs if pair.same]
            )
            assert all(pair.left is not None or pair.right is not None for pair in found.pairs)


class TestForms:
    def test_json_has_it_all(self, comparison: Comparison) -> None:
        data = json.loads(json.dumps(comparison.to_dict()))
        assert data["format_version"].startswith("1.")
        assert [data["left"]["name"], data["right"]["name"]] == ["nodeport", "externalip"]
        assert len(data["pairs"]) == len(comparison.pairs)
        assert data["parts_at"] < data["meets_at"]
        assert {finding["about"] for finding in data["findings"]} >= {"dialled", "edge", "caught", "met"}

    @pytest.mark.parametrize("width", [100, 90])
    def test_two_columns(self, comparison: Comparison, width: int) -> None:
        found = list(comparison_page(comparison, width))
        assert any(" | " in line for line in found)
        assert max(map(len, found)) <= width

    def test_one_below_the_other_on_a_narrow_terminal(self, comparison: Comparison) -> None:
        found = list(comparison_page(comparison, 60))
        place = found.index("here they part")
        assert found[place + 1].strip() == "nodeport"
        assert max(map(len, found)) <= 60

    def test_is_the_same_every_time(self, nodeport: Trace, externalip: Trace) -> None:
        texts = {comparison_page(compare(nodeport, externalip)).text() for _ in range(3)}
        assert len(texts) == 1

    def test_a_routed_edge_rewrites_nothing(self) -> None:
        edge = Edge("routed", routes={"198.51.100.80": "node-a"})
        world = article(external_ip="198.51.100.80", edge=edge)
        trace = sent(world, "198.51.100.80:80")
        found = compare(trace, sent(world, "10.48.3.7:80", "pod/default/echo-1"), ("routed", "inside"))
        assert about(found, "edge") == []
