"""Names of chains: a prefix and sixteen characters of a hash.

Source: `portProtoHash` and `servicePortEndpointChainName` in pkg/proxy/iptables/proxier.go, 1.25 to 1.36.
"""

from __future__ import annotations

from hashlib import sha256

__all__ = ["chain_hash", "endpoint_chain", "port_hash", "service_port_name"]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
"""Base32 (RFC 4648), ten bits at a time: 1.6 against 5.7 microseconds a name with `base64.b32encode`."""


def chain_hash(text: str) -> str:
    """The first sixteen characters of the base32 text of the SHA-256 of `text`."""
    bits = int.from_bytes(sha256(text.encode()).digest()[:10], "big")
    two = _PAIRS
    return (
        f"{two[bits >> 70]}{two[bits >> 60 & 1023]}{two[bits >> 50 & 1023]}{two[bits >> 40 & 1023]}"
        f"{two[bits >> 30 & 1023]}{two[bits >> 20 & 1023]}{two[bits >> 10 & 1023]}{two[bits & 1023]}"
    )


def service_port_name(namespace: str, service: str, port: str) -> str:
    """`namespace/service:port`, without the colon for a port that has no name."""
    return f"{namespace}/{service}:{port}" if port else f"{namespace}/{service}"


def port_hash(name: str, protocol: str) -> str:
    """What the KUBE-SVC-, KUBE-SVL-, KUBE-EXT- and KUBE-FW- chains of a service port share.

    `name` is that of `service_port_name`, `protocol` in lower case; nothing stands between them.
    """
    return chain_hash(name + protocol)


def endpoint_chain(name: str, protocol: str, endpoint: str) -> str:
    """The KUBE-SEP- chain of one endpoint (`10.0.0.1:80`, `[fd00::1]:80`) of a service port."""
    return f"KUBE-SEP-{chain_hash(name + protocol + endpoint)}"
