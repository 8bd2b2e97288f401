"""What SOURCE may be: scenario files, folders of them, Kubernetes manifests, standard input; several at
once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kproxysim.cli.output import hint, warn
from kproxysim.cluster import Cluster, KubeProxyConfiguration
from kproxysim.cluster.sources import STDIN, read_source
from kproxysim.errors import Diagnostic, InputError, Severity
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import World
from kproxysim.report.plain import plain
from kproxysim.scenario_mark import says_scenario
from kproxysim.values import dataclass

if TYPE_CHECKING:
    from kproxysim.scenario import Moment, Scenario

__all__ = [
    "Settings",
    "load_scenarios",
    "moment_of",
    "named_packet",
    "one_scenario",
    "reshaped",
    "scenarios_of",
    "scenarios_with_packets",
    "world_of",
]

_MOST_NAMED = 40
_ALL_KINDS = "add it: kubectl get nodes,services,endpointslices -A -o yaml"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options of a command say about the world, over what its sources say.

    `dumps` are files with what iptables-save printed on `node`.
    """

    version: str | None = None
    config: str | None = None
    dumps: tuple[str, ...] = ()
    node: str | None = None
    strict: bool = False
    verbose: bool = False

    @property
    def empty(self) -> bool:
        """Is the world to be as its sources have it?"""
        return self.version is None and self.config is None and not self.dumps


def world_of(names: Sequence[str], settings: Settings) -> World:
    """The world of one scenario, or of manifests, under the settings of the command line."""
    files, manifests = _split(names)
    if not files:
        return reshaped(World(_load_cluster(manifests, settings)), settings)
    if manifests or len(files) > 1:
        raise _too_much(files, manifests)
    (scenario,) = scenarios_of(files, settings)
    return reshaped(scenario.world(), settings)


def _too_much(files: Sequence[str], manifests: Sequence[str]) -> InputError:
    return InputError.of(
        "KPS803",
        "a scenario has a world of its own, and here is more than that",
        help="give one scenario, or manifests",
        notes=(f"scenarios: {', '.join(files)}", *(f"no scenario: {name}" for name in manifests)),
    )


def scenarios_with_packets(names: Sequence[str], settings: Settings, instead: str) -> list[Scenario]:
    """Scenarios for a command that takes a packet from them. Manifests have none: `instead` is what to write.

    Raises InputError with everything that is wrong with any of the sources.
    """
    files, manifests = _split(names)
    if not files:
        _load_cluster(manifests, settings)
        raise InputError.of(
            "KPS802",
            "these are manifests, and only a scenario has packets",
            help=instead,
            notes=(f"no scenario: {', '.join(manifests)}",),
        )
    if manifests:
        raise _too_much(files, manifests)
    return scenarios_of(files, settings)


