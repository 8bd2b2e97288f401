"""Which changes of the code no test notices: the second half of `make mutants`.

    python -m tests.mutants.survivors [--jobs N] [MODULE ...]

A MODULE is one of the two packages, as `netfilter.nat` or `netfilter.matches.*`; without any, all are tried. What was
tried stays in mutants/, and a later run goes on from there. Ends with 1 if a module that is held has a survivor for
which survivors/ has no reason.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants.generated import Mutant

__all__ = ["HELD", "LISTED", "REASONS"]

Change = tuple[str, str, str]
"""A function, the lines that it had, and those that a mutant has instead."""


def _read() -> tuple[dict[str, str], tuple[str, ...], tuple[tuple[Change, str], ...]]:
    place = Path(__file__).with_name("survivors")
    reasons: dict[str, str] = {}
    held: list[str] = []
    listed: list[tuple[Change, str]] = []
    for path in sorted(place.glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if path.stem == "reasons":
            reasons = data
            continue
        held += data["held"]
        listed += [
            ((one["function"], one["was"].strip(), one["now"].strip()), one["reason"])
            for one in data.get("survivor", ())
        ]
    return reasons, tuple(held), tuple(listed)


REASONS, HELD, LISTED = _read()
"""Why survivors may live, by name; the modules of which every survivor was read; those that live, and the reason of
each.
"""


def main() -> int:
    """The number of new survivors, as an exit code: 0 or 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants.survivors", description="Which changes of the code does no test notice?"
    )
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="as netfilter.nat or kubeproxy.* (default: all)"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    given = parser.parse_args()
    # Only here: mutmut reads its configuration when it is loaded, and is not there in an ordinary environment.
    from tests.mutants import generated  # noqa: PLC0415

    say("making mutants, and asking mypy for those that do not fit their types")
    generated.generate(given.jobs)
    modules = given.modules or [*HELD, "*"]
    for done, among, name, lives in generated.try_all(modules, given.jobs):
        if lives or done % 100 == 0 or done == among:
            say(f"{done:6} of {among}  {'survives: ' + name if lives else ''}")
    return _told(list(generated.mutants(given.modules)))


def say(line: str) -> None:
    """To standard output, at once: a mutant takes a while."""
    sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()


def is_held(function: str) -> bool:
    """Is every survivor of the function's module known?"""
    return any(fnmatch(function, f"{module}.*") for module in HELD)


def _told(tried: list[Mutant]) -> int:
    known = dict(LISTED)
    rows: dict[str, Counter[str]] = {}
    new: list[Mutant] = []
    for mutant in tried:
        row = rows.setdefault(mutant.name.removeprefix("kproxysim.").rpartition(".")[0], Counter())
        lives = mutant.state in {"survived", "no test"}
        listed = lives and (mutant.function, mutant.was, mutant.now) in known
        row["mutants"] += 1
        row["listed" if listed else "survived" if lives else mutant.state] += 1
        if lives and not listed and is_held(mutant.function):
            new.append(mutant)
    columns = ("mutants", "types", "killed", "listed", "survived", "untried")
    say(f"\n{'':28}" + "".join(f"{name:>9}" for name in columns))
    for module, row in [*rows.items(), ("all", sum(rows.values(), Counter()))]:
        say(f"{module:28}" + "".join(f"{row[name]:9}" for name in columns))
    for mutant in new:
        say(
            f"\nnew survivor in {mutant.function} ({mutant.name})\n{_marked(mutant.was, '-')}\n{_marked(mutant.now, '+')}"
        )
    gone = sorted(_vanished(known, tried))
    for function, was, now in gone:
        say(f"\nlisted, and no survivor any more: {function}\n{_marked(was, '-')}\n{_marked(now, '+')}")
    say(f"\n{len(new)} new survivors in the modules that are held")
    return 1 if new else 0


def _marked(lines: str, sign: str) -> str:
    return "\n".join(f"  {sign} {line}" for line in lines.splitlines())


def _vanished(known: Iterable[Change], tried: list[Mutant]) -> set[Change]:
    """Changes that are listed, of modules that were tried to the end, and that no survivor makes."""
    open_modules = {one.name.rpartition(".")[0] for one in tried if one.state == "untried"}
    closed = {one.function for one in tried if one.name.rpartition(".")[0] not in open_modules}
    alive = {(one.function, one.was, one.now) for one in tried if one.state in {"survived", "no test"}}
    return {change for change in known if change[0] in closed and change not in alive}


if __name__ == "__main__":
    sys.exit(main())
