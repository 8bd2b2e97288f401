"""YAML and JSON to plain values, and from values back to the place where they were written."""

import json
from pathlib import Path as FilePath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kproxysim.cluster import yaml_text
from kproxysim.cluster.located import Document, places, read_documents, read_documents_and_trouble
from kproxysim.cluster.paths import Path
from kproxysim.cluster.sources import Source
from kproxysim.cluster.yaml_text import MAX_ALIASED, MAX_DEPTH
from kproxysim.errors import Diagnostic, InputError


def read(text: str, name: str = "f.yaml") -> list[dict[str, Any]]:
    documents, trouble = read_documents_and_trouble(Source(name, text))
    assert trouble is None, trouble
    return [document.value for document in documents]


def trouble_of(text: str, name: str = "f.yaml") -> Diagnostic:
    _, trouble = read_documents_and_trouble(Source(name, text))
    assert trouble is not None
    return trouble


def shown(text: str, *path: str | int, name: str = "f.yaml", document: int = 0) -> str | None:
    """The text that a caret would stand under."""
    source = Source(name, text)
    documents, _ = read_documents_and_trouble(source)
    place = places([(documents[document], path)]).get((id(documents[document]), path))
    return text[place.offset : place.offset + place.width] if place else None


READ: dict[str, list[dict[str, Any]]] = {
    "a: 1": [{"a": 1}],
    "a: 1\n---\nb: 2\n": [{"a": 1}, {"b": 2}],
    "---\n---\na: 1\n...\n---\n# nothing\n": [{"a": 1}],
    "{a: [1, {b: c}]}": [{"a": [1, {"b": "c"}]}],
    "%YAML 1.1\n---\na: 1": [{"a": 1}],
    "a: |\n  x\n  y\n": [{"a": "x\ny\n"}],
    "a: 'on'": [{"a": "on"}],
    "a: on": [{"a": True}],
    "80: p\ntrue: q\n1.5: r": [{"80": "p", "true": "q", "1.5": "r"}],
    "a: &x {b: 1}\nc: *x": [{"a": {"b": 1}, "c": {"b": 1}}],
    "a: &x 1\nb: &x 2\nc: *x": [{"a": 1, "b": 2, "c": 2}],
    "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3": [{"a": {"b": 1, "c": 2}, "d": {"c": 3, "b": 1}}],
    "a: {<<: [{b: 1}, {b: 2, c: 3}]}": [{"a": {"b": 1, "c": 3}}],
    '"<<": 1': [{"<<": 1}],
    "a: !!str 8": [{"a": "8"}],
    "a:\n- b\n- c\n": [{"a": ["b", "c"]}],
    '{"a": 1}': [{"a": 1}],
    '{"a": 1}\n{"b": [true, null, 1.5]}': [{"a": 1}, {"b": [True, None, 1.5]}],
    '{"a": 1}\n---\n{"b": 2}': [{"a": 1}, {"b": 2}],
    '{"a": 1,}': [{"a": 1}],
    "\ufeffa: 1": [{"a": 1}],
    "a: é\r\nb: 1\r\n": [{"a": "é", "b": 1}],
}


@pytest.mark.parametrize("text, documents", READ.items())
def test_documents(text: str, documents: list[dict[str, Any]]) -> None:
    assert read(text) == documents


