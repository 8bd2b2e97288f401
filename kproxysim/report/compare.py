"""Two packets side by side: where their ways part, where they meet, and what follows from that.

The ways are aligned stage by stage, chains by role (`stages`). Everything said about the two is in a
`Comparison`, as data; `compare_text` prints it.
"""

from __future__ import annotations

from typing import Any

from kproxysim.network.trace import FORMAT_VERSION, Branch, Trace
from kproxysim.report.align import Pair, align, meeting, parting
from kproxysim.report.compare_words import Finding, Side, findings
from kproxysim.report.stages import stages_of
from kproxysim.values import dataclass

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two packets' ways. `pairs` hold every stage of both, in order; `findings` are the sentences made from
    them.
    """

    left: Side
    right: Side
    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...]

    @property
    def parts_at(self) -> int | None:
        """The index of the first pair that differs, None if none does."""
        return parting(self.pairs)

    @property
    def meets_at(self) -> int | None:
        """The index of the pair from which on all are the same again, None if the ways never part or never
        meet.
        """
        return meeting(self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "left": self.left.to_dict(),
            "right": self.right.to_dict(),
            "parts_at": self.parts_at,
            "meets_at": self.meets_at,
            "pairs": [pair.to_dict() for pair in self.pairs],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def compare(left: Trace, right: Trace, names: tuple[str, str] = ("left", "right")) -> Comparison:
    """Hold two traces against each other.

    Of each trace one branch is followed: the first two that reach the same endpoint, or else the first of
    each.
    """
    first, second = _branches(left, right)
    sides = Side(names[0], left, first), Side(names[1], right, second)
    pairs = align(stages_of(first), stages_of(second))
    return Comparison(*sides, pairs, findings(*sides, pairs))


def _branches(left: Trace, right: Trace) -> tuple[Branch, Branch]:
    for one in left.branches:
        for other in right.branches:
            if one.delivered_to is not None and other.delivered_to is not None:
                ends = [(reached.ip, reached.port) for reached in (one.delivered_to, other.delivered_to)]
                if ends[0] == ends[1]:
                    return one, other
    return left.branches[0], right.branches[0]
