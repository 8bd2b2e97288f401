"""YAML to plain values, event by event, without recursion; and back from a path to its place in the text.

PyYAML's parser delivers the events (libyaml's, where PyYAML was built with it), what is made of them is our
own: scalars as Kubernetes reads them, duplicate keys refused, and limits on depth, size and aliases, so that
no text takes memory or time out of proportion. Values are built without their places, since most texts have
nothing wrong with them; `yaml_places` reads the text once more and finds the places that are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any

import yaml

from kproxysim.cluster.paths import Path, Wanted, path_text, tree_size, wanted_tree
from kproxysim.cluster.sources import BadText, Place
from kproxysim.cluster.yaml_scalars import MERGE, plain_scalar, tagged_scalar
from kproxysim.values import dataclass

__all__ = ["MAX_ALIASED", "MAX_DEPTH", "MAX_VALUES", "YamlDocument", "read_yaml", "yaml_places"]

MAX_DEPTH = 100
"""How deep mappings and lists may nest. A Service needs 8 levels, in a List."""

MAX_VALUES = 6_000_000
"""How many events one text may make: one for each key and single value, two for each list, mapping and
document. The dump of 10,000 Services with 5 endpoints each makes 2.9 million.
"""

MAX_ALIASED = 400_000
"""How many of them may come from aliases, as in Kubernetes' own reader (goyaml.v2/decode.go)."""

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_REMEMBERED = 40

