"""`kproxysim rules`: the rules of one node."""

from __future__ import annotations

from collections.abc import Sequence

from kproxysim.cli.output import show_text
from kproxysim.cli.sources import Settings, load_cluster, load_scenarios, reshaped, split_sources
from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.network import World

__all__ = ["rules"]


def rules(sources: Sequence[str], node: str, family: Family, output: str, settings: Settings) -> None:
    """Write the rules and print them in one of their forms."""
    ruleset = reshaped(_world(sources, settings), settings).ruleset(node, family)
    show_text(_text(ruleset, node, output))


def _world(sources: Sequence[str], settings: Settings) -> World:
    files, manifests = split_sources(sources)
    if not files:
        return World(load_cluster(manifests, settings))
    if manifests or len(files) > 1:
        names = ", ".join((*files, *manifests))
        raise InputError.of(
            "KPS803", "rules are those of one scenario, or of manifests", help="give one", notes=(names,)
        )
    scenarios, troubles = load_scenarios(files, settings)
    if troubles:
        raise InputError(troubles)
    return scenarios[0].world()


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
