"""From documents to objects: which of them kube-proxy reads, which are lists of others, which are passed
over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from kproxysim.cluster.findings import Finding, Subject, as_found
from kproxysim.cluster.located import Document
from kproxysim.cluster.paths import Path
from kproxysim.scenario_mark import is_scenario
from kproxysim.values import dataclass

__all__ = ["MAX_MISTAKES", "Found", "Manifest", "find_objects"]

_SLICE = ("discovery.k8s.io/v1", "EndpointSlice")
_OLD_SLICE = ("discovery.k8s.io/v1beta1", "EndpointSlice")
_ENDPOINTS = ("v1", "Endpoints")
_READ = (("v1", "Node"), ("v1", "Service"), _SLICE, _OLD_SLICE)
_READ_KINDS = frozenset(kind for _, kind in _READ)

_WORD = re.compile(r"[A-Za-z0-9./_-]{1,253}\Z")
_END = object()

MAX_MISTAKES = 1000
"""After so many mistakes nobody reads on, and the input is most likely something else than it should be."""

_ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a kind that kube-proxy reads, as it was written."""

    kind: str
    value: dict[str, Any]
    subject: Subject


@dataclass(slots=True)
class Found:
    """What some documents hold: objects, how many of other kinds, how many fields that Kubernetes does not
    know, and what is wrong with the documents.
    """

    manifests: list[Manifest] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[Subject, Finding]] = field(default_factory=list)


@dataclass(slots=True)
class _List:
    """A list of objects, and what it says about the kind of those that do not say it. A document is a list of
    one.
    """

    path: Path
    items: Iterator[Any]
    api: str = ""
    kind: str = ""
    count: int = 0

    def next_path(self) -> Path:
        """Where the item is that has been taken now."""
        self.count += 1
        return (*self.path, self.count - 1) if self.path else ()


def find_objects(document: Document, found: Found) -> None:
    """Add the objects of one document to `found`: the document itself or, if it is a List, its items.

    Stops where there are MAX_MISTAKES findings.

    Read are v1 Node and Service, and discovery.k8s.io/v1 EndpointSlice (and its forerunner v1beta1); lists
    are v1 List and the API's own (ServiceList), whose items say no kind.
    """
    for value, path, api, kind in _objects(document, found):
        if len(found.findings) >= MAX_MISTAKES:
            return
        if (api, kind) not in _READ:
            found.passed_over[f"{api} {kind}" if kind in _READ_KINDS else kind] += 1
            if (api, kind) == _ENDPOINTS and found.passed_over[kind] == 1:
                finding = Finding("KPS307", "kube-proxy reads EndpointSlices and no Endpoints: passed over")
                found.findings.append((Subject(document, path, _title(kind, value)), finding))
            continue
        subject = Subject(document, path, _title(kind, value))
        if (api, kind) == _OLD_SLICE:
            message = "discovery.k8s.io/v1beta1 is not served since 1.25; it is read as v1"
            found.findings.append((subject, Finding("KPS231", message, ("apiVersion",), as_found(api))))
        written = _as_v1(value) if api == _OLD_SLICE[0] else value
        found.manifests.append(Manifest(kind, written, subject))


def _objects(document: Document, found: Found) -> Iterator[tuple[dict[str, Any], Path, str, str]]:
    """Objects in the order in which they were written, with apiVersion and kind."""
    open_lists = [_List((), iter([document.value]))]
    while open_lists and len(found.findings) < MAX_MISTAKES:
        value = next(open_lists[-1].items, _END)
        if value is _END:
            open_lists.pop()
            continue
        path = open_lists[-1].next_path()
        if not isinstance(value, dict):
            finding: Finding | None = Finding("KPS103", "an item must be a mapping", (), as_found(value))
        else:
            api, kind, finding = _what(value, open_lists[-1].api, open_lists[-1].kind)
            if finding is None and not (kind.endswith("List") and "items" in value):
                yield value, path, api, kind
            elif finding is None:
                items = value["items"] if value["items"] is not None else []
                item_kind = kind.removesuffix("List")
                if isinstance(items, list):
                    items_path = (*path, "items")
                    open_lists.append(_List(items_path, iter(items), api if item_kind else "", item_kind))
                else:
                    finding = Finding("KPS103", "items must be a list", ("items",), as_found(items))
        if finding is not None:
            found.findings.append((Subject(document, path), finding))


def _what(value: dict[str, Any], api: str, kind: str) -> tuple[str, str, Finding | None]:
    """ApiVersion and kind, from the object or else from the list that it stands in."""
    if "apiVersion" not in value and not api and is_scenario(value):
        message, hint = (
            "this is a scenario, not a manifest",
            "read it with Scenario.load, or replay it with `run`",
        )
        return api, kind, Finding("KPS101", message, help=hint)
    words = {"apiVersion": api, "kind": kind}
    for name in words:
        given = value.get(name)
        if given is not None:
            if not isinstance(given, str) or not _WORD.match(given):
                return api, kind, Finding("KPS101", f"{name} is no word", (name,), as_found(given))
            words[name] = given
    missing = [name for name, word in words.items() if not word]
    if missing:
        message = f"this is no Kubernetes object: {' and '.join(missing)} missing"
        return api, kind, Finding("KPS101", message, help="an object begins with apiVersion and kind")
    return words["apiVersion"], words["kind"], None


def _title(kind: str, value: dict[str, Any]) -> str:
    """`Service default/web`, as far as the object says it."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return kind
    namespace, name = metadata.get("namespace") or "default", metadata.get("name")
    words = [name] if kind == "Node" else [namespace, name]
    known = [word for word in words if isinstance(word, str) and _WORD.match(word)]
    return f"{kind} {'/'.join(known)}" if len(known) == len(words) else kind


def _as_v1(value: dict[str, Any]) -> dict[str, Any]:
    """What the API server makes of a v1beta1 slice: the zone moves out of the endpoint's topology.

    `Convert_v1beta1_Endpoint_To_discovery_Endpoint` in pkg/apis/discovery/v1beta1/conversion.go, kubernetes
    1.24.
    """
    endpoints = value.get("endpoints")
    if not isinstance(endpoints, list):
        return value
    converted = []
    for endpoint in endpoints:
        topology = endpoint.get("topology") if isinstance(endpoint, dict) else None
        if isinstance(topology, dict) and _ZONE in topology and "zone" not in endpoint:
            converted.append({**endpoint, "zone": topology[_ZONE]})
        else:
            converted.append(endpoint)
    return {**value, "endpoints": converted}
