"""Plant each fault in a copy of the project, and see which test notices: `make mutants`.

    python -m tests.mutants.run [--every] [--nets laws,scenarios] [FAULT ...]

A fault goes through nets of tests, each stopped at its first failure, until one holds it; with `--every`, through all
of them. Ends with 1 if a fault survives.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.faults import FAULTS, Fault

ROOT = Path(__file__).parent.parent.parent

NETS = {
    "goldens": ("tests/kubeproxy/test_golden.py",),
    "scenarios": ("tests/scenarios/test_scenarios.py", "-k", "test_holds"),
    "rooms": (
        "tests/netfilter",
        "tests/kubeproxy",
        "tests/network",
        "--ignore=tests/kubeproxy/test_golden.py",
    ),
    "laws": (
        "tests/properties/test_laws.py",
        "-k",
        "test_law or test_all_laws",
        "--hypothesis-profile=mutants",
    ),
}
"""What pytest is told to run, the quick ones first."""

_LONGEST = 600
"""Seconds after which a fault counts as noticed: it makes a test run in a circle."""

_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", re.MULTILINE)


def main() -> int:
    """The number of faults that survive, as an exit code: 0 or 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants.run", description="Which test notices which fault?"
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="names of faults (default: all)")
    parser.add_argument("--nets", default=",".join(NETS), help=f"some of {','.join(NETS)} (default: all)")
    parser.add_argument("--every", action="store_true", help="go on to the other nets after one that noticed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="faults at a time")
    given = parser.parse_args()
    known = {fault.name: fault for fault in FAULTS}
    nets = given.nets.split(",")
    unknown = [name for name in given.faults if name not in known] + [
        name for name in nets if name not in NETS
    ]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; faults are {', '.join(known)}")
    chosen = [known[name] for name in given.faults] or list(FAULTS)
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(max(1, min(given.jobs, len(chosen)))):
            copies.put(_copied(Path(folder) / str(number)))
        copy = copies.get()
        broken = [test for _, test in _run(copy, nets) if test]
        if broken:
            parser.exit(2, f"without any fault these fail already: {', '.join(broken)}\n")
        copies.put(copy)
        with ThreadPoolExecutor(copies.qsize()) as pool:
            for fault, found, seconds in pool.map(
                lambda one: _tried(one, nets, copies, every=given.every), chosen
            ):
                caught = {net: test for net, test in found.items() if test}
                if not caught:
                    survivors.append(fault.name)
                for net in found if given.every else caught or ["-"]:
                    test = found.get(net) or "SURVIVES"
                    say(f"{fault.name:34} {net:10} {seconds:5.0f} s  {test}")
    if survivors:
        say(f"nobody notices: {', '.join(survivors)}")
    say(f"{len(chosen) - len(survivors)} of {len(chosen)} caught")
    return 1 if survivors else 0


def say(line: str) -> None:
    """To standard output, at once: a fault takes a while."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _copied(place: Path) -> Path:
    """The project as the tests need it, compiled, so that each run compiles the faulty file alone."""
    for name in ("kproxysim", "tests", "scenarios", "docs"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
    shutil.copy(ROOT / "pyproject.toml", place)
    subprocess.run([sys.executable, "-m", "compileall", "-qq", "kproxysim"], cwd=place, check=True)
    return place


def _tried(
    fault: Fault, nets: Iterable[str], copies: SimpleQueue[Path], *, every: bool
) -> tuple[Fault, dict[str, str], float]:
    """What each net's first failing test is, "" for none."""
    copy, begin = copies.get(), time.monotonic()
    path = copy / "kproxysim" / fault.file
    whole = path.read_bytes()
    try:
        path.write_text(fault.planted(whole.decode()), encoding="utf-8")
        found: dict[str, str] = {}
        for net, test in _run(copy, nets):
            found[net] = test
            if test and not every:
                break
        return fault, found, time.monotonic() - begin
    finally:
        path.write_bytes(whole)
        copies.put(copy)


def _run(copy: Path, nets: Iterable[str]) -> Iterator[tuple[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "KPROXYSIM"))}
    # Nothing compiled is kept of a faulty file: the next fault may have its size and its second.
    environment = {**kept, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    for net in nets:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "--tb=no",
            "-q",
            "-p",
            "no:cacheprovider",
            *NETS[net],
        ]
        try:
            ended = subprocess.run(
                command,
                cwd=copy,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            yield net, f"no end after {_LONGEST} s"
            continue
        failed = _FAILED.search(ended.stdout)
        if ended.returncode and failed is None:
            raise SystemExit(f"pytest did not get as far as a test:\n{ended.stdout}{ended.stderr}")
        yield net, failed[1] if failed else ""


if __name__ == "__main__":
    sys.exit(main())
