"""What a page is in a real browser: it steps by key and by button, fits its window, can be read and heard, and loads
nothing.
"""

from __future__ import annotations

import pytest

from kproxysim.network.trace import Trace
from kproxysim.report.compare import compare
from kproxysim.report.html.compare_page import comparison_html
from kproxysim.report.html.trace_page import trace_html
from tests.browser.conftest import Open
from tests.browser.looks import CONTRAST, WIDTHS
from tests.report.test_hostile_names import named
from tests.report.worlds import article, sent


@pytest.fixture(scope="module")
def trace() -> Trace:
    return sent(article(), "198.51.100.12:80")


@pytest.fixture(scope="module")
def page(trace: Trace) -> str:
    return trace_html(trace)


@pytest.fixture(scope="module")
def comparison(trace: Trace) -> str:
    return comparison_html(compare(sent(article(), "198.51.100.12:30080"), trace, ("nodeport", "externalip")))


class TestEveryPage:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", WIDTHS)
    def test_fits_its_window_and_can_be_read(
        self, open_page: Open, page: str, comparison: str, width: int, scheme: str
    ) -> None:
        for each in (page, comparison):
            tab = open_page(each, width=width, prefers_color_scheme=scheme)
            tab.press("m", "m", "x")
            assert tab.value("document.documentElement.scrollWidth") == width
            ratio, text = tab.value(CONTRAST)
            assert ratio >= 4.5, text

    def test_loads_nothing_and_complains_of_nothing(
        self, open_page: Open, page: str, comparison: str
    ) -> None:
        for each in (page, comparison):
            tab = open_page(each)
            tab.press("End")
            assert [url.partition(":")[0] for url in tab.requests()] == ["file"]
            assert tab.complaints() == []

    def test_what_it_did_not_bring_along_is_neither_loaded_nor_run(self, open_page: Open, page: str) -> None:
        strange = '<script>document.title = "run"</script><img src="https://192.0.2.1/x.png">'
        tab = open_page(page.replace("<header>", f"{strange}<header>"))
        assert tab.value("document.title") != "run"
        assert len(tab.complaints()) == 2
        assert all("Content Security Policy" in said for said in tab.complaints())


class TestNames:
    def test_a_name_that_looks_like_markup_is_text(self, open_page: Open) -> None:
        name = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">"
        hostile = named(name)
        tab = open_page(trace_html(hostile))
        steps = int(tab.value("document.querySelector('.position').max"))
        for _ in range(steps):
            tab.press("n")
        tab.click(".whole")
        assert tab.value("document.title") != "run"
        assert tab.value("document.querySelectorAll('img').length") == 0
        assert tab.value("document.scripts.length") == 2
        assert name in tab.text(".trace > .account")
        assert name in tab.text(".road")
        tab = open_page(comparison_html(compare(hostile, hostile, (name, name))))
        assert tab.value("document.title") == f"{name} and {name}"
        assert tab.value("document.scripts.length") == 0
        assert tab.value("document.querySelectorAll('img').length") == 0


