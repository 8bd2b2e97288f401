"""What the steps of a scenario bring along: objects that they apply, rules that they load, and the clusters
that come of it one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path as FilePath
from typing import Any

from kproxysim.cluster import Cluster
from kproxysim.cluster.changes import Object, applied, deleted, patched, title_of
from kproxysim.cluster.checks import Item, check_all, without_copies
from kproxysim.cluster.findings import Finding, Subject, diagnose, severity_of
from kproxysim.cluster.load import models_of
from kproxysim.cluster.located import Document
from kproxysim.cluster.paths import Path
from kproxysim.cluster.sources import read_source
from kproxysim.errors import Diagnostic, InputError, Severity
from kproxysim.scenario.draft import Draft
from kproxysim.scenario.node_rules import is_text
from kproxysim.scenario.objects import Objects
from kproxysim.scenario.step_form import StepForm
from kproxysim.values import dataclass

__all__ = ["Course", "RulesText", "read_course"]

_POD = "Pod "


@dataclass(frozen=True, slots=True)
class RulesText:
    """Restore text, and the name of the file that it stands in; "" where it stands in the scenario."""

    text: str
    name: str = ""


@dataclass(slots=True)
class Course:
    """Steps as far as they can be looked at before anything happens.

    - `objects`, `rules`: what steps apply and load, by their number in the file's steps, from 0.
    - `clusters`: the objects at the start, and after each step that changed them.
    - `findings` are about the scenario, `diagnostics` about objects wherever they stand.
    - `is_whole`: could all of it be read? If not there may be more names than are known.
    """

    clusters: list[Cluster]
    objects: dict[int, tuple[Object, ...]] = field(default_factory=dict)
    rules: dict[int, RulesText] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    is_whole: bool = True


def read_course(draft: Draft, cluster: Cluster, *, strict: bool) -> Course:
    """Go through the steps of a scenario whose objects at the start are those of `cluster`."""
    course = Course([cluster], is_whole=not _may_lack_objects(draft))
    for number, step in enumerate(draft.file.steps):
        path = draft.path("steps", number)
        if step.apply is not None:
            _apply(course, draft.document, step, number, path, strict=strict)
        elif step.rules is not None:
            _read_rules(course, draft.document, step.rules, number, path)
        elif course.is_whole:
            _change(course, step, path)
    return course


def _may_lack_objects(draft: Draft) -> bool:
    """Is there a step that is wrong in itself, and that might have brought objects?"""
    written = draft.document.value.get("steps")
    if not isinstance(written, list):
        return False
    kept = draft.numbers.get("steps", range(len(written)))
    return any(
        not isinstance(entry, dict) or not entry.keys().isdisjoint(("apply", "patch"))
        for number, entry in enumerate(written)
        if number not in kept
    )


def _apply(
    course: Course, document: Document, step: StepForm, number: int, path: Path, *, strict: bool
) -> None:
    objects = Objects(document)
    entries = step.apply or ()
    is_list = isinstance(_at(document.value, (*path, "apply")), list)
    for place, entry in enumerate(entries):
        objects.read(entry, (*path, "apply", place) if is_list else (*path, "apply"))
    items, about = models_of(objects.found)
    kept, about_copies = without_copies(items)
    about = [*objects.found.findings, *about, *about_copies, *_beside_others(kept, course.clusters[-1])]
    course.findings += objects.findings
    course.diagnostics += [*objects.troubles, *diagnose(about, strict=strict)]
    wrong = any(severity_of(finding.code, strict=strict) is Severity.ERROR for _, finding in about)
    if wrong or objects.troubles or objects.findings:
        course.is_whole = False
        return
    if not kept:
        message = "there is no Node, Service or EndpointSlice here"
        course.findings.append(
            Finding("KPS103", message, (*path, "apply"), help="name a file with manifests")
        )
        return
    course.objects[number] = tuple(item.model for item in kept)
    after, _ = applied(course.clusters[-1], course.objects[number])
    course.clusters.append(after)


def _beside_others(items: list[Item], cluster: Cluster) -> Iterator[tuple[Subject, Finding]]:
    """What is to be said about objects that come to those of a cluster."""
    new = {title_of(item.model) for item in items}
    nowhere = Document({})
    old: tuple[Object, ...] = (*cluster.nodes, *cluster.services, *cluster.endpoint_slices)
    others = [Item(Subject(nowhere), thing) for thing in old if title_of(thing) not in new]
    for subject, finding in check_all([*others, *items]):
        if subject.document is not nowhere:
            yield subject, finding


def _read_rules(course: Course, document: Document, rules: str, number: int, path: Path) -> None:
    if is_text(rules):
        course.rules[number] = RulesText(rules)
        return
    folder = FilePath() if document.source is None else FilePath(document.source.name).parent
    try:
        source = read_source(str(folder / rules))
    except InputError as error:
        hint = "files are named from the folder of the scenario; rules begin with a line such as *nat"
        for one in error.diagnostics:
            course.findings.append(Finding(one.code, one.message, (*path, "rules"), rules, hint))
        return
    course.rules[number] = RulesText(source.text, source.name)


def _change(course: Course, step: StepForm, path: Path) -> None:
    """What a patch or a deletion makes of the cluster. Pods are no objects here."""
    before = course.clusters[-1]
    try:
        if step.patch is not None:
            after, _ = patched(before, step.patch, step.with_ or {})
        elif step.delete is not None and not step.delete.startswith(_POD):
            after, _ = deleted(before, step.delete)
        else:
            return
    except InputError as error:
        verb = "patch" if step.patch is not None else "delete"
        for one in error.diagnostics:
            field = verb if one.code == "KPS117" else "with"
            where = f"{one.path}: " if one.path else ""
            course.findings.append(
                Finding(one.code, where + one.message, (*path, field), one.found, one.help, one.notes)
            )
        course.is_whole = False
        return
    course.clusters.append(after)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value
