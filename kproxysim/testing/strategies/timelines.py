"""Time lines: worlds to which things happen."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kproxysim.network import World
from kproxysim.testing.law import TimeLaw
from kproxysim.testing.strategies.arguments import Range, check_many, check_range, drawn_from, one_or_many
from kproxysim.testing.strategies.choosing import number, pick
from kproxysim.testing.strategies.clusters import clusters as any_cluster
from kproxysim.testing.strategies.events import EVENTS, happen, possible_events
from kproxysim.testing.strategies.worlds import worlds as any_world
from kproxysim.testing.timeline import Timeline

__all__ = ["timelines", "timelines_for"]


_OFTEN = ("open", "send")
"""What other events are told apart by."""


def timelines(
    worlds: SearchStrategy[World] | World | None = None,
    *,
    events: Collection[str] = EVENTS,
    steps: Range = (1, 8),
    first: Collection[str] = (),
    last: Collection[str] = (),
) -> SearchStrategy[Timeline]:
    """Worlds to which things happen, one after the other.

    - `worlds`: one in which nothing has happened yet, or a strategy that makes them; by default `worlds()`.
    - `events`: what may happen, words of `EVENTS`: connections are opened, used and closed; Services,
      endpoints and pods change, go and come back; kube-proxies lag, sync, stop and start; tables are emptied;
      nodes reboot; time passes.
    - `steps`: how many things happen, a number or the least and the most.
    - `first`, `last`: what happens before and after these: one of the events named there, if one can happen.

    Raises InvalidArgument for an argument that is none of these.
    """
    return _timelines(
        drawn_from("worlds", worlds, World, any_world),
        one_or_many("events", events, EVENTS),
        check_range("steps", steps, 0, 99),
        check_many("first", first, EVENTS),
        check_many("last", last, EVENTS),
    )


def timelines_for(law: TimeLaw) -> SearchStrategy[Timeline]:
    """Time lines in which a law has most to say."""
    worlds = any_world(any_cluster(**law.clusters), firewall=False)
    return timelines(worlds, **law.timelines)


@st.composite
def _timelines(
    draw: st.DrawFn,
    worlds: SearchStrategy[World],
    events: tuple[str, ...],
    steps: tuple[int, int],
    first: tuple[str, ...],
    last: tuple[str, ...],
) -> Timeline:
    timeline = Timeline(draw(worlds))
    for wanted in (first, *(events,) * number(draw, *steps), last):
        possible = possible_events(timeline, wanted)
        if possible:
            often = [event for event in possible if event in _OFTEN]
            happen(draw, timeline, pick(draw, (*often, *possible)))
    return timeline
