"""`kproxysim compare`: two packets side by side."""

from __future__ import annotations

from collections.abc import Sequence

from kproxysim.cli.output import show, show_text, terminal_width
from kproxysim.cli.sources import Settings, named_packet, scenarios_with_packets
from kproxysim.report.compare import compare as hold_together

__all__ = ["compare"]


def compare(sources: Sequence[str], left: str, right: str, output: str, settings: Settings) -> None:
    """Trace both packets and show where their ways part and where they meet."""
    instead = "name a scenario with both packets"
    scenarios = scenarios_with_packets(sources, settings, instead)
    found = [named_packet(scenarios, name) for name in (left, right)]
    traces = [scenario.trace(name, version=settings.version) for scenario, name in found]
    comparison = hold_together(traces[0], traces[1], (left, right))
    if output == "json":
        from kproxysim.report.json_text import dumps

        show_text(dumps(comparison.to_dict()))
        return
    if output == "mermaid":
        from kproxysim.report.compare_mermaid import comparison_mermaid

        show_text(comparison_mermaid(comparison))
        return
    if output == "html":
        from kproxysim.report.html.compare_page import comparison_html

        show_text(comparison_html(comparison))
        return
    from kproxysim.report.compare_text import comparison_page

    show(comparison_page(comparison, terminal_width()))
