"""Shares: how an outcome is spread, in exact fractions. A bare word is all of it, a list equal shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from kproxysim.cluster.addresses import parse_ip
from kproxysim.scenario.mistakes import mistake
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = ["NOBODY", "Shares", "shares_text"]

NOBODY = "nobody"
"""Who takes a packet that arrives nowhere."""

_FRACTION = re.compile(r"([0-9]{1,9})/([0-9]{1,9})\Z")


@dataclass(frozen=True, slots=True)
class Shares:
    """For `Annotated[dict[str, Fraction], Shares(...)]`: names with shares that add up to exactly 1.

    `words` are the names that may stand there, any name if empty; with `addresses` an IP address may as well.
    `hint` is the help for a word that looks like none of them, where there are too many to be listed.
    """

    words: tuple[str, ...] = ()
    addresses: bool = False
    hint: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        name: dict[str, Any] = {"type": "string", "minLength": 1}
        if self.words and not self.addresses:
            name = {"enum": list(self.words)}
        elif self.words:
            name = {"anyOf": [{"enum": list(self.words)}, {"type": "string", "pattern": "[.:]"}]}
        share = {"anyOf": [{"type": "string", "pattern": "^[0-9]{1,9}/[1-9][0-9]{0,8}$"}, {"const": 1}]}
        return {
            "anyOf": [
                name,
                {"type": "array", "items": name, "minItems": 1, "uniqueItems": True},
                {"type": "object", "propertyNames": name, "additionalProperties": share, "minProperties": 1},
            ]
        }

    def read(self, value: Any) -> dict[str, Fraction]:
        """Names with shares from what stands in the file."""
        shares = _spread(value, "" if self.words else f"what arrives nowhere is the share of `{NOBODY}`")
        for name in shares:
            self._check(name)
        return shares

    def _check(self, name: str) -> None:
        if not self.words or name in self.words or (self.addresses and _is_address(name)):
            return
        choices = ", ".join(self.words) + (" or an address" if self.addresses else "")
        raise mistake(
            "KPS604",
            f"{name!r} is none of the words for this",
            did_you_mean(name, self.words) or self.hint or f"write {choices}",
        )


def _is_address(text: str) -> bool:
    try:
        parse_ip(text)
    except ValueError:
        return False
    return True


def _spread(value: Any, rest: str) -> dict[str, Fraction]:
    """`rest` is the help for shares that leave something over."""
    if isinstance(value, str) and value:
        return {value: Fraction(1)}
    if isinstance(value, list) and value and all(isinstance(name, str) and name for name in value):
        twice = next((name for name in value if value.count(name) > 1), None)
        if twice is not None:
            raise mistake(
                "KPS604", f"{twice!r} stands twice in this list", "for unequal shares write {NAME: 2/3}"
            )
        return {name: Fraction(1, len(value)) for name in value}
    if isinstance(value, dict) and value and all(value):
        shares = {name: _fraction(name, share) for name, share in value.items()}
        total = sum(shares.values())
        if total != 1:
            raise mistake("KPS604", f"these shares add up to {total}, not to 1", rest if total < 1 else "")
        return shares
    raise mistake(
        "KPS604",
        "this is no name, no list of names, and no names with shares",
        "write NAME, [NAME, NAME] or {NAME: 1/3, NAME: 2/3}",
    )


def _fraction(name: str, value: object) -> Fraction:
    match = _FRACTION.match(value) if isinstance(value, str) else None
    if match and int(match[2]):
        fraction = Fraction(int(match[1]), int(match[2]))
    elif type(value) is int and value == 1:
        fraction = Fraction(1)
    else:
        raise mistake(
            "KPS604", f"the share of {name} is no exact fraction", "write it as 1/3; 1 is all of it"
        )
    if not 0 < fraction <= 1:
        raise mistake("KPS604", f"the share of {name} is {fraction}", "a share is more than 0 and at most 1")
    return fraction


def shares_text(shares: Mapping[str, Fraction]) -> str:
    """`1/2 default/echo-1, 1/2 default/echo-2`; a name that has all of it stands alone."""
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{share} {name}" for name, share in shares.items())
