"""What became of scenarios: a line each and a count for people, JSON for programs, JUnit's XML for build
servers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kproxysim.report.page import WIDTH, Page, Span
from kproxysim.report.plain import plain
from kproxysim.report.timeline import MomentLike, add_failure, moment_to_dict, timeline_page

__all__ = ["CheckLike", "ResultLike", "ScenarioLike", "results_junit", "results_page", "results_to_dict"]


class ScenarioLike(Protocol):
    """A scenario, as far as a report looks at it."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def about(self) -> str: ...


class CheckLike(Protocol):
    """One expectation and what came of it.

    It is about a `packet` at the start, or about a `step` (its number; 0 at the start); `title` says which.
    `message` says what was wanted, what was got, and where the two part.
    """

    @property
    def packet(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def expectation(self) -> Mapping[str, Any]: ...
    @property
    def passed(self) -> bool: ...
    @property
    def message(self) -> str: ...


class ResultLike(Protocol):
    """A scenario that was run."""

    @property
    def scenario(self) -> ScenarioLike: ...
    @property
    def checks(self) -> Sequence[CheckLike]: ...
    @property
    def moments(self) -> Sequence[MomentLike]: ...
    @property
    def passed(self) -> bool: ...


def _cut(text: str, width: int | None) -> str:
    """One line, and no longer than there is room for."""
    shown = plain(text)
    return shown if width is None or len(shown) <= width else shown[: max(width - 3, 0)] + "..."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def results_page(results: Sequence[ResultLike], *, verbose: bool = False, columns: int | None = None) -> Page:
    """One line a scenario, below it every expectation that failed (with `verbose` those that held, too), and
    a count. The time line of a scenario is shown with `verbose`, and if there is no other scenario.
    """
    page = Page()
    longest = min(max((len(plain(result.scenario.name)) for result in results), default=0), 40)
    for result in results:
        has_table = bool(result.moments) and (verbose or len(results) == 1)
        if has_table:
            page.gap()
        word, style = ("ok", "good") if result.passed else ("FAIL", "bad")
        name = plain(result.scenario.name).ljust(longest)
        page.add(
            Span(word.ljust(6), style),
            f"{name}  {_cut(result.scenario.about, columns and columns - longest - 8)}",
        )
        for check in result.checks:
            if has_table and check.step:
                continue
            if not check.passed:
                page.add("      ", Span("FAIL", "bad"), f"  {check.title}")
                add_failure(page, check.message, columns or WIDTH, 12)
            elif verbose:
                page.add("      ", Span("ok", "good"), f"  {check.title}: {_words(check.expectation)}")
        if has_table:
            page.gap()
            failures = {check.step: check.message or None for check in result.checks if check.step}
            page.extend(timeline_page(result.moments, failures, columns))
    page.gap()
    page.add(*_count(results))
    return page


def _words(expectation: Any) -> str:
    if isinstance(expectation, Mapping):
        return ", ".join(f"{name} {_words(value)}" for name, value in expectation.items() if name != "packet")
    if isinstance(expectation, list | tuple):
        return " > ".join(map(_words, expectation))
    return str(expectation)


def _count(results: Sequence[ResultLike]) -> tuple[Span | str, ...]:
    checks = [check for result in results for check in result.checks]
    failed = sum(not check.passed for check in checks)
    total = f"{_number(len(results), 'scenario')}, {_number(len(checks), 'expectation')}: "
    if failed or not all(result.passed for result in results):
        bad = sum(not result.passed for result in results)
        return total, Span(f"{failed} failed in {_number(bad, 'scenario')}", "bad")
    return total, Span("all hold", "good")


def results_to_dict(results: Sequence[ResultLike]) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "format_version": "1.0",
        "passed": all(result.passed for result in results),
        "scenarios": [
            {
                "name": result.scenario.name,
                "path": result.scenario.path,
                "about": result.scenario.about,
                "passed": result.passed,
                "checks": [
                    {
                        "packet": check.packet,
                        **({"step": check.step} if check.step else {}),
                        "expectation": dict(check.expectation),
                        "passed": check.passed,
                        **({} if check.passed else {"message": check.message}),
                    }
                    for check in result.checks
                ],
                **({"steps": [moment_to_dict(one) for one in result.moments]} if result.moments else {}),
            }
            for result in results
        ],
    }


def results_junit(results: Sequence[ResultLike]) -> str:
    """A test suite for each scenario, a test case for each expectation."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring  # noqa: PLC0415 - 15 ms, for this form alone

    root = Element("testsuites", name="kproxysim")
    for result in results:
        failed = sum(not check.passed for check in result.checks)
        suite = SubElement(
            root, "testsuite", name=plain(result.scenario.name), file=plain(result.scenario.path)
        )
        suite.set("tests", str(len(result.checks)))
        suite.set("failures", str(failed))
        suite.set("errors", "0")
        for number, check in enumerate(result.checks, 1):
            name = f"{number} {check.title}: {_words(check.expectation)}"
            case = SubElement(suite, "testcase", classname=plain(result.scenario.name), name=plain(name))
            if not check.passed:
                lines = [plain(line) for line in check.message.splitlines()]
                failure = SubElement(case, "failure", message=lines[0] if lines else "failed")
                failure.text = "\n".join(lines)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
