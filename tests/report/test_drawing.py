"""Drawings: whole, and safe whatever stands in a name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kproxysim.network import World
from kproxysim.network.trace import Trace
from kproxysim.report.drawing import dot_text, mermaid_label, rules_dot, rules_mermaid, trace_dot
from kproxysim.report.sequence import trace_mermaid

DOT_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def strings_of(dot: str) -> list[str]:
    return DOT_STRING.findall(dot)


class TestDot:
    def test_has_every_chain_and_jump(self, world: World) -> None:
        dot = rules_dot(world.ruleset("node-a"), "node-a")
        for table in world.ruleset("node-a").tables.values():
            for chain in table.chains:
                assert f'"{table.name}:{chain}" [label=' in dot
        assert '"nat:KUBE-SERVICES" -> "nat:KUBE-EXT-JNAUE2DZ25YGAW2B" [label="2"];' in dot

    def test_the_way_of_the_packet_is_bold(self, world: World, externalip: Trace) -> None:
        rules = {node: world.ruleset(node) for node in ("node-a", "node-b")}
        dot = trace_dot(externalip, rules)
        way = [line for line in dot.splitlines() if "->" in line and "penwidth" in line]
        assert any('"node-a nat:KUBE-SERVICES" -> "node-a nat:KUBE-EXT-JNAU' in line for line in way)
        assert not any("KUBE-NODEPORTS" in line for line in way)

    def test_braces_and_quotes_are_balanced(self, world: World, externalip: Trace) -> None:
        for dot in (
            rules_dot(world.ruleset("node-a"), 'a"}'),
            trace_dot(externalip, {'x"': world.ruleset("node-a")}),
        ):
            bare = DOT_STRING.sub("", dot)
            assert bare.count("{") == bare.count("}")
            assert '"' not in bare

    @given(text=st.text())
    def test_any_name_is_one_string(self, text: str) -> None:
        quoted = dot_text(text)
        assert DOT_STRING.fullmatch(quoted)
        assert quoted.isprintable()


class TestMermaid:
    def test_rules(self, world: World) -> None:
        chart = rules_mermaid(world.ruleset("node-a"))
        assert chart.startswith("flowchart LR\n")
        assert chart.count("subgraph") == chart.count("\n  end\n")
        assert '["nat KUBE-SERVICES"]' in chart

    def test_a_trace_is_a_sequence_of_hosts_with_notes(self, externalip: Trace) -> None:
        diagram = trace_mermaid(externalip)
        assert diagram.startswith("sequenceDiagram\n")
        assert "participant h1 as cloud gce" in diagram
        assert "Note over h1: one-to-one nat dst 198.51.100.12 -> 10.128.0.12" in diagram
        assert (
            "DNAT dst 10.128.0.12:80 -> 10.44.0.5:8080<br/>MASQUERADE src 203.0.113.7 -> 10.44.0.1" in diagram
        )
        assert diagram.rstrip().endswith("h1-->>h0: tcp 198.51.100.12:80 -> 203.0.113.7:51514")

    def test_every_arrow_joins_participants(self, various: dict[str, Trace]) -> None:
        for trace in various.values():
            diagram = trace_mermaid(trace)
            known = set(re.findall(r"participant (h\d+) as", diagram))
            used = set(re.findall(r"^  (h\d+)-?->>(h\d+):", diagram, re.MULTILINE))
            assert {name for pair in used for name in pair} <= known

    @pytest.mark.parametrize(
        "text, shown",
        [
            ("<script>", "#60;script>"),
            ('a"b', "a#34;b"),
            ("a;b#c", "a#59;b#35;c"),
            ("`**bold**`", "#96;#42;#42;bold#42;#42;#96;"),
            ("pod default/end", "pod default/#101;nd"),
            ("END", "#69;ND"),
            ("weekend", "weekend"),
            ("a\nb", "a#92;nb"),
        ],
    )
    def test_what_the_grammar_might_take_for_its_own_is_escaped(self, text: str, shown: str) -> None:
        assert mermaid_label(text) == shown

    @given(text=st.text())
    def test_any_name_is_one_label(self, text: str) -> None:
        label = mermaid_label(text)
        assert label.isascii()
        assert label.isprintable()
        assert not set('"<`;{}|') & set(re.sub(r"#\d+;", "", label))
