"""Fields that Kubernetes does not know, and the known ones that they are spelled like.

A name is known if a model reads it or the API has it (`api_fields`). Of the others, a name that nearly is one
that a model reads is most likely a slip of the pen; what is left may come from a newer Kubernetes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from kproxysim.cluster.api_fields import NOT_READ
from kproxysim.cluster.findings import Finding
from kproxysim.cluster.paths import Path, path_text
from kproxysim.spelling import closest
from kproxysim.values import dataclass

__all__ = [
    "UnknownField",
    "known_fields",
    "misspelled",
    "unknown_fields",
    "unknown_settings",
    "with_spelling",
]

_LIKENESS = 0.75
"""Higher than where a name is wrong for sure: `externalTraficPolicy` has 0.98, `prot` for `port` 0.75."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that is not known where it stands; `meant` is the known one beside it that it looks like, or
    "".
    """

    path: Path
    meant: str = ""

    @property
    def meant_path(self) -> Path:
        """Where the known field would stand."""
        return (*self.path[:-1], self.meant)

    @property
    def pattern(self) -> str:
        """The path for all entries of a list: `spec.ports[].foo`."""
        steps = ("[]" if isinstance(step, int) else path_text((step,)) for step in self.path)
        return "".join(step if step.startswith("[") else f".{step}" for step in steps).removeprefix(".")


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """Names that a mapping may have: those that its model reads, all that are known, and those with more
    below.
    """

    read: tuple[str, ...]
    known: frozenset[str]
    inner: tuple[tuple[str, _Shape], ...]


@cache
def _shape_of(model: type[BaseModel]) -> _Shape:
    read = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    inner = ((name, _model_in(annotation)) for name, annotation in read.items())
    return _Shape(
        tuple(read),
        frozenset(read) | NOT_READ.get(model.__name__, frozenset()),
        tuple((name, _shape_of(below)) for name, below in inner if below is not None),
    )


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, by itself, in a list, or beside None. A mapping's keys are free."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(one) for one in get_args(annotation))
    return next((one for one in found if one is not None), None)


def known_fields(model: type[BaseModel]) -> frozenset[str]:
    """All names that a mapping of this model may have in a file."""
    return _shape_of(model).known


def unknown_fields(model: type[BaseModel], value: Mapping[str, Any]) -> Iterator[UnknownField]:
    """The unknown fields of `value` and of what is in it, in the order of the models' fields."""
    shape = _shape_of(model)
    if _has_unknown(shape, value):
        yield from _unknown(shape, value, ())


def _has_unknown(shape: _Shape, value: Any) -> bool:
    """The same question without paths, which is quick: nearly all objects have none."""
    if isinstance(value, dict):
        if not value.keys() <= shape.known:
            return True
        for name, below in shape.inner:
            inside = value.get(name)
            if inside and _has_unknown(below, inside):
                return True
        return False
    return isinstance(value, list | tuple) and any(_has_unknown(shape, one) for one in value)


def _unknown(shape: _Shape, value: Any, path: Path) -> Iterator[UnknownField]:
    if isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _unknown(shape, one, (*path, number))
    elif isinstance(value, dict):
        if not value.keys() <= shape.known:
            for name in value:
                if name not in shape.known and value[name] is not None:
                    yield UnknownField((*path, name), _meant(shape, str(name)))
        for name, below in shape.inner:
            if name in value:
                yield from _unknown(below, value[name], (*path, name))


@lru_cache(maxsize=1024)
def _meant(shape: _Shape, name: str) -> str:
    return closest(name, shape.read, _LIKENESS)


def misspelled(unknown: Iterable[UnknownField], others: Counter[str], kind: str) -> Iterator[Finding]:
    """A warning (KPS233) for each field of an object that looks like a known one; the rest is counted in
    `others`, by kind and path.
    """
    for one in unknown:
        if one.meant:
            message = f"Kubernetes knows no field {path_text(one.path)}"
            hint = f"did you mean {path_text(one.meant_path)}?"
            yield Finding("KPS233", message, one.path, path_text(one.path[-1:]), hint)
        else:
            others[f"{kind} {one.pattern}"] += 1


def unknown_settings(unknown: Iterable[UnknownField], base: Path = ()) -> Iterator[Finding]:
    """A warning (KPS232) for each setting that kube-proxy does not know; `base` leads to the settings."""
    for one in unknown:
        message = f"kube-proxy knows no setting {path_text(one.path)}"
        hint = f"did you mean {path_text(one.meant_path)}?" if one.meant else ""
        yield Finding("KPS232", message, base + one.path, path_text(one.path[-1:]), hint)


def with_spelling(finding: Finding, unknown: Iterable[UnknownField]) -> Finding:
    """A finding that a field is missing, with the field that may be it."""
    if finding.code != "KPS102" or finding.help:
        return finding
    near = next((one for one in unknown if one.meant and one.meant_path == finding.path), None)
    if near is None:
        return finding
    return replace(finding, help=f"is {path_text(near.path)} meant for it?")
