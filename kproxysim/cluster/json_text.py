"""JSON to plain values by the standard library's reader, and back from a path to its place in the text.

A text holds one document or several, one after the other, as kubectl prints them. The fast reader neither
counts lines nor minds a key that stands twice in a way that tells where, so a text that it refuses is read
again, token by token, to find the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

from kproxysim.cluster.paths import Path, Wanted, tree_size, wanted_tree
from kproxysim.cluster.sources import BadText, Place
from kproxysim.values import dataclass

__all__ = ["JsonDocument", "json_places", "read_json"]

MAX_DEPTH = 100
_BLANKS = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'[ \t\r\n]*(?:("(?:[^"\\]|\\.)*")|([\[\]{}:,])|([^\s\[\]{}:,"]+))', re.DOTALL)
_LONGEST_NUMBER = 400
_CONTAINERS = (dict, list)


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """A document: the mapping it is, its number in the text from 0 on, and where it begins."""

    index: int
    value: dict[str, Any]
    begin: int


class _RefusedError(ValueError):
    """The fast reader met what Kubernetes' own would not take; the slow one will find where."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _RefusedError
    return mapping


def _no_constant(_name: str) -> NoReturn:
    raise _RefusedError


_DECODER = JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
_SKIPPER = JSONDecoder()


def read_json(text: str) -> Iterator[JsonDocument]:
    """The documents of a text, each a mapping.

    Raises BadText where the text is broken (KPS008), has a key twice (KPS009), nests too deeply (KPS010), or
    is something else than a mapping (KPS012).
    """
    index = 0
    offset = _skip_blanks(text, 0)
    while offset < len(text):
        try:
            value, end = _DECODER.raw_decode(text, offset)
        except JSONDecodeError as error:
            raise _broken(text, error.pos, error.msg) from None
        except (ValueError, RecursionError):
            _find_trouble(text, offset)
            raise _broken(text, offset, "this is not JSON") from None
        if _is_too_deep(value):
            _find_trouble(text, offset)
        if type(value) is not dict:
            kind = "list" if type(value) is list else "single value"
            hint = 'put the list under "items" of a "kind": "List"' if kind == "list" else ""
            raise BadText("KPS012", f"a document here is a mapping, and this is a {kind}", offset, 1, hint)
        yield JsonDocument(index, value, offset)
        index += 1
        offset = _skip_blanks(text, end)


def _is_too_deep(value: Any) -> bool:
    """Do lists and mappings nest deeper than MAX_DEPTH? The reader itself bears ten times as much."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
    return bool(level)


def json_places(text: str, wanted: Mapping[int, Iterable[Path]]) -> dict[tuple[int, Path], Place]:
    """Where the values at some paths stand, by number of the document; a path that isn't there is left out.

    The place of a list or a mapping is that of its key. The text must be one that `read_json` has read.
    """
    found: dict[tuple[int, Path], Place] = {}
    offset = _skip_blanks(text, 0)
    for index in range(max(wanted, default=-1) + 1):
        if index in wanted:
            tree = wanted_tree(wanted[index])
            _Search(text, index, found, tree_size(tree)).look_at(offset, (), tree, None)
        if index < max(wanted):
            _, offset = _SKIPPER.raw_decode(text, offset)
            offset = _skip_blanks(text, offset)
    return found


@dataclass(slots=True)
class _Search:
    """Looking for places in one document. `left` is the number of values that are still to be seen."""

    text: str
    index: int
    found: dict[tuple[int, Path], Place]
    left: int

    def look_at(self, offset: int, path: Path, wanted: Wanted, key: Place | None) -> int:
        """Keep the place of the value at `offset`, look into it, and give the place behind it.

        As deep as the wanted paths; when nothing is left to be seen the place given means nothing.
        """
        container = self.text[offset] in "[{"
        if container and wanted:
            self.found[self.index, path] = key or Place(offset)
            return self._look_inside(offset, path, wanted)
        _, end = _SKIPPER.raw_decode(self.text, offset)
        self.found[self.index, path] = (key or Place(offset)) if container else Place(offset, end - offset)
        self.left -= 1
        return end

    def _look_inside(self, offset: int, path: Path, wanted: Wanted) -> int:
        text = self.text
        opening = text[offset]
        offset = _skip_blanks(text, offset + 1)
        count = 0
        while text[offset] not in "]}":
            step: str | int = count
            key_place = None
            if opening == "{":
                step, end = _SKIPPER.raw_decode(text, offset)
                key_place = Place(offset, end - offset)
                offset = _skip_blanks(text, _skip_blanks(text, end) + 1)
            if step in wanted:
                offset = self.look_at(offset, (*path, step), wanted[step], key_place)
                if not self.left:
                    return offset
            else:
                _, offset = _SKIPPER.raw_decode(text, offset)
            count += 1
            offset = _skip_blanks(text, offset)
            if text[offset] == ",":
                offset = _skip_blanks(text, offset + 1)
        return offset + 1


@dataclass(slots=True)
class _Open:
    """A list or mapping that a token stands in; `keys` are those seen so far, None for a list."""

    keys: set[str] | None
    at_key: bool = field(default=True)


def _find_trouble(text: str, offset: int) -> None:
    """Raise BadText for the first key that stands twice, bracket that is too deep, or word that is no value.

    Returns if there is none: then something else is wrong, and the fast reader has said where.
    """
    stack: list[_Open] = []
    while True:
        match = _TOKEN.match(text, offset)
        if match is None:
            return
        word, start = match[match.lastindex or 0], match.start(match.lastindex or 0)
        offset = match.end()
        top = stack[-1] if stack else None
        if word in ("[", "{"):
            if len(stack) >= MAX_DEPTH:
                raise BadText("KPS010", f"mappings and lists nest more than {MAX_DEPTH} deep", start)
            stack.append(_Open(set() if word == "{" else None))
        elif word in ("]", "}"):
            if not stack:
                return
            stack.pop()
        elif top is not None and top.keys is not None:
            _key_or_value(top, word, start)
        if match.lastindex == 3:
            _check_word(word, start)


def _key_or_value(top: _Open, word: str, start: int) -> None:
    if word == ",":
        top.at_key = True
    elif word == ":":
        top.at_key = False
    elif top.at_key and word.startswith('"') and top.keys is not None:
        try:
            key = json.loads(word, strict=False)
        except ValueError:
            return
        if key in top.keys:
            message = f"the key {key!r} stands twice in this mapping"
            raise BadText("KPS009", message, start, len(word), "remove one of the two")
        top.keys.add(key)


def _check_word(token: str, start: int) -> None:
    if token in ("NaN", "Infinity", "-Infinity"):
        raise BadText("KPS008", f"broken JSON: {token} is no value", start, len(token))
    if len(token) > _LONGEST_NUMBER and token.lstrip("-").isdigit():
        raise BadText("KPS008", f"broken JSON: a number of {len(token)} digits", start, len(token))


def _broken(text: str, offset: int, reason: str) -> BadText:
    offset = min(offset, max(0, len(text) - 1))
    return BadText(
        "KPS008", f"broken JSON: {reason.lower()}", offset, hint="check commas, quotes and brackets"
    )


def _skip_blanks(text: str, offset: int) -> int:
    match = _BLANKS.match(text, offset)
    return match.end() if match else offset
