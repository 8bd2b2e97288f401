"""A situation or a time line as a program: paste it, run it, and the same packets go the same way."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pprint import pformat
from typing import Any

from kproxysim.network import World
from kproxysim.network.pods import pods_of
from kproxysim.scenario.write import manifests_of, plain_fields
from kproxysim.testing.call import Situation
from kproxysim.testing.timeline import Timeline

__all__ = ["program"]

_WIDTH = 100
_NAMES = ("Allow", "Cluster", "Edge", "KubeProxyConfiguration", "NodeFacts", "Pod", "World")


def program(subject: Situation | Timeline) -> str:
    """Python that builds the world, lets happen what happened, and sends the packet of a situation; `trace`
    is what becomes of that.

    Rules that were given are left out, with a comment that says so: they are no kube-proxy's.
    """
    timeline = subject if isinstance(subject, Timeline) else subject.timeline
    lines = _world(subject.world if timeline is None else timeline.start)
    if timeline is not None:
        lines = ["from random import Random", *lines, *(moment.line for moment in timeline.moments)]
    if isinstance(subject, Situation):
        call = subject.call
        sport = "" if subject.sport is None else f", sport={subject.sport}"
        lines += [
            f"packet = world.packet({call.source!r}, {call.to!r}{sport})",
            f"trace = world.send(packet, {call.source!r}, via={call.via!r})",
        ]
    return "\n".join(lines)


def _world(world: World) -> list[str]:
    named = {pod.key: pod for pod in pods_of(world.cluster)}
    others = [pod for pod in world.pods if named.get(pod.key) != pod]
    lines = [
        f"cluster = Cluster.load({_pretty(manifests_of(world))})",
        "world = World(",
        "    cluster,",
        f"    edge={_made(world.edge)},",
    ]
    if others:
        lines += ["    pods=[", *(f"        {_made(pod)}," for pod in others), "    ],"]
    if world.clients:
        lines.append(f"    clients={ {name: str(one) for name, one in world.clients.items()}!r},")
    if world.facts:
        facts = ", ".join(f"{name!r}: {_model('NodeFacts', one)}" for name, one in world.facts.items())
        lines.append(f"    facts={{{facts}}},")
    if world.config is not None:
        lines.append(f"    config={_model('KubeProxyConfiguration', world.config)},")
    lines += [f"    version={world.version!r},", f"    pod_network={world.pod_network!r},", ")"]
    if world.given_rules:
        lines.append(f"# The rules of {', '.join(world.given_rules)} were given: pass them as rules={{...}}.")
    used = [name for name in _NAMES if any(f"{name}(" in line or f"{name}." in line for line in lines)]
    return [f"from kproxysim import {', '.join(used)}", "", *lines]


def _made(value: Any) -> str:
    """A value of a dataclass as it is made, without what is so by default."""
    given = (
        f"{one.name}={getattr(value, one.name)!r}"
        for one in fields(value)
        if getattr(value, one.name)
        != (one.default if one.default_factory is MISSING else one.default_factory())
    )
    return f"{type(value).__name__}({', '.join(given)})"


def _model(name: str, model: Any) -> str:
    return f"{name}.model_validate({plain_fields(model)!r})"


def _pretty(value: object) -> str:
    return pformat(value, width=_WIDTH, sort_dicts=False)
