"""Durations as Go writes them: `30s`, `1h30m`, `1.5h`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

from kproxysim.cluster.base import refused

__all__ = ["Duration", "parse_duration"]

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(?:0|(?:{_PART.pattern})+)\Z")
_LONGEST = 64
_LIMIT_SECONDS = 2**63 / 1e9
"""Go counts nanoseconds in 64 bits, about 292 years."""


def parse_duration(text: str) -> timedelta:
    """What Go's `time.ParseDuration` reads. Raises ValueError for anything else."""
    if len(text) > _LONGEST or not _WHOLE.match(text):
        raise ValueError(f"{text[:_LONGEST]!r} is not a duration such as 30s or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds >= _LIMIT_SECONDS:
        raise ValueError(f"{text!r} is longer than Go can count (about 292 years)")
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def _read(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise refused("duration", "a duration is text such as 30s or 1h30m")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise refused("duration", str(error)) from None


Duration = Annotated[timedelta, BeforeValidator(_read)]
"""A duration in Go's spelling (or a `timedelta`), kept as a `timedelta`."""
