"""docs/guides/lessons.md says what the code does."""

from pathlib import Path
from typing import Any

import pytest

from kproxysim.lesson import Asked, Lesson
from kproxysim.lesson.schema import lesson_schema
from kproxysim.lesson.text import lesson_page

SCHEMA = lesson_schema()
SECTIONS = {
    "## The fields": SCHEMA,
    "### steps": SCHEMA["$defs"]["Step"],
    "### proof": SCHEMA["$defs"]["Proof"],
}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "guides" / "lessons.md").read_text(encoding="utf-8")


def table(part: dict[str, Any]) -> str:
    """The fields of a part of the schema, as the page has them."""
    rows = ["| field | what it says |", "| --- | --- |"]
    for name, field in part["properties"].items():
        needed = " (needed)" if name in part.get("required", ()) else ""
        rows.append(f"| `{name}`{needed} | {field['description']} |")
    return "\n".join(rows)


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_has_every_field(page: str, title: str) -> None:
    section = page.partition(f"\n{title}\n")[2].partition("\n#")[0]
    wanted = table(SECTIONS[title])
    assert wanted in section, f"in docs/guides/lessons.md the table under {title!r} is to be\n\n{wanted}"


def test_the_lesson_on_the_page_can_be_given(page: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    lesson = Lesson.load(tmp_path / "mine.yaml")
    (asked,) = (part for part in lesson.parts if isinstance(part, Asked))
    assert asked.proof is not None
    assert "sees connection refused, at once" in lesson_page(lesson).text()
