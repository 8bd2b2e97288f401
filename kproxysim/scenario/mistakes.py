"""Mistakes in a scenario file: raised by pydantic's validators with a code and help of their own, shown with
file, line and column.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from kproxysim.cluster.findings import Finding, Subject, diagnose, findings_of, severity_of
from kproxysim.errors import Diagnostic, Severity

__all__ = ["is_mistake", "known_names", "located", "mistake", "mistakes_of"]

_NOTES = "KPS69"
"""Codes of this room that begin so are notes, all others are errors."""

_OURS = "scenario"
_OF_A_KEY = "[key]"
_MOST_SHOWN = 12


def mistake(code: str, message: str, hint: str = "") -> PydanticCustomError:
    """What a validator raises: a mistake with its own code, message and help."""
    return PydanticCustomError(_OURS, "{message}", {"message": message, "code": code, "hint": hint})


def mistakes_of(error: ValidationError, value: object) -> list[Finding]:
    """All that pydantic says about `value`, one finding for each place."""
    own: dict[tuple[int | str, ...], Finding] = {}
    for details in error.errors(include_url=False):
        if details["type"] == _OURS:
            path = tuple(step for step in details["loc"] if step != _OF_A_KEY)
            context = details["ctx"]
            own[path] = Finding(context["code"], context["message"], path, help=context["hint"])
    return [own.get(finding.path, finding) for finding in findings_of(error, value)]


def known_names(what: str, known: Iterable[str]) -> tuple[str, ...]:
    """A note that lists what there is."""
    names = list(known)
    if not names:
        return (f"there are no {what}",)
    return (f"known {what}: {', '.join(names[:_MOST_SHOWN])}{', ...' if len(names) > _MOST_SHOWN else ''}",)


def is_mistake(finding: Finding) -> bool:
    """Is this an error even if nobody is strict?"""
    return severity_of(finding.code) is Severity.ERROR and not finding.code.startswith(_NOTES)


def located(subject: Subject, findings: Iterable[Finding], *, strict: bool = False) -> list[Diagnostic]:
    """Findings with their places, in file order."""
    return [
        replace(diagnostic, severity=Severity.NOTE) if diagnostic.code.startswith(_NOTES) else diagnostic
        for diagnostic in diagnose(((subject, finding) for finding in findings), strict=strict)
    ]
