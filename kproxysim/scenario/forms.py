"""What the parts of a scenario file have in common: their base class, names, lists that may be one text."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from kproxysim.cluster.base import KubernetesModel
from kproxysim.scenario.mistakes import mistake

__all__ = ["TEXT", "Manifest", "Name", "ScenarioModel", "TextOrList", "Texts", "as_list"]

TEXT = {"type": "string", "minLength": 1}
"""JSON Schema of a text that says something."""


class ScenarioModel(KubernetesModel):
    """A frozen model of a part of the file. A field that is not known is a mistake."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", populate_by_name=False)


def as_list(value: Any) -> Any:
    """A text alone is a list of one."""
    return [value] if isinstance(value, str) else value


def _manifest(value: Any) -> Any:
    if not isinstance(value, str | dict) or not value:
        raise mistake(
            "KPS103", "this is no file name, and no object", "write the name of a file with manifests"
        )
    return value


Name = Annotated[str, Field(min_length=1)]

TextOrList = WithJsonSchema({"anyOf": [TEXT, {"type": "array", "items": TEXT}]})

Texts = Annotated[tuple[str, ...], BeforeValidator(as_list), TextOrList]

Manifest = Annotated[
    str | dict[str, Any], PlainValidator(_manifest), WithJsonSchema({"anyOf": [TEXT, {"type": "object"}]})
]
"""The name of a file with manifests, or an object."""
