"""Input that can't be used: exit code 2, a message that says where, and never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cli.conftest import SCENARIO, Kproxysim

COMMANDS = (
    ("run", "FILE"),
    ("trace", "FILE", "--packet", "externalip"),
    ("trace", "FILE", "--from", "internet/203.0.113.7", "--to", "198.51.100.12:80"),
    ("rules", "FILE", "--node", "node-a"),
    ("compare", "FILE", "nodeport", "externalip"),
)


def bomb() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for one, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]")
    return "\n".join(lines)


HARD = {
    "empty": b"",
    "blank": b"\n   \n\n",
    "binary": random.Random(1).randbytes(3000) + b"\0",
    "broken": b"kind: Scenario\npackets: {a: [\n",
    "broken manifest": b"kind: Service\nspec: {a: [\n",
    "a scalar": b"just some words",
    "a list": b"- 1\n- 2\n",
    "deep": b"[" * 5000,
    "bomb": bomb().encode(),
    "latin-1": b"kind: Scenario\nabout: caf\xe9\n",
    "port 70000": SCENARIO.replace("198.51.100.12:80", "198.51.100.12:70000").encode(),
    "unknown sender": SCENARIO.replace("from: browser", "from: nobody").encode(),
    "unknown field": (SCENARIO + "surprise: 1\n").encode(),
    "other version": SCENARIO.replace("scenario: 1", "scenario: 99").encode(),
    "escapes": b'kind: Scenario\nscenario: 1\nabout: "\\e[2J"\nsur\xe2\x80\xaeprise: 1\npackets: {}\n',
}


class TestHardInput:
    @pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
    @pytest.mark.parametrize("name", HARD)
    def test_is_refused_with_its_place(
        self, kproxysim: Kproxysim, folder: Path, name: str, words: tuple[str, ...]
    ) -> None:
        (folder / "hard.yaml").write_bytes(HARD[name])
        done = kproxysim(*("hard.yaml" if word == "FILE" else word for word in words))
        assert done.exit_code == 2, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert done.stdout == ""
        assert "hard.yaml" in done.stderr
        assert "[KPS" in done.stderr
        assert all(line.isprintable() for line in done.stderr.split("\n"))

    @pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
    @pytest.mark.parametrize("name", ["missing.yaml", "hollow", "new\nline\x1b[2J.yaml", "nul\0.yaml"])
    def test_so_is_what_is_not_there(
        self, kproxysim: Kproxysim, folder: Path, name: str, words: tuple[str, ...]
    ) -> None:
        (folder / "hollow").mkdir()
        done = kproxysim(*(name if word == "FILE" else word for word in words))
        assert done.exit_code == 2, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert "[KPS" in done.stderr
        assert all(line.isprintable() for line in done.stderr.split("\n"))

    def test_all_mistakes_of_all_files_are_said(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "one.yaml").write_text(SCENARIO + "surprise: 1\nanother: 2\n")
        (folder / "two.yaml").write_text(SCENARIO.replace("scenario: 1", "scenario: 99"))
        done = kproxysim("run", "one.yaml", "two.yaml")
        assert done.exit_code == 2
        assert "one.yaml:" in done.stderr
        assert "two.yaml:" in done.stderr
        assert "3 errors" in done.stderr
