"""`kproxysim trace`: one packet, explained."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise
from typing import TYPE_CHECKING

from kproxysim.cli.output import columns, hint, show, show_text, terminal_width
from kproxysim.cli.sources import (
    Settings,
    moment_of,
    named_packet,
    one_scenario,
    reshaped,
    scenarios_with_packets,
    world_of,
)
from kproxysim.errors import Diagnostic, InputError, Severity
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.walk import Walked
from kproxysim.network import Branch, Trace, World
from kproxysim.network.choosing import picked
from kproxysim.network.who import known_addresses
from kproxysim.packet import Packet, format_endpoint
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

if TYPE_CHECKING:
    from kproxysim.scenario import Scenario
    from kproxysim.scenario.model import PacketForm

_MOST_NAMED = 12

__all__ = ["Asked", "Shape", "trace"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which packet: one of a scenario by name, or one from somebody to somewhere; and which of its ways. With
    `at` it is sent after a step of the scenario; without any packet it is that step's own.
    """

    packet: str | None = None
    source: str | None = None
    to: str | None = None
    via: str | None = None
    pick: str | None = None
    seed: int | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """In which form: "text" in some detail, with the answer's hops or without; or "json", "mermaid",
    "dot", "html".
    """

    output: str = "text"
    detail: str = "full"
    reply: bool = False


def trace(sources: Sequence[str], asked: Asked, shape: Shape, settings: Settings) -> None:
    """Find the packet and its world, send it, show what became of it."""
    if asked.at is not None:
        found, world = _trace_at(sources, asked, asked.at, settings)
        hint(_remarks(found, world, asked))
        _show(found, world, asked, shape)
        return
    world, packet, source, via, form = _find(sources, asked, settings)
    rng = None if asked.seed is None else random.Random(asked.seed)
    mark, uid, gid = (0, None, None) if form is None else (form.mark, form.uid, form.gid)
    found = world.send(packet, source, via=via, mark=mark, uid=uid, gid=gid, pick=asked.pick, rng=rng)
    hint(_remarks(found, world, asked))
    _show(found, world, asked, shape)


def _remarks(found: Trace, world: World, asked: Asked) -> Iterator[Diagnostic]:
    """What was asked for and has no effect, and an address that nobody has: a slip of the pen, perhaps."""
    if asked.via is not None and not any(_let_in_at(branch, asked.via) for branch in found):
        message = (
            f"--via {asked.via} has no effect: the edge does not choose that node for {found.packet.dst}"
        )
        yield Diagnostic("KPS807", Severity.NOTE, message)
    lost = {one.packet.dst for one in found if one.reason == "nobody-has-this-address"}
    if found.packet.dst in lost:
        what, known = known_addresses(world.cluster, from_internet=found.source == "internet")
        known = [(text, owner) for text, owner in known if text != str(found.packet.dst)]
        names = [f"{text} ({owner})" for text, owner in known[:_MOST_NAMED]] or ["none"]
        rest = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
        message = f"nobody has {found.packet.dst}; known {what}: {', '.join(names)}{rest}"
        meant = did_you_mean(str(found.packet.dst), [text for text, _ in known])
        yield Diagnostic("KPS807", Severity.NOTE, message, help=meant)
    for address in sorted(lost - {found.packet.dst}, key=str):
        message = f"nobody has {address}, which took the place of {found.packet.dst} on the way"
        help_ = "is the endpoint's nodeName missing, or its Node? A pod is reached by way of its node"
        yield Diagnostic("KPS807", Severity.NOTE, message, help=help_)


def _let_in_at(branch: Branch, node: str) -> bool:
    """Did the edge choose this node among several?"""
    return any(
        following.where == node and any(step.at == "edge:balance" for step in hop.steps)
        for hop, following in pairwise(branch.hops)
    )


def _find(
    sources: Sequence[str], asked: Asked, settings: Settings
) -> tuple[World, Packet, str, str | None, PacketForm | None]:
    """The world, the packet in it, who sends it, the node by which it comes in; and what a scenario says
    of it, if it is from one.
    """
    if asked.source is None and asked.to is None:
        instead = "in place of --packet write" if asked.packet else "add"
        scenarios = scenarios_with_packets(sources, settings, f"{instead} --from WHO and --to HOST:PORT")
        scenario, name = named_packet(scenarios, asked.packet or _only_packet(scenarios))
        form = scenario.packets[name]
        world = reshaped(scenario.world(), settings)
        return world, form.packet_in(world), form.source, asked.via or form.via, form
    source, to = _whole(asked).values()
    world = world_of(sources, settings)
    _check_is_no_name(to, world)
    return world, world.packet(source, to), source, asked.via, None


