"""What lies between: internet, edge, nodes, pods; and `World`, all state of one simulation."""

from __future__ import annotations

from kproxysim.network.edge import Allow, Edge
from kproxysim.network.futures import Future
from kproxysim.network.pods import Pod
from kproxysim.network.session import Exchange, Session
from kproxysim.network.sync_report import SyncReport
from kproxysim.network.trace import Branch, Hop, Reached, Reply, Trace
from kproxysim.network.world import World

__all__ = [
    "Allow",
    "Branch",
    "Edge",
    "Exchange",
    "Future",
    "Hop",
    "Pod",
    "Reached",
    "Reply",
    "Session",
    "SyncReport",
    "Trace",
    "World",
]
