"""ClusterMachine: hypothesis lets things happen to a cluster, and holds it to the laws after each of them.

    from kproxysim.testing.machine import ClusterMachine

    TestMyCluster = ClusterMachine.TestCase

Needs `kproxysim[testing]`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import SearchStrategy

from kproxysim.network import World
from kproxysim.testing.call import Call
from kproxysim.testing.invariants import check_timeline
from kproxysim.testing.strategies.calls import draw_call, possible_calls
from kproxysim.testing.strategies.clusters import clusters
from kproxysim.testing.strategies.events import EVENTS, happen, possible_events
from kproxysim.testing.strategies.worlds import worlds
from kproxysim.testing.timeline import Timeline

__all__ = ["ClusterMachine"]


class ClusterMachine(RuleBasedStateMachine):
    """A cluster over time: objects come and go, kube-proxies lag and sync, nodes reboot, connections live on.

    After each event the laws of time (`TIME_LAWS`) are held against it, and the other laws against two calls
    that are made anew each time. Set `worlds` in a subclass to the strategy of what it begins with, `events`
    to what may happen (words of `EVENTS`). How long and how often it runs, `TestCase.settings` say.

    It is about kube-proxies, which hear of objects and write. Rules that a world was given stay as they are:
    from the first change of an object on only the laws that hold at any time count there.
    """

    worlds: ClassVar[SearchStrategy[World]] = worlds(clusters(services=(1, 2)), firewall=False)
    events: ClassVar[Collection[str]] = EVENTS

    timeline: Timeline
    calls: list[Call]

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A world, and two calls in it."""
        self.timeline = Timeline(data.draw(type(self).worlds))
        self.calls = []
        self.call(data)
        self.call(data)

    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        """Another call from now on, and one less of those before."""
        possible = possible_calls(self.timeline.world)
        if possible is not None:
            self.calls = [*self.calls[-1:], draw_call(data.draw, possible)]

    @rule(data=st.data())
    def connections(self, data: st.DataObject) -> None:
        """A connection is opened, used or closed."""
        self._happen(data, "open", "send", "send", "reply", "close")

    @rule(data=st.data())
    def objects(self, data: st.DataObject) -> None:
        """A Service, a slice or a pod changes, goes or comes back."""
        self._happen(data, "change endpoints", "change Service", "delete", "bring back", "end pod")

    @rule(data=st.data())
    def nodes(self, data: st.DataObject) -> None:
        """A kube-proxy, a table or a whole node."""
        self._happen(data, "kube-proxy", "flush", "reboot")

    @rule(data=st.data())
    def time(self, data: st.DataObject) -> None:
        """Time passes."""
        self._happen(data, "wait")

    def _happen(self, data: st.DataObject, *events: str) -> None:
        wanted = tuple(event for event in events if event in type(self).events)
        possible = possible_events(self.timeline, wanted)
        if possible:
            happen(data.draw, self.timeline, data.draw(st.sampled_from(possible)))

    @precondition(lambda self: hasattr(self, "timeline"))
    @invariant()
    def laws_hold(self) -> None:
        """Raises LawBroken where one does not."""
        alive = {f"pod/{pod.key}" for pod in self.timeline.world.pods}
        calls = [one for one in self.calls if not one.source.startswith("pod/") or one.source in alive]
        check_timeline(self.timeline, calls)
