"""The options of `-m hashlimit` and how iptables-save prints them. Source: extensions/libxt_hashlimit.c."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kproxysim.netfilter.condition import Given, Option, RuleSyntaxError
from kproxysim.netfilter.matches.rates import packet_rate, rate_text, unit_seconds
from kproxysim.netfilter.numbers import parse_mask, parse_number
from kproxysim.netfilter.script import Family

__all__ = ["OPTIONS", "hashlimit_text"]

_SCALE = 1000000
_BURST_LIMIT = 1000000
_MAX = 0xFFFFFFFF
_MODES = ("srcip", "srcport", "dstip", "dstport")
_BYTES = re.compile(r"(\d+)([km]?)b/s", re.ASCII)
_BURST = re.compile(r"(\d+)([km]?)", re.ASCII)
_FACTOR = {"": 1, "k": 1024, "m": 1024 * 1024}

OPTIONS: dict[str, Option] = {
    "--hashlimit-upto": Option("upto", 1, True),
    "--hashlimit": Option("upto", 1, True),
    "--hashlimit-above": Option("above", 1, True),
    **{
        f"--hashlimit-{name}": Option(name)
        for name in (
            "srcmask", "dstmask", "burst", "htable-size", "htable-max", "htable-gcinterval", "htable-expire",
            "mode", "name", "rate-interval",
        )
    },
    "--hashlimit-rate-match": Option("rate-match", 0),
}  # fmt: skip


def hashlimit_text(values: Mapping[str, Given], family: Family) -> str:
    """The match as iptables-save prints it. Raises RuleSyntaxError for what it would refuse."""
    rates = [values[name] for name in ("upto", "above") if name in values]
    if len(rates) != 1:
        raise RuleSyntaxError("-m hashlimit takes exactly one of --hashlimit-upto and --hashlimit-above")
    if "name" not in values or not values["name"].value:
        raise RuleSyntaxError("-m hashlimit needs --hashlimit-name")
    rate = rates[0]
    above = (rate.option == "above") is not rate.negated
    words = ["--hashlimit-above" if above else "--hashlimit-upto"]
    words += _byte_rate(rate, values) if "b/s" in rate.value else _packet_rate(rate, values)
    return " ".join(words + _table(rate, values, family))


def _packet_rate(rate: Given, values: Mapping[str, Given]) -> list[str]:
    period = packet_rate(rate.value, _SCALE, 64)
    if "rate-match" in values:
        period = max(1, period // unit_seconds(rate.value))
    burst = 5
    if "burst" in values:
        size, word = _BURST.match(values["burst"].value), values["burst"].value
        burst = int(size.group(1)) * _FACTOR[size.group(2)] if size else 0
        if not 1 <= burst <= _BURST_LIMIT:
            raise RuleSyntaxError(f"burst {word!r} is not between 1 and {_BURST_LIMIT}", word)
    return [rate_text(period, _SCALE), f"--hashlimit-burst {burst}"]


def _byte_rate(rate: Given, values: Mapping[str, Given]) -> list[str]:
    found = _BYTES.match(rate.value)
    if not found or not int(found.group(1)):
        raise RuleSyntaxError(f"{rate.value!r} is no rate of bytes", rate.value)
    cost = _to_cost(int(found.group(1)) * _FACTOR[found.group(2)])
    if not cost:
        raise RuleSyntaxError(f"{rate.value!r} is too high a rate", rate.value)
    kept = _to_bytes(cost)
    unit = next(
        (
            name
            for name in ("m", "k")
            if kept >= _FACTOR[name] and _to_cost(kept & ~(_FACTOR[name] - 1)) == cost
        ),
        "",
    )
    words = [f"{kept // _FACTOR[unit]}{unit}b/s"]
    if "burst" in values:
        size = _BURST.match(values["burst"].value)
        wanted = int(size.group(1)) * _FACTOR[size.group(2)] if size else 0
        if wanted < max(kept, 1):
            raise RuleSyntaxError(
                f"burst {values['burst'].value!r} is smaller than the rate", values["burst"].value
            )
        total = kept * -(-wanted // kept) if kept else 0
        unit = next((name for name in ("m", "k") if total >= _FACTOR[name]), "")
        words.append(f"--hashlimit-burst {total // _FACTOR[unit]}{unit}b")
    return words


def _to_cost(size: int) -> int:
    return int(_MAX // (((size >> 4) & _MAX) + 1))


def _to_bytes(cost: int) -> int:
    return (_MAX // cost - 1) << 4


def _table(rate: Given, values: Mapping[str, Given], family: Family) -> list[str]:
    words = []
    if "mode" in values:
        modes = set(filter(None, re.split("[,|]", values["mode"].value)))
        if not modes <= set(_MODES):
            raise RuleSyntaxError(f"unknown mode in {values['mode'].value!r}", values["mode"].value)
        if modes:
            words.append(f"--hashlimit-mode {','.join(mode for mode in _MODES if mode in modes)}")
    words.append(f"--hashlimit-name {values['name'].value[:255]}")
    of_bytes = "b/s" in rate.value
    usual_expire = (60000 if "burst" in values else 15000) if of_bytes else _printed_seconds(rate) * 1000
    own_expire = usual_expire if of_bytes else unit_seconds(rate.value) * 1000
    usual = {"htable-size": 0, "htable-max": 0, "htable-gcinterval": 1000, "htable-expire": usual_expire}
    for name, common in usual.items():
        value = own_expire if name == "htable-expire" else common
        if name in values:
            value = parse_number(values[name].value, 1 if common else 0)
        if value != common:
            words.append(f"--hashlimit-{name} {value}")
    width = 32 if family == "ipv4" else 128
    for name in ("srcmask", "dstmask"):
        if name in values:
            length = parse_mask(values[name].value, family).bit_count()
            if length != width:
                words.append(f"--hashlimit-{name} {length}")
    return words + _rate_match(rate, values)


def _rate_match(rate: Given, values: Mapping[str, Given]) -> list[str]:
    interval = 0
    if "rate-interval" in values:
        interval = parse_number(values["rate-interval"].value, 1, 0x7FFFFFFF)
    if "rate-match" not in values:
        return []
    interval = interval or (1 if "b/s" in rate.value else unit_seconds(rate.value))
    return ["--hashlimit-rate-match", *([f"--hashlimit-rate-interval {interval}"] if interval != 1 else [])]


def _printed_seconds(rate: Given) -> int:
    unit = rate_text(packet_rate(rate.value, _SCALE, 64), _SCALE).partition("/")[2]
    return {"day": 86400, "hour": 3600, "min": 60, "sec": 1}[unit]
