"""Addresses as Go reads them: the spellings that kube-proxy understands, in canonical form.

kube-proxy parses with `ParseIPSloppy` and `ParseCIDRSloppy` (k8s.io/utils/net, a copy of Go 1.16's parser):
an IPv4 number may have leading zeros and is decimal all the same, and an IPv4-mapped IPv6 address is an IPv4
address. Python's `ipaddress` does neither.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from kproxysim.packet import Address

__all__ = ["Network", "parse_cidr", "parse_ip", "typed_ip"]

Network = IPv4Network | IPv6Network

_DOTTED = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)\Z")
_GROUP_ZEROS = re.compile(r"(?<![0-9a-fA-F])0+(?=[0-9a-fA-F])")
_IPV6 = re.compile(r"[0-9a-fA-F:.]+\Z")

_MAPPED_PREFIX = 96
_LONGEST = 64
"""Longer texts are no address; this keeps a megabyte of zeros from being counted as one."""


def parse_ip(text: str) -> Address:
    """The address that kube-proxy sees in `text`: `010.0.0.1` is 10.0.0.1, `::ffff:10.0.0.1` is 10.0.0.1.

    Raises ValueError if it is no address in any spelling; a zone (`fe80::1%eth0`) is not one to Kubernetes.
    """
    address = typed_ip(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=1 << 12)
def parse_cidr(text: str) -> Network:
    """The network that kube-proxy sees in `text`, host bits cleared: `10.8.0.5/20` is 10.8.0.0/20.

    A mapped prefix (`::ffff:10.0.0.0/104`) is the IPv4 prefix it maps, as Go prints it.
    Raises ValueError if it is no prefix in any spelling. Remembered, as `typed_ip` is.
    """
    host, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdigit() and len(length) <= _LONGEST):
        raise ValueError(f"{text[:_LONGEST]!r} is not ADDRESS/LENGTH")
    address, bits = typed_ip(host), int(length)
    if bits > address.max_prefixlen:
        raise ValueError(f"a prefix of {address} has at most {address.max_prefixlen} bits, not {bits}")
    if isinstance(address, IPv4Address):
        return IPv4Network((address, bits), strict=False)
    if address.ipv4_mapped is not None and bits >= _MAPPED_PREFIX:
        return IPv4Network((address.ipv4_mapped, bits - _MAPPED_PREFIX), strict=False)
    return IPv6Network((address, bits), strict=False)


@lru_cache(maxsize=1 << 16)
def typed_ip(text: str) -> Address:
    """The address as it is written: an IPv4-mapped one stays IPv6. Raises ValueError like `parse_ip`.

    Remembered, since the same text is read when it is checked and when rules are written.
    """
    if len(text) <= _LONGEST:
        dotted = _DOTTED.match(text)
        if dotted:
            return _from_octets(text, [int(octet) for octet in dotted.groups()])
        if ":" in text and _IPV6.match(text):
            return _parse_ipv6(text)
    raise ValueError(f"{text[:_LONGEST]!r} is not an IP address")


def _from_octets(text: str, octets: list[int]) -> IPv4Address:
    if max(octets) > 255:
        raise ValueError(f"{text!r} is not an IP address: {max(octets)} is more than 255")
    return IPv4Address(bytes(octets))


def _parse_ipv6(text: str) -> IPv6Address:
    try:
        return IPv6Address(_GROUP_ZEROS.sub("", text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None
