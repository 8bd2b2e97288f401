"""The package's face: what it names is there, typed, and loaded when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kproxysim as kps


def test_every_name_is_there() -> None:
    for name in kps.__all__:
        assert getattr(kps, name) is not None
        assert name in dir(kps)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Wurld'"):
        _ = kps.Wurld  # type: ignore[attr-defined]


def test_names_for_type_checkers_are_those_that_are_loaded(root: Path) -> None:
    tree = ast.parse((root / "kproxysim" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == kps._HOME_OF
    assert {*typed, "__version__"} == set(kps.__all__)


def test_the_version_is_that_of_the_metadata(root: Path) -> None:
    with (root / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == kps.__version__


def test_python_m_kproxysim() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kproxysim", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"kproxysim {kps.__version__}\n"
