"""What is told beside the rules: in words, and of another packet that goes the same way."""

import pytest

from kproxysim.netfilter.events import Event, Happening, rewrite_text
from kproxysim.netfilter.renaming import Renaming
from kproxysim.netfilter.skb import Skb
from kproxysim.packet import Packet

BEFORE = Skb.of(Packet("tcp", "10.0.0.5", "10.96.0.1", 4000, 80))
AFTER = Skb.of(Packet("tcp", "10.0.0.5", "10.44.0.5", 4000, 8080))
BEFORE6 = Skb.of(Packet("udp", "fd00::5", "fd00:96::1", 4000, 53))
ECHO = Skb.of(Packet("icmp", "10.0.0.5", "10.96.0.1", icmp=(8, 0)))


@pytest.mark.parametrize(
    "before, after, wanted",
    [
        (BEFORE, BEFORE, "unchanged"),
        (BEFORE, AFTER, "dst 10.96.0.1:80 -> 10.44.0.5:8080"),
        (BEFORE, BEFORE.with_source(BEFORE.src, 1024), "src 10.0.0.5:4000 -> 10.0.0.5:1024"),
        (
            BEFORE,
            AFTER.with_source(1, 0),
            "src 10.0.0.5:4000 -> 0.0.0.1:0, dst 10.96.0.1:80 -> 10.44.0.5:8080",
        ),
        (BEFORE6, BEFORE6.with_destination(1, 53), "dst [fd00:96::1]:53 -> [::1]:53"),
        (ECHO, ECHO.with_destination(AFTER.dst, -1), "dst 10.96.0.1 -> 10.44.0.5"),
    ],
)
def test_what_a_translation_changed(before: Skb, after: Skb, wanted: str) -> None:
    assert rewrite_text(before, after) == wanted


def test_an_event_says_its_sentence() -> None:
    assert Event.of("routing", "goes on", BEFORE, AFTER).action == "goes on"
    event = Event.of("nat", rewrite_text, BEFORE, AFTER)
    assert (event.action, event.before, event.after) == ("dst 10.96.0.1:80 -> 10.44.0.5:8080", BEFORE, AFTER)


def test_an_event_says_it_of_the_packet_that_it_stands_for() -> None:
    renaming = Renaming({BEFORE.src: BEFORE.src + 1}, {4000: 5000}, {})
    source = (BEFORE.src + 1, 5000)
    recorded = Happening("nat", rewrite_text, BEFORE, AFTER.with_source(AFTER.src, 1024))
    event = Event(recorded, renaming)
    assert event.action == "src 10.0.0.6:5000 -> 10.0.0.6:1024, dst 10.96.0.1:80 -> 10.44.0.5:8080"
    assert event.before == BEFORE.with_source(*source)
    assert event.after == AFTER.with_source(BEFORE.src + 1, 1024)
    assert Event(recorded._replace(said="goes on"), renaming).action == "goes on"


def test_a_notebook_shows_the_event_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Event.of("routing", "goes on", BEFORE)
    assert event.after is BEFORE
    monkeypatch.setattr("kproxysim.notebook._makers", [lambda shown: f"{shown is event}"])
    assert event._repr_html_() == "True"
