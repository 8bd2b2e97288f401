"""The walls of docs/architecture.md: who may import whom, and what no module may touch."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kproxysim"

# The rooms that each room may look into, its own apart. "vocabulary" is every module at the package's top;
# "face" is kproxysim/__init__.py and __main__.py, which nobody inside looks at.
BELOW_NETWORK = {"vocabulary", "cluster", "netfilter", "kubeproxy"}
BELOW_SCENARIO = BELOW_NETWORK | {"network", "explore", "report"}
MAY_IMPORT: dict[str, set[str]] = {
    "vocabulary": set(),
    "cluster": {"vocabulary"},
    "netfilter": {"vocabulary"},
    "kubeproxy": {"vocabulary", "cluster", "netfilter"},
    "network": BELOW_NETWORK,
    "explore": BELOW_NETWORK | {"network"},
    "report": BELOW_NETWORK | {"network"},
    "scenario": BELOW_SCENARIO,
    "testing": BELOW_SCENARIO | {"scenario"},
    "lesson": BELOW_SCENARIO | {"scenario"},
    "cli": BELOW_SCENARIO | {"scenario", "testing", "lesson"},
    "face": BELOW_SCENARIO | {"scenario", "testing", "lesson", "cli"},
}

# Libraries that stay in some rooms: user input is parsed at the border only, the terminal is the command line's.
ONLY_IN: dict[str, set[str]] = {
    "pydantic": {"cluster", "scenario", "lesson"},
    "yaml": {"cluster", "scenario"},
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "hypothesis": {"testing"},
    "pytest": {"testing"},
}

# Names that would make two runs differ, reach a network, or put a machine's own paths into an output.
BANNED = {
    "random": "shared or unseeded randomness; take a random.Random as an argument",
    "secrets": "unseeded randomness",
    "uuid": "a value that differs from run to run",
    "os.urandom": "unseeded randomness",
    "time.time": "the clock",
    "time.time_ns": "the clock",
    "time.localtime": "the clock",
    "time.gmtime": "the clock",
    "time.strftime": "the clock",
    "time.ctime": "the clock",
    "datetime.datetime.now": "the clock",
    "datetime.datetime.utcnow": "the clock",
    "datetime.datetime.today": "the clock",
    "datetime.date.today": "the clock",
    "socket": "the network",
    "ssl": "the network",
    "http": "the network",
    "ftplib": "the network",
    "smtplib": "the network",
    "socketserver": "the network",
    "xmlrpc": "the network",
    "urllib.request": "the network",
    "print": "output outside the command line's",
    "__file__": "a path of this machine; data is read through importlib.resources",
    "os.getcwd": "a path of this machine",
    "os.path.abspath": "a path of this machine",
    "os.path.realpath": "a path of this machine",
    "os.path.expanduser": "a path of this machine",
    "pathlib.Path.cwd": "a path of this machine",
    "pathlib.Path.home": "a path of this machine",
}
LET_THROUGH = {"random", "random.Random"}


ROOMS = set(MAY_IMPORT) - {"vocabulary", "face"}


@dataclass(frozen=True)
class Module:
    """A module of the package: its dotted name below kproxysim, and its syntax tree."""

    parts: tuple[str, ...]
    tree: ast.Module
    is_package: bool = False

    @property
    def room(self) -> str:
        if self.parts in {(), ("__main__",)}:
            return "face"
        in_a_folder = self.is_package or len(self.parts) > 1
        return self.parts[0] if in_a_folder or self.parts[0] in ROOMS else "vocabulary"

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    def __str__(self) -> str:
        return ".".join(("kproxysim", *self.parts))


def parse(name: str, source: str, *, is_package: bool = False) -> Module:
    return Module(tuple(name.split(".")) if name else (), ast.parse(source), is_package)


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(parse(name, path.read_text(encoding="utf-8"), is_package=is_package))
    return tuple(found)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Every name that the module imports, absolute and dotted, wherever in it the import stands."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = ("kproxysim", *module.parts)
                folder = here if module.is_package else here[:-1]
                above = folder[: len(folder) - (node.level - 1)]
                base = ".".join((*above, base)) if base else ".".join(above)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def broken_walls(module: Module) -> list[str]:
    """Imports that look into a room they may not, in words."""
    if module.room not in MAY_IMPORT:
        return [f"{module}: {module.room} is no room of docs/architecture.md"]
    broken = []
    for line, name in imports(module):
        top, *below = name.split(".")
        if top != "kproxysim":
            if module.room not in ONLY_IN.get(top, {module.room}):
                broken.append(f"{module}:{line}: {top} stays in {', '.join(sorted(ONLY_IN[top]))}")
            continue
        target = wanted_room(below)
        if target not in MAY_IMPORT[module.room] | {module.room}:
            broken.append(f"{module}:{line}: {module.room} may not import {target} ({name})")
    return broken


def wanted_room(below: list[str]) -> str:
    """The room behind an imported name: `from kproxysim import Packet` asks the face, `... import packet` does not."""
    if not below:
        return "face"
    if below[0] in ROOMS or (PACKAGE / below[0]).is_dir():
        return below[0]
    return "vocabulary" if (PACKAGE / f"{below[0]}.py").is_file() else "face"


def names_used(module: Module) -> Iterator[tuple[int, str]]:
    """Every outside name that the module uses, in full: `dt.now` is `datetime.datetime.now` if that is what dt stands for."""
    stands_for = {"print": "print", "__file__": "__file__"}
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                stands_for[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            stands_for |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}

    def in_full(node: ast.AST) -> str | None:
        if isinstance(node, ast.Name):
            return stands_for.get(node.id)
        if isinstance(node, ast.Attribute) and (start := in_full(node.value)):
            return f"{start}.{node.attr}"
        return None

    yield from imports(module)
    for node in module.nodes:
        if isinstance(node, ast.expr) and (name := in_full(node)):
            yield node.lineno, name


def banned_names(module: Module) -> list[str]:
    """Uses of what no module may touch, in words."""
    return sorted(
        {
            f"{module}:{line}: {name}: {why}"
            for line, name in names_used(module)
            for banned, why in BANNED.items()
            if (name == banned or name.startswith(f"{banned}.")) and name not in LET_THROUGH
        }
    )


class TestThePackage:
    def test_is_there(self) -> None:
        assert modules()

    def test_rooms_look_down_only(self) -> None:
        assert [broken for module in modules() for broken in broken_walls(module)] == []

    def test_every_run_is_the_same_run(self) -> None:
        assert [found for module in modules() for found in banned_names(module)] == []


class TestLaws:
    """What a law expects is computed from objects alone: its rooms share no code with the rules that it is held against."""

    def test_expectations_know_neither_compiler_nor_engine(self) -> None:
        own = [
            module
            for module in modules()
            if module.parts[:2] in {("testing", "meaning"), ("testing", "invariants")}
        ]
        assert len(own) > 5
        below = ("kproxysim.kubeproxy.", "kproxysim.netfilter.")
        found = {name for module in own for _, name in imports(module) if f"{name}.".startswith(below)}
        assert found == {"kproxysim.kubeproxy.SUPPORTED"}


class TestTheTestItself:
    """What would break a wall is caught; what would not is let through."""

    @pytest.mark.parametrize(
        "name, source",
        [
            ("netfilter.match", "import kproxysim.cluster.model"),
            ("netfilter.match", "from kproxysim.kubeproxy import names"),
            ("netfilter.match", "from kproxysim import cluster"),
            ("netfilter.match", "from ..cluster import Service"),
            ("netfilter.match", "def late():\n    from kproxysim.cluster import Service"),
            ("netfilter.match", "if TYPE_CHECKING:\n    from kproxysim.cluster import Service"),
            ("kubeproxy.rules", "from kproxysim.network.world import World"),
            ("cluster.model", "from kproxysim.netfilter.rule import Rule"),
            ("network.world", "from kproxysim.report import text"),
            ("report.text", "from kproxysim.scenario import Scenario"),
            ("explore.table", "from kproxysim.testing import worlds"),
            ("scenario.runner", "from kproxysim.cli import main"),
            ("packet", "from .netfilter import rule"),
            ("packet", "from kproxysim.cluster import Cluster"),
            ("network.world", "from kproxysim import World"),
            ("network.world", "import kproxysim"),
            ("network.world", "from .. import World"),
            ("utils.helpers", "import json"),
            ("netfilter.rule", "from pydantic import BaseModel"),
            ("network.world", "import yaml"),
            ("report.text", "import typer"),
        ],
    )
    def test_catches_a_wall_broken(self, name: str, source: str) -> None:
        assert len(broken_walls(parse(name, source))) == 1

    @pytest.mark.parametrize(
        "name, source",
        [
            ("kubeproxy.rules", "from kproxysim.cluster.model import Service\nfrom ..netfilter import rule"),
            (
                "network.world",
                "from kproxysim.kubeproxy import compile_rules\nfrom kproxysim.packet import Packet",
            ),
            (
                "network.world",
                "from . import topology\nfrom .topology import Host\nfrom ..errors import KproxysimError",
            ),
            ("cli.run", "from kproxysim.scenario import Scenario\nimport typer"),
            ("cluster.read", "import yaml\nfrom pydantic import BaseModel"),
            ("", "def __getattr__(name):\n    from kproxysim.network import World"),
            ("__main__", "from kproxysim.cli import main"),
        ],
    )
    def test_lets_through_what_is_sound(self, name: str, source: str) -> None:
        assert broken_walls(parse(name, source)) == []

    @pytest.mark.parametrize(
        "source",
        [
            "import random\nrandom.choice([1, 2])",
            "import random as r\nr.random()",
            "from random import shuffle",
            "import random\nrandom.SystemRandom()",
            "from datetime import datetime\ndatetime.now()",
            "import datetime as dt\ndt.datetime.now(dt.UTC)",
            "import time\ntime.time()",
            "import socket",
            "import urllib.request",
            "from urllib import request",
            "from http.client import HTTPConnection",
            "import os\nos.getcwd()",
            "from pathlib import Path\nPath.cwd()",
            "here = __file__",
            "print('x')",
        ],
    )
    def test_catches_what_would_differ_between_runs(self, source: str) -> None:
        assert banned_names(parse("network.world", source))

    @pytest.mark.parametrize(
        "source",
        [
            "import random\n\ndef draw(rng: random.Random) -> float:\n    return rng.random()",
            "from random import Random\nRandom(7).choice([1, 2])",
            "from datetime import timedelta",
            "import time\ntime.perf_counter()",
            "from urllib.parse import quote",
            "console.print('x')",
        ],
    )
    def test_lets_through_what_is_the_same_in_every_run(self, source: str) -> None:
        assert banned_names(parse("network.world", source)) == []


class TestStartUp:
    """Nothing is loaded before it is asked for: the face loads no room, the command line only itself."""

    @pytest.mark.parametrize("name, allowed", [("kproxysim", set()), ("kproxysim.cli", {"cli"})])
    def test_loads_no_room_and_no_large_library(self, name: str, allowed: set[str]) -> None:
        program = f"import {name}, json, sys; print(json.dumps(sorted(sys.modules)))"
        out = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout
        loaded: list[str] = json.loads(out)
        rooms = {
            parts[1]
            for parts in (module.split(".") for module in loaded)
            if parts[0] == "kproxysim" and parts[1:]
        }
        assert rooms & ROOMS <= allowed
        assert {"networkx", "pydantic", "yaml", "hypothesis", "pytest"}.isdisjoint(loaded)
