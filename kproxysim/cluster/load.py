"""Reading a cluster from files, folders, standard input or mappings, with everything that is wrong said at
once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from kproxysim.cluster.checks import Item, Model, check_all, without_copies
from kproxysim.cluster.cluster import Cluster
from kproxysim.cluster.fields import misspelled, unknown_fields, with_spelling
from kproxysim.cluster.findings import Finding, Subject, diagnose, errors_among, findings_of
from kproxysim.cluster.located import Document, read_documents_and_trouble
from kproxysim.cluster.manifests import MAX_MISTAKES, Found, find_objects
from kproxysim.cluster.models import EndpointSlice, Node, Service
from kproxysim.cluster.sources import STDIN, manifest_files, read_source
from kproxysim.collecting import uncollected
from kproxysim.errors import Diagnostic, InputError, Position
from kproxysim.values import dataclass

__all__ = ["SourceLike", "load_cluster", "models_of"]

SourceLike = (
    str | os.PathLike[str] | Mapping[str, Any] | Sequence["str | os.PathLike[str] | Mapping[str, Any]"]
)

_MODELS: dict[str, type[Model]] = {"Node": Node, "Service": Service, "EndpointSlice": EndpointSlice}


@dataclass(slots=True)
class _Inputs:
    """All that was read, and all that could not be."""

    documents: list[Document] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    troubles: list[Diagnostic] = field(default_factory=list)


def load_cluster(source: SourceLike, *, strict: bool = False) -> Cluster:
    """The cluster that some inputs describe; see `Cluster.load`."""
    with uncollected():
        inputs = _Inputs()
        for one in _each(source):
            _read(one, inputs)
        found = Found()
        for document in inputs.documents:
            find_objects(document, found)
            if len(found.findings) >= MAX_MISTAKES:
                break
        items, findings = models_of(found)
        kept, about_copies = without_copies(items)
        findings = [*found.findings, *findings, *about_copies, *check_all(kept)]
        if not items and not findings and not inputs.troubles:
            raise _nothing_here(inputs, found)
        diagnostics = _in_order(inputs, [*inputs.troubles, *diagnose(findings, strict=strict)])
        errors = errors_among(diagnostics)
        if len(errors) >= MAX_MISTAKES:
            errors[-1] = replace(
                errors[-1], notes=(*errors[-1].notes, "there may be more: reading stopped here")
            )
        if errors:
            raise InputError(errors)
        models = [item.model for item in kept]
        return Cluster(
            [model for model in models if isinstance(model, Node)],
            [model for model in models if isinstance(model, Service)],
            [model for model in models if isinstance(model, EndpointSlice)],
            findings=diagnostics,
            passed_over=dict(sorted(found.passed_over.items())),
            unknown_fields=dict(sorted(found.unknown_fields.items())),
        )


def _each(source: SourceLike) -> Iterable[str | os.PathLike[str] | Mapping[str, Any]]:
    if isinstance(source, str | os.PathLike | Mapping):
        return [source]
    return source


def _read(one: object, inputs: _Inputs) -> None:
    """Add one input: a mapping as it is, a folder file by file."""
    if isinstance(one, Mapping):
        inputs.documents.append(Document(dict(one), number=len(inputs.documents)))
        return
    if not isinstance(one, str | os.PathLike):
        raise TypeError(f"a cluster is read from paths, '-' or mappings, not from {type(one).__name__}")
    name = os.fspath(one)
    try:
        names = [name] if name == STDIN or not _is_folder(name) else list(manifest_files(name))
        if not names:
            raise InputError.of(
                "KPS002",
                "there is no manifest in this folder",
                position=Position(name),
                help="manifests are *.yaml, *.yml and *.json",
            )
    except InputError as error:
        inputs.troubles.extend(error.diagnostics)
        return
    for each in names:
        inputs.names.append(each)
        try:
            documents, trouble = read_documents_and_trouble(read_source(each))
        except InputError as error:
            inputs.troubles.extend(error.diagnostics)
            continue
        inputs.documents.extend(documents)
        if trouble is not None:
            inputs.troubles.append(trouble)


def _is_folder(name: str) -> bool:
    try:
        return FilePath(name).is_dir()
    except (OSError, ValueError):
        return False


def models_of(found: Found) -> tuple[list[Item], list[tuple[Subject, Finding]]]:
    """The objects that can be understood, and why the others can't, no more after MAX_MISTAKES; and fields
    that are spelled nearly like known ones. The other unknown fields are counted in `found`.
    """
    items: list[Item] = []
    findings: list[tuple[Subject, Finding]] = []
    mistakes = 0
    for manifest in found.manifests:
        form = _MODELS[manifest.kind]
        unknown = list(unknown_fields(form, manifest.value))
        about = list(misspelled(unknown, found.unknown_fields, manifest.kind)) if unknown else []
        try:
            # By Kubernetes' names alone: in a manifest, `cluster_ip` is no field.
            model = form.model_validate(manifest.value, by_alias=True, by_name=False)
        except ValidationError as error:
            wrong = [with_spelling(finding, unknown) for finding in findings_of(error, manifest.value)]
            mistakes += len(wrong)
            about += wrong
        else:
            items.append(Item(manifest.subject, model))
        findings.extend((manifest.subject, finding) for finding in about)
        if mistakes >= MAX_MISTAKES:
            break
    return items, findings


def _nothing_here(inputs: _Inputs, found: Found) -> InputError:
    others = ", ".join(f"{count} {kind}" for kind, count in sorted(found.passed_over.items()))
    return InputError.of(
        "KPS014",
        f"there is no Node, Service or EndpointSlice here{f', only {others}' if others else ''}",
        position=Position(inputs.names[0]) if inputs.names else None,
        help="kubectl get nodes,services,endpointslices -A -o yaml prints what is needed",
    )


def _in_order(inputs: _Inputs, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """In the order of the inputs and of their lines; what has no place comes last, as it was found."""
    rank = {name: number for number, name in enumerate(inputs.names)}

    def key(diagnostic: Diagnostic) -> tuple[int, int, int]:
        position = diagnostic.position
        if position is None:
            return len(rank) + 1, 0, 0
        return rank.get(position.file, len(rank)), position.line, position.column

    return sorted(diagnostics, key=key)
