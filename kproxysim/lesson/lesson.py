"""A lesson, read and checked: every packet that it shows is there, and traced when somebody looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from kproxysim.cluster.findings import Finding, Subject
from kproxysim.cluster.located import read_documents
from kproxysim.errors import InputError
from kproxysim.lesson.mistakes import lesson_mistakes
from kproxysim.lesson.model import Detail, LessonFile, Proof, Step
from kproxysim.lesson.shelf import lesson_path, scenario_path
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Trace
from kproxysim.scenario import Moment, Scenario
from kproxysim.scenario.mistakes import known_names, located
from kproxysim.spelling import did_you_mean
from kproxysim.values import dataclass

__all__ = ["Asked", "Compared", "Lesson", "Part", "Played", "Ruled", "Said", "Shown", "marked"]


@dataclass(frozen=True, slots=True)
class Said:
    """Words. `blocks` are paragraphs, each a line of text with marks (`marked`), and blocks that are kept as
    they are (True).
    """

    blocks: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A packet of a scenario, traced, in some detail: at the start, or after the step `at` of its time line;
    `own` if it is the packet of that step.
    """

    scenario: Scenario
    packet: str
    trace: Trace
    detail: Detail
    pick: str | None = None
    reply: bool = False
    at: str | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """Two packets of a scenario, both traced."""

    scenario: Scenario
    packets: tuple[str, str]
    traces: tuple[Trace, Trace]


@dataclass(frozen=True, slots=True)
class Ruled:
    """Rules of a node, after a step if one is named: of table nat, the chains whose names begin so."""

    scenario: Scenario
    node: str
    ruleset: Ruleset
    chains: tuple[str, ...] = ()
    at: str | None = None

    def lines(self) -> Iterator[str]:
        """The rules as kube-proxy writes them, chain after chain."""
        table = self.ruleset.table("nat")
        for chain in table:
            if not self.chains or chain.name.startswith(self.chains):
                yield from map(str, chain.rules)


@dataclass(frozen=True, slots=True)
class Played:
    """Steps of a scenario's time line."""

    scenario: Scenario
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. `answer` counts the choices from 0; `proof` is shown after the guess."""

    question: Said
    choices: tuple[str, ...]
    answer: int
    because: Said
    proof: Shown | Compared | None = None


Part = Said | Shown | Compared | Ruled | Played | Asked


@dataclass(slots=True, eq=False)
class _Shelf:
    """Scenarios by the names that a lesson has for them, each read once."""

    lesson: Path
    read: dict[str, Scenario] = field(default_factory=dict)

    def scenario(self, name: str) -> Scenario:
        known = self.read.get(name)
        if known is None:
            known = self.read[name] = Scenario.load(scenario_path(name, self.lesson))
        return known


class Lesson:
    """A lesson file, read and checked. `name`, `title` and `about` are its own words, `path` its file."""

    def __init__(self, path: Path, file: LessonFile, shelf: _Shelf) -> None:
        self.path = path
        self.name = path.stem
        self.title = file.title
        self.about = file.about
        self._file = file
        self._shelf = shelf

    @classmethod
    def load(cls, name: str | Path) -> Lesson:
        """Read a lesson: one that comes with the package by its name, or a file.

        Raises InputError with everything that is wrong with it, each with file, line and column.
        """
        path = lesson_path(str(name))
        documents = read_documents(str(path))
        document = documents[0]
        try:
            file = LessonFile.model_validate(document.value)
        except ValidationError as error:
            raise InputError(located(Subject(document), lesson_mistakes(error, document.value))) from None
        shelf = _Shelf(path)
        findings = list(_names(file, shelf))
        if findings:
            raise InputError(located(Subject(document), findings))
        return cls(path, file, shelf)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What is said, shown and asked, in order."""
        return tuple(self._part(step) for step in self._file.steps)

    def _part(self, step: Step) -> Part:
        name = step.scenario or self._file.scenario
        if step.say is not None:
            return Said(_blocks(step.say))
        if step.ask is not None:
            assert step.answer is not None
            proof = None if step.proof is None else self._proof(step.proof)
            question = Said(_blocks(step.ask))
            return Asked(question, step.choices, step.answer - 1, Said(_blocks(step.because)), proof)
        if step.compare is not None:
            return self._compared(name, step.compare)
        scenario = self._shelf.scenario(name)
        if step.play is not None:
            first, last = map(scenario.step_number, step.play)
            return Played(scenario, tuple(scenario.timeline())[first - 1 : last])
        if step.rules is not None:
            world = scenario.world()
            if step.at is not None:
                world = scenario.timeline().moment(scenario.step_number(step.at)).ways[0].world
            return Ruled(scenario, step.rules, world.ruleset(step.rules), step.chains, step.at)
        assert step.show is not None
        return _shown(scenario, step.show, step.detail, step.pick, step.at, reply=step.reply)

    def _proof(self, proof: Proof) -> Shown | Compared:
        name = proof.scenario or self._file.scenario
        if proof.compare is not None:
            return self._compared(name, proof.compare)
        assert proof.show is not None
        scenario = self._shelf.scenario(name)
        return _shown(scenario, proof.show, proof.detail, proof.pick, proof.at, reply=proof.reply)

    def _compared(self, name: str, packets: tuple[str, str]) -> Compared:
        scenario = self._shelf.scenario(name)
        return Compared(scenario, packets, (scenario.trace(packets[0]), scenario.trace(packets[1])))


