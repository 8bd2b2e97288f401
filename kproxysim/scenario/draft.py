"""A scenario document read: the part of it that is sound in itself, and what is wrong with the rest.

What is wrong in one entry keeps nothing else from being checked: all mistakes of a file are said at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from pydantic import ValidationError

from kproxysim.cluster import KubeProxyConfiguration
from kproxysim.cluster.configuration import UNKNOWN_IS_REPORTED
from kproxysim.cluster.fields import unknown_fields, unknown_settings
from kproxysim.cluster.findings import Finding
from kproxysim.cluster.located import Document
from kproxysim.cluster.paths import Path
from kproxysim.scenario.mistakes import known_names, mistakes_of
from kproxysim.scenario.model import ScenarioFile
from kproxysim.scenario.schema import fields_at
from kproxysim.scenario_mark import SCENARIO
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = ["Draft", "read_draft"]

_OF_ENTRIES = (
    "cloud",
    "kubeProxy",
    "nodes",
    "manifests",
    "services",
    "pods",
    "clients",
    "packets",
    "expect",
    "steps",
)
"""Fields whose entries stand each for itself."""

_OF_FIELDS = ("packets", "expect", "steps")
"""Of these, the fields of an entry stand each for itself as well, and so do those of `expect` in a step."""

_NESTED = "expect"

_STAND_INS: dict[str, Any] = {"kind": SCENARIO, "about": "-", "packets": {"-": {"from": "-", "to": "-"}}}
"""For what a scenario needs and the sound part lacks, so that the rest of it can be looked at."""

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
    warnings = list(_unknown_settings(value))
    try:
        return Draft(_read(value), document), warnings
    except ValidationError as error:
        findings = mistakes_of(error, value)
    findings[:_MOST_HELPED] = map(_with_known_fields, findings[:_MOST_HELPED])
    wrong = {_part(finding.path) for finding in findings}
    findings += warnings
    for _ in range(2):
        sound, numbers = _without(value, wrong)
        lacking = {name: stand_in for name, stand_in in _STAND_INS.items() if not sound.get(name)}
        try:
            file = _read({**sound, **lacking})
        except ValidationError as error:
            # An entry without the field that was wrong is none any more.
            wrong |= {_entry(finding.path, numbers) for finding in mistakes_of(error, sound)}
            continue
        if "packets" in lacking:
            file = file.model_copy(update={"packets": {}})
        return Draft(file, document, numbers), findings
    return None, findings


def _read(value: Mapping[str, Any]) -> ScenarioFile:
    """By the file's names alone, in the settings of kube-proxy as well."""
    return ScenarioFile.model_validate(value, by_alias=True, by_name=False, context=UNKNOWN_IS_REPORTED)


def _unknown_settings(value: Mapping[str, Any]) -> Iterator[Finding]:
    settings = value.get("kubeProxy")
    config = settings.get("config") if isinstance(settings, dict) else None
    if isinstance(config, dict):
        unknown = unknown_fields(KubeProxyConfiguration, config)
        yield from unknown_settings(unknown, ("kubeProxy", "config"))


def _with_known_fields(finding: Finding) -> Finding:
    if finding.code != "KPS109" or finding.help:
        return finding
    known = fields_at(finding.path[:-1])
    hint = did_you_mean(str(finding.path[-1]), known)
    return replace(finding, help=hint) if hint else replace(finding, notes=known_names("fields", known))


def _part(path: Path) -> Path:
    """The least part of a file that can be left out where something in it is wrong."""
    section = path[0] if path else ""
    if section in _OF_FIELDS:
        return path[: 4 if path[2:3] == (_NESTED,) else 3]
    return path[: 2 if section in _OF_ENTRIES else 1]


def _entry(path: Path, numbers: Mapping[str, tuple[int, ...]]) -> Path:
    """The entry that a path into the sound part leads into, as a path into the whole."""
    section, number = (*path[:2], None, None)[:2]
    if isinstance(number, int) and section in numbers:
        return str(section), numbers[str(section)][number]
    return _part(path)[:2]


def _without(
    value: dict[str, Any], wrong: Collection[Path]
) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """`value` without some entries and fields."""
    sound: dict[str, Any] = {}
    numbers: dict[str, tuple[int, ...]] = {}
    for name, part in value.items():
        if (name,) in wrong:
            continue
        if name in _OF_ENTRIES and isinstance(part, dict):
            sound[name] = {
                key: _entry_without(entry, (name, key), wrong)
                for key, entry in part.items()
                if (name, key) not in wrong
            }
        elif name in _OF_ENTRIES and isinstance(part, list):
            kept = tuple(number for number in range(len(part)) if (name, number) not in wrong)
            numbers[name] = kept
            sound[name] = [_entry_without(part[number], (name, number), wrong) for number in kept]
        else:
            sound[name] = part
    return sound, numbers


def _entry_without(entry: Any, path: Path, wrong: Collection[Path]) -> Any:
    if path[0] not in _OF_FIELDS or not isinstance(entry, dict):
        return entry
    return {
        name: _entry_without(value, (*path, name), wrong) if name == _NESTED else value
        for name, value in entry.items()
        if (*path, name) not in wrong
    }
