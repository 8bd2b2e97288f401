"""Addresses as kube-proxy prints them: Go's canonical form, or what the user typed, by version.

How Go reads them is `kproxysim.cluster.addresses`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.netfilter.script import Family

__all__ = [
    "as_typed",
    "bracketed",
    "canonical_cidr",
    "canonical_ip",
    "family_of_cidr",
    "family_of_ip",
    "socket_text",
]

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_plain_ipv4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}\Z").match
"""Nearly all addresses of a cluster are dotted quads in canonical form: 0.35 against 3 microseconds to see it
so.
"""


def canonical_ip(text: str) -> str:
    """`net.IP.String` of what Go reads in `text`: `010.0.0.1` and `::ffff:10.0.0.1` are 10.0.0.1.

    Raises ValueError where Go reads no address.
    """
    return text if _plain_ipv4(text) else str(parse_ip(text))


def canonical_cidr(text: str) -> str:
    """`net.IPNet.String` of what Go reads in `text`: `10.8.0.5/16` is 10.8.0.0/16.

    Raises ValueError where Go reads no prefix.
    """
    return str(parse_cidr(text))


def as_typed(text: str) -> str:
    """The other way to print an address or a prefix."""
    return text


def family_of_ip(text: str) -> Family:
    """Raises ValueError where Go reads no address."""
    if _plain_ipv4(text) or isinstance(parse_ip(text), IPv4Address):
        return "ipv4"
    return "ipv6"


def family_of_cidr(text: str) -> Family:
    """Raises ValueError where Go reads no prefix."""
    return "ipv4" if parse_cidr(text).version == 4 else "ipv6"


def bracketed(host: str) -> str:
    """An address as it stands before a colon and a port: `10.0.0.1`, `[fd00::1]`."""
    return f"[{host}]" if ":" in host else host


def socket_text(host: str, port: int) -> str:
    """`net.JoinHostPort`: `10.0.0.1:80`, `[fd00::1]:80`."""
    return f"{bracketed(host)}:{port}"
