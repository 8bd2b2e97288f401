"""Which files are scenarios: those named, and those found in folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kproxysim.cluster.located import read_documents_and_trouble
from kproxysim.cluster.sources import STDIN, Source, manifest_files, read_source
from kproxysim.errors import InputError, Position
from kproxysim.scenario_mark import is_scenario, says_scenario

__all__ = ["find_scenarios", "holds_scenario", "is_scenario"]

_SUFFIXES = (".yaml", ".yml")
_MAY_SAY_SO = re.compile(r"scenario", re.IGNORECASE)


def find_scenarios(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The scenario files among some files and folders, each once, in the order given; in a folder by name.

    A file counts as it is; of a folder and those in it, the *.yaml and *.yml that are scenarios.
    Raises InputError for a folder that can't be read (KPS001) or has no scenario (KPS609).
    """
    found: dict[Path, None] = {}
    for source in sources:
        name = os.fspath(source)
        if name == STDIN or not Path(name).is_dir():
            found[Path(name)] = None
            continue
        inside = list(_in_folder(name))
        if not inside:
            raise InputError.of(
                "KPS609",
                "there is no scenario in this folder",
                position=Position(name),
                help="scenarios are *.yaml files that begin with kind: Scenario",
            )
        found.update(dict.fromkeys(inside))
    return list(found)


def _in_folder(folder: str) -> Iterator[Path]:
    for name in manifest_files(folder):
        if not name.lower().endswith(_SUFFIXES):
            continue
        try:
            source = read_source(name)
        except InputError:
            # Binary, or too large: no scenario of anybody's.
            continue
        if _holds_one(source):
            yield Path(name)


def holds_scenario(path: str | os.PathLike[str]) -> bool:
    """Is there a scenario in this file, sound or not? Raises InputError for a file that can't be read
    (KPS001).
    """
    return not Path(path).is_dir() and _holds_one(read_source(os.fspath(path)))


def _holds_one(source: Source) -> bool:
    """A text that is broken is a scenario if a line of it says so; whoever loads it is told what is wrong."""
    if not _MAY_SAY_SO.search(source.text):
        return False
    if says_scenario(source.text):
        return True
    documents, _ = read_documents_and_trouble(source)
    return any(is_scenario(document.value) for document in documents)
