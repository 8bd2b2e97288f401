"""The pytest plugin: scenario files are tests, worlds are fixtures, and traces that differ say where.

Every pytest run in an environment with kproxysim loads this module, so it loads nothing of the package before
a test asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kproxysim.cluster import Cluster
    from kproxysim.network import World
    from kproxysim.testing.collection import ScenarioFile

__all__: list[str] = []

SUFFIXES = (".scenario.yaml", ".scenario.yml")
MARKER = "kproxysim"
_VERSIONS = "kube_proxy_version"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and the setting."""
    group = parser.getgroup("kproxysim", "kproxysim: what a cluster does to packets")
    group.addoption(
        "--kube-proxy-version",
        metavar="1.28,1.36",
        default="",
        help="run each scenario, and each test that uses `world`, with each of these versions",
    )
    parser.addini(
        "kproxysim_scenarios",
        "folders in which every scenario file is a test, whatever its name (others: *.scenario.yaml)",
        type="paths",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker; folders of scenarios beside the folders that pytest looks into anyway."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*sources, **world): manifests, or one scenario, for the fixtures `cluster` and `world`; "
        "further arguments are those of kproxysim.World",
    )
    _versions(config)
    if config.args_source is not config.ArgsSource.ARGS:
        known = [config.invocation_params.dir / one for one in config.args]
        for folder in config.getini("kproxysim_scenarios"):
            if not any(folder.is_relative_to(one) for one in known):
                config.args.append(str(folder))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """*.scenario.yaml anywhere, and all scenarios in the folders that are set."""
    name = file_path.name
    if not name.endswith((".yaml", ".yml")):
        return None
    if not name.endswith(SUFFIXES):
        folders = parent.config.getini("kproxysim_scenarios")
        if not any(file_path.is_relative_to(folder) for folder in folders) or not _is_scenario(file_path):
            return None
    from kproxysim.testing.collection import ScenarioFile  # noqa: PLC0415 - most runs have no scenario

    found: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that ask for the version of kube-proxy, or for a world, run once for each."""
    versions = _versions(metafunc.config)
    if _VERSIONS in metafunc.fixturenames and versions:
        metafunc.parametrize(_VERSIONS, versions, indirect=True)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Two traces that should be equal: the first step that differs."""
    module = sys.modules.get("kproxysim.network.trace")
    if op != "==" or module is None:
        return None
    if not (isinstance(left, module.Trace) and isinstance(right, module.Trace)):
        return None
    from kproxysim.testing.differences import difference  # noqa: PLC0415 - as above

    return difference(left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A broken law leaves a scenario that replays it."""
    report = yield
    law = sys.modules.get("kproxysim.testing.law")
    if law is not None and call.excinfo is not None:
        violations = list(_violations(call.excinfo.value, law.LawBroken))
        if violations:
            from kproxysim.testing.record import record  # noqa: PLC0415 - as above

            commands = dict.fromkeys(record(one, item.config.rootpath) for one in violations)
            lines = [f"to replay it, in {item.config.rootpath}:", *commands]
            report.sections.append(("kproxysim: broken laws as scenarios", "\n".join(lines)))
    return report


def _violations(error: BaseException, kind: type[BaseException]) -> Iterator[Any]:
    """Those of a broken law, also where hypothesis has found several failures."""
    if isinstance(error, kind):
        yield from error.violations  # type: ignore[attr-defined]
    elif isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _violations(one, kind)


@pytest.fixture
def kube_proxy_version(request: pytest.FixtureRequest) -> str | None:
    """The version of kube-proxy to run with, of --kube-proxy-version; None for the one that a test has."""
    version: str | None = getattr(request, "param", None)
    return version


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The cluster of the test's marker: `@pytest.mark.kproxysim("manifests.yaml")`."""
    from kproxysim.testing.fixtures import cluster_of  # noqa: PLC0415 - as above

    return cluster_of(request)


@pytest.fixture
def world(request: pytest.FixtureRequest, kube_proxy_version: str | None) -> World:
    """The world of the test's marker: `@pytest.mark.kproxysim("manifests.yaml", version="1.30")`.

    The world of a scenario where the marker names one. Files are looked for in the test's own folder.
    """
    from kproxysim.testing.fixtures import world_of  # noqa: PLC0415 - as above

    return world_of(request, kube_proxy_version)


def _versions(config: pytest.Config) -> list[str]:
    """Those of the option. Raises UsageError for one that is not known."""
    text: str = config.getoption("--kube-proxy-version")
    versions = [one.strip() for one in text.split(",") if one.strip()]
    if versions:
        from kproxysim.errors import InputError  # noqa: PLC0415 - as above
        from kproxysim.kubeproxy.versions import minor_of  # noqa: PLC0415

        for one in versions:
            try:
                minor_of(one)
            except InputError as error:
                raise pytest.UsageError(f"--kube-proxy-version {text}: {error.diagnostics[0]}") from None
    return versions


def _is_scenario(path: Path) -> bool:
    from kproxysim.errors import InputError  # noqa: PLC0415 - as above
    from kproxysim.scenario.find import holds_scenario  # noqa: PLC0415

    try:
        return holds_scenario(path)
    except InputError:
        return False


def wanted_versions(config: Any) -> list[str | None]:
    """The versions to run a scenario with; None is its own."""
    return [*_versions(config)] or [None]
