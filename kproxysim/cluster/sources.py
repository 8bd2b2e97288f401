"""From what a user names, a file, a folder or standard input, to text: size, encoding, and where each line
starts.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import field
from functools import cache
from pathlib import Path

from kproxysim.errors import Diagnostic, InputError, Position, Severity
from kproxysim.values import dataclass

__all__ = ["MAX_BYTES", "STDIN", "BadText", "Place", "Source", "manifest_files", "read_source"]

MAX_BYTES = 256 * 1024 * 1024
"""The largest file that is read. `kubectl get nodes,services,endpointslices -A` of a cluster with 10,000
Services of 5 endpoints each prints 29 MB of YAML or 62 MB of JSON.
"""

LONGEST_SHOWN_LINE = 400
"""A longer line (JSON without line breaks) is not repeated in a finding: nobody finds the place in it by eye.
"""

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json")

_NAME_OF_STDIN = "<stdin>"
_BINARY_SAMPLE = 8192
_FEW_QUESTIONS = 16
_BYTE_ORDER_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class BadText(Exception):  # noqa: N818 - it never leaves this room: the reader makes a Diagnostic of it
    """A place in a text where reading it ended. `offset` counts characters from the start of the text."""

    def __init__(self, code: str, message: str, offset: int, width: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset
        self.width = width
        self.hint = hint
        self.notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a source: `width` characters from `offset` on."""

    offset: int
    width: int = 1


@dataclass(slots=True)
class Source:
    """One text to read. `name` is what the user called it."""

    name: str
    text: str
    _line_starts: list[int] = field(default_factory=list, repr=False, compare=False)
    _asked: int = field(default=0, repr=False, compare=False)

    @property
    def is_json_by_name(self) -> bool:
        """Does the name promise JSON?"""
        return self.name.lower().endswith(".json")

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Both counted from 1, in characters."""
        start = self.text.rfind("\n", 0, offset) + 1
        # Counting is quick, a table of all lines is quicker from some questions on.
        self._asked += 1
        if self._asked <= _FEW_QUESTIONS:
            return self.text.count("\n", 0, start) + 1, offset - start + 1
        if not self._line_starts:
            self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        return bisect_right(self._line_starts, offset), offset - start + 1

    def line_text(self, offset: int) -> str:
        """The line around a place, without its end, or "" if it is too long to be shown."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        if end < 0:
            end = len(self.text)
        return "" if end - start > LONGEST_SHOWN_LINE else self.text[start:end].rstrip("\r")

    def diagnostic(
        self,
        code: str,
        severity: Severity,
        message: str,
        place: Place,
        *,
        path: str = "",
        found: str = "",
        hint: str = "",
        notes: tuple[str, ...] = (),
    ) -> Diagnostic:
        """A finding at a place of this source, with the line that it stands in."""
        line, column = self.line_and_column(place.offset)
        shown = self.line_text(place.offset)
        if shown:
            # The end of a text may lie behind its last line.
            column = min(column, len(shown) + 1)
        width = max(1, min(place.width, len(shown) - column + 1))
        position = Position(self.name, line, column)
        return Diagnostic(code, severity, message, position, path, found, hint, notes, shown, width)

    def error(self, bad: BadText) -> Diagnostic:
        """The diagnostic of a place where reading ended."""
        place = Place(bad.offset, bad.width)
        return self.diagnostic(bad.code, Severity.ERROR, bad.message, place, hint=bad.hint, notes=bad.notes)


def manifest_files(folder: str) -> Iterator[str]:
    """The manifests of a folder and of those in it: *.yaml, *.yml and *.json, in the order of their names.

    Hidden files and folders are left out, symbolic links to folders are not followed.
    Raises InputError (KPS001) for a folder that can't be read.
    """
    for place, folders, files in os.walk(folder, onerror=_raise_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield str(Path(place, name))


def read_source(name: str) -> Source:
    """The text of a file, or of standard input for `-`.

    UTF-8, with or without a byte order mark, and UTF-16 and UTF-32 with one (PowerShell writes UTF-16).
    Raises InputError: KPS001 unreadable, KPS003 empty, KPS004 binary, KPS005 not UTF-8, KPS006 too large.
    """
    if name == STDIN:
        return Source(_NAME_OF_STDIN, _decode(_NAME_OF_STDIN, _read_stdin()))
    try:
        regular = stat.S_ISREG(os.stat(name).st_mode)  # noqa: PTH116 - a NUL in a name must fail here, as ValueError
        data = _read_file(name) if regular else _read_once(name)
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    return Source(name, _decode(name, data))


def _read_file(name: str) -> bytes:
    """At most one byte more than is allowed: a device has no end, and a file may grow."""
    with Path(name).open("rb") as file:
        return file.read(MAX_BYTES + 1)


@cache
def _read_once(name: str) -> bytes:
    """A pipe (`<(kubectl get ...)`) gives its text once, and it is looked at more than once."""
    return _read_file(name)


def _read_stdin() -> bytes:
    binary = getattr(sys.stdin, "buffer", None)
    try:
        data: bytes = binary.read(MAX_BYTES + 1) if binary else sys.stdin.read().encode()
    except (OSError, ValueError) as error:
        raise _unreadable(_NAME_OF_STDIN, error) from None
    if len(data) > MAX_BYTES:
        raise _too_large(_NAME_OF_STDIN)
    return data


def _decode(name: str, data: bytes) -> str:
    encoding = next((known for mark, known in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    if encoding.startswith("utf-8") and b"\x00" in data[:_BINARY_SAMPLE]:
        raise InputError.of(
            "KPS004",
            "this is a binary file, not text",
            position=Position(name, 1, data.index(b"\x00") + 1),
            help="give YAML or JSON, for example from kubectl get nodes,services,endpointslices -A -o yaml",
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_utf8(name, data, error) from None
    if not text.strip("\ufeff \t\r\n"):
        raise InputError.of(
            "KPS003",
            "there is nothing in this file",
            position=Position(name),
            help="give Kubernetes manifests",
        )
    return text


def _not_utf8(name: str, data: bytes, error: UnicodeDecodeError) -> InputError:
    readable = data[: error.start].decode(error.encoding, errors="replace")
    line = readable.count("\n") + 1
    column = len(readable) - (readable.rfind("\n") + 1) + 1
    shown = " ".join(f"0x{byte:02x}" for byte in data[error.start : error.start + 4])
    return InputError.of(
        "KPS005",
        f"the text is not {error.encoding.upper()}",
        position=Position(name, line, column),
        found=shown,
        help="save the file as UTF-8",
    )


def _too_large(name: str) -> InputError:
    return InputError.of(
        "KPS006",
        f"this is larger than {MAX_BYTES // 1024 // 1024} MiB",
        position=Position(name),
        help="leave out what kube-proxy does not read: kubectl get nodes,services,endpointslices -A -o json",
    )


def _unreadable(name: str, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError.of(
        "KPS001",
        f"can't read {name!r}: {reason.lower()}",
        position=Position(name),
        help='check the name; "-" reads standard input',
    )


def _raise_unreadable(error: OSError) -> None:
    raise _unreadable(str(error.filename), error) from None
