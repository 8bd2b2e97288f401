"""The cluster of a scenario, put together: manifests, objects written in it, nodes in short form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kproxysim.cluster import Cluster, EndpointSlice, Node, NodeFacts, Service
from kproxysim.cluster.checks import Item, check_all, without_copies
from kproxysim.cluster.findings import Finding, Subject, diagnose, severity_of
from kproxysim.cluster.load import models_of
from kproxysim.cluster.located import Document
from kproxysim.cluster.manifests import find_objects
from kproxysim.cluster.sysctl_names import check_sysctl_names
from kproxysim.errors import Diagnostic, Severity
from kproxysim.network.settings import sysctls_like
from kproxysim.scenario.draft import Draft
from kproxysim.scenario.mistakes import known_names
from kproxysim.scenario.model import NodeForm
from kproxysim.scenario.node_rules import GivenRules, read_rules
from kproxysim.scenario.objects import Objects
from kproxysim.values import dataclass

__all__ = ["OBJECT_KINDS", "Gathered", "gather"]

OBJECT_KINDS = frozenset(("Node", "Service", "EndpointSlice"))
_ZONE = "topology.kubernetes.io/zone"


@dataclass(slots=True)
class Gathered:
    """The objects of a scenario, what is known of its nodes, and all that is to be said about both.

    `findings` are about the scenario file itself, `diagnostics` about the objects, wherever they stand.
    `lost` are the kinds of which some object could not be read.
    """

    cluster: Cluster
    facts: dict[str, NodeFacts]
    rules: GivenRules
    findings: list[Finding]
    diagnostics: list[Diagnostic]
    lost: frozenset[str]


def gather(draft: Draft, others: Iterable[Document], *, strict: bool) -> Gathered:
    """All that a scenario says there is in the cluster. `others` are manifests that follow it in its file."""
    file, document = draft.file, draft.document
    objects = Objects(document)
    for section, entries in (("manifests", file.manifests), ("services", file.services)):
        for number, entry in enumerate(entries):
            objects.read(entry, draft.path(section, number))
    for other in others:
        find_objects(other, objects.found)
    items, about = models_of(objects.found)
    items += _short_forms(draft, items, objects.findings)
    kept, about_copies = without_copies(items)
    about = [*objects.found.findings, *about, *about_copies, *check_all(kept)]
    models = [item.model for item in kept]
    cluster = Cluster(
        [model for model in models if isinstance(model, Node)],
        [model for model in models if isinstance(model, Service)],
        [model for model in models if isinstance(model, EndpointSlice)],
        findings=(),
        passed_over=dict(sorted(objects.found.passed_over.items())),
        unknown_fields=dict(sorted(objects.found.unknown_fields.items())),
    )
    facts = {name: _facts(form) for name, form in file.nodes.items()}
    for name, known in facts.items():
        for one in check_sysctl_names(known.sysctls, sysctls_like):
            objects.findings.append(replace(one, path=("nodes", name, "sysctls", *one.path)))
    lost = _lost(objects, about)
    rules = read_rules(draft)
    diagnostics = [*objects.troubles, *diagnose(about, strict=strict), *rules.diagnostics]
    return Gathered(cluster, facts, rules, [*objects.findings, *rules.findings], diagnostics, lost)


def _lost(objects: Objects, about: Iterable[tuple[Subject, Finding]]) -> frozenset[str]:
    """Any kind may be in a file that can't be read."""
    if objects.troubles or any(one.path[:1] == ("manifests",) for one in objects.findings):
        return OBJECT_KINDS
    wrong = (subject for subject, finding in about if severity_of(finding.code) is Severity.ERROR)
    kinds = {subject.title.partition(" ")[0] for subject in wrong}
    return frozenset(kinds) if kinds <= OBJECT_KINDS else OBJECT_KINDS


def _short_forms(draft: Draft, items: Iterable[Item], findings: list[Finding]) -> list[Item]:
    """The nodes written in short form, as Node objects. The others must be in a manifest."""
    known = [item.model.name for item in items if isinstance(item.model, Node)]
    made = []
    for name, form in draft.file.nodes.items():
        if form.is_whole and name in known:
            message = f"{name} is in a manifest and here as well"
            findings.append(
                Finding("KPS610", message, ("nodes", name), help="give its addresses in one place")
            )
        elif form.is_whole:
            made.append(Item(Subject(draft.document, ("nodes", name), f"Node {name}"), _node(name, form)))
        elif name not in known:
            message = f"{name} has no address, and no manifest has a Node of this name"
            notes = known_names("Nodes", known)
            findings.append(
                Finding("KPS602", message, ("nodes", name), help="give internal: ADDRESS", notes=notes)
            )
    return made


def _node(name: str, form: NodeForm) -> Node:
    addresses = [
        *({"type": "InternalIP", "address": text} for text in form.internal),
        *({"type": "ExternalIP", "address": text} for text in form.external),
        {"type": "Hostname", "address": name},
    ]
    labels = {_ZONE: form.zone} if form.zone else {}
    return Node.model_validate(
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {"podCIDRs": list(form.pod_cidr)},
            "status": {"addresses": addresses},
        }
    )


def _facts(form: NodeForm) -> NodeFacts:
    """The part of a short form that no Node object holds."""
    return NodeFacts.model_construct(
        **{name: getattr(form, name) for name in NodeFacts.model_fields if name in form.model_fields_set}
    )
