"""A scenario document read: the part of it that is sound in itself, and what is wrong with the rest.

What is wrong in one entry keeps nothing else from being checked: all mistakes of a file are said at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from kproxysim.cluster.findings import Finding
from kproxysim.cluster.located import Document
from kproxysim.cluster.paths import Path
from kproxysim.scenario.mistakes import known_names, mistakes_of
from kproxysim.scenario.model import ScenarioFile
from kproxysim.scenario.schema import fields_at
from kproxysim.values import dataclass

__all__ = ["Draft", "read_draft"]

_OF_ENTRIES = ("nodes", "manifests", "services", "pods", "clients", "packets", "expect")
"""Fields whose entries stand each for itself."""

_MOST_HELPED = 500
"""How many unknown fields are compared with those that are known."""


@dataclass(frozen=True, slots=True)
class Draft:
    """`file` is the sound part of `document`, `numbers` say where its entries of lists stood in it."""

    file: ScenarioFile
    document: Document
    numbers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def path(self, section: str, number: int) -> Path:
        """The path in the document of an entry of a list of `file`."""
        return section, self.numbers[section][number] if section in self.numbers else number

    def written(self, section: str) -> dict[str, Any]:
        """A mapping as it was written, entries that are wrong in themselves included."""
        value = self.document.value.get(section)
        return value if isinstance(value, dict) else {}


def read_draft(document: Document) -> tuple[Draft | None, list[Finding]]:
    """The sound part of a document and all mistakes in its shape; None if what is left is no scenario."""
    value = document.value
    try:
        return Draft(ScenarioFile.model_validate(value), document), []
    except ValidationError as error:
        findings = mistakes_of(error, value)
    findings[:_MOST_HELPED] = map(_with_known_fields, findings[:_MOST_HELPED])
    sound, numbers = _without(value, {finding.path for finding in findings})
    try:
        return Draft(ScenarioFile.model_validate(sound), document, numbers), findings
    except ValidationError:
        return None, findings


def _with_known_fields(finding: Finding) -> Finding:
    if finding.code != "KPS109" or finding.help:
        return finding
    known = fields_at(finding.path[:-1])
    plain = {name.lower(): name for name in known}
    close = get_close_matches(str(finding.path[-1]).replace("_", "").lower(), plain, 1)
    if close:
        return replace(finding, help=f"did you mean {plain[close[0]]}?")
    return replace(finding, notes=known_names("fields", known))


def _without(
    value: dict[str, Any], paths: Iterable[Path]
) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """`value` without the entries and fields that some paths lead into."""
    wrong = {path[: 2 if path[:1] and path[0] in _OF_ENTRIES else 1] for path in paths}
    sound: dict[str, Any] = {}
    numbers: dict[str, tuple[int, ...]] = {}
    for name, part in value.items():
        if (name,) in wrong:
            continue
        if name in _OF_ENTRIES and isinstance(part, dict):
            sound[name] = {key: entry for key, entry in part.items() if (name, key) not in wrong}
        elif name in _OF_ENTRIES and isinstance(part, list):
            kept = tuple(number for number in range(len(part)) if (name, number) not in wrong)
            numbers[name] = kept
            sound[name] = [part[number] for number in kept]
        else:
            sound[name] = part
    return sound, numbers
