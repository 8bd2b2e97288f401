"""`kproxysim rules`: the rules of one node."""

from __future__ import annotations

from collections.abc import Sequence

from kproxysim.cli.output import show_text
from kproxysim.cli.sources import Settings, world_of
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family

__all__ = ["rules"]


def rules(sources: Sequence[str], node: str, family: Family, output: str, settings: Settings) -> None:
    """Write the rules and print them in one of their forms."""
    show_text(_text(world_of(sources, settings).ruleset(node, family), node, output))


def _text(ruleset: Ruleset, node: str, output: str) -> str:
    if output == "restore":
        return ruleset.to_restore()
    if output == "save":
        return ruleset.to_save()
    if output == "json":
        from kproxysim.report.json_text import dumps, rules_to_dict

        return dumps(rules_to_dict(ruleset, node))
    from kproxysim.report.drawing import rules_dot, rules_mermaid

    return rules_dot(ruleset, node) if output == "dot" else rules_mermaid(ruleset)
