"""Entries of connection tracking, as an expectation names them: patterns of what `conntrack -L` shows.

A pattern is some words of a line in their order, others between them left out: `udp dst=10.48.0.10
[UNREPLIED]`. A `*` in a word stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from kproxysim.netfilter.tcp_states import TRANSITIONS
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.scenario.forms import TEXT
from kproxysim.scenario.mistakes import mistake
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = ["ALL", "AT_LEAST_ONE", "Entries", "Wanted", "count"]

ALL = ""
"""The pattern that every entry fits."""

AT_LEAST_ONE = -1

_SCTP = "sctp_timeout_"

_WORDS = (
    *("tcp", "udp", "icmp", "icmpv6", "sctp", "gre", "unknown"),
    *sorted({state for row in TRANSITIONS for of in row.values() for state in of if state != "NONE"}),
    *(one.name.removeprefix(_SCTP).upper() for one in fields(Timeouts) if one.name.startswith(_SCTP)),
    *("[UNREPLIED]", "[ASSURED]"),
)
_KEYS = ("src", "dst", "sport", "dport", "type", "code", "id", "mark", "use")
"""What a line of `conntrack -L` is made of, numbers aside."""

_PAIR = re.compile(r"([a-z]+)=(\S+)\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many entries are to fit a pattern; `AT_LEAST_ONE` is what it says."""

    pattern: str
    number: int = AT_LEAST_ONE

    def holds(self, lines: Iterable[str]) -> bool:
        """Is it so in a table that is shown like this?"""
        found = count(self.pattern, lines)
        return found > 0 if self.number == AT_LEAST_ONE else found == self.number

    def __str__(self) -> str:
        what = f" like {self.pattern!r}" if self.pattern else ""
        if self.number == AT_LEAST_ONE:
            return f"an entry{what}"
        return f"{self.number or 'no'} {'entry' if self.number < 2 else 'entries'}{what}"


@dataclass(frozen=True, slots=True)
class Entries:
    """For `Annotated[Mapping[str, Any], Entries()]`: nodes, and what their tables hold, as `Wanted`.

    A node has a number (of all its entries), a pattern, a list of patterns (of each there is an entry), or
    patterns with numbers.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        number = {"type": "integer", "minimum": 0}
        table = {
            "anyOf": [
                number,
                TEXT,
                {"type": "array", "items": TEXT, "minItems": 1},
                {"type": "object", "additionalProperties": number, "minProperties": 1},
            ]
        }
        return {"type": "object", "additionalProperties": table, "minProperties": 1}


def count(pattern: str, lines: Iterable[str]) -> int:
    """How many of these lines fit it."""
    words = pattern.split()
    return sum(_fits(words, line.split()) for line in lines)


def _fits(words: Iterable[str], line: Iterable[str]) -> bool:
    rest = iter(line)
    return all(any(_is(word, one) for one in rest) for word in words)


def _is(pattern: str, word: str) -> bool:
    return pattern == word or ("*" in pattern and fnmatchcase(word, pattern.replace("[", "[[]")))


def _read(value: Any) -> dict[str, tuple[Wanted, ...]]:
    if not isinstance(value, dict) or not value:
        raise mistake("KPS616", "this names no node", "write {node-a: 0} or {node-a: udp [UNREPLIED]}")
    return {node: tuple(_table(node, wanted)) for node, wanted in value.items()}


def _table(node: str, value: Any) -> Iterator[Wanted]:
    if _is_number(value):
        yield Wanted(ALL, value)
    elif isinstance(value, str):
        yield Wanted(_pattern(value))
    elif isinstance(value, list) and value:
        for one in value:
            yield Wanted(_pattern(one))
    elif isinstance(value, Mapping) and value:
        for one, number in value.items():
            if not _is_number(number):
                raise mistake("KPS616", f"{number!r} is no number of entries", f"write {{{one}: 1}}")
            yield Wanted(_pattern(one), number)
    else:
        hint = "write a number, a pattern, a list of patterns, or {PATTERN: NUMBER}"
        raise mistake("KPS616", f"this says nothing about the entries of {node}", hint)


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


def _pattern(text: Any) -> str:
    """A pattern of words that can stand in a line. A slip would fit nothing: none of these, and it holds."""
    words = text.split() if isinstance(text, str) else []
    if not words:
        raise mistake("KPS616", f"{text!r} is no pattern of an entry", "write for example udp [UNREPLIED]")
    for word in words:
        pair = _PAIR.match(word)
        if pair is not None and pair[1] not in _KEYS:
            hint = did_you_mean(pair[1], _KEYS) or f"write {', '.join(f'{key}=' for key in _KEYS)}"
            raise mistake("KPS616", f"no entry shows {pair[1]}=", hint)
        if pair is None and not word.isdecimal() and "*" not in word and word not in _WORDS:
            hint = (
                did_you_mean(word, _WORDS) or "write what conntrack -L prints: tcp, ESTABLISHED, [UNREPLIED]"
            )
            raise mistake("KPS616", f"no entry shows {word!r}", hint)
    return " ".join(words)
