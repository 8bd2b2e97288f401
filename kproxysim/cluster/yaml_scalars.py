"""What a plain YAML scalar means to Kubernetes.

kubectl reads YAML with sigs.k8s.io/yaml, which resolves scalars as go-yaml v2 does (goyaml.v2/resolve.go) and
passes them on as JSON: YAML 1.1's booleans, octal by a leading 0, no sexagesimal numbers, timestamps stay
text.
"""

from __future__ import annotations

import math
import re
from typing import Final

__all__ = ["MERGE", "Scalar", "plain_scalar", "tagged_scalar"]

Scalar = str | int | float | bool | None


MERGE: Final = "<<"
"""A plain scalar of this text, as a key, merges other mappings into its own."""

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_INT = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))\Z"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_SHOWN = 40
_LONGEST_NUMBER = 400
"""Longer than any float is written; a megabyte of digits is text to us."""

_EXPONENT_LIMIT = 1e21
"""From here on Go writes a float with an exponent into JSON, and it is no integer any more."""


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS and len(text) <= _LONGEST_NUMBER:
        return _number(text)
    return text


def tagged_scalar(tag: str, text: str) -> Scalar:
    """The value of a scalar with one of YAML's own tags (`!!int 8`). Raises ValueError if it does not fit the
    tag.
    """
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind in ("str", "timestamp", "!"):
        return text
    value = plain_scalar(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return value
    fits = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(kind)
    if fits is None or type(value) is not fits:
        shown = f"!!{kind}" if kind != tag else tag
        raise ValueError(f"{text[:_SHOWN]!r} can't be read as {shown}")
    return value


def _number(text: str) -> Scalar:
    plain = text.replace("_", "") if text[0] != "." else text
    match = _INT.match(plain)
    if match:
        kind = match.lastgroup or "dec"
        number = int(match[kind], _BASES[kind])
        return -number if match["sign"] == "-" else number
    if _FLOAT.match(plain):
        value = float(plain)
        if math.isinf(value):
            return text
        # On its way through JSON a whole float becomes an integer: `port: 8e1` is port 80.
        return int(value) if value.is_integer() and abs(value) < _EXPONENT_LIMIT else value
    return text
