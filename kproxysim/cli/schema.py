"""`kproxysim schema`: the JSON Schemas of what is read and written."""

from __future__ import annotations

from kproxysim.cli.output import show_text
from kproxysim.report.json_text import dumps

__all__ = ["schema"]


def schema(name: str) -> None:
    """The schema of "scenario" files, of a "trace" as JSON, or of "lesson" files."""
    if name == "trace":
        from kproxysim.report.trace_schema import TRACE_SCHEMA

        show_text(dumps(TRACE_SCHEMA))
        return
    if name == "lesson":
        from kproxysim.lesson.schema import lesson_schema

        show_text(dumps(lesson_schema()))
        return
    from kproxysim.scenario import json_schema

    show_text(dumps(json_schema()))
