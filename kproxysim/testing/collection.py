"""Scenario files as pytest sees them: a file with one test for each expectation, under each version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kproxysim.errors import InputError
from kproxysim.report.diagnostics import diagnostics_page
from kproxysim.report.text import trace_page
from kproxysim.scenario import Check, Scenario
from kproxysim.testing.plugin import wanted_versions

__all__ = ["ScenarioFile"]


class NotAsExpected(Exception):  # noqa: N818 - a scenario that fails is no error of anybody's
    """An expectation that does not hold."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.message)
        self.check = check


class ScenarioFile(pytest.File):
    """One scenario file. One that can't be used is one test that fails and says why."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each expectation, once for each version asked for."""
        try:
            scenario = Scenario.load(_shown(self.path, self.config))
        except InputError as error:
            yield UnusableItem.from_parent(self, name="scenario", error=error)
            return
        seen: Counter[str] = Counter()
        for number, packet in enumerate(scenario.expected):
            seen[packet] += 1
            name = packet if seen[packet] == 1 else f"{packet}-{seen[packet]}"
            for version in wanted_versions(self.config):
                shown = name if version is None else f"{name}[{version}]"
                yield ExpectationItem.from_parent(
                    self, name=shown, scenario=scenario, number=number, version=version
                )


class UnusableItem(pytest.Item):
    """A scenario that can't be used."""

    def __init__(self, *, error: InputError, **more: Any) -> None:
        super().__init__(**more)
        self.error = error

    def runtest(self) -> None:
        """Fails."""
        raise self.error

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Every mistake with its place, as `kproxysim run` shows it."""
        if isinstance(excinfo.value, InputError):
            return diagnostics_page(excinfo.value.diagnostics).text()
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """As it is called in reports."""
        return self.path, None, f"scenario {self.path.name}"


class ExpectationItem(pytest.Item):
    """One expectation of a scenario."""

    def __init__(self, *, scenario: Scenario, number: int, version: str | None, **more: Any) -> None:
        super().__init__(**more)
        self.scenario = scenario
        self.number = number
        self.version = version

    def runtest(self) -> None:
        """Raises NotAsExpected if the expectation does not hold."""
        check = self.scenario.run(self.version).checks[self.number]
        if not check.passed:
            raise NotAsExpected(check)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was wanted, what came, where they part; the way of the packet; and how to see it again."""
        if isinstance(excinfo.value, NotAsExpected):
            check = excinfo.value.check
            shown = "" if self.version is None else f" --kube-proxy-version {self.version}"
            what = f"--at {check.step}" if check.step else f"--packet {check.packet}"
            path = self.scenario.path
            again = f"kproxysim trace {path} {what}" if check.trace else f"kproxysim run {path}"
            lines = [
                f"{path}, {'' if check.step else 'packet '}{check.title}: {self.scenario.about}",
                *(f"  {line}" for line in check.message.splitlines()),
                "",
                *([trace_page(check.trace).text().rstrip(), ""] if check.trace else []),
                f"to see it again: {again}{shown}",
            ]
            return "\n".join(lines)
        if isinstance(excinfo.value, InputError):
            return diagnostics_page(excinfo.value.diagnostics).text()
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """As it is called in reports."""
        return self.path, None, f"{self.scenario.name}: {self.name}"


def _shown(path: Path, config: pytest.Config) -> Path:
    """The file as a user would name it, from where pytest was called."""
    here = config.invocation_params.dir
    if path.is_relative_to(here) and path.relative_to(here).is_file():
        return path.relative_to(here)
    return path
