"""Chains as a drawing, for Graphviz and for Mermaid: hooks and chains are boxes, jumps are arrows with their
rules' numbers.

Names are data: whatever is in them, it stays text in either language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from kproxysim.netfilter.graph import ChainGraph
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.targets.verdict import Jump
from kproxysim.netfilter.walk import Walked
from kproxysim.network.trace import Hop, Trace
from kproxysim.report.page import listed
from kproxysim.report.plain import plain
from kproxysim.values import dataclass

__all__ = ["dot_text", "mermaid_label", "mermaid_text", "rules_dot", "rules_mermaid", "trace_dot"]

_MOST_NUMBERS = 6
_SAFE = re.compile(r"[A-Za-z0-9 _.,:/()=+>'\[\]-]")
_END = re.compile(r"\bend\b", re.IGNORECASE)


def dot_text(text: str) -> str:
    """A string of the DOT language, in its quotes."""
    return '"' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def mermaid_label(text: str) -> str:
    """Text for a Mermaid diagram: what its grammar might take for its own is written by number, and so is the
    word "end".
    """
    shown = "".join(one if _SAFE.match(one) else f"#{ord(one)};" for one in plain(text))
    return _END.sub(lambda word: f"#{ord(word[0][0])};{word[0][1:]}", shown)


def mermaid_text(text: str) -> str:
    """A label of a Mermaid flow chart, in its quotes."""
    return f'"{mermaid_label(text)}"'


@dataclass(slots=True)
class _Arrow:
    """All jumps from one chain to another: the numbers of their rules, and whether a packet took one."""

    numbers: list[int] = field(default_factory=list)
    taken: bool = False

    @property
    def label(self) -> str:
        return listed(map(str, self.numbers), _MOST_NUMBERS)


_Node = tuple[str, ...]


@dataclass(slots=True)
class _Drawing:
    """The boxes and arrows of one ruleset, in stable order. `entered` are chains that a packet was in."""

    boxes: dict[_Node, str] = field(default_factory=dict)
    arrows: dict[tuple[_Node, _Node], _Arrow] = field(default_factory=dict)
    entered: set[_Node] = field(default_factory=set)

    @classmethod
    def of(cls, ruleset: Ruleset) -> _Drawing:
        """From the chain graph: hooks in order, chains by table, each pair of chains joined once."""
        graph = ChainGraph(ruleset).to_networkx()
        made = cls()
        for node, data in graph.nodes(data=True):
            if node[0] == "hook":
                made.boxes[node] = f"hook {node[1]}"
            else:
                policy = f" (policy {data['policy']})" if data.get("policy") else ""
                made.boxes[node] = f"{node[0]} {node[1]}{policy}"
        for start, end, data in graph.edges(data=True):
            arrow = made.arrows.setdefault((start, end), _Arrow())
            if data["kind"] == "jump":
                arrow.numbers.append(data["number"])
        return made

    def mark(self, hops: Iterable[Hop]) -> None:
        """Note where a packet has been."""
        for hop in hops:
            for step in hop.steps:
                if not isinstance(step, Walked):
                    continue
                chain = (step.table, step.chain)
                self.entered.add(chain)
                if ("hook", step.chain) in self.boxes and (
                    arrow := self.arrows.get((("hook", step.chain), chain))
                ):
                    arrow.taken = True
                if step.meaning is not None and isinstance(step.meaning.target, Jump):
                    arrow = self.arrows.setdefault((chain, (step.table, step.meaning.target.chain)), _Arrow())
                    arrow.taken = True

    def tables(self) -> dict[str, list[_Node]]:
        """The boxes by table, hooks under an empty name."""
        found: dict[str, list[_Node]] = {}
        for node in self.boxes:
            found.setdefault("" if node[0] == "hook" else node[0], []).append(node)
        return found


def rules_dot(ruleset: Ruleset, node: str) -> str:
    """The chains of one node in the DOT language."""
    lines = [f"digraph {dot_text(node)} {{", "  rankdir=LR;", "  node [shape=box];"]
    lines += _dot(_Drawing.of(ruleset), "", "  ")
    return "\n".join([*lines, "}"]) + "\n"


def trace_dot(trace: Trace, rules: Mapping[str, Ruleset]) -> str:
    """The chains of every node that a packet passed, in the DOT language; the way of the packet is bold.

    `rules` are the rulesets of those nodes by name.
    """
    lines = [f"digraph {dot_text(str(trace.packet))} {{", "  rankdir=LR;", "  node [shape=box];"]
    for number, (name, ruleset) in enumerate(rules.items()):
        drawing = _Drawing.of(ruleset)
        drawing.mark(
            hop
            for branch in trace.branches
            for hop in branch.hops
            if hop.where == name and hop.kind == "node"
        )
        lines.append(f"  subgraph cluster_node{number} {{")
        lines.append(f"    label={dot_text(name)};")
        lines += _dot(drawing, f"{name} ", "    ")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(drawing: _Drawing, prefix: str, indent: str) -> Iterator[str]:
    for number, (table, nodes) in enumerate(drawing.tables().items()):
        inner = indent
        if table:
            yield f"{indent}subgraph {dot_text(f'cluster_{prefix}{number}')} {{"
            yield f"{indent}  label={dot_text(table)};"
            inner += "  "
        for node in nodes:
            shape = " shape=oval" if not table else ""
            bold = " style=bold" if node in drawing.entered else ""
            label = dot_text(drawing.boxes[node])
            yield f"{inner}{dot_text(prefix + ':'.join(node))} [label={label}{shape}{bold}];"
        if table:
            yield f"{indent}}}"
    for (start, end), arrow in drawing.arrows.items():
        label = f"label={dot_text(arrow.label)}" if arrow.numbers else ""
        bold = "style=bold penwidth=3" if arrow.taken else ""
        traits = " ".join(trait for trait in (label, bold) if trait)
        edge = f"{dot_text(prefix + ':'.join(start))} -> {dot_text(prefix + ':'.join(end))}"
        yield f"{indent}{edge} [{traits}];" if traits else f"{indent}{edge};"


def rules_mermaid(ruleset: Ruleset) -> str:
    """The chains of one node as a Mermaid flow chart."""
    drawing = _Drawing.of(ruleset)
    names = {node: f"c{number}" for number, node in enumerate(drawing.boxes)}
    lines = ["flowchart LR"]
    for number, (table, nodes) in enumerate(drawing.tables().items()):
        if table:
            lines.append(f"  subgraph t{number}[{mermaid_text(table)}]")
        for node in nodes:
            label = mermaid_text(drawing.boxes[node])
            lines.append(f"    {names[node]}[{label}]" if table else f"  {names[node]}([{label}])")
        if table:
            lines.append("  end")
    for (start, end), arrow in drawing.arrows.items():
        label = f"|{mermaid_text(arrow.label)}|" if arrow.numbers else ""
        lines.append(f"  {names[start]} -->{label} {names[end]}")
    return "\n".join(lines) + "\n"
