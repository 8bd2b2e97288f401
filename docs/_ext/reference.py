"""Directives for pages that are made from the code: `{command-line}`, `{findings}` and `{reasons}`."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from typer.testing import CliRunner

import kproxysim
from kproxysim.cli.app import app
from kproxysim.cli.explain import all_explanations
from kproxysim.codes import Explanation

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_FINDING = "KPS"


class _Made(SphinxDirective):
    """Markdown that `lines` makes, parsed where the directive stands."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


class CommandLine(_Made):
    """Every command with its own help text, as a terminal of 80 columns shows it."""

    def lines(self) -> Iterator[str]:
        terminal = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
        for command in app.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            text = terminal.invoke(
                app, [name, "--help"], prog_name="kproxysim", catch_exceptions=False
            ).output
            yield f"## {name}\n\n```text\n{text}\n```\n"


class PublicNames(_Made):
    """Everything that `kproxysim` exports, functions and classes by name, as autodoc describes them."""

    def lines(self) -> Iterator[str]:
        for name in kproxysim.__all__:
            if name.startswith("__"):
                continue
            kind = "autoclass" if isinstance(getattr(kproxysim, name), type) else "autofunction"
            yield f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: kproxysim.{name}\n```\n"


class Findings(_Made):
    """The codes of findings about input."""

    def lines(self) -> Iterator[str]:
        return _entries(one for code, one in all_explanations().items() if code.startswith(_FINDING))


class Reasons(_Made):
    """The codes that say why a packet ended as it did, and what to do about it."""

    def lines(self) -> Iterator[str]:
        return _entries(one for code, one in all_explanations().items() if not code.startswith(_FINDING))


def _entries(explanations: Iterable[Explanation]) -> Iterator[str]:
    for one in explanations:
        yield f"## {one.code}\n\n*{one.title}*\n\n{one.text}\n"
        if one.example:
            yield f"```text\n{one.example}\n```\n"


def setup(sphinx: "Sphinx") -> "ExtensionMetadata":
    """Make the directives known to Sphinx."""
    sphinx.add_directive("command-line", CommandLine)
    sphinx.add_directive("public-names", PublicNames)
    sphinx.add_directive("findings", Findings)
    sphinx.add_directive("reasons", Reasons)
    return {"version": "1", "parallel_read_safe": True}
