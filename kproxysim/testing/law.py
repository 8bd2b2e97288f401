"""Law: a sentence about Service routing that can be checked. Violation: where one does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kproxysim.testing.call import Situation
from kproxysim.testing.program import program as program_of
from kproxysim.testing.timeline import Timeline

__all__ = ["Broken", "Examined", "Law", "LawBroken", "TimeLaw", "Violation"]


@dataclass(frozen=True, slots=True)
class Broken:
    """One place where a law does not hold: `why`, and what a scenario would expect there."""

    why: str
    expect: dict[str, Any] = field(default_factory=dict)


Examined = Iterator[Broken | None]
"""What examining a situation gives: for each place where a law says something, None if it holds there."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that does not hold in a situation, or after the last event of a time line, and why."""

    law: Law | TimeLaw
    situation: Situation | Timeline
    why: str
    expect: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.told()

    def told(self, *, where: bool = True, program: bool = True) -> str:
        """What is broken and why; where, and the program that shows it."""
        lines = [f"law broken: {self.law.name}", f"  {self.law.statement}", f"  source: {self.law.source}"]
        lines += self._where if where else []
        lines.append(f"because {self.why}")
        if program:
            lines += ["", "to see it again:", "", program_of(self.situation)]
        return "\n".join(lines)

    @property
    def _where(self) -> list[str]:
        """What had happened, the call with the packet that it is, and what becomes of it."""
        subject = self.situation
        timeline = subject if isinstance(subject, Timeline) else subject.timeline
        lines = [timeline.account] if timeline is not None else []
        if isinstance(subject, Situation):
            lines.append(f"{subject.call}: {subject.packet}")
            lines += [
                f"  {branch.probability} {branch.disposition} ({branch.reason}): {branch.packet}"
                for branch in subject.trace
            ]
        return lines


class LawBroken(AssertionError):  # noqa: N818 - it says what happened to a law, not that something erred
    """Raised by `check_laws`. `violations` are all that were found; where several are of one situation, it is
    told with the first, and its program stands behind the last.
    """

    def __init__(self, violations: Iterable[Violation], record: str = "") -> None:
        self.violations = tuple(violations)
        of = [None, *(one.situation for one in self.violations), None]
        told = [
            one.told(where=one.situation is not before, program=one.situation is not after)
            for before, one, after in zip(of, self.violations, of[2:], strict=False)
        ]
        super().__init__("\n\n".join([*told, *([record] if record else [])]))


@dataclass(frozen=True, slots=True)
class Law:
    """A law of Service routing.

    `name` is for messages and for choosing laws, `statement` the law in a sentence, `source` where it is
    written down, `condition` when it holds ("" for always): where kube-proxy itself breaks it, that is said
    here, and `scenario` names a file in scenarios/ that shows it. A law that `compares` looks at another
    cluster as well, for which rules must be made: where they were given by hand, it says nothing; nor where
    something has happened to the world before. `clusters`
    and `calls` narrow the strategies of those names to where the law has most to say.
    """

    name: str
    statement: str
    source: str
    examine: Callable[[Situation], Examined] = field(repr=False)
    condition: str = ""
    scenario: str = ""
    compares: bool = False
    clusters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    calls: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def check(self, situation: Situation) -> Violation | None:
        """The first place where the law does not hold, None if it holds everywhere or says nothing here."""
        for found in self._examined(situation):
            if found is not None:
                return Violation(self, situation, found.why, found.expect)
        return None

    def applies(self, situation: Situation) -> bool:
        """Does the law say anything about this situation?"""
        return any(True for _ in self._examined(situation))

    def _examined(self, situation: Situation) -> Examined:
        if situation.endless:
            return iter(())
        if self.compares and (situation.timeline is not None or _has_own_rules(situation)):
            return iter(())
        return iter(situation.known(("examined", self.name), lambda: tuple(self.examine(situation))))


def _has_own_rules(situation: Situation) -> bool:
    """Rules that nobody can make for another cluster."""
    return situation.rules is None and bool(situation.world.given_rules)


@dataclass(frozen=True, slots=True)
class TimeLaw:
    """A law about what happens one after the other: it is held against the last thing that happened in a time
    line. The fields are those of `Law`; `timelines` narrows the strategy of that name.
    """

    name: str
    statement: str
    source: str
    examine: Callable[[Timeline], Examined] = field(repr=False)
    condition: str = ""
    scenario: str = ""
    clusters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timelines: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def check(self, timeline: Timeline) -> Violation | None:
        """The first place where the law does not hold, None if it does or says nothing here."""
        for found in self._examined(timeline):
            if found is not None:
                return Violation(self, timeline, found.why, found.expect)
        return None

    def applies(self, timeline: Timeline) -> bool:
        """Does the law say anything about the last thing that happened?"""
        return any(True for _ in self._examined(timeline))

    def _examined(self, timeline: Timeline) -> Examined:
        return self.examine(timeline) if timeline.moments else iter(())
