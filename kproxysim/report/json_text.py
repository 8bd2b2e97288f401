"""Plain values as JSON: the same bytes for the same values, and nothing that a terminal would obey."""

from __future__ import annotations

import json
from typing import Any

from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network.trace import FORMAT_VERSION, origin_to_dict

__all__ = ["dumps", "rules_to_dict"]


def dumps(values: Any) -> str:
    """`values` as JSON with two blanks a level and a newline at the end; everything beyond ASCII as an
    escape.
    """
    return json.dumps(values, indent=2, ensure_ascii=True) + "\n"


def rules_to_dict(ruleset: Ruleset, node: str) -> dict[str, Any]:
    """The rules of a node as plain values, each with what made it."""
    return {
        "format_version": FORMAT_VERSION,
        "node": node,
        "family": ruleset.family,
        "tables": [
            {
                "name": table.name,
                "chains": [
                    {
                        "name": chain.name,
                        "policy": chain.policy,
                        "rules": [
                            {"number": number, "rule": str(rule), "origin": origin_to_dict(rule.origin)}
                            for number, rule in enumerate(chain.rules, 1)
                        ],
                    }
                    for chain in table.chains.values()
                ],
            }
            for table in ruleset.tables.values()
        ],
        "notes": [
            {"code": note.code, "message": note.message, "objects": list(note.objects)}
            for note in ruleset.notes
        ],
    }
