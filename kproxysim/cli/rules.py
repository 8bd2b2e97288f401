"""`kproxysim rules`: the rules of one node, and what kube-proxy wrote in a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kproxysim.cli.output import show_text
from kproxysim.cli.sources import Settings, moment_of, one_scenario, world_of
from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.report.page import listed

if TYPE_CHECKING:
    from kproxysim.network import World
    from kproxysim.scenario import Moment

__all__ = ["rules"]

_MOST_NAMED = 20


def rules(
    sources: Sequence[str],
    node: str | None,
    family: Family,
    output: str,
    settings: Settings,
    at: str | None = None,
) -> None:
    """Write the rules and print them in one of their forms; those after a step with `at`.

    Raises InputError where there are several nodes and none is named.
    """
    if at is None:
        world = world_of(sources, settings)
        node = node or _only_node(world)
        show_text(_text(world.ruleset(node, family), node, output))
        return
    scenario = one_scenario(sources, settings, "--at is for the steps of one scenario")
    moment = moment_of(scenario, at, settings)
    world = moment.ways[0].world
    node = node or _only_node(world)
    ruleset = world.ruleset(node, family)
    if output == "delta":
        show_text("".join(f"{line}\n" for line in _delta(moment, node, family)))
    else:
        show_text(_text(ruleset, node, output))


def _only_node(world: World) -> str:
    names = [node.name for node in world.cluster.nodes]
    if len(names) == 1:
        return names[0]
    raise InputError.of(
        "KPS804",
        "it is not said which node's rules are wanted",
        help="add --node NAME",
        notes=(f"nodes: {listed(names, _MOST_NAMED)}",) if names else (),
    )


def _delta(moment: Moment, node: str, family: Family) -> Iterator[str]:
    """What kube-proxy of a node wrote in a step: iptables-restore takes it as it is."""
    from kproxysim.netfilter.conntrack_text import conntrack_list
    from kproxysim.report.plain import plain
    from kproxysim.report.timeline import duration_text

    found = [one.report for one in moment.deltas if (one.report.node, one.report.family) == (node, family)]
    step = plain(f"step {moment.number}, {moment.event}")
    if not found:
        yield f"# {step}: kube-proxy wrote nothing on {node}"
    for report in found:
        kind = "full" if report.full else "partial"
        failed = ", refused by iptables-restore" if report.failed else ""
        yield f"# {step}: {kind} sync on {node} at {duration_text(report.at)}{failed}"
        yield from (f"# {call}" for call in report.ensured)
        yield from report.script.splitlines()
        gone = conntrack_list(report.deleted, report.at).splitlines()
        if gone:
            ways = f", in the first of {len(moment.ways)} ways" if len(moment.ways) > 1 else ""
            yield f"# entries of conntrack deleted{ways}:"
            yield from (f"# {line}" for line in gone)


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
