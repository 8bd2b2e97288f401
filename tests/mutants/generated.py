"""mutmut's side of `make mutants`: its mutants of the package, tried one by one.

mutmut makes the mutants, all of a module in one file under mutants/, and runs each in a process forked from one that
has everything loaded. What is our own here: mypy is asked first, since half of all mutants do not fit their types;
and a mutant is asked of a few tests, those of its own package and a sample of the others.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mutmut.__main__ import create_mutants
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import (
    copy_also_copy_files,
    copy_src_dir,
    setup_source_paths,
    walk_mutatable_files,
)
from mutmut.utils.format_utils import get_mutant_name, mangled_name_from_mutant_name
from mutmut.workers.isolation import get_mutant_runner

__all__ = ["LOADED_ANEW", "Mutant", "generate", "mutants", "try_all"]

LOADED_ANEW = "KPROXYSIM_LOADED_ANEW"
"""Set in the environment where the mutant's function is called while modules are loaded."""

_PLACE = Path("mutants")

_UNDECIDED, _SURVIVED, _NO_TEST, _TYPES = None, 0, 33, 37
"""What mutmut keeps of a mutant: an exit code of pytest, or one of its own."""

_KILLED = frozenset((1, 2, 3, -24))
"""A test failed, modules could not be loaded, pytest itself broke, or the time was over. Anything else, a process
that somebody ended say, decides nothing.
"""

_OWN_SECONDS = 8.0
"""What the tests of a mutant's own package may take together, where it survives."""

_OTHER_SECONDS = 1.5
"""What all others may take, the recordings of whole clusters among them: a sample."""

_MEMORY = 4 << 30

# A mutant is caught by types where mypy says one of these in it and not in the original. What it says of code that is
# never reached tells nothing: mutmut writes `x if (condition) and False else y` where somebody would write `y`.
_SOUND = frozenset(
    (
        "arg-type",
        "assignment",
        "attr-defined",
        "call-arg",
        "call-overload",
        "comparison-overlap",
        "dict-item",
        "index",
        "list-item",
        "no-any-return",
        "operator",
        "return",
        "return-value",
        "type-var",
        "union-attr",
    )
)


@dataclass(frozen=True)
class Mutant:
    """One change of one function. `was` and `now` are the lines that differ, without their indent."""

    function: str
    was: str
    now: str
    state: str
    name: str


