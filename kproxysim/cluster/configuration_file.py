"""Reading KubeProxyConfiguration from a file, or out of the ConfigMap that clusters keep it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from kproxysim.cluster.configuration import KubeProxyConfiguration
from kproxysim.cluster.findings import Finding, Subject, diagnose, errors_among, findings_of
from kproxysim.cluster.located import Document, places, read_documents, read_documents_and_trouble
from kproxysim.cluster.paths import Path
from kproxysim.cluster.sources import Source
from kproxysim.errors import Diagnostic, InputError

__all__ = ["load_configuration"]

KIND = "KubeProxyConfiguration"
API = "kubeproxy.config.k8s.io/v1alpha1"

_CHANGE_NO_RULE = frozenset(
    (
        "apiVersion",
        "bindAddressHardFail",
        "clientConnection",
        "configSyncPeriod",
        "enableProfiling",
        "healthzBindAddress",
        "ipvs",
        "kind",
        "logging",
        "metricsBindAddress",
        "nftables",
        "oomScoreAdj",
        "portRange",
        "resourceContainer",
        "showHiddenMetricsForVersion",
        "udpIdleTimeout",
        "windowsRunAsService",
        "winkernel",
    )
)
"""Fields of v1alpha1, of today or earlier, that kube-proxy knows and that no rule depends on."""


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
    findings = [Finding("KPS232", message, path) for path, message in _unknown_fields(value)]
    settings = None
    if value.get("apiVersion") != API:
        findings.append(Finding("KPS107", f"apiVersion must be {API}", ("apiVersion",)))
    try:
        settings = KubeProxyConfiguration.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        findings.extend(findings_of(error, value))
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


def _unknown_fields(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for name, given in value.items():
        if name in _CHANGE_NO_RULE:
            continue
        model = _field_model(KubeProxyConfiguration, name)
        if model is None:
            yield (name,), f"kube-proxy knows no setting {name!r}"
        elif issubclass(model, BaseModel) and isinstance(given, dict):
            for inner in given:
                if _field_model(model, inner) is None:
                    yield (name, inner), f"kube-proxy knows no setting {name}.{inner}"


def _field_model(model: type[BaseModel], name: str) -> type | None:
    """The type of a model's field by Kubernetes' name, `object` if it is no model, None if there is none."""
    for field in model.model_fields.values():
        if field.alias == name:
            kind = field.annotation
            return kind if isinstance(kind, type) else object
    return None
