"""The shape of a lesson file. Whether the scenarios and packets in it exist is checked in `lesson`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from kproxysim.cluster.base import Flag, KubernetesModel
from kproxysim.scenario.mistakes import mistake

__all__ = ["VERBS", "Detail", "LessonFile", "Proof", "Step"]

VERBS = ("say", "show", "rules", "compare", "play", "ask")
"""What a step of a lesson does; each has one."""

Detail = Literal["full", "summary", "ending"]

_BELONGS = {
    "detail": ("show",),
    "pick": ("show",),
    "reply": ("show",),
    "chains": ("rules",),
    "choices": ("ask",),
    "answer": ("ask",),
    "because": ("ask",),
    "proof": ("ask",),
    "at": ("show", "rules"),
    "scenario": ("show", "rules", "compare", "play"),
}

_Text = Annotated[str, Field(min_length=1)]


def _written(value: Any) -> Any:
    return str(value) if type(value) is int else value


_Moment = Annotated[
    str, BeforeValidator(_written), Field(min_length=1), WithJsonSchema({"type": ["integer", "string"]})
]
"""A step of a scenario's time line, by name or number."""

_Count = Annotated[int, Field(strict=True, ge=1)]


class _Form(KubernetesModel):
    """A part of a lesson file. A field that is not known is a mistake."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", populate_by_name=False)


class Proof(_Form):
    """What is shown once a guess was made: a packet, or two held side by side."""

    scenario: _Text | None = Field(None, description="A scenario other than the lesson's.")
    show: _Text | None = Field(None, description="A packet of the scenario.")
    detail: Detail = Field("ending", description="How much of its trace.")
    pick: _Text | None = Field(None, description="Only the ways that reach this endpoint.")
    reply: Flag = Field(False, description="The way of the answer as well.")
    at: _Moment | None = Field(None, description="Of `show`: as in a step.")
    compare: tuple[_Text, _Text] | None = Field(None, description="Two packets of the scenario.")

    @model_validator(mode="after")
    def _shows_one_thing(self) -> Self:
        if (self.show is None) == (self.compare is None):
            raise mistake("KPS902", "a proof shows a packet or compares two", "write show: PACKET")
        if self.at is not None and self.show is None:
            raise mistake("KPS902", "at does not go with compare", "it belongs to show")
        return self


class Step(_Form):
    """One step; it has one of `say`, `show`, `rules`, `compare`, `play`, `ask`, and what belongs to that."""

    say: _Text | None = Field(
        None, description="Words: paragraphs, and lines that begin with four blanks as they are."
    )
    show: _Text | None = Field(None, description="A packet of the scenario, traced.")
    rules: _Text | None = Field(None, description="A node of the scenario, whose rules are shown.")
    compare: tuple[_Text, _Text] | None = Field(None, description="Two packets, held side by side.")
    play: tuple[_Moment, _Moment] | None = Field(
        None, description="Steps of the scenario, the first and the last, as `kproxysim run` shows them."
    )
    ask: _Text | None = Field(None, description="A question to guess at before the answer is uncovered.")
    scenario: _Text | None = Field(None, description="A scenario other than the lesson's.")
    detail: Detail = Field("full", description="Of `show`: `full`, `summary`, or only the `ending`.")
    pick: _Text | None = Field(None, description="Of `show`: only the ways that reach this endpoint.")
    reply: Flag = Field(False, description="Of `show`: the way of the answer as well.")
    at: _Moment | None = Field(
        None,
        description="Of `show` and `rules`: after this step of the scenario, by name or number. If the step "
        "itself sends the packet, that one is shown.",
    )
    chains: tuple[_Text, ...] = Field(
        (), description="Of `rules`: which chains, by the beginning of their names. Without it all of nat."
    )
    choices: tuple[_Text, ...] = Field((), description="Of `ask`: what there is to choose from.")
    answer: _Count | None = Field(None, description="Of `ask`: the number of the right one, from 1.")
    because: str = Field("", description="Of `ask`: why it is the right one.")
    proof: Proof | None = Field(None, description="Of `ask`: what shows it.")

    @property
    def verb(self) -> str:
        """What the step does."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        verbs = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(verbs) != 1:
            what = f"this step has {' and '.join(verbs)}" if verbs else "this step does nothing"
            raise mistake("KPS902", what, f"give it one of {', '.join(VERBS)}")
        astray = [
            name for name, of in _BELONGS.items() if name in self.model_fields_set and verbs[0] not in of
        ]
        if astray:
            owners = " or ".join(_BELONGS[astray[0]])
            raise mistake("KPS902", f"{astray[0]} does not go with {verbs[0]}", f"it belongs to {owners}")
        if self.ask is not None and (len(self.choices) < 2 or self.answer is None):
            raise mistake(
                "KPS902", "a question needs choices and an answer", "write choices: [..], answer: 1"
            )
        if self.answer is not None and self.answer > len(self.choices):
            raise mistake("KPS902", f"there is no choice {self.answer}", f"there are {len(self.choices)}")
        return self


class LessonFile(_Form):
    """A lesson: traces of scenarios in an order that teaches, with words between them."""

    kind: Literal["Lesson"] = Field(description="Says what this file is.")
    lesson: Literal[1] = Field(description="The version of this format.")
    title: _Text = Field(description="What it is about, in a few words.")
    about: _Text = Field(description="What can be said after it that could not be said before, in one line.")
    scenario: _Text = Field(
        description="The scenario that it is told on: one that comes with kproxysim by its name, or a file "
        "by its path from here."
    )
    steps: tuple[Step, ...] = Field(description="What is said, shown and asked, in order.")

    @model_validator(mode="after")
    def _has_steps(self) -> Self:
        if not self.steps:
            raise mistake("KPS902", "this lesson has no step", "begin with say: ...")
        return self
