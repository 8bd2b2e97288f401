"""Which of its addresses an IPv6 host speaks from: RFC 6724, section 5.

Source: `ipv6_dev_get_saddr`, `ipv6_get_saddr_eval` in net/ipv6/addrconf.c, the table of labels in
net/ipv6/addrlabel.c. All addresses of the host are candidates, but to a group or a link-local address it
speaks from one of the device; the rules about tentative, deprecated and temporary addresses have nothing to
decide here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv6Interface, IPv6Network

from kproxysim.netfilter.atoms import Cuts

__all__ = ["choose", "cut_candidates"]

_LABELS = tuple(
    (IPv6Network(prefix), label)
    for prefix, label in (
        ("::1/128", 0),
        ("::ffff:0:0/96", 4),
        ("::/96", 3),
        ("2001::/32", 6),
        ("2001:10::/28", 7),
        ("3ffe::/16", 12),
        ("2002::/16", 2),
        ("fec0::/10", 11),
        ("fc00::/7", 5),
        ("::/0", 1),
    )
)
"""Longest prefix first, as the kernel asks them."""

_NODE, _LINK, _SITE, _GLOBAL = 1, 2, 5, 14

_RIVALS = 3
"""From here on the longest common prefix may decide; ::1 is of another scope than any other address."""


def choose(candidates: Iterable[tuple[str, IPv6Interface]], device: str, destination: int) -> int | None:
    """The best of `candidates` (device, address) for a packet that leaves by `device`; of equals, the first.

    None if there are no candidates.
    """
    best: tuple[tuple[int, ...], int] | None = None
    for owner, address in candidates:
        score = _score(int(address.ip), address.network.prefixlen, owner == device, destination)
        if best is None or score > best[0]:
            best = score, int(address.ip)
    return None if best is None else best[1]


def cut_candidates(addresses: Iterable[IPv6Interface], cuts: Cuts) -> None:
    """The destinations for which another of a host's addresses may be the best."""
    cuts.ends(_fixed_ends(), 6)
    own = {int(one.ip): one.network.prefixlen for one in addresses}
    if len(own) < _RIVALS:
        return
    for address, most in own.items():
        for length in range(1, most + 1):
            cuts.prefix(address >> (128 - length) << (128 - length), length, 6)


@cache
def _fixed_ends() -> frozenset[int]:
    """Where labels and scopes begin and end, the same for every host."""
    networks = [(int(network.network_address), network.prefixlen) for network, _ in _LABELS]
    networks += [(group << 112, 16) for group in range(0xFF00, 0x10000)]  # flags and scope
    networks += [(start << 118, 10) for start in (0x3FA, 0x3FB)]
    return frozenset(end for start, length in networks for end in (start, start + (1 << (128 - length))))


def _score(address: int, length: int, on_device: bool, destination: int) -> tuple[int, ...]:
    """The rules in their order: the destination itself, scope, device, label, longest common prefix."""
    scope, wanted = _scope(address), _scope(destination)
    stays_on_link = wanted <= _LINK or destination >> 120 == 0xFF
    return (
        stays_on_link and on_device,
        address == destination,
        -scope if scope >= wanted else scope - 128,
        on_device,
        _label(address) == _label(destination),
        min(128 - (address ^ destination).bit_length(), length),
    )


def _scope(address: int) -> int:
    if address == 1:
        return _NODE
    if address >> 120 == 0xFF:
        return address >> 112 & 0xF
    start = address >> 118
    return _LINK if start == 0x3FA else _SITE if start == 0x3FB else _GLOBAL


def _label(address: int) -> int:
    return next(
        label
        for network, label in _LABELS
        if address >> (128 - network.prefixlen) << (128 - network.prefixlen) == int(network.network_address)
    )
