"""Words of a rule, as iptables-save writes them and iptables-restore reads them (xshared.c,
`add_param_to_argv`, `xtables_save_string`).
"""

from __future__ import annotations

import re

from kproxysim.netfilter.condition import RuleSyntaxError

__all__ = ["quote", "split_words"]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+\Z")
_SPECIAL = re.compile(r"([\"\\'])")


def quote(word: str) -> str:
    """A word as iptables-save prints it:

    bare if it holds letters, digits, `-` and `_` only, else in double quotes.
    """
    if _PLAIN.match(word):
        return word
    return '"' + _SPECIAL.sub(r"\\\1", word) + '"'


def split_words(text: str) -> list[str]:
    """The words of a line. Inside double quotes a backslash takes the next character as it is.

    Raises RuleSyntaxError for a quote that is never closed.
    """
    if '"' not in text:
        return text.split()
    words: list[str] = []
    current: list[str] = []
    quoted = escaped = started = False
    for character in text:
        if quoted:
            if escaped:
                current.append(character)
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
            else:
                current.append(character)
        elif character == '"':
            quoted = started = True
        elif character in " \t\n":
            if started or current:
                words.append("".join(current))
                current = []
                started = False
        else:
            current.append(character)
    if quoted:
        raise RuleSyntaxError("a double quote is never closed")
    if started or current:
        words.append("".join(current))
    return words
