"""What is wrong with a value, and how it becomes a Diagnostic that points into the user's text.

A code tells the severity: KPS0xx and KPS1xx are errors, KPS2xx warnings, KPS3xx notes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kproxysim.cluster.located import Document, places
from kproxysim.cluster.paths import Path, path_text
from kproxysim.cluster.sources import Place
from kproxysim.errors import Diagnostic, Severity
from kproxysim.values import dataclass

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["Finding", "Subject", "as_found", "diagnose", "errors_among", "findings_of", "severity_of"]

_LONGEST_FOUND = 80


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a whole document, or an object in it, which begins at `base`.

    `title` names the object for people: `Service default/web`.
    """

    document: Document
    base: Path = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or odd. `path` leads to it from the subject's own beginning."""

    code: str
    message: str
    path: Path = ()
    found: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()


def severity_of(code: str, *, strict: bool = False) -> Severity:
    """The severity that a code stands for; `strict` makes errors of warnings."""
    level = code.removeprefix("KPS")[0]
    if level == "3":
        return Severity.NOTE
    return Severity.WARNING if level == "2" and not strict else Severity.ERROR


def diagnose(findings: Iterable[tuple[Subject, Finding]], *, strict: bool = False) -> list[Diagnostic]:
    """Findings with file, line and column, in the order of the inputs and, within one, of the lines."""
    pairs = list(findings)
    found = places((subject.document, subject.base + finding.path) for subject, finding in pairs)
    order: dict[int, int] = {}
    placed = []
    for subject, finding in pairs:
        source = subject.document.source
        rank = order.setdefault(id(source), len(order))
        place = _nearest(found, subject, finding)
        placed.append(
            (rank, place.offset if place else 0, _diagnostic(subject, finding, place, strict=strict))
        )
    placed.sort(key=lambda entry: entry[:2])
    return [diagnostic for _, _, diagnostic in placed]


def errors_among(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those that keep an input from being used."""
    return [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]


def _nearest(found: Mapping[tuple[int, Path], Place], subject: Subject, finding: Finding) -> Place | None:
    """The place of a value, or of what it is missing from."""
    path = subject.base + finding.path
    for length in range(len(path), -1, -1):
        place = found.get((id(subject.document), path[:length]))
        if place is not None:
            return place
    return None


def _diagnostic(subject: Subject, finding: Finding, place: Place | None, *, strict: bool) -> Diagnostic:
    severity = severity_of(finding.code, strict=strict)
    path = path_text(finding.path)
    notes = finding.notes + ((f"in {subject.title}",) if subject.title else ())
    source = subject.document.source
    if source is None or place is None:
        return Diagnostic(
            finding.code, severity, finding.message, None, path, finding.found, finding.help, notes
        )
    return source.diagnostic(
        finding.code,
        severity,
        finding.message,
        place,
        path=path,
        found=finding.found,
        hint=finding.help,
        notes=notes,
    )


def as_found(value: object) -> str:
    """A value as it may be shown: as JSON, in one line, cut where it gets long."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _LONGEST_FOUND else text[: _LONGEST_FOUND - 3] + "..."


_WANTED_TYPES = {
    "string_type": "text",
    "string_sub_type": "text",
    "string_unicode": "text",
    "int_type": "a number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}

_OWN_TYPES = {
    "ip_address": ("KPS104", "write it as 10.0.0.1 or fd00::1"),
    "cidr": ("KPS105", "write it as 10.0.0.0/16 or fd00::/48"),
    "name": ("KPS108", "names are letters, digits, `-` and `.`"),
    "duration": ("KPS110", "write it as 30s, 15m or 1h30m"),
    "proxy_mode": ("KPS111", "set mode: iptables, or leave it out"),
    "setting": ("KPS112", ""),
    "node_fact": ("KPS113", ""),
}
"""The error types that our own validators raise, with code and help."""


def findings_of(error: ValidationError, value: object) -> list[Finding]:
    """Pydantic's complaints about `value` as findings, one for each place."""
    findings: dict[Path, Finding] = {}
    for details in error.errors(include_url=False):
        finding = _finding(details, _path_in(value, details["loc"], missing=details["type"] == "missing"))
        # An int-or-text field yields one complaint for each branch; one that speaks of a range says most.
        if finding.path not in findings or finding.code == "KPS106":
            findings[finding.path] = finding
    return list(findings.values())


def _finding(details: ErrorDetails, path: Path) -> Finding:
    kind = details["type"]
    found = as_found(details["input"])
    context = details.get("ctx", {})
    if context.get("field"):
        path = (*path, *context["field"].split("."))
    name = path_text(path[-1:]) if path and isinstance(path[-1], str) else path_text(path)
    if kind == "missing":
        return Finding("KPS102", f"{name} is missing", path)
    if kind == "extra_forbidden":
        return Finding("KPS109", f"{name} is no field here", path, found)
    if kind == "string_too_short":
        return Finding("KPS102", f"{name} is empty", path, found)
    if kind in _OWN_TYPES:
        code, hint = _OWN_TYPES[kind]
        return Finding(code, details["msg"], path, found, hint)
    if kind == "literal_error":
        return Finding("KPS107", f"{found} is none of the words for {name}", path, found, _one_of(context))
    if kind.startswith(("greater_than", "less_than")):
        return Finding("KPS106", f"{name} {found} is out of range", path, found, _range(context))
    wanted = _WANTED_TYPES.get(kind, "something else")
    return Finding("KPS103", f"{name or 'this'} must be {wanted}", path, found)


def _one_of(context: Mapping[str, Any]) -> str:
    return f"write {context.get('expected', '')}".replace("'", "")


def _range(context: Mapping[str, Any]) -> str:
    limits = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return ", ".join(f"{words} {context[limit]}" for limit, words in limits.items() if limit in context)


def _path_in(value: object, location: tuple[int | str, ...], *, missing: bool) -> Path:
    """Pydantic's location without its own signposts (which branch of a union it tried)."""
    path: list[str | int] = []
    for number, step in enumerate(location):
        if isinstance(value, dict) and step in value:  # noqa: SIM114 - two kinds of values, two of steps
            value = value[step]
        elif isinstance(step, int) and isinstance(value, list | tuple) and step < len(value):
            value = value[step]
        elif not (missing and number == len(location) - 1):
            continue
        path.append(step)
    return tuple(path)
