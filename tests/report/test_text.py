"""The full form: what it says of the article's two set-ups, and how it is laid out whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from kproxysim import Scenario
from kproxysim.network import World
from kproxysim.network.trace import Trace
from kproxysim.report.compare import compare
from kproxysim.report.compare_text import comparison_page
from kproxysim.report.html.trace_page import trace_html
from kproxysim.report.sequence import trace_mermaid
from kproxysim.report.text import trace_page
from tests.report.worlds import article, guarded, sent

CIRCLE = Path(__file__).parents[2] / "scenarios" / "loadbalancer-on-bare-metal.yaml"
PODS = tuple((f"echo-{number}", f"10.44.0.{number + 4}", "node-a") for number in range(1, 8))


def lines(trace: Trace, **how: bool) -> list[str]:
    return list(trace_page(trace, **how))  # type: ignore[arg-type]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def line(found: list[str], start: str) -> str:
    """The only line that begins with these words, blanks squeezed."""
    (only,) = (" ".join(one.split()) for one in found if " ".join(one.split()).startswith(start))
    return only


class TestExternalIP:
    def test_begins_with_the_packet_and_its_sender(self, externalip: Trace) -> None:
        assert (
            " ".join(lines(externalip)[0].split())
            == "packet tcp 203.0.113.7:51514 -> 198.51.100.12:80 new (from: internet)"
        )

    def test_a_section_for_each_hop(self, externalip: Trace) -> None:
        heads = [one for one in lines(externalip) if one and not one.startswith(" ")]
        assert heads[1:4] == ["cloud  gce", "node-a  in eth0", "pod default/echo-1  in eth0"]

    def test_the_cloud_rewrites_first(self, externalip: Trace) -> None:
        assert line(lines(externalip), "one-to-one nat dst 198.51.100.12 -> 10.128.0.12")

    def test_the_rule_that_catches_it_and_who_made_it(self, externalip: Trace) -> None:
        found = lines(externalip)
        place = next(number for number, one in enumerate(found) if "nat:KUBE-SERVICES:2" in one)
        assert "jump KUBE-EXT-JNAUE2DZ25YGAW2B" in found[place]
        assert "service default/echo-ext:http, external IP (spec.externalIPs[0])" in " ".join(
            found[place : place + 2]
        )
        assert line(found, "matched") == "matched dst 10.128.0.12 = 10.128.0.12/32, tcp, dport 80"

    def test_changes_are_old_to_new(self, externalip: Trace) -> None:
        found = lines(externalip)
        assert line(found, "nat:KUBE-MARK-MASQ:1") == "nat:KUBE-MARK-MASQ:1 mark 0x0 -> 0x4000"
        assert line(found, "nat:KUBE-SEP-D2X2..:2") == (
            "nat:KUBE-SEP-D2X2..:2 DNAT dst 10.128.0.12:80 -> 10.44.0.5:8080"
        )
        assert line(found, "nat:KUBE-POSTROUTING:3").startswith(
            "nat:KUBE-POSTROUTING:3 MASQUERADE src 203.0.113.7 -> 10.44.0.1"
        )

    def test_the_hairpin_rule_is_a_miss_with_both_values(self, externalip: Trace) -> None:
        assert line(lines(externalip), "nat:KUBE-SEP-D2X2..:1") == (
            "nat:KUBE-SEP-D2X2..:1 no match src is 203.0.113.7, rule wants 10.44.0.5"
        )

    def test_the_draw_says_its_fraction(self, externalip: Trace) -> None:
        assert line(lines(externalip), "nat:KUBE-SVC-JNAU..:2").endswith("drawn, 1/2 of the packets")

    def test_ends_with_verdict_other_branches_reply_and_why(self, externalip: Trace) -> None:
        found = lines(externalip)
        verdict = line(found, "verdict")
        assert verdict.startswith("verdict delivered to default/echo-1; the pod sees 10.44.0.1")
        assert line(found, "also") == (
            "also 1/2 -> default/echo-2 10.44.1.7:8080 on node-b, source 10.128.0.12"
        )
        assert line(found, "reply").startswith(
            "reply 3 rewrites, 0 nat rules read: pod -> 10.128.0.12:80 -> 198.51.100.12:80 -> client"
        )
        assert "kproxysim explain cloud-nat-first" in " ".join(found)

    def test_the_class_is_what_the_rules_ask(self, externalip: Trace) -> None:
        assert line(lines(externalip), "class") == (
            "class tcp, any source but 10.44.0.5 to 10.128.0.12:80, arriving at node-a, new: the same rules"
        )

    def test_the_answer_is_shown_where_asked_for(self, externalip: Trace) -> None:
        found = lines(externalip, reply=True)
        assert line(found, "answer") == "answer tcp 10.44.0.5:8080 -> 10.44.0.1:51514"
        assert line(found, "conntrack src").startswith("conntrack src 10.44.0.5:8080 -> 10.128.0.12:80")
        assert found[-1].split() == ["delivered", "tcp", "198.51.100.12:80", "->", "203.0.113.7:51514"]
        assert not any("--reply" in one for one in found)

    def test_a_picked_endpoint_is_called_so(self, world: World) -> None:
        trace = sent(world, "198.51.100.12:80", pick="echo-2")
        assert "picked by name (1/2)" in trace_page(trace, picked=True).text()


class TestNodePort:
    def test_passes_over_the_services_and_says_why(self, nodeport: Trace) -> None:
        assert line(lines(nodeport), "passed over") == "passed over 3 rules (2 other dst, 1 other dport)"

    def test_asks_for_no_address(self, nodeport: Trace) -> None:
        found = lines(nodeport)
        assert line(found, "nat:KUBE-SERVICES:4") == (
            "nat:KUBE-SERVICES:4 jump KUBE-NODEPORTS dst type LOCAL (10.128.0.12)"
        )
        assert line(found, "matched") == "matched tcp, dport 30080"

    def test_the_class_is_wider(self, nodeport: Trace) -> None:
        assert "any address of type LOCAL, port 30080" in " ".join(lines(nodeport))


class TestMiss:
    def test_names_the_nearest_rule_and_the_field_that_failed(self, missed: Trace) -> None:
        text = " ".join(trace_page(missed).text().split())
        assert "verdict refused: nothing listens on node-a:80 [no-rule-matched]" in text
        assert "nearest nat:KUBE-SERVICES:2 service default/echo-ext:http, external IP" in text
        assert "2 of 3 conditions hold; dst is 10.128.0.12, rule wants 198.51.100.12" in text
        assert "client sees connection refused" in text
        assert "help put the internal address 10.128.0.12 into spec.externalIPs" in text

    def test_falling_off_a_chain_of_the_service_is_shown(self, various: dict[str, Trace]) -> None:
        text = " ".join(trace_page(various["no local endpoint"]).text().split())
        assert "falls off its end" in text
        assert "src type is UNICAST (203.0.113.7), rule wants LOCAL" in text
        assert "dropped on node-b by filter:KUBE-EXTERNAL-SERVICES:" in text


class TestAService:
    """Its own chains are short, and each of their rules says why it was passed over."""

    def test_source_ranges_show_the_range_that_was_missed(self) -> None:
        found = lines(sent(guarded(), "198.51.100.200:80", via="node-a"))
        assert any("no match src is 203.0.113.7, rule wants 192.0.2.0/24" in squeezed(one) for one in found)
        assert any("falls off its end" in one for one in found)
        assert line(found, "verdict").endswith("[source-not-in-ranges]")

    def test_affinity_shows_the_lists_that_were_asked_and_written(self) -> None:
        text = squeezed(trace_page(sent(guarded(), "10.48.3.9:80", "pod/default/echo-1")).text())
        assert text.count("no match rule wants 10.44.0.5 in KUBE-SEP-") == 2
        assert "matched 10.44.0.5 remembered in KUBE-SEP-" in text

    def test_no_class_is_told_where_a_list_decides(self) -> None:
        assert "class " not in trace_page(sent(guarded(), "10.48.3.9:80", "pod/default/echo-1")).text()


class TestManyBranches:
    def test_a_few_are_named_and_the_rest_is_counted(self) -> None:
        trace = sent(article(pods=PODS), "198.51.100.12:80")
        found = lines(trace)
        others = [one for one in found if one.startswith("also")]
        assert len(others) == 5
        assert " ".join(others[-1].split()) == "also 2/7 -> 2 more"
        assert line(found, "chance").startswith("chance 1/7; the kernel's 31 bits make it ")

    def test_a_circle_is_shown_once(self) -> None:
        trace = Scenario.load(CIRCLE).trace("port-of-another-service")
        assert len(trace[0].hops) > 60
        assert len(lines(trace)) < 60
        assert trace_mermaid(trace).count("\n") < 20
        assert "loop 31 times" in trace_mermaid(trace)
        assert len(list(comparison_page(compare(trace, trace)))) < 60
        assert trace_html(trace).count("circle: and the same 29 times more") == 1


class TestLayout:
    def test_lines_keep_to_a_hundred_columns(self, various: dict[str, Trace]) -> None:
        for name, trace in various.items():
            for reply in (False, True):
                long = [one for one in trace_page(trace, reply=reply) if len(one) > 100]
                assert not long, name

    @pytest.mark.parametrize("width", [60, 72, 90])
    def test_narrow_terminals_lose_no_word(self, various: dict[str, Trace], width: int) -> None:
        for trace in various.values():
            wide = sorted(trace_page(trace).text().split())
            assert sorted(trace_page(trace, width=width).text().split()) == wide

    def test_is_the_same_every_time(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            assert trace_page(trace, reply=True).text() == trace_page(trace, reply=True).text()

    def test_is_ascii_and_ends_no_line_in_blanks(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            text = trace_page(trace, reply=True).text()
            assert text.isascii()
            assert all(one == one.rstrip() for one in text.split("\n"))
