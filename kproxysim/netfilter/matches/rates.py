"""Rates as iptables reads and prints them: packets in a unit of time, kept as the time that one packet takes
up. Source: extensions/libxt_limit.c and libxt_hashlimit.c (`parse_rate`, `print_rate`).
"""

from __future__ import annotations

import re

from kproxysim.netfilter.condition import RuleSyntaxError

__all__ = ["packet_rate", "rate_text", "unit_seconds"]

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_PRINTED = (("day", 86400), ("hour", 3600), ("min", 60), ("sec", 1))
_LEADING = re.compile(r"[ \t]*\+?(\d+)", re.ASCII)


def unit_seconds(text: str) -> int:
    """The seconds of the unit behind the slash; 1 if there is none. Raises RuleSyntaxError."""
    _, slash, unit = text.partition("/")
    if not slash:
        return 1
    for name, seconds in _UNITS.items():
        if unit and name.startswith(unit.lower()):
            return seconds
    raise RuleSyntaxError(f"{text!r} is no rate: write packets/second, /minute, /hour or /day", text)


def packet_rate(text: str, scale: int) -> int:
    """`5/min` as parts of 1/`scale` second that a packet takes up. Raises RuleSyntaxError."""
    found = _LEADING.match(text)
    seconds = unit_seconds(text)
    count = int(found.group(1)) if found else 0
    if not count:
        raise RuleSyntaxError(f"{text!r} is no rate: it begins with a number above 0", text)
    period = scale * seconds // count
    if not period:
        raise RuleSyntaxError(f"{text!r} is too fast a rate", text)
    return period


def rate_text(period: int, scale: int) -> str:
    """The rate in the unit in which iptables-save prints it."""
    chosen = _PRINTED[0]
    for name, seconds in _PRINTED[1:]:
        whole = seconds * scale
        if period > whole or whole // period < whole % period:
            break
        chosen = name, seconds
    return f"{chosen[1] * scale // period}/{chosen[0]}"
