"""The options of `-m hashlimit` and how iptables-save prints them. Source: extensions/libxt_hashlimit.c."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from kproxysim.netfilter.condition import Given, Option, RuleSyntaxError
from kproxysim.netfilter.matches.rates import packet_rate, rate_text, unit_seconds
from kproxysim.netfilter.numbers import parse_number, parse_prefix_length
from kproxysim.netfilter.quoting import first_bytes
from kproxysim.netfilter.script import Family

__all__ = ["OPTIONS", "hashlimit_text"]

_SCALE = 1000000
_BURST_LIMIT = 1000000
_MAX = 0xFFFFFFFF
_MODES = ("srcip", "srcport", "dstip", "dstport")
_BYTES = re.compile(r"[ \t]*\+?(\d+)([km]?)b/s", re.ASCII)
_BURST = re.compile(r"([ \t]*\+?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*))(.?)", re.ASCII)
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
    (given,) = rates
    above = (given.option == "above") is not given.negated
    rate = _byte_rate(given, values) if "b/s" in given.value else _packet_rate(given, values)
    words = ["--hashlimit-above" if above else "--hashlimit-upto", *rate.words]
    return " ".join(words + _table(rate, values, family) + _rate_match(rate, values))


class _Rate(NamedTuple):
    """A rate as it is printed, and what goes with it: the milliseconds after which an entry expires if
    nothing is said, those that iptables-save does not print, and the seconds of an interval.
    """

    words: list[str]
    expire: int
    unprinted_expire: int
    interval: int


def _packet_rate(rate: Given, values: Mapping[str, Given]) -> _Rate:
    period, seconds = packet_rate(rate.value, _SCALE), unit_seconds(rate.value)
    if "rate-match" in values:
        period //= seconds
        if not period:
            raise RuleSyntaxError(f"{rate.value!r} is too fast a rate for --hashlimit-rate-match", rate.value)
    burst = _burst(values["burst"].value, _BURST_LIMIT) if "burst" in values else 5
    text = rate_text(period, _SCALE)
    return _Rate([text, f"--hashlimit-burst {burst}"], seconds * 1000, unit_seconds(text) * 1000, seconds)


def _byte_rate(rate: Given, values: Mapping[str, Given]) -> _Rate:
    found = _BYTES.match(rate.value)
    size = int(found[1]) * _FACTOR[found[2]] if found else 0
    if size < 16:
        raise RuleSyntaxError(
            f"{rate.value!r} is no rate of 16 bytes per second or more: write it as 512kb/s", rate.value
        )
    cost = _to_cost(size)
    if cost < (1 if "rate-match" in values else 2):  # `user2credits_byte` makes nothing of 1
        raise RuleSyntaxError(f"{rate.value!r} is too high a rate", rate.value)
    kept = _to_bytes(cost)
    unit = next((name for name in ("m", "k") if _to_cost(kept & _MAX & -_FACTOR[name]) == cost), "")
    words = [f"{kept // _FACTOR[unit]}{unit}b/s"]
    if "burst" not in values:
        return _Rate(words, 15000, 15000, 1)
    word = values["burst"].value
    wanted = _burst(word, _MAX)
    if wanted < kept:
        raise RuleSyntaxError(f"burst {word!r} is smaller than the rate: write {kept}b or more", word)
    total = kept * -(-wanted // kept)
    unit = next(name for name in ("m", "k", "") if total >= _FACTOR[name])
    words.append(f"--hashlimit-burst {total // _FACTOR[unit]}{unit}b")
    return _Rate(words, 60000, 60000, 1)


def _burst(word: str, most: int) -> int:
    """A number, and perhaps a unit behind it; a bare number is at most a million (`parse_burst`)."""
    found = _BURST.match(word)
    number, unit = found.groups() if found else ("0", "")
    size = parse_number(number, word=word) * _FACTOR.get(unit, 1)
    limit = most if unit else _BURST_LIMIT
    if not 1 <= size <= limit:
        raise RuleSyntaxError(f"burst {word!r} is not between 1 and {limit}", word)
    return size


def _to_cost(size: int) -> int:
    return _MAX // ((size >> 4) + 1)


def _to_bytes(cost: int) -> int:
    return (_MAX // cost - 1) << 4


def _table(rate: _Rate, values: Mapping[str, Given], family: Family) -> list[str]:
    words = []
    if "mode" in values:
        modes = set(filter(None, re.split("[,|]", values["mode"].value)))
        if not modes <= set(_MODES):
            raise RuleSyntaxError(f"unknown mode in {values['mode'].value!r}", values["mode"].value)
        if modes:
            words.append(f"--hashlimit-mode {','.join(mode for mode in _MODES if mode in modes)}")
    name = first_bytes(values["name"].value, 254)
    if name in (".", "..") or "/" in name:
        raise RuleSyntaxError(f"{name!r} is no name for a file of /proc/net/ipt_hashlimit", name)
    words.append(f"--hashlimit-name {name}")
    for option, least, usual, unprinted in (
        ("htable-size", 0, 0, 0),
        ("htable-max", 0, 0, 0),
        ("htable-gcinterval", 1, 1000, 1000),
        ("htable-expire", 1, rate.expire, rate.unprinted_expire),
    ):
        value = parse_number(values[option].value, least) if option in values else usual
        if value != unprinted:
            words.append(f"--hashlimit-{option} {value}")
    for option in ("srcmask", "dstmask"):
        if option in values:
            length = parse_prefix_length(values[option].value, family)
            if length != (32 if family == "ipv4" else 128):
                words.append(f"--hashlimit-{option} {length}")
    return words


def _rate_match(rate: _Rate, values: Mapping[str, Given]) -> list[str]:
    interval = rate.interval
    if "rate-interval" in values:
        word = values["rate-interval"].value
        interval = int(word) if word.isascii() and word.isdigit() else 0  # in base 10, unlike the others
        if not 1 <= interval <= 0x7FFFFFFF:
            raise RuleSyntaxError(f"{word!r} is no number from 1 to {0x7FFFFFFF}", word)
    if "rate-match" not in values:
        return []
    return ["--hashlimit-rate-match", *([f"--hashlimit-rate-interval {interval}"] if interval != 1 else [])]