_ROOT: Any = object()
_KEY: Any = object()
_ITEM: Any = object()
_MERGED: Any = object()


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A document: the mapping it is, and its number in the text, counted from 0."""

    index: int
    value: dict[str, Any]


def read_yaml(text: str) -> Iterator[YamlDocument]:
    """The documents of a text, each a mapping with text for keys; empty documents are left out.

    Raises BadText where the text is broken (KPS007), has a key twice (KPS009), nests too deeply (KPS010),
    misuses aliases (KPS011), is something else than a mapping (KPS012), has keys or tags that mean nothing to
    Kubernetes (KPS013), control characters (KPS004), or too many values (KPS006).
    """
    yield from _Reader(text).documents()


@dataclass(slots=True)
class _Frame:
    """The mapping or list around the one that is being filled, and what is known of the inner one."""

    container: Any
    key: Any
    anchor: str | None
    begun_at: int
    merged: list[dict[str, Any]] = field(default_factory=list)


_TABLES = ("filter", "nat", "mangle", "raw", "security")
"""Of iptables: a dump begins with `*filter`, which is an alias to YAML."""


class _Reader:
    """All state of reading one text.

    What comes next is told by the `key` of the container being filled: a text is the key whose value comes
    next, `_KEY` asks for a key, `_ITEM` for an item of a list, `_MERGED` for what `<<` merges, `_ROOT` for a
    document's own value.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._aliased = 0
        self._plain: dict[str, Any] = {}

    def documents(self) -> Iterator[YamlDocument]:
        """The hot loop: about a microsecond an event, as much again in libyaml's parser."""
        index = -1
        container: Any = None
        key: Any = _ROOT
        for number, event in enumerate(_events(self._text)):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value = self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, container, key, number)
                container, key = ({}, _KEY) if kind is yaml.MappingStartEvent else ([], _ITEM)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                value = container
                container, key = self._close(container, number)
            elif kind is yaml.AliasEvent:
                value = self._alias(event)
            else:
                index += kind is yaml.DocumentStartEvent
                self._anchors.clear()
                continue
            if key is _KEY:
                common = type(value) is str and value != MERGE and value not in container
                key = value if common else self._key(container, value, event)
            elif key is _ITEM:
                container.append(value)
            elif key is _ROOT:
                if value is not None:
                    yield YamlDocument(index, _mapping(value, event))
            elif key is _MERGED:
                key = self._merge(value, event)
            else:
                container[key] = value
                key = _KEY
            if number > MAX_VALUES:
                raise _at(
                    event,
                    "KPS006",
                    f"there are more than {MAX_VALUES:,} keys and values in this text",
                    "print a cluster this large as JSON (kubectl get -o json), where there is no such limit",
                )

    def _scalar(self, event: Any) -> Any:
        text = event.value
        plain, quoted = event.implicit
        if plain:
            # The same few words (TCP, true, metadata) make most of a manifest.
            value = self._plain.get(text, _ROOT)
            if value is _ROOT:
                value = plain_scalar(text)
                if len(text) <= _LONGEST_REMEMBERED:
                    self._plain[text] = value
        elif quoted:
            value = text
        else:
            try:
                value = tagged_scalar(event.tag, text)
            except ValueError as error:
                raise _at(event, "KPS013", str(error), "leave the tag out") from None
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        return value

    def _open(self, event: Any, container: Any, key: Any, number: int) -> None:
        is_mapping = type(event) is yaml.MappingStartEvent
        if key is _ROOT and not is_mapping:
            raise _at(
                event,
                "KPS012",
                "a document here is a mapping, and this is a list",
                "put the list under `items:` of a `kind: List`",
            )
        if key is _KEY:
            raise _at(event, "KPS013", "a key must be a single value, not a list or a mapping")
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{'map' if is_mapping else 'seq'}"):
            raise _at(event, "KPS013", f"the tag {event.tag} is not understood", "leave the tag out")
        if len(self._stack) >= MAX_DEPTH:
            raise _at(event, "KPS010", f"mappings and lists nest more than {MAX_DEPTH} deep")
        self._stack.append(_Frame(container, key, event.anchor, number + self._aliased))

    def _close(self, container: Any, number: int) -> tuple[Any, Any]:
        frame = self._stack.pop()
        for other in frame.merged:
            for key, value in other.items():
                container.setdefault(key, value)
        if frame.anchor:
            self._anchors[frame.anchor] = (container, number + self._aliased - frame.begun_at + 1)
        return frame.container, frame.key

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            inside = any(frame.anchor == event.anchor for frame in self._stack)
            reason = "refers to the value that it is part of" if inside else "refers to no anchor before it"
            dump = event.anchor in _TABLES and not self._anchors
            hint = "if this is a dump of iptables-save, give it with --node-facts" if dump else ""
            raise _at(event, "KPS011", f"*{event.anchor} {reason}", hint)
        value, size = self._anchors[event.anchor]
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise _at(event, "KPS011", f"aliases blow this text up to more than {MAX_ALIASED:,} values")
        return value

    def _key(self, container: dict[str, Any], value: Any, event: Any) -> Any:
        """What a value in the place of a key says about the next one."""
        if value == MERGE and type(event) is yaml.ScalarEvent and event.implicit[0]:
            return _MERGED
        key = value if type(value) is str else _key_text(value, event)
        if key in container:
            bad = _at(
                event, "KPS009", f"the key {key!r} stands twice in this mapping", "remove one of the two"
            )
            path = self._path()
            bad.notes = (f"the mapping is {path_text(path)}",) if path else ()
            raise bad
        return key

    def _merge(self, value: Any, event: Any) -> Any:
        parts = value if type(value) is list else [value]
        if not all(type(part) is dict for part in parts):
            raise _at(event, "KPS011", "`<<` merges a mapping or a list of mappings")
        self._stack[-1].merged.extend(parts)
        return _KEY

    def _path(self) -> Path:
        """Where the innermost mapping stands in its document."""
        return tuple(
            frame.key if type(frame.key) is str else len(frame.container) if frame.key is _ITEM else MERGE
            for frame in self._stack[1:]
        )


def yaml_places(text: str, wanted: Mapping[int, Iterable[Path]]) -> dict[tuple[int, Path], Place]:
    """Where the values at some paths stand, by number of the document; a path that isn't there is left out.

    The place of a list or a mapping is that of its key; what stands behind an alias is where the alias is.
    The documents must be such that `read_yaml` has read; the text may be broken behind them.
    """
    finder = _Finder({index: wanted_tree(paths) for index, paths in wanted.items()})
    # Where reading ended before, it ends again; what stands before that place has been found by then.
    with suppress(BadText):
        finder.search(text)
    return finder.found


@dataclass(slots=True)
class _Level:
    """A mapping or list on the way to a wanted path."""

    path: Path
    wanted: Wanted
    is_mapping: bool
    key: str | None = None
    key_place: Place | None = None
    count: int = 0

    def next_step(self) -> str | int:
        """The step to the value that comes now."""
        step = self.count if self.key is None else self.key
        self.count += 1
        self.key = self.key_place = None
        return step


