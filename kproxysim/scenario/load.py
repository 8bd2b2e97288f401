"""Reading a scenario: its own shape first, then what it gathers, then whether every name in it is known.

A later step looks only at what the earlier ones found sound, so that nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, islice

from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.cluster.findings import Finding, Subject
from kproxysim.cluster.located import Document, read_documents
from kproxysim.errors import Diagnostic, InputError, Severity
from kproxysim.network import Edge, Pod, World
from kproxysim.network.pods import pods_of
from kproxysim.scenario.chains import chain_names
from kproxysim.scenario.course import Course, read_course
from kproxysim.scenario.crosscheck import (
    Checker,
    Known,
    check_addresses_of_pods,
    check_edge,
    check_packets,
    check_pods,
)
from kproxysim.scenario.draft import Draft, read_draft
from kproxysim.scenario.find import is_scenario
from kproxysim.scenario.gather import OBJECT_KINDS, Gathered, gather
from kproxysim.scenario.mistakes import is_mistake, located
from kproxysim.scenario.model import ScenarioFile
from kproxysim.scenario.schema import fields_at
from kproxysim.scenario.step_names import check_steps, expected_packets
from kproxysim.spelling import closest
from kproxysim.values import dataclass

__all__ = ["Loaded", "build_world", "load"]

_NO_ADDRESSES = (
    "kind",
    "scenario",
    "about",
    "teaches",
    "kubeProxy",
    "podNetwork",
    "packets",
    "expect",
    "steps",
)
_NO_ADDRESSES_OF_CLOUD = ("kind", "firewall", "gateway", "outside")
"""Fields without which everybody in the world has the same name and address."""

_MOST_MISTAKES = 500
"""Of names that are not known. Who made more has named the wrong manifests, and knows by then."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario without mistakes. `findings` are warnings and notes."""

    draft: Draft
    gathered: Gathered
    course: Course
    world: World
    findings: tuple[Diagnostic, ...]


def load(path: str, *, strict: bool) -> Loaded:
    """Read a scenario file, and the manifests that it names.

    Raises InputError with all mistakes in all of them, those of the scenario itself first.
    """
    document, others = _documents(path)
    subject = Subject(document)
    draft, findings = read_draft(document)
    if draft is None:
        raise InputError(located(subject, findings, strict=strict))
    gathered = gather(draft, others, strict=strict)
    course = read_course(draft, gathered.cluster, strict=strict)
    findings += [*gathered.findings, *course.findings]
    known = _known(draft, gathered, course, findings)
    findings += [*check_edge(draft.file, known), *check_pods(draft.file, known)]
    world, refused = None, []
    if not _has_errors(gathered.diagnostics) and all(map(_is_world_the_same, filter(is_mistake, findings))):
        world = build_world(draft.file, gathered, None)
        refused = _settings_refused(world)
        findings += check_addresses_of_pods(draft.file, gathered.cluster)
    checker = Checker(draft.file, known, None if refused else world, course.clusters[1:])
    names = chain(
        check_packets(draft, known, checker, expected_packets(draft)), check_steps(draft, known, checker)
    )
    findings += [*refused, *islice(names, _MOST_MISTAKES)]
    diagnostics = [
        *located(subject, findings, strict=strict),
        *gathered.diagnostics,
        *course.diagnostics,
    ]
    if world is None or _has_errors(diagnostics):
        # What has no effect may have none because of what is broken: a slice whose Service can't be read.
        raise InputError(one for one in diagnostics if one.severity is not Severity.NOTE)
    return Loaded(draft, gathered, course, world, tuple(diagnostics))


def _is_world_the_same(mistake: Finding) -> bool:
    """Has everybody the same name and address without the field or entry that is wrong?"""
    if _section(mistake) == "cloud":
        return mistake.path[1:2] != () and mistake.path[1] in _NO_ADDRESSES_OF_CLOUD
    return _section(mistake) in ("", *_NO_ADDRESSES)


def _section(mistake: Finding) -> str:
    """The field at the top that a mistake is in; for one that is not known the one that is meant, "" if none
    is.
    """
    name = str(mistake.path[0]) if mistake.path else ""
    known = fields_at(())
    return name if name in known else closest(name, known)


