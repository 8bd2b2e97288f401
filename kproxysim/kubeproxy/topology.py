"""Which endpoints of a service port this node may choose.

Source: `CategorizeEndpoints` and `topologyModeFromHints` in pkg/proxy/topology.go, 1.25 to 1.36.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from kproxysim.kubeproxy.endpoints import Endpoint
from kproxysim.kubeproxy.service_ports import ServicePort
from kproxysim.kubeproxy.settings import Settings

__all__ = ["Choice", "choose"]

Endpoints = tuple[Endpoint, ...]

_node_hints = attrgetter("node_hints")
_zone_hints = attrgetter("zone_hints")


class Choice(NamedTuple):
    """The endpoints of one service port on one node, each list sorted as text.

    - `cluster`: under policy Cluster; empty if nothing uses it.
    - `local`: under policy Local; empty if nothing uses it.
    - `reachable`: both together; these have a KUBE-SEP chain.
    - `usable`: is there any endpoint in the whole cluster that could serve?
    """

    cluster: Endpoints
    local: Endpoints
    reachable: Endpoints
    usable: bool


NOTHING = Choice((), (), (), usable=False)


def choose(endpoints: Endpoints, port: ServicePort, settings: Settings) -> Choice:
    """Ready endpoints; those that hints name, if all are hinted; terminating ones that still serve, if there
    is nothing else.

    The two fall-backs to terminating endpoints, of all and of local ones, know nothing of each other.
    """
    if not endpoints:
        return NOTHING
    ready = tuple([one for one in endpoints if one.ready])
    draining: Endpoints = ()
    if len(ready) < len(endpoints) and settings.has("ProxyTerminatingEndpoints"):
        draining = tuple([one for one in endpoints if one.serving and one.terminating and not one.ready])
    hinted = None
    cluster: Endpoints = ()
    if port.uses_cluster_endpoints:
        hinted = _hinted(ready, port, settings)
        cluster = (hinted if hinted is not None else ready) or draining
    if not port.uses_local_endpoints:
        return Choice(cluster, (), cluster, bool(cluster))

    local = tuple([one for one in ready if one.local])
    only_draining = not local
    if only_draining:
        local = tuple([one for one in draining if one.local])
    usable = bool(ready or draining)
    if not port.uses_cluster_endpoints:
        return Choice((), local, local, usable)
    if hinted is None and not (only_draining and local):
        return Choice(cluster, local, cluster, usable)
    merged = {one.text: one for one in (*cluster, *local)}
    return Choice(cluster, local, tuple([merged[text] for text in sorted(merged)]), usable)


def _hinted(ready: Endpoints, port: ServicePort, settings: Settings) -> Endpoints | None:
    """The ready endpoints that hints keep for this node, else for its zone. None where hints decide nothing.

    One ready endpoint without a hint of a kind, or none for this node (zone), and hints of that kind count
    for nothing.
    """
    if settings.has("PreferSameTrafficDistribution"):
        kept = _kept(ready, _node_hints, settings.node_name)
        if kept:
            return kept
    if port.allows_zone_hints and settings.zone:
        return _kept(ready, _zone_hints, settings.zone) or None
    return None


def _kept(ready: Endpoints, hints: Callable[[Endpoint], frozenset[str]], name: str) -> Endpoints:
    if not (ready and hints(ready[0]) and all(map(hints, ready))):
        return ()
    return tuple([one for one in ready if name in hints(one)])