class _Finder:
    """All state of looking for places in one text."""

    def __init__(self, trees: dict[int, Wanted]) -> None:
        self._trees = trees
        self._left = sum(map(tree_size, trees.values()))
        self.found: dict[tuple[int, Path], Place] = {}
        self._levels: list[_Level] = []
        self._index = -1

    def search(self, text: str) -> None:
        off_the_way = 0
        for event in _events(text):
            kind = type(event)
            if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if off_the_way or not self._enter(event):
                    off_the_way += 1
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                if off_the_way:
                    off_the_way -= 1
                else:
                    self._levels.pop()
            elif kind is yaml.DocumentStartEvent:
                self._index += 1
            elif self._levels and not off_the_way and kind in (yaml.ScalarEvent, yaml.AliasEvent):
                self._visit(event)
            if not self._left:
                break

    def _visit(self, event: Any) -> None:
        """A scalar or an alias, as a key or as a value."""
        level = self._levels[-1]
        if level.is_mapping and level.key is None:
            level.key, level.key_place = _key_seen(event), _place(event)
            return
        step = level.next_step()
        if step in level.wanted:
            is_alias = type(event) is yaml.AliasEvent
            self._note((*level.path, step), _place(event), level.wanted[step], below_too=is_alias)

    def _enter(self, event: Any) -> bool:
        """A list or a mapping: is it on the way to anything wanted?"""
        path: Path = ()
        wanted = self._trees.get(self._index)
        place = Place(event.start_mark.index)
        if self._levels:
            level = self._levels[-1]
            place = level.key_place or place
            step = level.next_step()
            path, wanted = (*level.path, step), level.wanted.get(step)
        if wanted is None:
            return False
        self._note(path, place, wanted, below_too=False)
        self._levels.append(_Level(path, wanted, type(event) is yaml.MappingStartEvent))
        return True

    def _note(self, path: Path, place: Place, wanted: Wanted, *, below_too: bool) -> None:
        self.found[self._index, path] = place
        self._left -= not wanted
        if below_too:
            for step, below in wanted.items():
                self._note((*path, step), place, below, below_too=True)


def _events(text: str) -> Iterator[Any]:
    """The parser's events; what it has to complain about, as BadText."""
    strange = _NOT_YAML.search(text)
    if strange:
        raise BadText(
            "KPS004",
            f"the control character U+{ord(strange[0]):04X} can't stand in YAML",
            strange.start(),
            hint="is this a text file at all?",
        )
    loader = _LOADER(text)
    try:
        yield from iter(loader.get_event, None)
    except yaml.MarkedYAMLError as error:
        raise _broken(text, error) from None
    finally:
        loader.dispose()


def _broken(text: str, error: yaml.MarkedYAMLError) -> BadText:
    mark = error.problem_mark or error.context_mark
    offset = min(mark.index, len(text)) if mark else 0
    if "\t" in text[text.rfind("\n", 0, offset) + 1 : offset + 1].lstrip(" ")[:1]:
        return BadText("KPS007", "a tab can't indent YAML", offset, hint="indent with spaces")
    message = str(error.problem or error.context or "this is not YAML").lower()
    bad = BadText("KPS007", f"broken YAML: {message}", offset, hint="check indentation, colons and quotes")
    if error.context and error.problem:
        bad.notes = (str(error.context).lower(),)
    return bad


def _place(event: Any) -> Place:
    return Place(event.start_mark.index, max(1, event.end_mark.index - event.start_mark.index))


def _at(event: Any, code: str, message: str, hint: str = "") -> BadText:
    place = _place(event)
    return BadText(code, message, place.offset, place.width, hint)


def _mapping(value: Any, event: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise _at(event, "KPS012", "a document here is a mapping, and this is a single value")
    return value


def _key_seen(event: Any) -> str:
    """A key of a text that has been read before, so it is one."""
    if type(event) is yaml.AliasEvent:
        return MERGE
    value = plain_scalar(event.value) if event.implicit[0] else event.value
    return value if type(value) is str else _key_text(value, event)


def _key_text(value: Any, event: Any) -> str:
    """Keys are text in the end: `80:` is "80", `on:` is "true", as sigs.k8s.io/yaml has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.7g}"
    if value is None:
        raise _at(event, "KPS013", "a key can't be null", "put quotes around it")
    raise _at(event, "KPS013", "a key must be a single value, not a list or a mapping")
