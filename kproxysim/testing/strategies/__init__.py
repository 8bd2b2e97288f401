"""Strategies for hypothesis: clusters, settings, worlds, calls, packets, rulesets and time lines.

    from hypothesis import given
    from kproxysim.testing import check_laws
    from kproxysim.testing.strategies import situations

    @given(situations())
    def test_the_laws_of_service_routing(situation):
        check_laws(situation)

Without arguments a strategy draws everything that is supported; arguments narrow. Values shrink to small
clusters with addresses that a reader knows (`kproxysim.testing.strategies.addresses`).
"""

from __future__ import annotations

from kproxysim.testing.call import Call, Maker, Situation
from kproxysim.testing.strategies.calls import calls, packets, situations, situations_for
from kproxysim.testing.strategies.clusters import clusters, endpoint_slices, nodes, services
from kproxysim.testing.strategies.configurations import configurations
from kproxysim.testing.strategies.facts import facts
from kproxysim.testing.strategies.rulesets import rulesets
from kproxysim.testing.strategies.timelines import timelines, timelines_for
from kproxysim.testing.strategies.worlds import edges, worlds

__all__ = [
    "Call",
    "Maker",
    "Situation",
    "calls",
    "clusters",
    "configurations",
    "edges",
    "endpoint_slices",
    "facts",
    "nodes",
    "packets",
    "rulesets",
    "services",
    "situations",
    "situations_for",
    "timelines",
    "timelines_for",
    "worlds",
]
