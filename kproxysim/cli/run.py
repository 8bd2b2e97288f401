"""`kproxysim run`: replay scenarios and hold their expectations against what happens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kproxysim.cli.output import columns, complain, show, show_text
from kproxysim.cli.sources import Settings, load_scenarios
from kproxysim.errors import InputError
from kproxysim.scenario import ScenarioResult

__all__ = ["run"]

_FOLDER = "scenarios"


def run(sources: Sequence[str], output: str, settings: Settings) -> int:
    """Run every scenario that can be used, without sources those of the folder "scenarios".

    The exit code: 0, 1 if an expectation failed, 2 if a file can't be used.
    """
    if not sources and not Path(_FOLDER).is_dir():
        raise InputError.of(
            "KPS801",
            f"nothing was checked: no SOURCE is given, and there is no folder {_FOLDER!r} here",
            help="name scenario files or folders: kproxysim run SOURCE",
        )
    scenarios, troubles = load_scenarios(sources or [_FOLDER], settings)
    results: list[ScenarioResult] = []
    for scenario in scenarios:
        try:
            results.append(scenario.run(settings.version))
        except InputError as error:
            troubles.extend(error.diagnostics)
    if not troubles and not any(result.checks for result in results):
        raise InputError.of(
            "KPS801",
            "nothing was checked: no scenario expects anything",
            help="say under expect: what is to become of each packet",
        )
    if results:
        _show(results, output, verbose=settings.verbose)
    if troubles:
        complain(troubles)
        return 2
    return 0 if all(result.passed for result in results) else 1


def _show(results: Sequence[ScenarioResult], output: str, *, verbose: bool) -> None:
    from kproxysim.report.run import results_junit, results_page, results_to_dict

    if output == "text":
        show(results_page(results, verbose=verbose, columns=columns()))
    elif output == "junit":
        show_text(results_junit(results))
    else:
        from kproxysim.report.json_text import dumps

        show_text(dumps(results_to_dict(results)))
