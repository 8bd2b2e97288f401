"""What a scenario says of itself, so that nobody takes it for a manifest, nor a manifest for a scenario."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["SCENARIO", "is_scenario", "says_scenario"]

SCENARIO: Literal["Scenario"] = "Scenario"
"""The `kind` of a scenario."""

_SAYS_SO = re.compile(
    r"""^(?:\{\s*)?["']?(?:kind["']?[ \t]*:[ \t]*["']?Scenario\b|scenario["']?[ \t]*:)""", re.MULTILINE
)


def is_scenario(document: Mapping[str, Any]) -> bool:
    """Is this a scenario, not a manifest of another kind?"""
    return document.get("kind") == SCENARIO or ("kind" not in document and "scenario" in document)


def says_scenario(text: str) -> bool:
    """Does a line of a text say so, be the rest broken or not? A field deeper inside is none of its own."""
    return _SAYS_SO.search(text) is not None
