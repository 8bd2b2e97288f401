"""Where lessons and the scenarios they need are kept: in the package, and in a source tree beside it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from kproxysim.errors import InputError
from kproxysim.spelling import did_you_mean

__all__ = ["lesson_names", "lesson_path", "scenario_path", "shown_path"]

_SUFFIX = ".yaml"


def _package() -> Path:
    return Path(str(files("kproxysim")))


def lesson_names() -> tuple[str, ...]:
    """The lessons that come with the package, in the order in which they are best read."""
    order = (_package() / "lesson" / "library" / "ORDER").read_text(encoding="utf-8")
    return tuple(order.split())


def lesson_path(name: str) -> Path:
    """The file of a lesson: one of the package by name, or anybody's by path.

    Raises InputError (KPS901) for a name that is neither.
    """
    known = lesson_names()
    if name in known:
        return _package() / "lesson" / "library" / f"{name}{_SUFFIX}"
    path = Path(name)
    if path.suffix in (_SUFFIX, ".yml") or path.exists():
        return path
    raise InputError.of(
        "KPS901",
        f"there is no lesson {name!r}",
        found=name,
        help=did_you_mean(name, known) or "kproxysim lesson lists them",
    )


def scenario_path(name: str, lesson: Path) -> Path:
    """The file of a scenario that a lesson names: by path from the lesson's own folder, or one of the
    package's scenarios by name.
    """
    beside = lesson.parent / name
    if beside.suffix in (_SUFFIX, ".yml"):
        return beside
    return _scenarios() / f"{name}{_SUFFIX}"


def _scenarios() -> Path:
    """A wheel carries them inside; a source tree has them at its top, where people look for them."""
    inside = _package() / "scenarios"
    return inside if inside.is_dir() else _package().parent / "scenarios"


def shown_path(path: str) -> str:
    """A scenario's path as it is shown: those of the package by the folder they have in a source tree."""
    return f"scenarios/{Path(path).name}" if Path(path).parent == _scenarios() else path
