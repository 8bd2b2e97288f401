"""Every code that this room uses is explained, and every explained code is used."""

import re
from pathlib import Path

import pytest

from kproxysim.cluster.codes import EXPLANATIONS
from kproxysim.cluster.findings import severity_of
from kproxysim.codes import Explanation
from kproxysim.errors import Severity


def test_used_and_explained(root: Path) -> None:
    room = root / "kproxysim" / "cluster"
    sources = [path.read_text() for path in sorted(room.glob("*.py")) if not path.stem.endswith("codes")]
    used = {code for source in sources for code in re.findall(r'"(KPS\d+)"', source)}
    assert used == {explanation.code for explanation in EXPLANATIONS}


def test_in_order_and_once() -> None:
    codes = [explanation.code for explanation in EXPLANATIONS]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=lambda explanation: explanation.code)
def test_an_explanation_says_something(explanation: Explanation) -> None:
    assert not explanation.title.startswith(("A ", "An ", "The "))
    assert not explanation.title.endswith(".")
    assert explanation.text.endswith((".", "?"))
    assert explanation.example


@pytest.mark.parametrize(
    "code, strict, severity",
    [
        ("KPS001", False, Severity.ERROR),
        ("KPS101", False, Severity.ERROR),
        ("KPS201", False, Severity.WARNING),
        ("KPS201", True, Severity.ERROR),
        ("KPS301", True, Severity.NOTE),
    ],
)
def test_the_severity_is_in_the_code(code: str, strict: bool, severity: Severity) -> None:
    assert severity_of(code, strict=strict) is severity
