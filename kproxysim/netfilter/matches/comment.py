"""`-m comment`:

matches everything. A comment holds at most 255 bytes (XT_MAX_COMMENT_LEN is 256 with its end).
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.condition import Condition, Extension, Given, Option, RuleSyntaxError, Surroundings
from kproxysim.netfilter.quoting import first_bytes, quote
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "CommentMatch"]


@dataclass(frozen=True, slots=True)
class CommentMatch:
    """A remark that goes with the rule."""

    field: ClassVar[str] = "comment"
    text: str

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        return Condition("comment", self.text, "", True)

    def save(self) -> str:
        return f"--comment {quote(self.text)}"


def _build(given: list[Given], family: Family) -> CommentMatch:
    if not given:
        raise RuleSyntaxError("-m comment needs --comment")
    return CommentMatch(first_bytes(given[0].value, _LIMIT))


_LIMIT = 255

EXTENSIONS = (
    Extension(
        "comment",
        _build,
        {"--comment": Option("comment")},
        note="asks nothing; cut at 255 bytes, as iptables does",
        source="net/netfilter/xt_comment.c",
    ),
)