def generate(jobs: int) -> None:
    """The mutants, in mutants/; those of a function that is as it was keep what is known of them."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    set_mutant_under_test("mutant_generation")
    _PLACE.mkdir(exist_ok=True)
    with _unheard():
        copy_src_dir()
        copy_also_copy_files()
        setup_source_paths()
        create_mutants(jobs)
    _ask_types()


def mutants(patterns: Iterable[str] = ()) -> Iterator[Mutant]:
    """All that there are, in the order of the code; with patterns those of modules (`netfilter.nat`, `netfilter.*`)."""
    wanted = tuple(patterns)
    for path, data in _files():
        module = ".".join(path.with_suffix("").parts[1:])
        if wanted and not any(fnmatch(module, one) for one in wanted):
            continue
        spans = _spans(path)
        lines = (_PLACE / path).read_text(encoding="utf-8").splitlines()
        for name, code in data.exit_code_by_key.items():
            short = name.rpartition(".")[2]
            original = short.rpartition("__mutmut_")[0]
            texts = [
                [
                    line.strip()
                    for line in lines[slice(spans[one][0] - 1, spans[one][1])]
                    if "__mutmut_" not in line and line.strip()
                ]
                for one in (f"{original}__mutmut_orig", short)
            ]
            was, now = _difference(*texts)
            yield Mutant(f"{module}.{_called(original)}", was, now, _said(code), name)


def _difference(before: list[str], after: list[str]) -> tuple[str, str]:
    changed = list(difflib.ndiff(before, after))
    return tuple("\n".join(line[2:] for line in changed if line.startswith(sign)) for sign in "-+")  # type: ignore[return-value]


def _called(mangled: str) -> str:
    """`xǁWalkǁ_step` is Walk._step, `x_bind` is bind."""
    return mangled[2:] if mangled.startswith("x_") else ".".join(mangled.split("ǁ")[1:])


def _said(code: int | None) -> str:
    known: dict[int | None, str] = dict.fromkeys(_KILLED, "killed")
    known |= {_SURVIVED: "survived", _NO_TEST: "no test", _TYPES: "types"}
    return known.get(code, "untried")


def _files() -> Iterator[tuple[Path, Any]]:
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        if data.exit_code_by_key:
            yield path, data


def _spans(path: Path) -> dict[str, tuple[int, int]]:
    spans: dict[str, tuple[int, int]] = json.loads((_PLACE / f"{path}.spans").read_text(encoding="utf-8"))[
        "spans"
    ]
    return spans


@contextlib.contextmanager
def _unheard() -> Iterator[Path]:
    """What pytest and mutmut print goes to a file."""
    place = (_PLACE / "said.txt").absolute()
    with (
        place.open("w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        yield place


# What mypy says.


def _ask_types() -> None:
    alive = {_UNDECIDED, _SURVIVED, _NO_TEST}
    files = [(path, data) for path, data in _files() if not alive.isdisjoint(data.exit_code_by_key.values())]
    if not files:
        return
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--output=json", *(str(path) for path, _ in files)],
        cwd=_PLACE,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode not in {0, 1}:
        raise SystemExit(f"mypy did not get as far as an answer:\n{ended.stderr}")
    said = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    for path, data in files:
        found: dict[str, set[str]] = {}
        spans = sorted((first, last, name) for name, (first, last) in _spans(path).items())
        for error in said:
            if error["file"] == str(path) and error["code"] in _SOUND:
                for first, last, name in spans:
                    if first <= error["line"] <= last:
                        found.setdefault(name, set()).add(error["message"])
        for short, messages in found.items():
            original = short.rpartition("__mutmut_")[0] + "__mutmut_orig"
            name = get_mutant_name(path, short)
            if messages - found.get(original, set()) and data.exit_code_by_key.get(name, _TYPES) in alive:
                data.exit_code_by_key[name] = _TYPES
        data.save()


# What the tests say.


def try_all(patterns: Sequence[str], jobs: int) -> Iterator[tuple[int, int, str, bool]]:
    """Try what was never tried, or survived: after each, how many are done of how many, its name, and if it survived.

    Raises SystemExit if a test fails without any mutant.
    """
    wanted = {one.name for one in mutants(patterns) if one.state in {"untried", "survived", "no test"}}
    files = {name: data for _, data in _files() for name in data.exit_code_by_key if name in wanted}
    if not files:
        return
    runner = get_mutant_runner(jobs)
    with _unheard() as place:
        loading = _called_while_loading()
        failed = _watch(runner)
    if failed:
        raise SystemExit(f"without any mutant a test fails already: {place}")
    tests = _chosen(files, loading)
    todo = sorted(files, key=lambda name: (_rank(name, patterns), _cost(tests[_function(name)])))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    saved, done = time.monotonic(), 0
    runner.startup()
    try:
        waiting = iter(todo)
        left = len(todo)
        following = next(waiting, None)
        while left:
            if following is not None and runner.has_capacity():
                name, following = following, next(waiting, None)
                asked = tests[_function(name)]
                if not asked:
                    files[name].exit_code_by_key[name] = _NO_TEST
                    left -= 1
                    done += 1
                    yield done, len(todo), name, True
                    continue
                os.environ[LOADED_ANEW] = "1" if _function(name) in loading else ""
                runner.submit(name, asked, int(_cost(asked) * 5) + 15, _cost(asked))
                continue
            result = runner.wait_for_result()
            files[result.mutant_name].exit_code_by_key[result.mutant_name] = result.exit_code
            left -= 1
            done += 1
            if time.monotonic() - saved > 10:
                saved = time.monotonic()
                _save(files.values())
            yield done, len(todo), result.mutant_name, result.exit_code == _SURVIVED
    finally:
        _save(files.values())
        runner.stop_all_workers()
        runner.shutdown()


def _watch(runner: Any) -> int:
    """Which test calls which function, and how long it takes; 0, or pytest's exit code if one fails."""
    digest = hashlib.sha256()
    for room in ("kproxysim", "tests", "scenarios"):
        for path in sorted(Path(room).rglob("*.*")):
            if path.suffix in {".py", ".yaml", ".toml", ".json"}:
                digest.update(path.read_bytes())
    place = _PLACE / "watched.json"
    if place.exists():
        kept = json.loads(place.read_text(encoding="utf-8"))
        if kept["of"] == digest.hexdigest():
            state().duration_by_test.update(kept["seconds"])
            for function, tests in kept["tests"].items():
                state().tests_by_mangled_function_name[function] = set(tests)
    if not state().duration_by_test:
        set_mutant_under_test("stats")
        failed: int = runner.collect_stats([])
        set_mutant_under_test("")
        if failed:
            return failed
        tests_of = {key: sorted(tests) for key, tests in state().tests_by_mangled_function_name.items()}
        kept = {"of": digest.hexdigest(), "seconds": state().duration_by_test, "tests": tests_of}
        place.write_text(json.dumps(kept), encoding="utf-8")
    else:
        # What a mutant's tests load, the processes of all mutants share.
        runner.list_all_tests()
    return 0


