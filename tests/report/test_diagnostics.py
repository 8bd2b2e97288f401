"""Findings, in the manner of rustc."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kproxysim.errors import Diagnostic, Position, Severity
from kproxysim.report.diagnostics import diagnostics_page, short_page

FOUND = Diagnostic(
    "KPS012",
    Severity.ERROR,
    "address is not in any node",
    position=Position("scenarios/gke-externalips.yaml", 11, 46),
    path="packets.browser.to",
    found="198.51.100.99:80",
    help="use one of them",
    notes=("known external addresses: 198.51.100.12 (node-a), 198.51.100.13 (node-b)",),
    source='  browser: {from: internet/203.0.113.7, to: "198.51.100.99:80"}',
    width=16,
)


class TestInFull:
    def test_shows_the_line_and_points_at_the_value(self) -> None:
        assert diagnostics_page([FOUND]).text() == (
            "error[KPS012]: address is not in any node\n"
            "  --> scenarios/gke-externalips.yaml:11:46\n"
            "   |\n"
            '11 |   browser: {from: internet/203.0.113.7, to: "198.51.100.99:80"}\n'
            "   |                                              ^^^^^^^^^^^^^^^^ packets.browser.to\n"
            "   = note: known external addresses: 198.51.100.12 (node-a), 198.51.100.13 (node-b)\n"
            "   = help: use one of them\n"
        )

    def test_without_a_place_it_says_field_and_value(self) -> None:
        text = diagnostics_page(
            [
                Diagnostic(
                    "KPS104", Severity.WARNING, "not an address", path="spec.clusterIP", found="10.0.0.300"
                )
            ]
        ).text()
        assert text == ("warning[KPS104]: not an address\n  = field: spec.clusterIP\n  = found: 10.0.0.300\n")

    def test_several_are_counted(self) -> None:
        note = Diagnostic("KPS301", Severity.NOTE, "no effect")
        assert diagnostics_page([FOUND, FOUND, note]).text().endswith("\n2 errors, 1 note\n")

    def test_a_flood_is_cut(self) -> None:
        text = diagnostics_page([FOUND] * 5000).text()
        assert text.count("KPS012") == 100
        assert text.endswith("5000 errors; the first 100 are shown\n")

    def test_escapes_of_the_users_move_no_caret(self) -> None:
        source = "name: \x1b[31m\tbad"
        place = source.index("bad") + 1
        one = Diagnostic("KPS1", Severity.ERROR, "x", Position("a\nb.yaml", 3, place), source=source, width=3)
        lines = list(diagnostics_page([one]))
        assert lines[1] == r" --> a\nb.yaml:3:" + str(place)
        shown, carets = lines[3], lines[4]
        assert shown == r"3 | name: \x1b[31m\tbad"
        assert shown[carets.index("^") :] == "bad"
        assert carets.count("^") == 3

    def test_a_long_line_is_shown_around_the_place(self) -> None:
        source = "x" * 5_000_000 + "HERE" + "y" * 5_000_000
        one = Diagnostic("KPS1", Severity.ERROR, "x", Position("f", 1, 5_000_001), source=source, width=4)
        lines = list(diagnostics_page([one]))
        assert max(map(len, lines)) <= 100
        assert lines[3][lines[4].index("^") :].startswith("HERE")
        assert lines[3].startswith("1 | ...")
        assert lines[3].endswith("...")

    @given(
        source=st.text(max_size=300),
        column=st.integers(1, 320),
        width=st.integers(1, 400),
        name=st.text(min_size=1),
    )
    def test_any_input_is_shown_in_printable_lines(
        self, source: str, column: int, width: int, name: str
    ) -> None:
        one = Diagnostic(
            "KPS1", Severity.ERROR, name, Position(name, 7, column), name, name, name, (name,), source, width
        )
        for line in diagnostics_page([one]):
            assert line.isprintable()


class TestShort:
    def test_is_one_line_each(self) -> None:
        warning = Diagnostic(
            "KPS201", Severity.WARNING, "two Services have it", Position("a.yaml", 3, 5), help="change one"
        )
        assert short_page([warning, Diagnostic("KPS301", Severity.NOTE, "no effect\n!")]).text() == (
            "a.yaml:3:5: warning[KPS201]: two Services have it (change one)\nnote[KPS301]: no effect\\n!\n"
        )
