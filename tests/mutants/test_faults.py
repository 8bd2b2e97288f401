"""Every fault can still be planted; `make mutants` plants them and runs the tests."""

import ast
from pathlib import Path

import pytest

from tests.mutants.faults import FAULTS, Fault


def test_there_are_many_and_each_has_its_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_its_text_stands_once(fault: Fault, root: Path) -> None:
    """A change of the code that takes the text away has to say here where the fault lies now."""
    before = (root / "kproxysim" / fault.file).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(fault.planted(before))) != ast.dump(ast.parse(before))
