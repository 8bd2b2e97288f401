"""Paths into values: the way from a document to a field, and how people write it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

__all__ = ["Path", "Wanted", "path_text", "tree_size", "wanted_tree"]

Path = tuple[str | int, ...]
"""Keys of mappings and indices of lists: `("spec", "ports", 0, "port")`."""

Wanted = dict[str | int, Any]
"""Paths as a tree: a step leads to the tree of what may come after it."""


def path_text(path: Path) -> str:
    """`spec.ports[0].port`; a key that is no plain word is quoted: `metadata.labels["a.b/c"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text


def wanted_tree(paths: Iterable[Path]) -> Wanted:
    """The tree of some paths. Every way to a path is in it too, so that the nearest place can stand in."""
    tree: Wanted = {}
    for path in paths:
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
    return tree


def tree_size(tree: Wanted) -> int:
    """The number of its ends: the values that no longer path leads through."""
    return sum(map(tree_size, tree.values())) if tree else 1