def _known(draft: Draft, gathered: Gathered, course: Course, findings: Iterable[Finding]) -> Known:
    """The names that there are, also of what is wrong otherwise; None where some may be missing."""
    broken = {_section(one) for one in findings if is_mistake(one) and len(one.path) < 2}
    is_whole = course.is_whole and not broken & {"manifests", "services", "steps"}
    lost = gathered.lost if is_whole else OBJECT_KINDS
    clusters = course.clusters
    nodes = dict.fromkeys(node.name for cluster in clusters for node in cluster.nodes)
    services = [service.key for cluster in clusters for service in cluster.services]
    pods: set[str] | None = None
    chains: Mapping[str, tuple[str, ...]] | None = None
    if "EndpointSlice" not in lost and "pods" not in broken:
        pods = {*(pod.key for cluster in clusters for pod in pods_of(cluster)), *draft.written("pods")}
    if not lost & {"Service", "EndpointSlice"}:
        chains = {name: called for cluster in clusters for name, called in chain_names(cluster).items()}
    return Known(
        nodes=None
        if "Node" in lost or "nodes" in broken
        else list(nodes | dict.fromkeys(draft.written("nodes"))),
        pods=pods,
        clients=None if "clients" in broken else draft.written("clients"),
        packets=None if "packets" in broken else draft.written("packets"),
        services=None if "Service" in lost else list(dict.fromkeys(services)),
        chains=chains,
        own_chains=gathered.rules.chains(),
    )


def _documents(path: str) -> tuple[Document, list[Document]]:
    """The scenario of a file, and the manifests beside it."""
    documents = read_documents(path)
    mine = [document for document in documents if is_scenario(document.value)]
    if not mine:
        hint = "a scenario begins with kind: Scenario"
        raise InputError(
            located(Subject(documents[0]), [Finding("KPS611", "this is no scenario", help=hint)])
        )
    if len(mine) > 1:
        finding = Finding("KPS612", "this file has a second scenario", help="give it a file of its own")
        raise InputError(located(Subject(mine[1]), [finding]))
    return mine[0], [document for document in documents if document is not mine[0]]


def _has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def _settings_refused(world: World) -> list[Finding]:
    """What kube-proxy of this version says about its settings, at the place where they stand."""
    try:
        _ = world.topology
    except InputError as error:
        path = ("kubeProxy",)
        return [
            Finding(one.code, one.message, path, one.found, one.help, one.notes) for one in error.diagnostics
        ]
    return []


def build_world(file: ScenarioFile, gathered: Gathered, version: str | None) -> World:
    """The world that a scenario describes, under `version` of kube-proxy or else the one it names."""
    return World(
        gathered.cluster,
        edge=_edge(file, gathered),
        pods=[
            Pod(
                namespace=name.partition("/")[0],
                name=name.partition("/")[2],
                node=form.node,
                ips=tuple(str(parse_ip(text)) for text in form.ip),
                listening=form.listening,
                host_network=form.host_network,
            )
            for name, form in file.pods.items()
        ],
        clients={name: str(parse_ip(text)) for name, text in file.clients.items()},
        facts=gathered.facts,
        rules=gathered.rules.by_node,
        config=file.kube_proxy.config,
        version=version or file.kube_proxy.version,
        pod_network=file.pod_network,
    )


def _edge(file: ScenarioFile, gathered: Gathered) -> Edge:
    cloud = file.cloud
    routes = {
        str(parse_cidr(text) if "/" in text else parse_ip(text)): node for text, node in cloud.routes.items()
    }
    edge = Edge.of(gathered.cluster, kind=cloud.kind or "", firewall=cloud.firewall, routes=routes)
    if cloud.one_to_one is not None:
        pairs = {
            str(parse_ip(public)): str(parse_ip(internal)) for public, internal in cloud.one_to_one.items()
        }
        edge = replace(edge, one_to_one=pairs)
    return replace(edge, gateway=_by_family(cloud.gateway), outside=_by_family(cloud.outside))


def _by_family(addresses: Iterable[str]) -> dict[int, str]:
    return {parse_ip(text).version: str(parse_ip(text)) for text in addresses}
