"""`kproxysim compare`: two packets side by side."""

from __future__ import annotations

from collections.abc import Sequence

from kproxysim.cli.output import show, show_text, terminal_width
from kproxysim.cli.sources import Settings, load_scenarios, named_packet, split_sources
from kproxysim.errors import InputError
from kproxysim.report.compare import compare as hold_together

__all__ = ["compare"]


def compare(sources: Sequence[str], left: str, right: str, output: str, settings: Settings) -> None:
    """Trace both packets and show where their ways part and where they meet."""
    files, manifests = split_sources(sources, scenario_expected=True)
    if manifests:
        raise InputError.of(
            "KPS803", f"{manifests[0]} is no scenario", help="packets have names in a scenario: give one"
        )
    scenarios, troubles = load_scenarios(files, settings)
    if troubles:
        raise InputError(troubles)
    found = [named_packet(scenarios, name) for name in (left, right)]
    traces = [scenario.trace(name, version=settings.version) for scenario, name in found]
    comparison = hold_together(traces[0], traces[1], (left, right))
    if output == "json":
        from kproxysim.report.json_text import dumps

        show_text(dumps(comparison.to_dict()))
        return
    from kproxysim.report.compare_text import comparison_page

    show(comparison_page(comparison, terminal_width()))
