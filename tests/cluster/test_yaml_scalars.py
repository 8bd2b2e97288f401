"""Plain scalars mean what they mean to kubectl (sigs.k8s.io/yaml, goyaml.v2/resolve.go)."""

import math

import pytest

from kproxysim.cluster.yaml_scalars import plain_scalar, tagged_scalar

PLAIN: dict[str, object] = {
    # YAML 1.1's booleans, the short ones too
    "true": True,
    "True": True,
    "yes": True,
    "y": True,
    "on": True,
    "ON": True,
    "false": False,
    "no": False,
    "n": False,
    "off": False,
    "tRUE": "tRUE",
    # null
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "nULL": "nULL",
    # integers
    "80": 80,
    "+80": 80,
    "-80": -80,
    "0": 0,
    "00": 0,
    "010": 8,
    "0o17": 15,
    "0x1F": 31,
    "0b101": 5,
    "-0x10": -16,
    "1_000": 1000,
    "0xfg": "0xfg",
    # floats; a whole one goes through JSON as an integer
    "1.5": 1.5,
    "-1.5e-3": -0.0015,
    ".5": 0.5,
    "8e1": 80,
    "80.0": 80,
    "08": 8,
    "09.5": 9.5,
    "1e30": 1e30,
    ".inf": math.inf,
    "-.Inf": -math.inf,
    "1e999": "1e999",
    # no sexagesimal numbers, no dates, no versions, no addresses
    "22:30": "22:30",
    "1:2:3": "1:2:3",
    "2024-05-01": "2024-05-01",
    "2024-05-01T10:00:00Z": "2024-05-01T10:00:00Z",
    "1.2.3": "1.2.3",
    "10.0.0.1": "10.0.0.1",
    "-": "-",
    "+": "+",
    ".": ".",
    "1__": 1,
    "e5": "e5",
    "0x": "0x",
    "\u0661": "\u0661",
}


@pytest.mark.parametrize("text, value", PLAIN.items())
def test_a_plain_scalar(text: str, value: object) -> None:
    read = plain_scalar(text)
    assert read == value
    assert type(read) is type(value)


def test_not_a_number() -> None:
    read = plain_scalar(".nan")
    assert isinstance(read, float)
    assert math.isnan(read)


@pytest.mark.parametrize(
    "tag, text, value",
    [
        ("!", "8", "8"),
        ("tag:yaml.org,2002:str", "8", "8"),
        ("tag:yaml.org,2002:int", "8", 8),
        ("tag:yaml.org,2002:float", "8", 8),
        ("tag:yaml.org,2002:bool", "on", True),
        ("tag:yaml.org,2002:null", "", None),
    ],
)
def test_a_tagged_scalar(tag: str, text: str, value: object) -> None:
    assert tagged_scalar(tag, text) == value


@pytest.mark.parametrize(
    "tag, text",
    [
        ("tag:yaml.org,2002:int", "x"),
        ("tag:yaml.org,2002:bool", "1"),
        ("tag:yaml.org,2002:binary", "YQ=="),
        ("!mine", "x"),
    ],
)
def test_a_tag_that_does_not_fit(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match="can't be read as"):
        tagged_scalar(tag, text)
