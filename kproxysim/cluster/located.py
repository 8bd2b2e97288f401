"""Documents with places: YAML or JSON read to plain values, each of which can be shown in the user's own
text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kproxysim.cluster.paths import Path
from kproxysim.cluster.sources import BadText, Place, Source, read_source
from kproxysim.errors import Diagnostic, InputError
from kproxysim.values import dataclass

__all__ = ["Document", "places", "read_documents", "read_documents_and_trouble"]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One document of an input: a mapping as it was written.

    `source` is the text that it stands in, with `number` counted from 0, or None for a mapping that Python
    code made.
    """

    value: dict[str, Any]
    source: Source | None = None
    number: int = 0
    is_json: bool = False


def read_documents(name: str) -> list[Document]:
    """The documents of a file, or of standard input for `-`; empty documents are left out.

    Raises InputError, with file, line and column, for anything that can't be read (KPS001 to KPS013).
    """
    documents, trouble = read_documents_and_trouble(read_source(name))
    if trouble is not None:
        raise InputError([trouble])
    return documents


def read_documents_and_trouble(source: Source) -> tuple[list[Document], Diagnostic | None]:
    """The documents of a text up to the place where reading ended, and what was wrong there.

    A text that begins like JSON is read as JSON, and as YAML if it is none after all (YAML's `{a: b}`).
    """
    documents: list[Document] = []
    looks_like_json = source.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    try:
        if looks_like_json or source.is_json_by_name:
            try:
                documents.extend(_json_documents(source))
            except BadText as bad:
                if bad.code != "KPS008" or source.is_json_by_name:
                    raise
                documents.clear()
            else:
                return documents, None
        documents.extend(_yaml_documents(source))
    except BadText as bad:
        return documents, source.error(bad)
    return documents, None


def _json_documents(source: Source) -> Iterator[Document]:
    from kproxysim.cluster.json_text import read_json  # noqa: PLC0415 - each reader when it is needed

    for document in read_json(source.text):
        yield Document(document.value, source, document.index, is_json=True)


def _yaml_documents(source: Source) -> Iterator[Document]:
    from kproxysim.cluster.yaml_text import read_yaml  # noqa: PLC0415 - as above; and yaml takes its time

    for document in read_yaml(source.text):
        yield Document(document.value, source, document.index)


def places(paths: Iterable[tuple[Document, Path]]) -> dict[tuple[int, Path], Place]:
    """Where values stand, by `id` of the document and path; each text is read once more for all its paths.

    A path that isn't there is left out.
    """
    by_source: dict[int, dict[int, list[Path]]] = {}
    documents: dict[tuple[int, int], Document] = {}
    for document, path in paths:
        if document.source is not None:
            by_source.setdefault(id(document.source), {}).setdefault(document.number, []).append(path)
            documents[id(document.source), document.number] = document
    found: dict[tuple[int, Path], Place] = {}
    for source_id, wanted in by_source.items():
        some = documents[source_id, next(iter(wanted))]
        assert some.source is not None
        for (number, path), place in _places_in(some.source.text, some.is_json, wanted).items():
            found[id(documents[source_id, number]), path] = place
    return found


def _places_in(
    text: str,
    is_json: bool,
    wanted: dict[int, list[Path]],
) -> dict[tuple[int, Path], Place]:
    if is_json:
        from kproxysim.cluster.json_text import json_places  # noqa: PLC0415

        return json_places(text, wanted)
    from kproxysim.cluster.yaml_text import yaml_places  # noqa: PLC0415

    return yaml_places(text, wanted)
