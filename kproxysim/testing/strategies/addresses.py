"""The addresses of drawn clusters: few, so that Services, nodes and packets meet.

Every pool is a rule that makes the n-th address, so that a reader knows an address when he sees it: nodes are
10.128.0.11 and on (public 198.51.100.11 and on), pods 10.44.NODE.10 and on, cluster IPs 10.48.0.1 and on,
clients 203.0.113.7 and 203.0.113.207, load balancers 198.51.100.200 and on. IPv6 has the same shape.
"""

from __future__ import annotations

__all__ = [
    "BALANCED",
    "CLIENTS",
    "CLUSTER_CIDR",
    "FOREIGN",
    "SOURCE_RANGES",
    "cluster_ip",
    "gateway",
    "internal",
    "internal_prefix",
    "node_cidr",
    "pod",
    "public",
    "secondary",
]

CLIENTS = {4: ("203.0.113.7", "203.0.113.207"), 6: ("2001:db8:cafe::7", "2001:db8:cafe::8007")}
"""Callers on the internet. The first is inside the first of SOURCE_RANGES, the second is not."""

FOREIGN = {4: ("192.0.2.9", "192.0.2.10"), 6: ("2001:db8:f::9", "2001:db8:f::a")}
"""Addresses that nobody has."""

BALANCED = {4: ("198.51.100.200", "198.51.100.201"), 6: ("2001:db8:1b::1", "2001:db8:1b::2")}
"""Addresses of load balancers."""

CLUSTER_CIDR = {4: "10.44.0.0/16", 6: "fd00:44::/48"}
"""What all pods' addresses come from."""

SOURCE_RANGES = {
    4: ("203.0.113.0/25", "10.128.0.0/24", "198.18.0.0/15", "0.0.0.0/0"),
    6: ("2001:db8:cafe::/113", "fd00:128::/64", "2001:db8:5::/48", "::/0"),
}
"""Half of the clients; the nodes; nobody; everybody."""


def internal(number: int, version: int) -> str:
    """A node's InternalIP."""
    return f"10.128.0.{11 + number}" if version == 4 else f"fd00:128::{11 + number}"


def public(number: int, version: int) -> str:
    """A node's ExternalIP."""
    return f"198.51.100.{11 + number}" if version == 4 else f"2001:db8:51::{11 + number}"


def node_cidr(number: int, version: int) -> str:
    """What the addresses of a node's pods come from."""
    return f"10.44.{number}.0/24" if version == 4 else f"fd00:44:0:{number}::/64"


def pod(node: int, number: int, version: int) -> str:
    """The address of a node's n-th pod."""
    return f"10.44.{node}.{10 + number}" if version == 4 else f"fd00:44:0:{node}::{10 + number}"


def cluster_ip(number: int, version: int) -> str:
    """The n-th Service's cluster IP."""
    return f"10.48.0.{1 + number}" if version == 4 else f"fd00:48::{1 + number}"


def gateway(version: int) -> str:
    """Where nodes send what is for nobody here."""
    return "10.128.0.1" if version == 4 else "fd00:128::1"


def internal_prefix(text: str) -> int:
    """How long the prefix of the network is that a node's InternalIP is in."""
    return 64 if ":" in text else 24


def secondary(text: str) -> str:
    """Another address of the node with this InternalIP: 10.128.0.111 beside 10.128.0.11."""
    head, separator, last = text.rpartition(":" if ":" in text else ".")
    return f"{head}{separator}1{last}"
