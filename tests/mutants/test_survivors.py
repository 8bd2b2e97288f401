"""The list of what no test notices is of the code as it is; `make mutants` tries the code."""

import ast
from pathlib import Path

import pytest

from tests.mutants.survivors import HELD, LISTED, REASONS, is_held


def functions(root: Path, module: str) -> dict[str, list[str]]:
    """The lines of each function of a module, without their indent: `bind`, `_Walk.run`."""
    text = (root / "kproxysim" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    found = {}
    for node in ast.parse(text).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for one in inside:
            if isinstance(one, ast.FunctionDef):
                found[prefix + one.name] = lines[one.lineno - 1 : one.end_lineno]
    return found


def module_of(root: Path, function: str) -> str:
    parts = function.split(".")
    (found,) = {
        ".".join(parts[:count])
        for count in range(1, len(parts))
        if (root / "kproxysim" / f"{'/'.join(parts[:count])}.py").is_file()
    }
    return found


def test_each_change_has_one_reason() -> None:
    changes = [change for change, _ in LISTED]
    assert len(set(changes)) == len(changes)
    assert {reason for _, reason in LISTED} == set(REASONS)


@pytest.mark.parametrize("function", sorted({function for (function, _, _), _ in LISTED}))
def test_what_is_listed_is_there(function: str, root: Path) -> None:
    module = module_of(root, function)
    assert is_held(function), f"{module} is not held: whoever lists its survivors has read them all"
    lines = functions(root, module)[function.removeprefix(f"{module}.")]
    missing = [
        line
        for (changed, was, _), _ in LISTED
        if changed == function
        for line in was.splitlines()
        if line not in lines
    ]
    assert not missing, f"{function} changed: does the reason hold still?"


@pytest.mark.parametrize("module", HELD)
def test_what_is_held_is_a_module(module: str, root: Path) -> None:
    assert (root / "kproxysim" / f"{module.replace('.', '/')}.py").is_file()
