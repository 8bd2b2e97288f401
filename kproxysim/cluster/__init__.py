"""What the user has: Nodes, Services, EndpointSlices and kube-proxy's settings, read, checked and defaulted.

The only place, with `kproxysim.scenario`, where what a user wrote is parsed. Everything that is said about an
input is a `kproxysim.errors.Diagnostic` with file, line and column.
"""

from __future__ import annotations

from kproxysim.cluster.cluster import Cluster
from kproxysim.cluster.configuration import KubeProxyConfiguration
from kproxysim.cluster.facts import NodeFacts
from kproxysim.cluster.models import Endpoint, EndpointPort, EndpointSlice, Node, Service, ServicePort

__all__ = [
    "Cluster",
    "Endpoint",
    "EndpointPort",
    "EndpointSlice",
    "KubeProxyConfiguration",
    "Node",
    "NodeFacts",
    "Service",
    "ServicePort",
]
