"""Files that teach: traces of scenarios in an order, words between them, guesses before the answers."""

from __future__ import annotations

from kproxysim.lesson.lesson import Asked, Compared, Lesson, Part, Ruled, Said, Shown
from kproxysim.lesson.shelf import lesson_names

__all__ = ["Asked", "Compared", "Lesson", "Part", "Ruled", "Said", "Shown", "lesson_names"]