def _check_is_no_name(to: str, world: World) -> None:
    """Raises InputError (KPS702) for a Service by the name that DNS or kubectl uses, with its address."""
    name, _, port = to.removesuffix("/tcp").removesuffix("/udp").removesuffix("/sctp").partition(":")
    short = name.removeprefix("svc/").removeprefix("service/")
    short = short.removesuffix(".cluster.local").removesuffix(".svc")
    for one in world.cluster.services:
        balancer = any(entry.hostname == name for entry in one.status.load_balancer.ingress if name)
        own, namespace = one.metadata.name, one.metadata.namespace
        if not balancer and short not in (own, f"{namespace}/{own}", f"{own}.{namespace}"):
            continue
        address = next((text for text in one.spec.cluster_ips if text != "None"), "")
        number = int(port) if port.isdecimal() else next((each.port for each in one.spec.ports), 80)
        dialled = format_endpoint(ip_address(address), number) if address else ""
        raise InputError.of(
            "KPS702",
            f"{name!r} is a name, and packets go to addresses",
            found=to,
            help=f"write {dialled}, the cluster IP of {one.key}"
            if dialled
            else f"{one.key} has no cluster IP: dial one of its pods",
            notes=(f"it is the load balancer of {one.key}: no rule knows it by name",) if balancer else (),
        )


def _whole(asked: Asked) -> dict[str, str]:
    """Who sends a packet that is no scenario's, and where to. Raises InputError if one is not said."""
    if asked.source is None or asked.to is None:
        missing = "--from WHO" if asked.source is None else "--to HOST:PORT"
        raise InputError.of("KPS802", "it is not said which packet to trace", help=f"add {missing}")
    return {"from": asked.source, "to": asked.to}


def _trace_at(sources: Sequence[str], asked: Asked, step: str, settings: Settings) -> tuple[Trace, World]:
    """The packet of a step, or one that is sent after it, and a world as it is then."""
    scenario = one_scenario(sources, settings, "--at is for the steps of one scenario")
    moment = moment_of(scenario, step, settings)
    world = moment.ways[0].world
    if asked.packet is None and asked.source is None and asked.to is None:
        if moment.trace is None:
            raise InputError.of(
                "KPS802",
                f"step {moment.number}, {moment.event}, sends no packet",
                help="add --packet NAME: it is sent as things stand then",
            )
        if asked.pick is None:
            return moment.trace, world
        return replace(moment.trace, branches=tuple(picked(list(moment.trace), asked.pick))), world
    if asked.packet is not None:
        form = scenario.packets[named_packet([scenario], asked.packet)[1]]
    else:
        from kproxysim.scenario import PacketSpec

        form = PacketSpec.model_validate(_whole(asked))
    rng = None if asked.seed is None else random.Random(asked.seed)
    return moment.send(form, via=asked.via, pick=asked.pick, rng=rng), world


def _only_packet(scenarios: Sequence[Scenario]) -> str:
    """The packet that is meant where there is but one."""
    known = [name for scenario in scenarios for name in scenario.packets]
    if len(known) == 1:
        return known[0]
    raise InputError.of(
        "KPS802",
        "it is not said which packet to trace",
        help="add --packet NAME, or --from WHO and --to HOST:PORT",
        notes=(f"packets: {', '.join(known)}",),
    )


def _show(found: Trace, world: World, asked: Asked, shape: Shape) -> None:
    if shape.output == "json":
        from kproxysim.report.json_text import dumps

        show_text(dumps(found.to_dict()))
    elif shape.output == "mermaid":
        from kproxysim.report.sequence import trace_mermaid

        show_text(trace_mermaid(found))
    elif shape.output == "dot":
        from kproxysim.report.drawing import trace_dot

        show_text(trace_dot(found, _rules_met(found, world)))
    elif shape.output == "html":
        from kproxysim.report.html.trace_page import trace_html

        show_text(trace_html(found, picked=asked.pick is not None))
    elif shape.detail == "full":
        from kproxysim.report.text import trace_page

        show(trace_page(found, reply=shape.reply, picked=asked.pick is not None, width=terminal_width()))
    elif shape.detail == "kernel":
        from kproxysim.report.kernel_log import kernel_page

        show(kernel_page(found))
    else:
        from kproxysim.report.brief import minimal_page, summary_page

        show(summary_page(found, columns()) if shape.detail == "summary" else minimal_page(found))


def _rules_met(found: Trace, world: World) -> dict[str, Ruleset]:
    """The rulesets of the nodes whose rules the packet met."""
    family: Family = "ipv4" if found.packet.family == 4 else "ipv6"
    nodes = dict.fromkeys(
        hop.where
        for branch in found.branches
        for hop, step in branch.steps()
        if hop.kind == "node" and isinstance(step, Walked)
    )
    return {node: world.ruleset(node, family) for node in nodes}
