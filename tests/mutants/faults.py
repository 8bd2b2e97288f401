"""The faults of faults.toml, each a text of the package and what stands there instead."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `file` is a path within the package, in which `old` stands once; `new` is the fault."""

    name: str
    about: str
    file: str
    old: str
    new: str

    def planted(self, text: str) -> str:
        """The text of the file with the fault in it. Raises ValueError if `old` does not stand there once."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"fault {self.name}: in {self.file} its text stands {count} times: {self.old}")
        return text.replace(self.old, self.new)


def _read() -> tuple[Fault, ...]:
    data = tomllib.loads(Path(__file__).with_name("faults.toml").read_text(encoding="utf-8"))
    return tuple(Fault(**row) for row in data["fault"])


FAULTS = _read()
