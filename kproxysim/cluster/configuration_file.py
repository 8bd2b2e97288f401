"""Reading KubeProxyConfiguration from a file, or out of the ConfigMap that clusters keep it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from kproxysim.cluster.configuration import UNKNOWN_IS_REPORTED, KubeProxyConfiguration
from kproxysim.cluster.fields import unknown_fields, unknown_settings, with_spelling
from kproxysim.cluster.findings import Finding, Subject, diagnose, errors_among, findings_of
from kproxysim.cluster.located import Document, places, read_documents, read_documents_and_trouble
from kproxysim.cluster.paths import Path
from kproxysim.cluster.sources import Source
from kproxysim.errors import Diagnostic, InputError

__all__ = ["load_configuration"]

KIND = "KubeProxyConfiguration"
API = "kubeproxy.config.k8s.io/v1alpha1"


def load_configuration(
    name: str, *, strict: bool = False
) -> tuple[KubeProxyConfiguration, tuple[Diagnostic, ...]]:
    """The settings in a file and what is odd about them; see `KubeProxyConfiguration.load`."""
    found = [each for document in read_documents(name) for each in _configurations(document)]
    if not found:
        raise InputError.of(
            "KPS116",
            f"there is no {KIND} in {name!r}",
            help=f"give a file with kind: {KIND}, or the ConfigMap kube-proxy of the namespace kube-system",
        )
    document, path, value = found[0]
    subject = Subject(document, path, KIND)
    if len(found) > 1:
        other, other_path, _ = found[1]
        message = f"a second {KIND}: only one can hold"
        raise InputError(diagnose([(Subject(other, other_path), Finding("KPS112", message))]))
    unknown = list(unknown_fields(KubeProxyConfiguration, value))
    findings = list(unknown_settings(unknown))
    settings = None
    if value.get("apiVersion") != API:
        findings.append(Finding("KPS107", f"apiVersion must be {API}", ("apiVersion",)))
    try:
        settings = KubeProxyConfiguration.model_validate(
            value, by_alias=True, by_name=False, context=UNKNOWN_IS_REPORTED
        )
    except ValidationError as error:
        findings.extend(with_spelling(finding, unknown) for finding in findings_of(error, value))
    diagnostics = diagnose(((subject, finding) for finding in findings), strict=strict)
    errors = errors_among(diagnostics)
    if settings is None or errors:
        raise InputError(errors)
    return settings, tuple(diagnostics)


def _configurations(document: Document) -> Iterator[tuple[Document, Path, dict[str, Any]]]:
    """The settings in a document: itself, or the texts of a ConfigMap, or of the ConfigMaps in a List."""
    items = document.value.get("items")
    candidates: list[tuple[Path, Any]] = [((), document.value)]
    if isinstance(items, list):
        candidates = [(("items", number), item) for number, item in enumerate(items)]
    for path, value in candidates:
        if not isinstance(value, dict):
            continue
        if value.get("kind") == KIND:
            yield document, path, value
        elif value.get("kind") == "ConfigMap" and isinstance(value.get("data"), dict):
            for key, text in value["data"].items():
                if isinstance(text, str) and KIND in text:
                    yield from _inside(document, (*path, "data", key), text)


def _inside(document: Document, path: Path, text: str) -> Iterator[tuple[Document, Path, dict[str, Any]]]:
    inner, trouble = read_documents_and_trouble(_inner_source(document, path, text))
    if trouble is not None:
        raise InputError([trouble])
    for each in inner:
        if each.value.get("kind") == KIND:
            yield each, (), each.value


def _inner_source(document: Document, path: Path, text: str) -> Source:
    """The text of a ConfigMap's key as a source of its own.

    A text that stands in the file line by line (`config.conf: |`) keeps the file's own lines and columns.
    """
    outer = document.source
    place = places([(document, path)]).get((id(document), path))
    if outer is None or place is None:
        return Source(f"{path[-1]}", text)
    line, _ = outer.line_and_column(place.offset)
    wanted = text.rstrip("\n").split("\n")
    block = outer.text.split("\n")[line : line + len(wanted)]
    indents = {len(there) - len(here) for there, here in zip(block, wanted, strict=False) if here}
    if len(block) == len(wanted) and len(indents) == 1:
        indent = " " * indents.pop()
        if all(
            there.rstrip("\r") in (indent + here, here) for there, here in zip(block, wanted, strict=True)
        ):
            return Source(outer.name, "\n" * line + "\n".join(block))
    return Source(f"{outer.name} ({path[-1]})", text)
