"""The JSON Schema of a lesson file, for editors, and for the table of its fields."""

from __future__ import annotations

from typing import Any

from kproxysim.lesson.model import VERBS, LessonFile
from kproxysim.scenario.schema import DIALECT, tidy

__all__ = ["lesson_schema"]


def lesson_schema() -> dict[str, Any]:
    """The JSON Schema of a lesson file (draft 2020-12)."""
    generated = LessonFile.model_json_schema(by_alias=True, mode="validation")
    parts: dict[str, Any] = {name: tidy(part) for name, part in generated.pop("$defs").items()}
    parts["Step"]["oneOf"] = [{"required": [verb]} for verb in VERBS]
    parts["Step"]["dependentRequired"] = {"ask": ["choices", "answer"]}
    parts["Proof"]["oneOf"] = [{"required": ["show"]}, {"required": ["compare"]}]
    return {"$schema": DIALECT, "title": "A lesson of kproxysim", **tidy(generated), "$defs": parts}