def _rank(name: str, patterns: Sequence[str]) -> int:
    """Modules are tried in the order in which they are asked for."""
    module = name.removeprefix("kproxysim.").rpartition(".")[0]
    return next((place for place, one in enumerate(patterns) if fnmatch(module, one)), 0)


def _save(files: Iterable[Any]) -> None:
    for data in {id(one): one for one in files}.values():
        data.save()


def _function(name: str) -> str:
    mangled: str = mangled_name_from_mutant_name(name)
    return mangled


def _cost(tests: Iterable[str]) -> float:
    """Seconds."""
    return sum((float(state().duration_by_test[test]) for test in tests), 0.0)


def _called_while_loading() -> frozenset[str]:
    """The functions that run while the package is loaded."""
    program = (
        "import importlib, json, pkgutil, kproxysim\n"
        "from mutmut.state import state\n"
        "for one in ('kubeproxy', 'netfilter'):\n"
        "    room = importlib.import_module('kproxysim.' + one)\n"
        "    for found in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "        importlib.import_module(found.name)\n"
        "print(json.dumps(sorted(state()._stats)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_PLACE,
        env={**os.environ, "MUTANT_UNDER_TEST": "stats", "PYTHONPATH": str(_PLACE.absolute())},
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(json.loads(ended.stdout))


def _chosen(names: Iterable[str], loading: frozenset[str]) -> dict[str, list[str]]:
    """The tests of each function: those of its own package, and a sample of the others.

    A function that runs while modules are loaded is asked of the tests that touch its module.
    """
    touching = {key: set(tests) for key, tests in state().tests_by_mangled_function_name.items()}
    by_module: dict[str, set[str]] = {}
    for key, tests in touching.items():
        by_module.setdefault(key.rpartition(".")[0], set()).update(tests)
    chosen: dict[str, list[str]] = {}
    for function in {_function(name) for name in names}:
        found = touching.get(function, set())
        if function in loading:
            found = found | by_module.get(function.rpartition(".")[0], set())
        own = f"tests/{function.split('.')[1]}/"
        quick = sorted(found, key=lambda test: (_cost([test]), test))
        near = [test for test in quick if test.startswith(own) and "test_golden" not in test]
        others = sorted(found.difference(near))
        random.Random(function).shuffle(others)
        chosen[function] = _within(near, _OWN_SECONDS) + _within(others, _OTHER_SECONDS)
    return chosen


def _within(tests: Iterable[str], left: float) -> list[str]:
    """The first, and those after it for as long as there is time."""
    taken: list[str] = []
    for test in tests:
        left -= _cost([test])
        if taken and left < 0:
            break
        taken.append(test)
    return taken
