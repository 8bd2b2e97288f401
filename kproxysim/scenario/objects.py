"""Objects that a scenario holds or names, read from files and from the scenario itself, with their places."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path as FilePath
from typing import Any

from kproxysim.cluster.findings import Finding, Subject
from kproxysim.cluster.located import Document, read_documents_and_trouble
from kproxysim.cluster.manifests import Found, find_objects
from kproxysim.cluster.paths import Path
from kproxysim.cluster.sources import read_source
from kproxysim.errors import Diagnostic, InputError
from kproxysim.values import dataclass

__all__ = ["Objects"]


@dataclass(slots=True)
class Objects:
    """What was read so far. `findings` are about the scenario `document`, `troubles` about other files."""

    document: Document
    found: Found = field(default_factory=Found)
    findings: list[Finding] = field(default_factory=list)
    troubles: list[Diagnostic] = field(default_factory=list)

    def read(self, entry: str | dict[str, Any], path: Path) -> None:
        """A file, named from the scenario's folder, or an object that stands at `path` in the scenario."""
        if isinstance(entry, str):
            self._read_file(entry, path)
        else:
            self._read_inline(entry, path)

    def _read_file(self, name: str, path: Path) -> None:
        source = self.document.source
        folder = FilePath() if source is None else FilePath(source.name).parent
        try:
            documents, trouble = read_documents_and_trouble(read_source(str(folder / name)))
        except InputError as error:
            for one in error.diagnostics:
                if one.code == "KPS001":
                    hint = "files are named from the folder of the scenario"
                    self.findings.append(Finding(one.code, one.message, path, name, hint))
                else:
                    self.troubles.append(one)
            return
        for each in documents:
            find_objects(each, self.found)
        if trouble is not None:
            self.troubles.append(trouble)

    def _read_inline(self, value: dict[str, Any], path: Path) -> None:
        """Found as in a document of their own, placed where they are."""
        found = Found()
        find_objects(Document(value), found)

        def placed(subject: Subject) -> Subject:
            return replace(subject, document=self.document, base=path + subject.base)

        self.found.manifests += [replace(one, subject=placed(one.subject)) for one in found.manifests]
        self.found.findings += [(placed(subject), finding) for subject, finding in found.findings]
        self.found.passed_over += found.passed_over
