"""Words of a rule, as iptables-save writes them and iptables-restore reads them (iptables/xshared.c,
`add_param_to_argv`; libxtables/xtables.c, `xtables_save_string`).
"""

from __future__ import annotations

import re

from kproxysim.netfilter.condition import RuleSyntaxError

__all__ = ["Quoted", "first_bytes", "quote", "split_words"]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+\Z")
_SPECIAL = re.compile(r"([\"\\'])")
_WORD = re.compile(r'[ \t\n]*([^" \t\n]*(?:"(?:[^"\\]|\\.)*("?)|(?=[ \t\n]|\Z)))', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_WORD_LIMIT = 1023
"""Bytes in a word (`struct xt_param_buf`)."""


class Quoted(str):
    """A word that stood in double quotes, and does so again where a text is kept as it was written."""

    __slots__ = ()


def quote(word: str) -> str:
    """A word as iptables-save prints it:

    bare if it holds letters, digits, `-` and `_` only, else in double quotes.
    """
    if _PLAIN.match(word):
        return word
    return '"' + _SPECIAL.sub(r"\\\1", word) + '"'


def first_bytes(text: str, limit: int) -> str:
    """As many bytes of a text as its field holds; half a character at the end goes."""
    return text.encode(errors="surrogatepass")[:limit].decode(errors="ignore")


def split_words(text: str) -> list[str]:
    """The words of a line. Inside double quotes a backslash takes the next character as it is, and the
    closing quote ends the word.

    Raises RuleSyntaxError for a quote that is never closed, and for a word of more than 1023 bytes.
    """
    if '"' not in text:
        words = text.replace("\t", " ").split(" ")
        words = [word for word in words if word]
    else:
        words = _split_quoted(text)
    if len(text) > _WORD_LIMIT // 4:
        for word in words:
            if len(word.encode(errors="surrogatepass")) > _WORD_LIMIT:
                raise RuleSyntaxError(f"a word is longer than {_WORD_LIMIT} bytes", word)
    return words


def _split_quoted(text: str) -> list[str]:
    words: list[str] = []
    position = 0
    while (found := _WORD.match(text, position)) is not None and found.end() > position:
        position = found.end()
        word, closed = found.groups()
        if closed is None:
            if word:
                words.append(word)
            continue
        if not closed:
            raise RuleSyntaxError("a double quote is never closed")
        before, _, inside = word.partition('"')
        words.append(Quoted(before + _ESCAPE.sub(r"\1", inside[:-1])))
    return words
