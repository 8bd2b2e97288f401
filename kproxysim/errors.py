"""Errors and findings about input: one base class, one shape for everything that is said about a user's file.

Every mistake has a code (`KPS...`), the place where it stands, what was found and what to write instead.
All mistakes of one input are collected and raised together as one `InputError`.
The words behind a code (`kproxysim explain CODE`) live in `kproxysim.codes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from kproxysim.values import dataclass

__all__ = ["Diagnostic", "InputError", "KproxysimError", "Position", "Severity"]


class Severity(StrEnum):
    """How much a finding weighs: errors stop a command, warnings do under --strict, notes show with `-v`."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in an input: `file` as the user named it, `line` and `column` counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about an input.

    `message` is one line in lower case; `path` names the field (`spec.ports[0].port`), `found` is the
    offending value as text, `help` says what to write instead. `source` is the user's own line, `width` how
    many of its characters (from `position.column`) the finding is about.
    """

    code: str
    severity: Severity
    message: str
    position: Position | None = None
    path: str = ""
    found: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()
    source: str = ""
    width: int = 1

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        hint = f" ({self.help})" if self.help else ""
        return f"{where}{self.severity}[{self.code}]: {self.message}{hint}"


class KproxysimError(Exception):
    """Base of all errors that this package raises on purpose. `code` names the kind."""

    code: str = "KPS000"


class InputError(KproxysimError, ValueError):
    """An input that cannot be used, with everything that is wrong about it, in file order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        if not self.diagnostics:
            raise ValueError("an InputError needs at least one diagnostic")
        self.code = self.diagnostics[0].code
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))

    @classmethod
    def of(cls, code: str, message: str, **fields: object) -> InputError:
        """An error with a single diagnostic; `fields` are those of `Diagnostic`."""
        return cls([Diagnostic(code, Severity.ERROR, message, **fields)])  # type: ignore[arg-type]
