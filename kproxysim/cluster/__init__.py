"""What the user has: Nodes, Services, EndpointSlices and kube-proxy's settings, read, checked and defaulted.

The only place, with `kproxysim.scenario`, where what a user wrote is parsed. All that is said about an input
is a `kproxysim.errors.Diagnostic` with file, line and column; `kproxysim.cluster.codes` explains the codes.
"""

from __future__ import annotations

from kproxysim.cluster.addresses import Network, parse_cidr, parse_ip
from kproxysim.cluster.cluster import Cluster
from kproxysim.cluster.configuration import (
    ConntrackConfiguration,
    DetectLocalConfiguration,
    IptablesConfiguration,
    KubeProxyConfiguration,
)
from kproxysim.cluster.facts import ListeningSocket, NodeFacts, Route
from kproxysim.cluster.findings import Finding, Subject, diagnose, findings_of
from kproxysim.cluster.located import Document, read_documents
from kproxysim.cluster.models import Endpoint, EndpointPort, EndpointSlice, Node, Service, ServicePort

__all__ = [
    "Cluster",
    "ConntrackConfiguration",
    "DetectLocalConfiguration",
    "Document",
    "Endpoint",
    "EndpointPort",
    "EndpointSlice",
    "Finding",
    "IptablesConfiguration",
    "KubeProxyConfiguration",
    "ListeningSocket",
    "Network",
    "Node",
    "NodeFacts",
    "Route",
    "Service",
    "ServicePort",
    "Subject",
    "diagnose",
    "findings_of",
    "parse_cidr",
    "parse_ip",
    "read_documents",
]
