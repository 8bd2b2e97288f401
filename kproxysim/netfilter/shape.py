"""Rules of one shape: texts that are right or wrong together, told apart without reading them in full."""

from __future__ import annotations

import re

from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets import KERNEL_TARGETS

__all__ = ["is_jump", "shape_of"]

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}\Z", re.ASCII)
_CHAIN = re.compile(r"[A-Za-z0-9_-]{1,28}\Z", re.ASCII)
_NOT_A_CHAIN = frozenset((*TARGETS, *KERNEL_TARGETS, "QUEUE"))
_VARYING = "\x00"
_COMMENT_LIMIT = 200


def shape_of(text: str) -> str:
    """The text of an IPv4 rule without what may differ between two rules that are right or wrong together:

    source and destination, the address of DNAT, the comment, the chain that is jumped to. Empty for a text
    that is not told apart so easily.
    """
    head, quote, rest = text.partition('"')
    words = head.split(" ")
    if quote:
        inside, _, tail = rest.partition('"')
        if words[-2:] != ["--comment", ""] or len(inside) > _COMMENT_LIMIT or "\\" in inside or '"' in tail:
            return ""
        words[-1] = _VARYING
        words += tail.split(" ")
    for option in ("-s", "-d", "--to-destination"):
        if option in words[:-1]:
            place = words.index(option) + 1
            end = ":" if option == "--to-destination" else "/"
            address, mark, more = words[place].partition(end)
            if _ADDRESS.match(address):
                words[place] = f"{_VARYING}{mark}{more}"
    if words[-2:-1] == ["-j"] and words[-1] not in _NOT_A_CHAIN and _CHAIN.match(words[-1]):
        words[-1] = _VARYING
    return " ".join(words)


_JUMP = f"-j {_VARYING}"


def is_jump(shape: str) -> bool:
    """Do rules of this shape end in a jump to a chain?"""
    return shape.endswith(_JUMP)
