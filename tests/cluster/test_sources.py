"""What can be wrong with a file before it is YAML or JSON: each a located error with a code, never another one."""

import io
import os
import threading
from pathlib import Path

import pytest

from kproxysim.cluster import sources
from kproxysim.cluster.sources import manifest_files, read_source
from kproxysim.errors import InputError


def code_of(name: str) -> str:
    with pytest.raises(InputError) as raised:
        read_source(name)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.position is not None
    assert diagnostic.help
    return diagnostic.code


# bytes of a file: the code, or None where the text `a: é` comes out
FILES: dict[str, tuple[bytes, str | None]] = {
    "utf-8": ("a: é".encode(), None),
    "utf-8 with a mark": ("a: é".encode("utf-8-sig"), None),
    "utf-16, as PowerShell writes": ("a: é".encode("utf-16"), None),
    "utf-16 big-endian with a mark": (b"\xfe\xff" + "a: é".encode("utf-16-be"), None),
    "utf-32": ("a: é".encode("utf-32"), None),
    "utf-16 without a mark": ("a: é".encode("utf-16-le"), "KPS004"),
    "latin-1": ("a: é".encode("latin-1"), "KPS005"),
    "half of utf-16": (b"\xff\xfea", "KPS005"),
    "binary": (b"\x7fELF\x02\x01\x01\x00\x00", "KPS004"),
    "gzip": (b"\x1f\x8b\x08\x00", "KPS004"),
    "empty": (b"", "KPS003"),
    "blank": (b" \r\n\t\n", "KPS003"),
    "a mark alone": (b"\xef\xbb\xbf", "KPS003"),
}


@pytest.mark.parametrize("data, code", FILES.values(), ids=FILES)
def test_encodings(data: bytes, code: str | None, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(data)
    if code is None:
        assert read_source(str(path)).text == "a: é"
    else:
        assert code_of(str(path)) == code


def test_the_first_wrong_byte_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: b\nc: \xff\xfe\n")
    with pytest.raises(InputError) as raised:
        read_source(str(path))
    (diagnostic,) = raised.value.diagnostics
    assert str(diagnostic.position) == f"{path}:2:4"
    assert diagnostic.found == "0xff 0xfe 0x0a"


@pytest.mark.parametrize("name", ["nowhere.yaml", "", "with\0nul", "x" * 5000])
def test_unreadable_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert code_of(name) == "KPS001"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert code_of(str(tmp_path)) == "KPS001"


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    path = tmp_path / "f.yaml"
    path.write_text("a: 4567890\n")
    assert code_of(str(path)) == "KPS006"
    path.write_text("a: 456789\n")
    assert read_source(str(path)).text


class Standard(io.TextIOWrapper):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Standard(b"a: 1"))
    source = read_source("-")
    assert (source.name, source.text) == ("<stdin>", "a: 1")
    assert code_of("-") == "KPS003"
    monkeypatch.setattr("sys.stdin", Standard(b"\x00"))
    assert code_of("-") == "KPS004"


def test_standard_input_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    monkeypatch.setattr("sys.stdin", Standard(b"a: 4567890\n"))
    assert code_of("-") == "KPS006"


def test_manifests_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/y.JSON", "c.txt", ".hidden.yaml", ".git/x.yaml", "a/b/c.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [os.path.relpath(name, tmp_path) for name in manifest_files(str(tmp_path))]
    assert found == ["b.yaml", "a/y.JSON", "a/z.yml", "a/b/c.yaml"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        list(manifest_files(str(tmp_path / "nowhere")))
    assert raised.value.code == "KPS001"


def test_a_device_without_an_end_is_too_large_and_a_pipe_may_be_looked_at_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 1 << 20)
    with pytest.raises(InputError) as caught:
        sources.read_source("/dev/zero")
    assert caught.value.code == "KPS006"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("kind: List\n",))
    writer.start()
    first = sources.read_source(str(pipe)).text
    writer.join()
    assert (first, sources.read_source(str(pipe)).text) == ("kind: List\n", "kind: List\n")