def _split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Scenario files, and the names of everything else. Standard input is manifests."""
    scenarios: dict[str, None] = {}
    manifests: dict[str, None] = {}
    for name in names:
        if name != STDIN and Path(name).is_dir():
            inside = _scenarios_in(name)
            scenarios.update(dict.fromkeys(inside))
            manifests.update({} if inside else {name: None})
        else:
            (scenarios if name != STDIN and _is_scenario_file(name) else manifests)[name] = None
    return list(scenarios), list(manifests)


def _scenarios_in(folder: str) -> list[str]:
    from kproxysim.scenario import find_scenarios

    try:
        return [str(path) for path in find_scenarios([folder])]
    except InputError as error:
        if error.code != "KPS609":
            raise
        return []


def _is_scenario_file(name: str) -> bool:
    """By its text, broken or not: whoever reads it in earnest says what is wrong with it."""
    try:
        return says_scenario(read_source(name).text)
    except InputError:
        return False


def _load_cluster(names: Sequence[str], settings: Settings) -> Cluster:
    """One cluster of all manifests; its warnings go to standard error."""
    cluster = Cluster.load(list(names), strict=settings.strict)
    warn(cluster.findings, verbose=settings.verbose)
    _tell_passed_over(cluster, settings)
    hint(_lacking(cluster))
    return cluster


def _lacking(cluster: Cluster) -> Iterator[Diagnostic]:
    """Kinds of which there is nothing at all, which most likely was not meant."""
    if not cluster.nodes:
        message = "there is no Node in the input: nothing runs anywhere, and no packet comes in"
        yield Diagnostic("KPS807", Severity.NOTE, message, help=_ALL_KINDS)
    if cluster.services and not cluster.endpoint_slices:
        message = "there is no EndpointSlice in the input: no Service has an endpoint"
        yield Diagnostic("KPS807", Severity.NOTE, message, help=_ALL_KINDS)


def _tell_passed_over(cluster: Cluster, settings: Settings) -> None:
    """With -v: the objects of other kinds, and the fields that Kubernetes does not know."""
    for what, counts in (("passed over", cluster.passed_over), ("unknown fields", cluster.unknown_fields)):
        if settings.verbose and counts:
            named = [f"{count} {plain(name)}" for name, count in islice(counts.items(), _MOST_NAMED)]
            rest = f", and {len(counts) - _MOST_NAMED} more" if len(counts) > _MOST_NAMED else ""
            sys.stderr.write(f"{what}: {', '.join(named)}{rest}\n")


def load_scenarios(names: Sequence[str], settings: Settings) -> tuple[list[Scenario], list[Diagnostic]]:
    """Every scenario of some files and folders, and what is wrong with those that can't be used.

    Warnings go to standard error. Raises InputError for a folder without any.
    """
    from kproxysim.scenario import Scenario, find_scenarios

    found: list[Scenario] = []
    troubles: list[Diagnostic] = []
    for path in find_scenarios(names):
        try:
            scenario = Scenario.load(path, strict=settings.strict)
        except InputError as error:
            troubles.extend(error.diagnostics)
            continue
        warn(scenario.findings, verbose=settings.verbose)
        _tell_passed_over(scenario.cluster, settings)
        found.append(scenario)
    return found, troubles


def scenarios_of(names: Sequence[str], settings: Settings) -> list[Scenario]:
    """The same for a command that needs them all. Raises InputError with everything that is wrong with
    any.
    """
    found, troubles = load_scenarios(names, settings)
    if troubles:
        raise InputError(troubles)
    return found


def one_scenario(names: Sequence[str], settings: Settings, why: str) -> Scenario:
    """The scenario of a command that takes a single one; `why` says what for.

    Raises InputError if the sources are manifests, or more than that.
    """
    scenarios = scenarios_with_packets(names, settings, f"{why}: name a scenario")
    if len(scenarios) == 1:
        return scenarios[0]
    raise InputError.of(
        "KPS803",
        f"{why}, and here are {len(scenarios)} scenarios",
        help="name one of them",
        notes=(f"scenarios: {', '.join(one.path for one in scenarios)}",),
    )


def moment_of(scenario: Scenario, step: str, settings: Settings) -> Moment:
    """The moment after a step of a scenario, by its name or number. Raises InputError for none."""
    number = scenario.step_number(step)
    world = None if settings.empty else reshaped(scenario.world(), settings)
    return scenario.timeline(world=world).moment(number)


def named_packet(scenarios: Sequence[Scenario], name: str) -> tuple[Scenario, str]:
    """The packet called `name`, or `SCENARIO:NAME` where several scenarios have one. Raises InputError."""
    owners = [(scenario, name) for scenario in scenarios if name in scenario.packets]
    if not owners:
        prefix, _, rest = name.partition(":")
        owners = [(one, rest) for one in scenarios if one.name == prefix and rest in one.packets]
    if not owners and len(scenarios) == 1:
        scenarios[0].trace(name)  # says which packets there are
    if len(owners) == 1:
        return owners[0]
    known = [f"{scenario.name}:{packet}" for scenario in scenarios for packet in scenario.packets]
    if owners:
        raise InputError.of(
            "KPS802",
            f"{len(owners)} scenarios have a packet {name!r}",
            found=name,
            help="write " + " or ".join(f"{scenario.name}:{packet}" for scenario, packet in owners),
        )
    raise InputError.of(
        "KPS802",
        f"no scenario has a packet {name!r}",
        found=name,
        notes=(f"packets: {', '.join(known)}",) if known else (),
    )


def reshaped(world: World, settings: Settings) -> World:
    """The same world under the settings of the command line."""
    if settings.empty:
        return world
    config = world.config
    if settings.config is not None:
        config = KubeProxyConfiguration.load(settings.config, strict=settings.strict)
        warn(config.findings, verbose=settings.verbose)
    made = partial(
        World,
        world.cluster,
        edge=world.edge,
        pods=world.pods,
        clients={name: str(address) for name, address in world.clients.items()},
        facts=world.facts,
        rules=world.given_rules,
        config=config,
        version=settings.version or world.version,
        pod_network=world.pod_network,
    )
    if not settings.dumps:
        return made()
    node = _dumped_node(world, settings)
    given = [Ruleset.from_save(_dump_text(name), name=name) for name in settings.dumps]
    families = [ruleset.family for ruleset in given]
    if len(set(families)) < len(families):
        raise InputError.of(
            "KPS804", f"two of the dumps are of {families[0]}", help="give one for each address family"
        )
    # of a family without a dump nothing else is known than what kube-proxy would write
    written = made()
    others = [written.ruleset(node, family) for family in ("ipv4", "ipv6") if family not in families]
    return made(rules={**world.given_rules, node: [*given, *others]})


def _dump_text(name: str) -> str:
    try:
        return read_source(name).text
    except InputError as error:
        hint = "give what iptables-save printed on the node"
        raise InputError(replace(one, help=hint) for one in error.diagnostics) from None


def _dumped_node(world: World, settings: Settings) -> str:
    if settings.node is not None:
        return world.cluster.node(settings.node).name
    names = [node.name for node in world.cluster.nodes]
    if len(names) == 1:
        return names[0]
    raise InputError.of(
        "KPS804",
        "it is not said which node the rules were saved on",
        help="add --node NAME",
        notes=(f"nodes: {', '.join(names)}",) if names else (),
    )
