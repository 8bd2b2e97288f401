"""What a code means, in words. Each room lists the codes it uses in a `codes` module of its own."""

from __future__ import annotations

from kproxysim.values import dataclass

__all__ = ["Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The page behind `kproxysim explain CODE`.

    `code` is `KPSnnn` for a finding about input and a few words with hyphens for a reason in a trace; `title`
    is one line; `text` is a paragraph or two that says what it is, why, and what to do; `example` shows it.
    """

    code: str
    title: str
    text: str
    example: str = ""