# text: code, line, column, a part of the message
BROKEN: dict[str, tuple[str, int, int, str]] = {
    "a: b: c": ("KPS007", 1, 5, "broken YAML"),
    "a:\n\tb: c": ("KPS007", 2, 1, "a tab can't indent YAML"),
    "a: 'x": ("KPS007", 1, 6, "broken YAML"),
    "a: [1, 2\nb: 1": ("KPS007", 2, 2, "broken YAML"),
    "a: 1\n b: 2": ("KPS007", 2, 3, "broken YAML"),
    "a: @x": ("KPS007", 1, 4, "broken YAML"),
    "%YAML 9.9\n---\na: 1": ("KPS007", 1, 1, "broken YAML"),
    "a: 1\nb: 2\na: 3": ("KPS009", 3, 1, "the key 'a' stands twice"),
    "x: {a: 1, a: 2}": ("KPS009", 1, 11, "the key 'a' stands twice"),
    "1: x\n'1': y": ("KPS009", 2, 1, "the key '1' stands twice"),
    "a: *b": ("KPS011", 1, 4, "no anchor before it"),
    "a: &a [*a]": ("KPS011", 1, 8, "part of"),
    "a: {<<: 1}": ("KPS011", 1, 9, "merges a mapping"),
    "- a": ("KPS012", 1, 1, "and this is a list"),
    "just words": ("KPS012", 1, 1, "and this is a single value"),
    "? [a]\n: b": ("KPS013", 1, 3, "a key must be a single value"),
    "~: b": ("KPS013", 1, 1, "a key can't be null"),
    "a: &x [b]\n*x : c": ("KPS013", 2, 1, "a key must be a single value"),
    "a: !mine b": ("KPS013", 1, 4, "can't be read as !mine"),
    "a: !mine {b: c}": ("KPS013", 1, 4, "the tag !mine"),
    "a: x\x07y": ("KPS004", 1, 5, "U+0007"),
    "[" * 5000: ("KPS010", 1, 1 + MAX_DEPTH, "nest more than 100 deep"),
    "a: " + "[" * 5000: ("KPS010", 1, 3 + MAX_DEPTH, "nest more than 100 deep"),
    "a: " + "{a: " * 5000: ("KPS010", 1, 4 + 4 * (MAX_DEPTH - 1), "nest more than 100 deep"),
    '{"a": ' + "[" * 100 + "1" + "]" * 100 + "}": ("KPS010", 1, 6 + MAX_DEPTH, "nest more than 100 deep"),
    '{"a": ' * 500 + "1" + "}" * 500: ("KPS010", 1, 1 + 6 * MAX_DEPTH, "nest more than 100 deep"),
    '{"a": ' * 5000: ("KPS010", 1, 1 + 6 * MAX_DEPTH, "nest more than 100 deep"),
    '{"a": 1, "b": {"c": 1, "c": 2}}': ("KPS009", 1, 24, "the key 'c' stands twice"),
    '{"a": 1, "b": {"c": "}", "a": [{"d": ":"}]}, "a": 2}': ("KPS009", 1, 46, "the key 'a' stands twice"),
    '{"a": 1, "\\u0061": 2}': ("KPS009", 1, 10, "the key 'a' stands twice"),
    '["a"]': ("KPS012", 1, 1, "and this is a list"),
}


@pytest.mark.parametrize("text, wanted", BROKEN.items(), ids=[text[:20] for text in BROKEN])
def test_broken_text_is_located(text: str, wanted: tuple[str, int, int, str]) -> None:
    code, line, column, message = wanted
    trouble = trouble_of(text)
    assert trouble.position is not None
    assert (trouble.code, trouble.position.line, trouble.position.column) == (code, line, column)
    assert message in trouble.message


BROKEN_JSON: dict[str, tuple[str, int, int, str]] = {
    '{"a": 1,}': ("KPS008", 1, 9, "broken JSON"),
    '{\n"a": b}': ("KPS008", 2, 6, "broken JSON"),
    '{"a": 1} x': ("KPS008", 1, 10, "broken JSON"),
    '{"a": NaN}': ("KPS008", 1, 7, "NaN is no value"),
    '{"a": ' + "1" * 5000 + "}": ("KPS008", 1, 7, "a number of 5000 digits"),
    '{"a": "': ("KPS008", 1, 7, "broken JSON"),
    "a: 1": ("KPS008", 1, 1, "broken JSON"),
}


@pytest.mark.parametrize("text, wanted", BROKEN_JSON.items(), ids=[text[:20] for text in BROKEN_JSON])
def test_a_file_named_json_is_json(text: str, wanted: tuple[str, int, int, str]) -> None:
    code, line, column, message = wanted
    trouble = trouble_of(text, "f.json")
    assert trouble.position is not None
    assert (trouble.code, trouble.position.line, trouble.position.column) == (code, line, column)
    assert message in trouble.message


def test_documents_before_a_broken_one_are_kept() -> None:
    text = "a: 1\n---\nb: [\n"
    documents, trouble = read_documents_and_trouble(Source("f.yaml", text))
    assert [document.value for document in documents] == [{"a": 1}]
    assert trouble is not None
    assert shown(text, "a") == "1"
    assert shown(text, "b") is None


def test_the_line_and_what_is_wrong_in_it_are_shown() -> None:
    trouble = trouble_of("spec:\n  type: NodePort\n  type: ClusterIP\n")
    assert trouble.source == "  type: ClusterIP"
    assert trouble.source[2 : 2 + trouble.width] == "type"
    assert trouble.notes == ("the mapping is spec",)


def test_many_places_in_one_text() -> None:
    source = Source("f.yaml", "\n".join(f"k{number}: v" for number in range(100)))
    for number in range(100):
        offset = source.text.index(f"k{number}: v") + len(f"k{number}: ")
        assert source.line_and_column(offset) == (number + 1, len(f"k{number}: ") + 1)
        assert source.line_text(offset) == f"k{number}: v"


def test_a_line_of_a_megabyte_is_not_repeated() -> None:
    assert trouble_of("a: [" + "x, " * 300_000 + "@]").source == ""


def test_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "MAX_VALUES", 100)
    assert read("a: [" + "x, " * 90 + "]")
    trouble = trouble_of("a: [" + "x, " * 100 + "]")
    assert (trouble.code, trouble.help[:32]) == ("KPS006", "print a cluster this large as JS")


