"""The commands that a line of restore text may begin with.

Source: iptables(8), iptables/xshared.c (`do_parse`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.numbers import parse_number

__all__ = ["Command", "read_command"]

_LETTERS = {
    "--append": "A",
    "--check": "C",
    "--delete": "D",
    "--rename-chain": "E",
    "--flush": "F",
    "--insert": "I",
    "--list": "L",
    "--new-chain": "N",
    "--policy": "P",
    "--replace": "R",
    "--list-rules": "S",
    "--delete-chain": "X",
    "--zero": "Z",
}
_NEEDS_CHAIN = "ACDEINPR"
_TAKES_NUMBER = "DILRSZ"
_TAKES_RULE = "ACDIR"
_TAKES_WORD = "EP"
_BLANKS = re.compile(r"[ \t]+")


class Command(NamedTuple):
    """One line: the command's letter, its chain ("" for all chains), the number of a rule, and what follows.

    `rest` is the text of a rule; of -P the policy, of -E the new name.
    """

    letter: str
    chain: str = ""
    number: int | None = None
    rest: str = ""


def read_command(line: str) -> Command | None:
    """The command of a line, None if the line begins with none.

    Raises RuleSyntaxError for one that is not whole.
    """
    word, text = _first(line)
    letter = _LETTERS.get(word, "")
    if not letter and word[:1] == "-" and word[1:2] in _LETTERS.values():
        letter, text = word[1], f"{word[2:]} {text}".strip(" ")
    if not letter:
        return None
    chain, rest = _first(text)
    if not chain or chain[0] == "-":
        if letter in _NEEDS_CHAIN:
            raise RuleSyntaxError(f"{word} needs a chain", word)
        chain, rest = "", text
    number = None
    following, behind = _first(rest)
    if letter in _TAKES_NUMBER and chain and following and following[0] not in "-!":
        number, rest = parse_number(following, 1), behind
    if letter == "R" and number is None:
        raise RuleSyntaxError(f"{word} needs the number of a rule", word)
    _check_rest(letter, word, number, rest)
    return Command(letter, chain, number, rest)


def _check_rest(letter: str, word: str, number: int | None, rest: str) -> None:
    """Is there what the command needs, and no more?"""
    following, behind = _first(rest)
    if letter in _TAKES_WORD:
        if not following:
            raise RuleSyntaxError(f"{word} needs {'a policy' if letter == 'P' else 'another name'}", word)
        if behind:
            raise RuleSyntaxError(f"{behind!r} is too much for {word}", behind)
    elif rest and (letter not in _TAKES_RULE or (letter == "D" and number is not None)):
        raise RuleSyntaxError(f"{rest!r} is too much for {word}", rest)


def _first(text: str) -> tuple[str, str]:
    word, *rest = _BLANKS.split(text.strip(" \t"), 1)
    return word, rest[0] if rest else ""
