"""Which address nat takes where a rule leaves a choice.

Sources: net/netfilter/nf_nat_core.c (`find_best_ips_proto`, `get_unique_tuple`), nf_nat_redirect.c,
include/linux/jhash.h.

"Hashing source and destination IPs gives a fairly even spread in practice ... The consistency means that
servers see the same client coming from the same IP, even across reboots": the hash has no secret, so the
choice can be told. It reads addresses as they lie in memory; this is the one of little-endian machines.
"""

from __future__ import annotations

from kproxysim.netfilter.conntrack import Connection
from kproxysim.netfilter.routing import RoutingTable
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets.nat import NatTarget

__all__ = ["hashed_address", "pick_address", "redirect_address"]

_MASK = 0xFFFFFFFF
_JHASH_INITVAL = 0xDEADBEEF


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (32 - by))) & _MASK


def _jhash2(words: list[int], initval: int) -> int:
    """Bob Jenkins' hash of four 32-bit words (`jhash2`)."""
    a = b = c = (_JHASH_INITVAL + (len(words) << 2) + initval) & _MASK
    a, b, c = (a + words[0]) & _MASK, (b + words[1]) & _MASK, (c + words[2]) & _MASK
    for first, second, third, by in (
        ("a", "c", "b", 4), ("b", "a", "c", 6), ("c", "b", "a", 8),
        ("a", "c", "b", 16), ("b", "a", "c", 19), ("c", "b", "a", 4),
    ):  # fmt: skip
        values = {"a": a, "b": b, "c": c}
        x = ((values[first] - values[second]) & _MASK) ^ _rotated(values[second], by)
        values[first] = x & _MASK
        values[second] = (values[second] + values[third]) & _MASK
        a, b, c = values["a"], values["b"], values["c"]
    a = (a + words[3]) & _MASK
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    return ((c ^ b) - _rotated(b, 24)) & _MASK


def _words(address: int, family: int) -> list[int]:
    """The four words of `union nf_inet_addr` as a little-endian machine reads them."""
    data = (address << 96 if family == 4 else address).to_bytes(16)
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, 16, 4)]


def hashed_address(
    low: int, high: int, src: int, dst: int, family: int, *, persistent: bool, led: bool = False
) -> int:
    """The address between `low` and `high` for a packet from `src` to `dst`; as its destination if it is to
    be `led` there. `persistent` leaves the destination out.
    """
    last = 0 if family == 4 else 3
    towards = _words(dst, family)
    j = _jhash2(_words(src, family), 0 if persistent else towards[last])
    lows, highs = _words(low, family), _words(high, family)
    chosen: list[int] = []
    full = False
    for i in range(last + 1):
        minimum, maximum = _swapped(lows[i]), _swapped(highs[i])
        distance = _MASK if full else (maximum - minimum + 1) & _MASK
        word = ((0 if full else minimum) + ((j * distance) >> 32)) & _MASK
        chosen.append(word)
        full = full or word != maximum
        if not persistent:
            j ^= _swapped(word) if led else towards[i]  # by then the tuple has the new one
    return int.from_bytes(b"".join(word.to_bytes(4) for word in chosen))


def _swapped(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "little"))


def pick_address(connection: Connection, target: NatTarget) -> int | None:
    """The address that DNAT or SNAT picks of its range for this connection; None to leave the one it has."""
    if target.address is None:
        return None
    low = int(target.address)
    if target.last is None:
        return low
    current = connection.reply.inverse()
    return hashed_address(
        low,
        int(target.last),
        current.src,
        current.dst,
        target.address.version,
        persistent=target.persistent,
        led=target.name == "DNAT",
    )


def redirect_address(routing: RoutingTable, hook: str, skb: Skb) -> int | None:
    """Where REDIRECT sends a packet: loopback for what was made here, else the first address of the device it
    came in by; in IPv6 the newest, a link-local one for a link-local destination and where there is no other
    (`nf_nat_redirect_ipv4`, `_ipv6`). None if that has no usable one.
    """
    if hook == "OUTPUT":
        return (127 << 24) + 1 if skb.family == 4 else 1
    interface = routing.interfaces.get(skb.iif)
    own = [one.ip for one in (interface.addresses if interface else ()) if one.version == skb.family]
    if skb.family == 6:
        own.reverse()
        own.sort(key=lambda one: one.is_link_local)
        if skb.dst >> 118 == 0x3FA:  # fe80::/10
            own = [one for one in own if one.is_link_local]
    return int(own[0]) if own else None
