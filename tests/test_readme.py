"""The README's commands print what the README shows, and its Python runs."""

import re
from difflib import unified_diff
from pathlib import Path

import pytest

from kproxysim.cli.app import app

BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(root: Path, kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall((root / "README.md").read_text()) if found == kind]


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Line by line; a line `...` stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(agrees(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and agrees(shown[1:], printed[1:])


def test_commands_print_what_is_shown(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    shown = blocks(root, "console")
    assert len(shown) == 2
    for block in shown:
        command, *lines = block.rstrip().splitlines()
        monkeypatch.setattr("sys.argv", command.removeprefix("$ ").split())
        with pytest.raises(SystemExit) as ended:
            app(prog_name="kproxysim")
        assert ended.value.code == 0
        printed = capsys.readouterr().out.rstrip().splitlines()
        if not agrees(lines, printed):
            pytest.fail("\n".join(unified_diff(lines, printed, "README.md", command, lineterm="")))


def test_python_runs(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for block in blocks(root, "python"):
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - the README's own example
    assert capsys.readouterr().out.startswith("1/2 delivered tcp ")
