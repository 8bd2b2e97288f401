"""Which files are scenarios: those named, and those found in folders."""

from pathlib import Path

import pytest

from kproxysim.errors import InputError
from kproxysim.scenario import Scenario, find_scenarios, is_scenario
from tests.scenario.examples import SOUND, write

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"


@pytest.mark.parametrize(
    "document, answer",
    [
        ({"kind": "Scenario"}, True),
        ({"kind": "Scenario", "scenario": 1}, True),
        ({"scenario": 1}, True),
        ({"kind": "Service", "scenario": 1}, False),
        ({"kind": "List"}, False),
        ({}, False),
    ],
)
def test_is_scenario(document: dict[str, object], answer: bool) -> None:
    assert is_scenario(document) is answer


class TestInFolders:
    def names(self, folder: Path, *sources: Path) -> list[str]:
        return [str(path.relative_to(folder)) for path in find_scenarios(sources or [folder])]

    def test_scenarios_are_found_manifests_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "deep" / "er").mkdir(parents=True)
        (tmp_path / ".hidden").mkdir()
        write(tmp_path, SOUND, "b.yaml")
        write(tmp_path, SOUND, "a.yml")
        write(tmp_path, SERVICE, "service.yaml")
        write(tmp_path, f"{SERVICE}---\n{SOUND}", "deep/both.yaml")
        write(tmp_path, "{kind: Scenario, scenario: 1}", "deep/er/flow.yaml")
        write(tmp_path, "# a Scenario is not here\n" + SERVICE, "deep/words.yaml")
        write(tmp_path, SOUND, ".hidden/c.yaml")
        write(tmp_path, SOUND, "notes.txt")
        (tmp_path / "binary.yaml").write_bytes(b"\x00\x01scenario: 1")
        assert self.names(tmp_path) == ["a.yml", "b.yaml", "deep/both.yaml", "deep/er/flow.yaml"]

    def test_one_that_is_broken_is_found_all_the_same(self, tmp_path: Path) -> None:
        write(tmp_path, "kind: Scenario\n  broken", "a.yaml")
        assert self.names(tmp_path) == ["a.yaml"]

    def test_each_once_in_the_order_given(self, tmp_path: Path) -> None:
        for name in ("a.yaml", "b.yaml"):
            write(tmp_path, SOUND, name)
        assert self.names(tmp_path, tmp_path / "b.yaml", tmp_path) == ["b.yaml", "a.yaml"]

    def test_a_file_counts_as_it_is(self, tmp_path: Path) -> None:
        assert self.names(tmp_path, write(tmp_path, SERVICE, "a.yaml")) == ["a.yaml"]

    def test_a_folder_without_any_is_a_mistake(self, tmp_path: Path) -> None:
        write(tmp_path, SERVICE, "a.yaml")
        with pytest.raises(InputError) as caught:
            find_scenarios([tmp_path])
        assert caught.value.code == "KPS609"


class TestNames:
    def test_a_scenario_is_called_as_its_file(self, tmp_path: Path) -> None:
        assert Scenario.load(write(tmp_path, SOUND, "public.yaml")).name == "public"

    def test_or_as_its_folder(self, tmp_path: Path) -> None:
        (tmp_path / "public").mkdir()
        assert Scenario.load(write(tmp_path, SOUND, "public/scenario.yaml")).name == "public"

    def test_an_unknown_packet_is_said_with_those_that_there_are(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            Scenario.load(write(tmp_path, SOUND)).trace("wob")
        (diagnostic,) = caught.value.diagnostics
        assert (diagnostic.code, diagnostic.help) == ("KPS602", "did you mean web?")
        assert diagnostic.notes == ("known packets: web, inside",)
