"""Text of the user's stays text on a terminal."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kproxysim.report.page import Page, Span
from kproxysim.report.plain import plain


class TestPlain:
    @pytest.mark.parametrize(
        "text, shown",
        [
            ("default/echo-1", "default/echo-1"),
            ("a\nb", r"a\nb"),
            ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
            ("\x9b31m", r"\x9b31m"),
            ("a\tb\r", r"a\tb\r"),
            ("exe\u202egnp", r"exe\u202egnp"),
            ("zero\u200bwidth", r"zero\u200bwidth"),
            ("line\u2028end", r"line\u2028end"),
            ("lone \ud800 surrogate", r"lone \ud800 surrogate"),
            ("grün 漢字 ✓", "grün 漢字 ✓"),
            ("", ""),
        ],
    )
    def test_writes_what_does_not_print_as_an_escape(self, text: str, shown: str) -> None:
        assert plain(text) == shown

    @given(text=st.text())
    def test_is_printable_and_stays_as_it_is(self, text: str) -> None:
        assert plain(text).isprintable()
        assert plain(plain(text)) == plain(text)


class TestPage:
    @given(words=st.lists(st.text(), max_size=4))
    def test_a_line_is_one_line_whatever_is_in_it(self, words: list[str]) -> None:
        page = Page()
        page.add(*words, Span("end", "bad"))
        assert page.text().count("\n") == 1
        assert page.text().rstrip("\n").isprintable()

    @given(parts=st.lists(st.sampled_from(["[", "]", "bold", "/", "\\", "red", ":smile:", "\x1b", " x"])))
    def test_colour_adds_and_changes_nothing(self, parts: list[str]) -> None:
        page = Page()
        page.add(Span("".join(parts), "good"), "|")
        shown = io.StringIO()
        page.write(shown, colour=True)
        assert re.sub(r"\x1b\[[0-9;]*m", "", shown.getvalue()).rstrip() == page.text().rstrip()