def _shown(
    scenario: Scenario, packet: str, detail: Detail, pick: str | None, at: str | None, *, reply: bool = False
) -> Shown:
    if at is None:
        return Shown(scenario, packet, scenario.trace(packet, pick=pick), detail, pick, reply)
    moment = scenario.timeline().moment(scenario.step_number(at))
    if moment.trace is not None and moment.packet == packet and pick is None:
        return Shown(scenario, packet, moment.trace, detail, reply=reply, at=at, own=True)
    return Shown(scenario, packet, scenario.trace(packet, pick=pick, at=at), detail, pick, reply, at)


def _names(file: LessonFile, shelf: _Shelf) -> Iterator[Finding]:
    """Names of scenarios, packets and nodes that are nowhere, with their places in the file."""
    wanted: list[tuple[str | None, tuple[int | str, ...], Step | Proof]] = []
    for number, step in enumerate(file.steps):
        if step.verb in ("show", "rules", "compare", "play"):
            wanted.append((step.scenario, ("steps", number), step))
        if step.proof is not None:
            wanted.append((step.proof.scenario, ("steps", number, "proof"), step.proof))
    for name, path, form in wanted:
        place = (*path, "scenario") if name else ("scenario",)
        called = name or file.scenario
        if not scenario_path(called, shelf.lesson).is_file():
            yield Finding("KPS903", f"there is no scenario {called!r}", place, called)
            continue
        scenario = shelf.scenario(called)
        packets = [form.show] if form.show is not None else list(form.compare or ())
        for one in packets:
            if one not in scenario.packets:
                verb = "show" if form.show is not None else "compare"
                yield _unknown("packet", one, scenario.packets, (*path, verb))
        yield from _moments(form, scenario, path)
        if isinstance(form, Step) and form.rules is not None:
            nodes = [node.name for node in scenario.cluster.nodes]
            if form.rules not in nodes:
                yield _unknown("node", form.rules, nodes, (*path, "rules"))


def _moments(form: Step | Proof, scenario: Scenario, path: tuple[int | str, ...]) -> Iterator[Finding]:
    """Steps of the time line that there are not."""
    named: list[tuple[str, tuple[int | str, ...]]] = [] if form.at is None else [(form.at, (*path, "at"))]
    if isinstance(form, Step):
        named += [(one, (*path, "play", place)) for place, one in enumerate(form.play or ())]
    for name, place in named:
        try:
            scenario.step_number(name)
        except InputError:
            known = [one or str(number) for number, one in enumerate(scenario.step_names, 1)]
            yield _unknown("step", name, known, place)


def _unknown(what: str, name: str, known: Iterable[str], path: tuple[int | str, ...]) -> Finding:
    names = list(known)
    message = f"the scenario has no {what} {name!r}"
    return Finding("KPS903", message, path, name, did_you_mean(name, names), known_names(f"{what}s", names))


def _blocks(text: str) -> tuple[tuple[str, bool], ...]:
    """Paragraphs, and between them the lines that begin with four blanks."""
    blocks: list[tuple[str, bool]] = []
    for chunk in text.strip("\n").split("\n\n"):
        lines = chunk.strip("\n").split("\n")
        if all(line.startswith("    ") for line in lines):
            blocks.append(("\n".join(line[4:] for line in lines), True))
        elif chunk.strip():
            blocks.append((" ".join(line.strip() for line in lines), False))
    return tuple(blocks)


_MARK = re.compile(r"`([^`]+)`")


def marked(text: str) -> tuple[tuple[str, bool], ...]:
    """A line of words in pieces: those between backticks are code (True)."""
    pieces = ((piece, number % 2 == 1) for number, piece in enumerate(_MARK.split(text)))
    return tuple(one for one in pieces if one[0])
