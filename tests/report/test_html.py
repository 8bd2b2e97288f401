"""Pages as text: every fact of the trace is in them, and nothing of the user's becomes markup."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kproxysim.cluster import Cluster
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.network import World
from kproxysim.network.trace import Trace
from kproxysim.report.compare import compare
from kproxysim.report.html.compare_page import comparison_html
from kproxysim.report.html.condense import Mass, condense
from kproxysim.report.html.document import document, json_script
from kproxysim.report.html.elements import Verbatim, element
from kproxysim.report.html.player import MOST_WAYS
from kproxysim.report.html.trace_page import trace_html
from kproxysim.report.names import chains_of, short_names
from kproxysim.report.plain import plain
from kproxysim.report.rows import RowWriter
from kproxysim.report.sections import way_out
from tests.report.worlds import article, node, sent, service, slice_of


class Reader(HTMLParser):
    """What a page holds: its elements in order, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def data_of(page: str) -> dict[str, Any]:
    """What the page's program reads."""
    found = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def many(services: int) -> World:
    """A cluster of so many Services, each of them with the two pods of the article."""
    made = [
        service(
            f"echo-{one:03}",
            f"10.50.{one >> 8}.{one & 255}",
            port_fields={"nodePort": 30000 + one},
            type="NodePort",
        )
        for one in range(services)
    ]
    cluster = Cluster(
        [node("node-a"), node("node-b")], made, [slice_of(f"echo-{one:03}") for one in range(services)]
    )
    return World(cluster, clients={"browser": "203.0.113.7"}, version="1.30")


class TestElements:
    @given(text=st.text(), name=st.text())
    def test_any_text_is_text(self, text: str, name: str) -> None:
        written = str(element("p", text, title=name))
        assert Reader(written).elements == ["p"]
        assert Reader(written).text == plain(text)
        title = re.search(r'title="([^"]*)"', written)
        assert title is not None
        assert unescape(title.group(1)) == plain(name)

    def test_attributes_and_children(self) -> None:
        inner = (element("b", one) for one in ("x", "y"))
        made = element("p", None, inner, class_="a", aria_live="polite", hidden=True, id=None, open=False)
        assert str(made) == '<p class="a" aria-live="polite" hidden><b>x</b><b>y</b></p>'
        assert str(element("input", type="range")) == '<input type="range">'

    @pytest.mark.parametrize("text", ["a</style>", "<!-- a"])
    def test_a_style_cannot_end_its_element(self, text: str) -> None:
        with pytest.raises(ValueError, match="end the element"):
            Verbatim(text)


