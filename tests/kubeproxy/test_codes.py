"""Every code that this room raises or notes has its words."""

import ast
from pathlib import Path

from kproxysim.kubeproxy import codes

NOTES = ("ambiguous-owner", "gate-without-effect")

ROOM = Path(codes.__file__).parent


def used() -> set[str]:
    """Text constants of the room's modules that look like codes, `codes` itself apart."""
    found: set[str] = set()
    for path in ROOM.glob("*.py"):
        if path.name == "codes.py":
            continue
        for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                text = one.value
                if (text.startswith("KPS") and text[3:].isdigit()) or text in NOTES:
                    found.add(text)
    return found


def test_words_for_every_code_and_a_code_for_all_words() -> None:
    assert used() == {one.code for one in codes.EXPLANATIONS}
    assert all(one.title and one.text and one.example for one in codes.EXPLANATIONS)
