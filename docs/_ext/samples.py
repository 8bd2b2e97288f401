"""Pages that kproxysim itself makes, written into the site: every lesson, two traces and a comparison.
`{lesson-pages}` and `{sample-pages}` list them with links.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from kproxysim import Scenario
from kproxysim.lesson import Lesson, lesson_names
from kproxysim.lesson.html import lesson_html
from kproxysim.report.compare import compare
from kproxysim.report.html.compare_page import comparison_html
from kproxysim.report.html.trace_page import trace_html

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_SCENARIOS = Path(__file__).parents[2] / "scenarios"
_PACKETS = ("nodeport", "externalip")

Link = tuple[str, str, str]
"""Where a page is in the site, what it is called, and what is said of it."""


def _lessons() -> Iterator[Link]:
    for name in lesson_names():
        lesson = Lesson.load(name)
        yield f"lessons/{name}.html", lesson.title, lesson.about


def _samples() -> Iterator[Link]:
    nodeport, externalip = _PACKETS
    yield "samples/trace.html", "A trace", f"the packet {externalip}, to step through"
    yield "samples/miss.html", "A trace of a miss", "no rule takes the packet, and the nearest one is marked"
    yield (
        "samples/compare.html",
        "A comparison",
        f"{nodeport} and {externalip}: where their ways part and meet",
    )


class _Links(SphinxDirective):
    """A list of the pages of `links`, from wherever it stands."""

    def run(self) -> list[nodes.Node]:
        up = "../" * self.env.docname.count("/")
        return [nodes.bullet_list("", *(_item(up, link) for link in self.links()))]

    def links(self) -> Iterator[Link]:
        raise NotImplementedError


def _item(up: str, link: Link) -> nodes.list_item:
    path, title, about = link
    reference = nodes.reference("", title, refuri=f"{up}{path}", internal=False)
    return nodes.list_item("", nodes.paragraph("", "", reference, nodes.Text(f": {about}")))


class LessonPages(_Links):
    """The lessons that come with kproxysim."""

    def links(self) -> Iterator[Link]:
        return _lessons()


class SamplePages(_Links):
    """Two traces and a comparison."""

    def links(self) -> Iterator[Link]:
        return _samples()


def _write(sphinx: "Sphinx", error: Exception | None) -> None:
    if error is not None or sphinx.builder.format != "html":
        return
    site = Path(sphinx.outdir)
    scenario = Scenario.load(_SCENARIOS / "nodeport-vs-externalip.yaml")
    traces = [scenario.trace(packet) for packet in _PACKETS]
    miss = Scenario.load(_SCENARIOS / "externalip-public-address.yaml").trace("nothing-listens")
    pages = {
        "samples/trace.html": trace_html(traces[1]),
        "samples/miss.html": trace_html(miss),
        "samples/compare.html": comparison_html(compare(traces[0], traces[1], _PACKETS)),
        **{f"lessons/{name}.html": lesson_html(Lesson.load(name)) for name in lesson_names()},
    }
    for path, page in pages.items():
        (site / path).parent.mkdir(exist_ok=True)
        (site / path).write_text(page, encoding="utf-8")


def setup(sphinx: "Sphinx") -> "ExtensionMetadata":
    """Make the directives known to Sphinx, and the pages when it has written its own."""
    sphinx.add_directive("lesson-pages", LessonPages)
    sphinx.add_directive("sample-pages", SamplePages)
    sphinx.connect("build-finished", _write)
    return {"version": "1", "parallel_read_safe": True}
