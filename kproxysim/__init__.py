"""A packet-level simulator of kube-proxy's iptables rules.

    import kproxysim as kps

    cluster = kps.Cluster.load("manifests.yaml")
    rules = kps.compile_rules(cluster, node="node-a", family="ipv4", version="1.30")
    world = kps.World(cluster)
    packet = world.packet("internet/203.0.113.7", "198.51.100.12:80")
    trace = world.send(packet, "internet/203.0.113.7")

What is named here stays. A name is loaded when it is first asked for: importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kproxysim.lazy import loaded_when_asked
from kproxysim.notebook import shown_by
from kproxysim.version import __version__

if TYPE_CHECKING:
    from kproxysim.cluster import (
        Cluster,
        Endpoint,
        EndpointPort,
        EndpointSlice,
        KubeProxyConfiguration,
        Node,
        NodeFacts,
        Service,
        ServicePort,
    )
    from kproxysim.errors import Diagnostic, InputError, KproxysimError
    from kproxysim.kubeproxy import compile_rules
    from kproxysim.netfilter.ruleset import Ruleset
    from kproxysim.network import (
        Allow,
        Branch,
        Edge,
        Exchange,
        Future,
        Hop,
        Pod,
        Reply,
        Session,
        SyncReport,
        Trace,
        World,
    )
    from kproxysim.network.trace import Reached
    from kproxysim.packet import Packet
    from kproxysim.scenario import Scenario, ScenarioResult

__all__ = [
    "Allow",
    "Branch",
    "Cluster",
    "Diagnostic",
    "Edge",
    "Endpoint",
    "EndpointPort",
    "EndpointSlice",
    "Exchange",
    "Future",
    "Hop",
    "InputError",
    "KproxysimError",
    "KubeProxyConfiguration",
    "Node",
    "NodeFacts",
    "Packet",
    "Pod",
    "Reached",
    "Reply",
    "Ruleset",
    "Scenario",
    "ScenarioResult",
    "Service",
    "ServicePort",
    "Session",
    "SyncReport",
    "Trace",
    "World",
    "__version__",
    "compile_rules",
]

_HOMES = {
    "kproxysim.cluster": (
        "Cluster",
        "Endpoint",
        "EndpointPort",
        "EndpointSlice",
        "KubeProxyConfiguration",
        "Node",
        "NodeFacts",
        "Service",
        "ServicePort",
    ),
    "kproxysim.errors": ("Diagnostic", "InputError", "KproxysimError"),
    "kproxysim.kubeproxy": ("compile_rules",),
    "kproxysim.netfilter.ruleset": ("Ruleset",),
    "kproxysim.network": (
        "Allow",
        "Branch",
        "Edge",
        "Exchange",
        "Future",
        "Hop",
        "Pod",
        "Reply",
        "Session",
        "SyncReport",
        "Trace",
        "World",
    ),
    "kproxysim.network.trace": ("Reached",),
    "kproxysim.packet": ("Packet",),
    "kproxysim.scenario": ("Scenario", "ScenarioResult"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker knows the names from above, and that there are no others
    __getattr__ = loaded_when_asked(__name__, _HOME_OF)


def _html_of(value: object) -> str | None:
    from kproxysim.report.html.notebook import html_of

    return html_of(value)


shown_by(_html_of)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