class TestStepping:
    def test_by_key(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        assert tab.text(".sentence") == "internet sends tcp 203.0.113.7:51514 -> 198.51.100.12:80 new"
        for key, sentence in (
            ("x", "nat:KUBE-SERVICES:1 is passed over: dst is 10.128.0.12, rule wants 10.48.3.7"),
            (
                "n",
                "nat:KUBE-SERVICES:2 matches dst 10.128.0.12 = 10.128.0.12/32, tcp, dport 80: jump KUBE-EXT-JNAUE2DZ25YGAW2B",
            ),
            ("b", "nat:KUBE-SERVICES:1 is passed over: dst is 10.128.0.12, rule wants 10.48.3.7"),
            (
                "m",
                "nat:KUBE-SERVICES:2 matches dst 10.128.0.12 = 10.128.0.12/32, tcp, dport 80: jump KUBE-EXT-JNAUE2DZ25YGAW2B",
            ),
            ("ArrowRight", "nat:KUBE-EXT-JNAU..:1 matches: jump KUBE-MARK-MASQ"),
            ("o", "nat:KUBE-EXT-JNAU..:2 matches: jump KUBE-SVC-JNAUE2DZ25YGAW2B"),
            ("ArrowLeft", "nat:KUBE-MARK-MASQ: falls off its end"),
            ("End", "the answer is delivered: tcp 198.51.100.12:80 -> 203.0.113.7:51514"),
            ("m", "no further rule matches"),
            ("Home", "internet sends tcp 203.0.113.7:51514 -> 198.51.100.12:80 new"),
        ):
            tab.press(key)
            assert tab.text(".sentence") == sentence, key

    def test_over_a_chain_that_decides_is_out_of_the_table(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.press("m", "o")
        assert tab.text(".sentence").startswith("routing: 10.44.0.5 dev veth0")

    def test_by_button_and_slider(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.click("[data-move=miss]")
        assert tab.text(".sentence").startswith("nat:KUBE-SERVICES:1 is passed over")
        tab.click("[data-move=back]")
        assert tab.text(".sentence") == "nat:PREROUTING:1 matches: jump KUBE-SERVICES"
        tab.value("document.querySelector('.position').focus()")
        tab.press("ArrowRight")
        assert tab.text(".sentence").startswith("nat:KUBE-SERVICES:1 is passed over")
        tab.click(".road button.end")
        assert tab.text(".sentence").startswith("delivered to default/echo-1; the pod sees 10.44.0.1")
        assert "externalTrafficPolicy: Local keeps the client's address" in tab.text(".rules .facts")

    def test_the_packet_shows_what_a_step_changed(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.press(*"mmmmmmm")
        assert tab.text(".sentence").endswith("DNAT  dst 10.128.0.12:80 -> 10.44.0.5:8080".replace("  ", " "))
        assert tab.texts(".fields .changed td:nth-child(2)") == ["10.128.0.12 → 10.44.0.5", "80 → 8080"]
        assert tab.texts(".fields .changed .sent") == ["198.51.100.12", "80"]

    def test_the_rules_of_the_chain_with_what_came_of_each(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.press("m", "m")
        assert tab.text(".rules h3") == "nat:KUBE-SERVICES on node-a"
        assert tab.texts(".asked .passed .failed") == ["dst is 10.128.0.12, rule wants 10.48.3.7"]
        assert tab.texts(".asked .matched .made") == [
            "service default/echo-ext:http, external IP (spec.externalIPs[0])"
        ]
        assert tab.texts(".asked [aria-current] .action") == ["jump KUBE-EXT-JNAUE2DZ25YGAW2B"]
        tab.press("b")
        assert tab.texts(".asked .matched .made") == []  # what is still to come is not told

    def test_the_first_look_is_the_way_in_short_and_a_host_its_own_part(
        self, open_page: Open, page: str
    ) -> None:
        tab = open_page(page)
        assert tab.texts(".short-way .arrives") == [
            "cloud gce",
            "node-a in eth0",
            "pod default/echo-1 in eth0",
        ]
        assert tab.texts(".short-way .change .action") == [
            "dst 198.51.100.12 -> 10.128.0.12",
            "mark 0x0 -> 0x4000",
            "DNAT dst 10.128.0.12:80 -> 10.44.0.5:8080",
            "mark 0x4000 -> 0x0",
            "MASQUERADE src 203.0.113.7 -> 10.44.0.1",
        ]
        assert tab.texts(".short-way .ended")[0].startswith(
            "delivered to default/echo-1; the pod sees 10.44.0.1"
        )
        tab.click(".short-way .matched.change")
        assert tab.text(".sentence") == "nat:KUBE-MARK-MASQ:1 matches: mark 0x0 -> 0x4000"
        assert tab.value("document.activeElement.className") == "panel rules"
        tab.click(".road button.host")
        assert tab.texts(".short-way .place") == ["one-to-one nat"]

    def test_both_ways_of_a_chance(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.press(*"mmmmmm")
        assert "drawn, 1/2 of the packets" in tab.text(".sentence")
        assert tab.texts(".chance button") == [
            "1/2 -> default/echo-2 10.44.1.7:8080 on node-b, source 10.128.0.12"
        ]
        tab.click(".chance button")
        assert tab.text(".sentence") == "nat:KUBE-SVC-JNAU..:2 is passed over: not drawn"
        tab.press("w")
        assert "drawn, 1/2 of the packets" in tab.text(".sentence")
        tab.click(".ways button:last-child")
        tab.press("n")
        assert tab.text(".sentence").startswith("nat:KUBE-SVC-JNAU..:3 matches")


class TestForEverybody:
    def test_keys_alone_reach_everything_and_show_where_they_are(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.press("Tab")
        assert tab.value("document.activeElement.parentElement.className") == "ways"
        assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        seen = set()
        for _ in range(20):
            tab.press("Tab")
            seen.add(tab.value("document.activeElement.closest('[class]')?.className"))
        assert {"position", "whole", "keys", "panel rules"} <= seen
        assert any(name.startswith("sender") for name in seen)
        tab.value("document.querySelector('.road [aria-current]').focus()")
        tab.press("ArrowDown", "Enter")
        tab.press("?")
        assert tab.value("document.getElementById('help').open")
        tab.press("Escape")
        assert not tab.value("document.getElementById('help').open")

    def test_a_screen_reader_is_told(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        tab.press("m")
        spoken = tab.spoken()
        for role, name in (
            ("button", "Next match"),
            ("button", "Over chain"),
            ("toolbar", "Steps"),
            ("slider", "Step"),
            ("navigation", "Road"),
            ("heading", "Road"),
            ("region", "Rules"),
            ("region", "Packet"),
            ("rowheader", "dst"),
            ("StaticText", "nat:PREROUTING:1 matches: jump KUBE-SERVICES"),
        ):
            assert (role, name) in spoken
        assert tab.value("document.querySelector('.sentence').getAttribute('aria-live')") == "polite"

    def test_nothing_moves_for_those_who_asked_for_that(self, open_page: Open, page: str) -> None:
        moving = "getComputedStyle(document.querySelector('circle.here')).transitionDuration"
        assert open_page(page, prefers_reduced_motion="reduce").value(moving) == "0s"

    def test_on_paper_everything_is_written_out(self, open_page: Open, page: str) -> None:
        tab = open_page(page)
        assert not tab.value("document.querySelector('.trace > .account').checkVisibility()")
        tab.print_media()
        assert tab.value("document.querySelector('.trace > .account').checkVisibility()")
        assert not tab.value("document.querySelector('.player').checkVisibility()")
        assert tab.text(".trace > .account").count("delivered to default/echo-") == 2

    def test_without_scripts_everything_is_written_out(self, open_page: Open, page: str) -> None:
        tab = open_page(page.replace("script-src", "img-src"))  # the policy now lets no script run
        assert tab.value("document.querySelector('.trace > .account').checkVisibility()")
        assert not tab.value("document.querySelector('.player').checkVisibility()")