class TestDocument:
    def test_allows_what_it_holds_and_nothing_else(self, externalip: Trace) -> None:
        page = trace_html(externalip)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
        assert policy is not None
        digests = {
            name: b64encode(sha256(content.encode()).digest()).decode()
            for name, content in re.findall(r"<(style|script)>(.*?)</(?:style|script)>", page, re.DOTALL)
        }
        assert unescape(policy.group(1)) == (
            f"default-src 'none'; style-src 'sha256-{digests['style']}'; script-src 'sha256-{digests['script']}'; "
            "base-uri 'none'; form-action 'none'"
        )

    @pytest.mark.parametrize("address", ["http:", "https:", "//", "url(", "@import", "import "])
    def test_names_no_place_outside(self, externalip: Trace, address: str) -> None:
        shown = trace_html(externalip).replace("http://www.w3.org/2000/svg", "").replace('"/**', "")
        code = "".join(re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", shown, re.DOTALL))
        assert address not in code

    @given(text=st.text())
    def test_data_cannot_leave_its_element(self, text: str) -> None:
        page = document("t", json_script({"name": [text]}), styles=("base.css",), scripts=("make.js",))
        assert data_of(page) == {"name": [plain(text)]}
        assert Reader(page).elements.count("script") == 2

    def test_the_same_trace_is_the_same_page(self) -> None:
        pages = {trace_html(sent(article(), "198.51.100.12:80")) for _ in range(2)}
        assert len(pages) == 1


class TestTracePage:
    def test_every_rule_that_was_asked_is_a_step(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            data = data_of(trace_html(trace))
            for branch, way in zip(trace.branches, data["ways"], strict=True):
                hops = (*branch.hops, *(branch.reply.hops if branch.reply is not None else ()))
                walked = [step for hop in hops for step in hop.steps if isinstance(step, Walked)]
                steps = [data["steps"][number] for number in way["steps"]]
                matched = [step["number"] for step in steps if step["kind"] == "matched"]
                passed = [step["number"] for step in steps if step["kind"] == "passed"]
                assert matched == [str(step.number) for step in walked if step.rule is not None]
                assert passed == [str(one.number) for step in walked for one in step.missed]

    def test_ways_share_their_steps_up_to_the_draw(self, externalip: Trace) -> None:
        data = data_of(trace_html(externalip))
        one, other = (way["steps"] for way in data["ways"])
        parting = next(
            place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]
        )
        assert one[:parting] == other[:parting]
        assert data["steps"][one[parting]]["drawn"] == "drawn, 1/2 of the packets"
        assert data["steps"][other[parting]]["failed"] == "not drawn"

    def test_the_document_has_every_row_of_the_text_form(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            text = Reader(trace_html(trace)).text
            for branch in trace.branches:
                writer = RowWriter(short_names(chains_of(hop for one in trace for hop in one.hops)))
                for section in way_out(branch, writer):
                    for row in section.rows:
                        assert row.action in text
                        assert row.remark in text

    def test_what_the_client_sees_is_said_where_a_way_ends(self, missed: Trace) -> None:
        """An answer that arrives may be a reset."""
        ends = [step for step in data_of(trace_html(missed))["steps"] if step["kind"] == "ended"]
        assert [(step["tone"], step["sentence"].rpartition("; ")[2]) for step in ends] == [
            ("bad", "the client sees connection refused, at once"),
            ("bad", "the client sees connection refused, at once"),
        ]

    def test_the_rule_that_was_hoped_for_is_marked(self, missed: Trace) -> None:
        near = [step for step in data_of(trace_html(missed))["steps"] if step.get("near")]
        assert [(step["number"], step["failed"]) for step in near] == [
            ("2", "dst is 10.128.0.12, rule wants 198.51.100.12")
        ]

    def test_of_very_many_ways_the_first_are_shown_and_the_rest_counted(self) -> None:
        pods = tuple((f"echo-{one:03}", f"10.44.0.{one + 2}", "node-a") for one in range(MOST_WAYS + 8))
        page = trace_html(sent(article(pods=pods), "198.51.100.12:80"))
        assert len(data_of(page)["ways"]) == MOST_WAYS
        assert "1/5 of the packets go 8 more ways, which are not shown here." in page

    def test_a_thousand_services_are_a_small_page(self) -> None:
        page = trace_html(sent(many(1000), "198.51.100.12:30999"))
        assert len(page) < 250_000
        steps = data_of(page)["steps"]
        masses = [step["sentence"] for step in steps if step["kind"] == "mass"]
        assert "nat:KUBE-SERVICES:1-994: 994 rules passed over (all other dst)" in masses
        assert "nat:KUBE-NODEPORTS:1-993: 993 rules passed over (all other dport)" in masses


class TestCondense:
    @pytest.fixture
    def passed_over(self) -> tuple[Missed, ...]:
        trace = sent(many(40), "198.51.100.12:30020")
        walked = [step for _, step in trace[0].rules() if step.chain == "KUBE-NODEPORTS"]
        return walked[0].missed

    def test_a_short_run_is_whole(self, passed_over: tuple[Missed, ...]) -> None:
        assert tuple(condense(passed_over[:12])) == passed_over[:12]

    def test_a_long_run_keeps_the_nearest_and_what_is_asked_for(
        self, passed_over: tuple[Missed, ...]
    ) -> None:
        shown = list(condense(passed_over, kept=(3,)))
        assert [one.number for one in shown if isinstance(one, Missed)] == [3, 15, 16, 17, 18, 19, 20]
        masses = [one for one in shown if isinstance(one, Mass)]
        assert [(one.first, one.last, one.count) for one in masses] == [(1, 2, 2), (4, 14, 11)]
        assert {one.fields for one in masses} == {"all other dport"}


class TestComparisonPage:
    def test_the_shared_part_stands_once(self, nodeport: Trace, externalip: Trace) -> None:
        text = Reader(comparison_html(compare(nodeport, externalip, ("nodeport", "externalip")))).text
        for once in (
            "nat:KUBE-SEP:2",
            "dst 198.51.100.12 -> 10.128.0.12",
            "here they meet",
            "KUBE-NODEPORTS:1  jump",
        ):
            assert text.count(once) == 1, once
        assert "nat:KUBE-SERVICES:4  jump KUBE-NODEPORTS" in text
        assert "Both reach the same: default/echo-1 (1/2), default/echo-2 (1/2)." in text

    def test_two_ends_that_differ_stand_side_by_side(self, missed: Trace, nodeport: Trace) -> None:
        page = comparison_html(compare(missed, nodeport))
        assert page.count('class="box end good"') == 1
        assert page.count('class="box end bad"') == 1

    def test_two_ways_that_never_part(self, nodeport: Trace) -> None:
        page = comparison_html(compare(nodeport, nodeport))
        assert 'class="box lane"' not in page
        assert page.count('class="box end good"') == 1
