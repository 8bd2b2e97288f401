"""Mistakes in a scenario file: raised by pydantic's validators with a code and help of their own, shown with
file, line and column.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from kproxysim.cluster.findings import Finding, Subject, diagnose, findings_of
from kproxysim.errors import Diagnostic, Severity

__all__ = ["did_you_mean", "known_names", "located", "mistake", "mistakes_of"]

_NOTES = "KPS69"
"""Codes of this room that begin so are notes, all others are errors."""

_OURS = "scenario"
_OF_A_KEY = "[key]"
_MOST_SHOWN = 12
_MOST_COMPARED = 1000
"""To compare two names takes about 5 microseconds, for each name that is not known."""


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like `name`, as help; empty if none of the first thousand does."""
    close = get_close_matches(name, list(islice(known, _MOST_COMPARED)), 1)
    return f"did you mean {close[0]}?" if close else ""


def known_names(what: str, known: Iterable[str]) -> tuple[str, ...]:
    """A note that lists what there is."""
    names = list(known)
    if not names:
        return (f"there are no {what}",)
    return (f"known {what}: {', '.join(names[:_MOST_SHOWN])}{', ...' if len(names) > _MOST_SHOWN else ''}",)


def located(subject: Subject, findings: Iterable[Finding]) -> list[Diagnostic]:
    """Findings with their places, in file order."""
    return [
        replace(diagnostic, severity=Severity.NOTE) if diagnostic.code.startswith(_NOTES) else diagnostic
        for diagnostic in diagnose((subject, finding) for finding in findings)
    ]
