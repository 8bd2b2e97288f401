"""Lessons: what they show is checked, their answers are right, and mistakes in them are told with their place."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from kproxysim.cli.app import app
from kproxysim.errors import InputError
from kproxysim.lesson import Asked, Compared, Lesson, Part, Shown, lesson_names
from kproxysim.lesson.text import lesson_page

LIBRARY = Path(__file__).parents[2] / "kproxysim" / "lesson" / "library"


def shown(parts: tuple[Part, ...]) -> Iterator[Shown | Compared]:
    for part in parts:
        if isinstance(part, Asked) and part.proof is not None:
            yield part.proof
        elif isinstance(part, Shown | Compared):
            yield part


def test_every_lesson_is_in_the_order() -> None:
    assert sorted(lesson_names()) == sorted(path.stem for path in LIBRARY.glob("*.yaml"))


@pytest.mark.parametrize("name", lesson_names())
def test_what_a_lesson_shows_is_expected_by_a_scenario(name: str) -> None:
    """So that no lesson can teach what is not tested, and with the kernel's word where there is one."""
    lesson = Lesson.load(name)
    for one in shown(lesson.parts):
        expected = {check.packet for check in one.scenario.run().checks if check.passed}
        packets = one.packets if isinstance(one, Compared) else (one.packet,)
        assert set(packets) <= expected, one.scenario.name


@pytest.mark.parametrize("name", lesson_names())
def test_a_lesson_reads_well(name: str) -> None:
    lesson = Lesson.load(name)
    lines = list(lesson_page(lesson))
    assert lines[0] == lesson.title
    assert [line for line in lines if len(line) > 130 and not line.startswith("-A ")] == []
    assert sum(isinstance(part, Asked) for part in lesson.parts) >= 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def give(name: str, typed: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    out = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.argv", ["kproxysim", "lesson", name])
    with pytest.raises(SystemExit) as ended:
        app(prog_name="kproxysim")
    return out.getvalue(), int(ended.value.code or 0)


SHORT = """\
kind: Lesson
lesson: 1
title: Short
about: One question.
scenario: nodeport-on-gke
steps:
- say: Two words.
- ask: Who answers?
  choices: [a pod, nobody]
  answer: 1
  because: The rule matches.
"""


def test_a_guess_comes_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    right, ended = give(str(tmp_path / "short.yaml"), "\n9\nx\n1\n", monkeypatch)
    assert ended == 0
    before, after = right.split("your guess", 1)
    assert "The rule matches." not in before
    assert "yes     1. a pod\n\nThe rule matches." in after
    assert after.count("your guess") == 2  # 9 and x are no choices
    wrong, _ = give(str(tmp_path / "short.yaml"), "\n2\n", monkeypatch)
    assert "no      1. a pod\n" in wrong
    shy, _ = give(str(tmp_path / "short.yaml"), "\n\n", monkeypatch)
    assert "answer  1. a pod\n" in shy


def test_a_lesson_can_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    said, ended = give(str(tmp_path / "short.yaml"), "", monkeypatch)
    assert ended == 130
    assert "Who answers?" not in said


@pytest.mark.parametrize(
    "wrong,said",
    [
        ("- show: nobody", "KPS903 the scenario has no packet 'nobody' 7"),
        ("- rules: node-z", "KPS903 the scenario has no node 'node-z' 7"),
        ("- show: browser\n  scenario: nowhere", "KPS903 there is no scenario 'nowhere' 8"),
        ("- say: a\n  show: b", "KPS902 this step has say and show 7"),
        ("- say: a\n  detail: full", "KPS902 detail does not go with say 7"),
        ("- ask: a\n  choices: [b]\n  answer: 1", "KPS902 a question needs choices and an answer 7"),
        ("- ask: a\n  choices: [b, c]\n  answer: 3", "KPS902 there is no choice 3 7"),
        ("- {}", "KPS902 this step does nothing 7"),
    ],
)
def test_a_mistake_has_its_place(wrong: str, said: str, tmp_path: Path) -> None:
    head, _, _ = SHORT.partition("- say")
    (tmp_path / "wrong.yaml").write_text(head + wrong + "\n")
    with pytest.raises(InputError) as caught:
        Lesson.load(tmp_path / "wrong.yaml")
    (one,) = caught.value.diagnostics
    assert one.position is not None
    assert f"{one.code} {one.message} {one.position.line}" == said


def test_a_lesson_that_is_not_there() -> None:
    with pytest.raises(InputError) as caught:
        Lesson.load("externalips-vs-nodport")
    assert caught.value.diagnostics[0].help == "did you mean externalips-vs-nodeport?"