def test_a_key_that_is_an_alias() -> None:
    text = "a: &x b\n*x : 1\n"
    assert read(text) == [{"a": "b", "b": 1}]
    assert shown(text, "a") == "&x b"


class TestBillionLaughs:
    """Aliases of aliases are refused as soon as they stand for too many values, however small the text."""

    def test_lists_of_lists(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        trouble = trouble_of("\n".join(lines))
        assert trouble.code == "KPS011"
        assert f"{MAX_ALIASED:,}" in trouble.message

    def test_some_aliases_are_fine(self) -> None:
        text = "a: &a [1, 2, 3]\nb: [" + ", ".join(["*a"] * 1000) + "]"
        assert read(text)[0]["b"] == [[1, 2, 3]] * 1000


PLACES: list[tuple[str, Path, str]] = [
    ("spec:\n  ports:\n  - port: 80\n  - port: 70000\n", ("spec", "ports", 1, "port"), "70000"),
    ("spec:\n  ports:\n  - port: 80\n", ("spec", "ports"), "ports"),
    ("spec:\n  ports:\n  - port: 80\n", ("spec", "ports", 0), "p"),
    ("a: {b: [x, 'y z']}", ("a", "b", 1), "'y z'"),
    ("a: &x {b: 1}\nc: *x", ("c", "b"), "*x"),
    ("80: x", ("80",), "x"),
    ('{"a": {"b": [1, "two"]}}', ("a", "b", 1), '"two"'),
    ('{"a": {"b": [1, "two"]}}', ("a", "b"), '"b"'),
    ('{"a": {"b": [1, {"c": null}]}}', ("a", "b", 1), "{"),
    ('{"x": [[], {}], "a" : -1.5 }', ("a",), "-1.5"),
    ("é: ü\nb: ß", ("b",), "ß"),
    ("a: 1\r\nb: 22\r\n", ("b",), "22"),
]


@pytest.mark.parametrize("text, path, wanted", PLACES)
def test_where_a_value_stands(text: str, path: Path, wanted: str) -> None:
    assert shown(text, *path) == wanted


def test_where_values_of_other_documents_stand() -> None:
    assert shown("a: 1\n---\n---\na: 22\n", "a", document=1) == "22"
    assert shown('{"a": 1}\n{"a": 22}', "a", document=1) == "22"


def test_what_is_not_there_has_no_place() -> None:
    assert shown("a: {b: 1}", "a", "c") is None
    assert shown('{"a": {"b": 1}}', "a", "c") is None


def test_values_made_in_python_have_no_place() -> None:
    document = Document({"a": 1})
    assert places([(document, ("a",))]) == {}


def test_read_documents_raises(tmp_path: FilePath) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("a: [\n")
    with pytest.raises(InputError) as raised:
        read_documents(str(path))
    assert raised.value.code == "KPS007"
    path.write_text("a: 1\n")
    assert [document.value for document in read_documents(str(path))] == [{"a": 1}]


# Letters that YAML takes as they are: a control character or a line separator would have to be escaped.
LETTERS = st.text(st.sampled_from(" abz019-_.:,#&*!|>'\"%@`{}[]~\\/\u00e9\u20ac\U0001f600"), max_size=8)


def mappings(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    single = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | text
    values = st.recursive(
        single,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=8,
    )
    return st.dictionaries(text, values, max_size=5)


class TestRoundTrip:
    """A mapping written as JSON is read back as it was, and each of its values is found where it was written."""

    @given(mappings(st.text()), st.sampled_from([None, 1]))
    def test_json(self, value: dict[str, Any], indent: int | None) -> None:
        text = json.dumps(value, indent=indent)
        assert read(text, "f.json") == [value]
        for path, scalar in scalars(value):
            assert json.loads(shown(text, *path, name="f.json") or "") == scalar

    @given(mappings(LETTERS))
    def test_json_as_yaml(self, value: dict[str, Any]) -> None:
        """Behind a comment, JSON is read by the YAML reader."""
        text = "# YAML\n" + json.dumps(value, ensure_ascii=False)
        assert read(text) == [value]
        for path, scalar in scalars(value):
            assert json.loads(shown(text, *path) or "") == scalar

    @given(mappings(LETTERS))
    def test_yaml(self, value: dict[str, Any]) -> None:
        """Everything in quotes, with tags on what is no text: plain words would mean what they mean to PyYAML."""
        assert read(yaml.safe_dump(value, default_style='"', allow_unicode=True)) == [value]


def scalars(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in scalars(inner, (*path, key))]
    if isinstance(value, list):
        return [each for number, inner in enumerate(value) for each in scalars(inner, (*path, number))]
    return [(path, value)]
