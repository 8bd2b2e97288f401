"""What is wrong with a lesson file, in few words: what is missing together, and what a field that is not
known was meant to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import ValidationError

from kproxysim.cluster.findings import Finding, as_found
from kproxysim.lesson.model import LessonFile, Proof, Step
from kproxysim.scenario.mistakes import known_names, mistakes_of
from kproxysim.spelling import closest

__all__ = ["lesson_mistakes"]

_INSTEAD = {
    "kind": "kind: Lesson",
    "lesson": "lesson: 1",
    "title": "title: A FEW WORDS",
    "about": "about: WHAT CAN BE SAID AFTER IT",
    "scenario": "scenario: nodeport-vs-externalip",
    "steps": "steps: [{say: WORDS}, {show: PACKET}]",
}
"""What to write for each field that a lesson needs."""


def lesson_mistakes(error: ValidationError, value: object) -> list[Finding]:
    """All that pydantic says about `value`; only that it is no lesson, if it is something else."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or (kind is not None and kind != "Lesson"):
        here = ("kind",) if kind is not None else ()
        found = as_found(value if kind is None else kind)
        return [Finding("KPS904", "this file is no lesson", here, found, "a lesson has kind: Lesson")]
    missing: list[str] = []
    others: list[Finding] = []
    for finding in mistakes_of(error, value):
        if finding.code == "KPS102" and len(finding.path) == 1 and finding.path[0] not in value:
            missing.append(str(finding.path[0]))
        else:
            others.append(_with_what_was_meant(finding))
    return [*_missing(missing, {one.help for one in others}), *others]


def _missing(names: Iterable[str], helps: set[str]) -> Iterator[Finding]:
    """One finding for all of them but those that are there under another spelling."""
    lacking = [name for name in names if _meant(name) not in helps]
    if lacking:
        verb = "are" if len(lacking) > 1 else "is"
        hint = f"write {', '.join(_INSTEAD[one] for one in lacking)}"
        yield Finding("KPS102", f"{', '.join(lacking)} {verb} missing", help=hint)


def _with_what_was_meant(finding: Finding) -> Finding:
    if finding.code != "KPS109" or finding.help:
        return finding
    form = Proof if "proof" in finding.path[:-1] else Step if "steps" in finding.path[:-1] else LessonFile
    known = [field.alias or name for name, field in form.model_fields.items()]
    close = closest(str(finding.path[-1]), known)
    if close:
        return replace(finding, help=_meant(close))
    return replace(finding, notes=known_names("fields", known))


def _meant(name: str) -> str:
    return f"did you mean {name}?"
