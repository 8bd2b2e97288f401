"""docs/scenario-format.md and docs/scenario.schema.json say what the code does."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from kproxysim.network.trace import DISPOSITIONS
from kproxysim.scenario import Scenario, json_schema
from kproxysim.scenario.codes import EXPLANATIONS
from kproxysim.scenario.expectation import CLIENT_SEES
from kproxysim.scenario.stations import VOCABULARY
from tests.scenario.examples import SOUND, write
from tests.scenario.test_mistakes import SPOILT

SCHEMA = json_schema()
SECTIONS = {
    "cloud": "CloudForm",
    "kubeProxy": "KubeProxyForm",
    "nodes": "NodeForm",
    "pods": "PodForm",
    "packets": "PacketForm",
    "expect": "Expectation",
    "nearest": "NearestForm",
    "steps": "StepForm",
}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "scenario-format.md").read_text(encoding="utf-8")


def table(part: dict[str, Any]) -> str:
    """The fields of a part of the schema, as the page has them."""
    rows = ["| field | what it says |", "| --- | --- |"]
    for name, field in part["properties"].items():
        words = field.get("description") or SCHEMA["$defs"][field["$ref"].rpartition("/")[2]]["description"]
        needed = " (needed)" if name in part.get("required", ()) else ""
        rows.append(f"| `{name}`{needed} | {words} |")
    return "\n".join(rows)


def section(page: str, title: str) -> str:
    return page.partition(f"\n{title}\n")[2].partition("\n#")[0]


class TestPage:
    def test_has_every_field(self, page: str) -> None:
        assert table(SCHEMA) in section(page, "## The fields")

    @pytest.mark.parametrize("name", SECTIONS)
    def test_has_every_field_of(self, page: str, name: str) -> None:
        assert table(SCHEMA["$defs"][SECTIONS[name]]) in section(page, f"### {name}")

    def test_has_what_only_steps_expect(self, page: str) -> None:
        step, plain = SCHEMA["$defs"]["StepExpectation"], SCHEMA["$defs"]["Expectation"]
        assert list(step["properties"])[:-2] == list(plain["properties"])[1:]
        own = dict(list(step["properties"].items())[-2:])
        assert table({"properties": own}) in section(page, "### The expect of a step")

    def test_has_every_station(self, page: str) -> None:
        rows = "\n".join(
            f"| {' '.join(form.split())} | {' '.join(words.split())} |" for form, words in VOCABULARY
        )
        assert rows in section(page, "## Stations")

    @pytest.mark.parametrize("words", [DISPOSITIONS, CLIENT_SEES])
    def test_has_every_word(self, page: str, words: tuple[str, ...]) -> None:
        rows = [line.partition(" | ")[0] for line in section(page, "### expect").splitlines()]
        named = {word for row in rows for word in re.findall(r"`([a-z-]+)`", row)}
        assert set(words) <= named

    def test_has_an_example_that_holds(self, page: str, tmp_path: Path) -> None:
        example = page.partition("```yaml\n")[2].partition("```")[0]
        scenario = Scenario.load(write(tmp_path, example))
        assert scenario.findings == ()
        assert scenario.run().passed


class TestSchema:
    def test_file_is_what_the_code_says(self, root: Path) -> None:
        written = (root / "docs" / "scenario.schema.json").read_text(encoding="utf-8")
        assert written == json.dumps(SCHEMA, indent=2) + "\n"

    def test_is_one(self) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_every_field_of_ours_is_described(self) -> None:
        for part in (SCHEMA, *(SCHEMA["$defs"][name] for name in SECTIONS.values())):
            for name, field in part["properties"].items():
                assert field.get("description") or "$ref" in field, name

    def test_accepts_what_is_sound(self, root: Path) -> None:
        validator = jsonschema.Draft202012Validator(SCHEMA)
        for path in sorted((root / "scenarios").glob("*.yaml")):
            assert [
                error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))
            ] == [], path.name
        assert validator.is_valid(yaml.safe_load(SOUND))

    @pytest.mark.parametrize(
        "sound, wrong",
        [row[:2] for row in SPOILT if row[2] in ("KPS107", "KPS109", "KPS601", "KPS608", "KPS605")],
    )
    def test_refuses_what_is_wrong_in_shape(self, sound: str, wrong: str) -> None:
        """Openings only as far as their form goes: an editor does not know that 90 to 80 is no range."""
        if wrong in ("[tcp/90-80]", "[tcp/99999]"):
            return
        document = yaml.safe_load(SOUND.replace(sound, wrong, 1))
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


class TestCodes:
    def test_every_code_that_is_raised_is_explained(self, root: Path) -> None:
        room = root / "kproxysim" / "scenario"
        used = {
            code
            for path in room.glob("*.py")
            if path.name != "codes.py"
            for code in re.findall(r'"(KPS6\d\d)"', path.read_text(encoding="utf-8"))
        }
        assert used == {explanation.code for explanation in EXPLANATIONS}
