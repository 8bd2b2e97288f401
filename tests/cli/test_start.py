"""What a short command need not load, it does not load: the larger part of its time is loading."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.test_process import clean_environment

COMMAND = """\
import contextlib, io, json, sys
from kproxysim.cli.app import app
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    app(sys.argv[1:])
print(json.dumps([*sys.modules]))
"""

ALWAYS_TOO_MUCH = {
    "asyncio",
    "hypothesis",
    "jsonschema",
    "logging",
    "multiprocessing",
    "networkx",
    "pytest",
    "rich",
    "typer.rich_utils",
    "unittest",
    "kproxysim.cli.codes",
    "kproxysim.cluster.codes",
    "kproxysim.cluster.json_text",
    "kproxysim.cluster.warning_codes",
    "kproxysim.netfilter.codes",
    "kproxysim.netfilter.supported",
    "kproxysim.report.compare",
    "kproxysim.report.drawing",
    "kproxysim.report.trace_schema",
}
FOR_HELP = {"pydantic", "yaml", "kproxysim.cluster", "kproxysim.netfilter", "kproxysim.network"}
FOR_MANIFESTS = {"kproxysim.scenario.model", "kproxysim.scenario.scenario"}


@pytest.mark.parametrize(
    "words, too_much",
    [
        ("--help", FOR_HELP),
        ("trace article.yaml --packet nodeport", set()),
        ("trace cluster --from internet/203.0.113.7 --to 198.51.100.12:80", FOR_MANIFESTS),
        ("run article.yaml", {"kproxysim.report.text"}),
        ("rules cluster --node node-a", FOR_MANIFESTS),
    ],
)
@pytest.mark.usefixtures("folder")
def test_loads_no_more_than_it_needs(words: str, too_much: set[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND, *words.split()],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    loaded = set(json.loads(ended.stdout))
    assert "kproxysim.cli.app" in loaded
    assert not loaded & (ALWAYS_TOO_MUCH | too_much)
