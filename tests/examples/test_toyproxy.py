"""The guide to the laws: its example is run as its readers run it, and the page shows what comes."""

import os
import re
import shutil
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.test_pages import agrees

HERE = Path(__file__).parent / "toyproxy"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {"pytest": ("-m", "pytest"), "kproxysim": ("-m", "kproxysim")}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "guides" / "laws.md").read_text(encoding="utf-8")


def ran(command: str, folder: Path) -> list[str]:
    """What a command prints, without what differs from run to run and from width to width."""
    program, *arguments = command.split()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    ended = subprocess.run(
        [sys.executable, *PROGRAMS[program], *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(HERE.parent.parent.parent), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (ended.stdout + ended.stderr).splitlines()
    return [re.sub(r" in [0-9.]+s.*", " in SECONDS", line).rstrip() for line in lines]


def test_what_the_page_shows_is_what_comes(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "toyproxy"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    commands = [text for kind, text in BLOCK.findall(page) if kind == "text" and text.startswith("$ ")]
    assert len(commands) == 2
    for block in commands:
        command, *shown = block.rstrip().splitlines()
        printed = ran(command.removeprefix("$ "), folder)
        if not agrees(shown, printed):
            pytest.fail("\n".join(unified_diff(shown, printed, "the page", command, lineterm="")))


def test_the_code_on_the_page_is_that_of_the_example(page: str, root: Path) -> None:
    code = [(HERE / name).read_text() for name in ("toyproxy.py", "test_laws.py")]
    code.append((root / "kproxysim" / "testing" / "machine.py").read_text().replace("    ", ""))
    blocks = [text for kind, text in BLOCK.findall(page) if kind == "py"]
    assert len(blocks) == 5
    for block in blocks[:4]:
        assert any(block in text for text in code), block
    exec(blocks[4], {})  # noqa: S102 - the page's own example
