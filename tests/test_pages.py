"""Every command on a page prints what the page shows, its Python runs, its scenarios hold; the site builds."""

import re
import subprocess
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest

from kproxysim import Scenario
from kproxysim.cli.app import app
from kproxysim.lesson import lesson_names
from kproxysim.report.compare import compare
from kproxysim.report.compare_mermaid import comparison_mermaid

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROOT = Path(__file__).parent.parent


def pages() -> Iterator[Path]:
    yield ROOT / "README.md"
    yield ROOT / "scenarios" / "README.md"
    yield from sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)


def blocks(kind: str, begins: str = "") -> list[object]:
    return [
        pytest.param(text, id=f"{path.relative_to(ROOT)}-{number}")
        for path in pages()
        for number, (found, text) in enumerate(BLOCK.findall(path.read_text()), 1)
        if found == kind and text.startswith(begins)
    ]


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Line by line; a line `...` stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(agrees(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and agrees(shown[1:], printed[1:])


@pytest.mark.parametrize("block", blocks("console"))
def test_a_command_prints_what_is_shown(
    block: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    command, *lines = block.rstrip().splitlines()
    assert command.startswith("$ kproxysim ")
    monkeypatch.setattr("sys.argv", command.removeprefix("$ ").split())
    with pytest.raises(SystemExit) as ended:
        app(prog_name="kproxysim")
    assert ended.value.code == 0
    printed = capsys.readouterr().out.rstrip().splitlines()
    if not agrees(lines, printed):
        pytest.fail("\n".join(unified_diff(lines, printed, "the page", command, lineterm="")))


def test_the_chart_of_the_readme_is_made_from_the_rules() -> None:
    (chart,) = (text for kind, text in BLOCK.findall((ROOT / "README.md").read_text()) if kind == "mermaid")
    scenario = Scenario.load(ROOT / "scenarios" / "nodeport-vs-externalip.yaml")
    packets = ("nodeport", "externalip")
    left, right = map(scenario.trace, packets)
    assert chart == comparison_mermaid(compare(left, right, packets))


@pytest.mark.parametrize("block", blocks("python"))
def test_python_runs(block: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(block, "the page", "exec"), {})  # noqa: S102 - the page's own example
    assert "delivered" in capsys.readouterr().out


@pytest.mark.parametrize("block", blocks("yaml", "kind: Scenario"))
def test_a_scenario_on_a_page_holds(block: str, tmp_path: Path) -> None:
    manifests = ROOT / "scenarios" / "manifests"
    parts = [(manifests / name).read_text() for name in ("nodes.yaml", "echo-externalip.yaml")]
    (tmp_path / "cluster.yaml").write_text("\n---\n".join(parts))
    (tmp_path / "page.yaml").write_text(block)
    result = Scenario.load(tmp_path / "page.yaml").run()
    assert [check.message for check in result.checks if not check.passed] == []
    assert result.checks


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(ROOT / "docs"), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "KPS802" in (tmp_path / "reference" / "findings.html").read_text()
    for page, wanted in (
        ("index.html", len(lesson_names()) + 3),
        ("guides/lessons.html", len(lesson_names())),
    ):
        links = re.findall(r'href="((?:\.\./)?(?:lessons|samples)/[^"]+)"', (tmp_path / page).read_text())
        assert len(links) == wanted
        for link in links:
            assert (tmp_path / page).parent.joinpath(link).read_text().startswith("<!DOCTYPE html>")
