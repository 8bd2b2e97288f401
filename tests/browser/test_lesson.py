"""A lesson in a real browser: guesses come before answers, each trace is stepped through in its place, and nothing is
lost on paper or without scripts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kproxysim.lesson import Lesson
from kproxysim.lesson.html import lesson_html
from tests.browser.chromium import Tab
from tests.browser.conftest import Open
from tests.browser.looks import CONTRAST, WIDTHS

LESSON = """\
kind: Lesson
lesson: 1
title: A <b>lesson</b>
about: Two questions, and one of everything.
scenario: nodeport-vs-externalip
steps:
- say: |
    Words, and `code` & <script>document.title = "run"</script>.

        kept as it is,
          line by line
- show: nodeport
  pick: echo-1
- show: externalip
  detail: summary
- rules: node-a
  chains: [KUBE-SERVICES]
- compare: [nodeport, externalip]
- ask: Which address does the rule want?
  choices: [the public one, the internal one]
  answer: 2
  because: The cloud replaces the `public` one.
  proof: {show: externalip, pick: echo-1, detail: full}
- ask: Who is the client?
  choices: [a node, the browser]
  answer: 1
  because: It is masqueraded.
  proof: {show: externalip, pick: echo-1}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("lesson") / "mine.yaml"
    path.write_text(LESSON)
    return lesson_html(Lesson.load(path))


def guess(tab: Tab, question: int, choice: int) -> None:
    form = f"document.querySelectorAll('form')[{question - 1}]"
    tab.value(f"{form}.querySelectorAll('input')[{choice - 1}].click()")
    tab.value(f"{form}.querySelector('.guess').click()")


def seen(tab: Tab, selector: str) -> list[bool]:
    """Of each of these elements, whether it can be seen."""
    of_each = "(one) => one.checkVisibility()"
    return [bool(one) for one in tab.value(f"[...document.querySelectorAll('{selector}')].map({of_each})")]


class TestLooks:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", WIDTHS)
    def test_fits_its_window_and_can_be_read(
        self, open_page: Open, page: str, width: int, scheme: str
    ) -> None:
        tab = open_page(page, width=width, prefers_color_scheme=scheme)
        guess(tab, 1, 1)
        guess(tab, 2, 1)
        tab.value("document.querySelectorAll('.way').forEach((one) => { one.open = true; })")
        assert tab.value("document.documentElement.scrollWidth") == width
        ratio, text = tab.value(CONTRAST)
        assert ratio >= 4.5, text

    def test_loads_nothing_complains_of_nothing_and_runs_no_name(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        guess(tab, 1, 2)
        assert [url.partition(":")[0] for url in tab.requests()] == ["file"]
        assert tab.complaints() == []
        assert tab.value("document.title") == "A <b>lesson</b>"
        assert tab.texts(".said code") == ["code", "public"]
        assert tab.text(".said pre") == "kept as it is,\n  line by line"
        assert '<script>document.title = "run"</script>' in tab.text(".said")


class TestPlayers:
    def test_each_steps_for_itself(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        assert tab.value("document.querySelectorAll('.stepping').length") == 1  # the others are still folded
        guess(tab, 1, 2)
        tab.value("document.querySelector('.answer .trace').focus()")
        tab.press("m", "m")
        tab.press("x")
        assert tab.text("main > figure .sentence").startswith("internet sends tcp")
        assert tab.text(".answer .sentence").startswith("nat:KUBE-SVC-JNAU..:1 is passed over")
        tab.click("main > figure [data-move=next]")
        assert tab.text("main > figure .sentence") == "the packet comes to cloud, gce"
        assert tab.text(".answer .sentence").startswith("nat:KUBE-SVC-JNAU..:1 is passed over")

    def test_a_short_one_can_be_unfolded(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        assert tab.texts(".in-short li")[1].startswith("1/2 echo-1 10.44.0.5:8080")
        tab.click("main > figure .way summary")
        assert tab.text(".way .sentence").startswith("internet sends")
        tab.click(".way [data-move=last]")
        assert tab.text(".way .sentence").startswith("the answer is delivered")

    def test_what_ends_a_proof_is_where_its_player_begins(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        guess(tab, 2, 1)
        tab.click(".answer .way summary")
        assert tab.text(".answer .way .sentence").startswith("delivered to default/echo-1")


class TestQuestions:
    def test_the_answer_comes_after_the_guess(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        assert seen(tab, ".answer .said") == [False, False]
        guess(tab, 1, 1)
        assert tab.texts(".result") == ["No.", ""]
        assert tab.texts(".choice .mark") == ["✗ your guess", "✓ right"]
        assert seen(tab, ".answer .said") == [True, False]
        guess(tab, 2, 1)
        assert tab.texts(".result") == ["No.", "Yes."]
        assert tab.texts(".choice.right .mark") == ["✓ right", "✓ right"]

    def test_by_keyboard(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.value("document.querySelector('form input').focus()")
        tab.press("Enter")
        assert tab.text(".result") == "Choose one first, or show the answer."
        tab.press("ArrowDown", "Enter")
        assert tab.text(".result") == "Yes."
        assert tab.value("document.activeElement.textContent") == "2. the internal one"
        assert tab.comes_true("document.querySelector('.answer .stepping')")
        tab.press("Tab")
        assert tab.value("document.activeElement.closest('.answer') !== null")

    def test_whoever_does_not_guess_asks_for_the_answer(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.click(".answer summary")
        assert seen(tab, ".answer .said") == [True, False]
        assert tab.text(".result") == ""
        assert tab.texts(".choice .mark") == ["✓ right"]

    def test_a_screen_reader_is_told(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        spoken = tab.spoken()
        for role, name in (
            ("heading", "Question 1 of 2"),
            ("group", "Your guess"),
            ("radio", "2. the internal one"),
            ("button", "That is my guess"),
            ("DisclosureTriangle", "Show the answer"),
            ("group", "tcp 203.0.113.7:51514 -> 198.51.100.12:30080 new"),
        ):
            assert (role, name) in spoken
        assert tab.value("document.querySelector('.result').getAttribute('role')") == "status"


class TestEverywhere:
    def test_on_paper_everything_is_written_out(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.print_media()
        assert seen(tab, ".answer .said") == [True, True]
        assert seen(tab, ".trace > .account") == [True] * 4
        assert seen(tab, ".player") == [False] * 4

    def test_without_scripts_everything_can_be_unfolded(self, open_page: Open, page: str) -> None:
        tab = open_page(page.replace("script-src", "img-src"))  # the policy now lets no script run
        assert seen(tab, "main > figure > .trace > .account") == [True]
        assert seen(tab, ".player, .guess, .hint") == [False] * 7
        tab.click(".answer summary")
        assert seen(tab, ".answer .said") == [True, False]
        assert seen(tab, ".answer .account")[0]
