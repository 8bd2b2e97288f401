"""What a user gets from `pip install kproxysim`: the package alone, at work with its declared dependencies alone."""

import os
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Rooms whose libraries are an extra: kproxysim.testing speaks hypothesis and pytest.
NEEDS_AN_EXTRA = "kproxysim.testing"

IMPORT_ALL = f"""
import importlib, pkgutil, kproxysim
for module in pkgutil.walk_packages(kproxysim.__path__, "kproxysim."):
    if not module.name.startswith({NEEDS_AN_EXTRA!r}) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(kproxysim.__file__)
"""

# One lesson after the other, as the program tells it, a zero byte behind each.
TELL = r"""
import sys
from kproxysim.cli.app import app
for lesson in sys.argv[1:]:
    app(["lesson", lesson], standalone_mode=False)
    print(end="\0")
"""


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree by the locked build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=root)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what its metadata asks for, nothing else.

    The dependencies are linked from the environment of the tests, so no index is asked. pip installs the wheel on
    top with no index at hand, and so says itself whether a dependency is missing.
    """
    folder = tmp_path_factory.mktemp("environment")
    try:
        venv.create(folder, with_pip=False, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.fail(f"no virtual environment can be made here, so the wheel cannot be tried: {error}")
    programs = folder / "bin"
    python = programs / "python"
    site = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for name in closure(requirements_of(wheel)):
        link(metadata.distribution(name), site)
    run(sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-index", str(wheel))
    return programs


def run(*command: str, cwd: Path | None = None) -> str:
    """What the command prints, as a user's shell would run it: without this run's settings of Python and pip."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def requirements_of(wheel: Path) -> list[Requirement]:
    (dist,) = metadata.distributions(path=[str(wheel)])
    return wanted(dist, extras={""})


def wanted(dist: metadata.Distribution, extras: set[str]) -> list[Requirement]:
    """The requirements of a distribution that hold on this machine, with these extras ("" for none)."""
    asked = [Requirement(line) for line in dist.requires or []]
    return [
        each
        for each in asked
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def closure(asked: list[Requirement]) -> set[str]:
    """The names of everything that these requirements bring along."""
    seen: dict[str, set[str]] = {}
    while asked:
        each = asked.pop()
        name, extras = canonicalize_name(each.name), each.extras | {""}
        if extras <= seen.get(name, set()):
            continue
        seen[name] = seen.get(name, set()) | extras
        asked += wanted(metadata.distribution(name), seen[name])
    return set(seen)


def link(dist: metadata.Distribution, site: Path) -> None:
    """Make an installed distribution present in another environment too."""
    tops = {file.parts[0] for file in dist.files or []} - {"..", "__pycache__"}
    for top in sorted(tops):
        (site / top).symlink_to(Path(str(dist.locate_file(top))).absolute())


GIVE_ALL = """
from kproxysim.lesson import Lesson, lesson_names
from kproxysim.lesson.text import lesson_page

for name in lesson_names():
    assert list(lesson_page(Lesson.load(name)))
"""


class TestTheWheel:
    def test_holds_the_package_with_its_scenarios_and_nothing_else(self, wheel: Path, root: Path) -> None:
        inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        tree = {
            str(Path("kproxysim", path.relative_to(top)))
            for top, folder in ((root / "kproxysim", root / "kproxysim"), (root, root / "scenarios"))
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert inside == tree
        assert "kproxysim/py.typed" in inside

    def test_carries_its_licence_and_its_program(self, wheel: Path) -> None:
        (dist,) = metadata.distributions(path=[str(wheel)])
        assert dist.metadata["License-Expression"] == "Apache-2.0"
        assert any(str(file).endswith("licenses/LICENSE") for file in dist.files or [])
        entries = {(entry.group, entry.name): entry.value for entry in dist.entry_points}
        assert entries["console_scripts", "kproxysim"] == "kproxysim.cli:main"
        assert entries["pytest11", "kproxysim"] == "kproxysim.testing.plugin"

    def test_program_runs_outside_the_tree(self, installed: Path, tmp_path: Path) -> None:
        assert "Usage" in run(str(installed / "kproxysim"), "--help", cwd=tmp_path)

    def test_lessons_bring_their_scenarios(self, installed: Path, tmp_path: Path) -> None:
        listed = run(str(installed / "kproxysim"), "lesson", cwd=tmp_path).splitlines()[:-2]
        names = [line.split()[0] for line in listed]
        *told, after = run(str(installed / "python"), "-c", TELL, *names, cwd=tmp_path).split("\0")
        assert (len(told), after) == (len(names), "")
        for each in told:
            assert "guess" in each
            assert str(installed.parent) not in each

    def test_every_module_needs_declared_dependencies_only(self, installed: Path, tmp_path: Path) -> None:
        where = run(str(installed / "python"), "-c", IMPORT_ALL, cwd=tmp_path).strip()
        assert Path(where).is_relative_to(installed.parent)
