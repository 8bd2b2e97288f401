"""Lessons: what they show is checked, their answers are right, and mistakes in them are told with their place."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from kproxysim.cli.app import app
from kproxysim.errors import InputError
from kproxysim.lesson import Asked, Compared, Lesson, Part, Shown, lesson_names
from kproxysim.lesson.text import lesson_page
from kproxysim.report.brief import minimal_page

LIBRARY = Path(__file__).parents[2] / "kproxysim" / "lesson" / "library"


def shown(parts: tuple[Part, ...]) -> Iterator[Shown | Compared]:
    for part in parts:
        if isinstance(part, Asked) and part.proof is not None:
            yield part.proof
        elif isinstance(part, Shown | Compared):
            yield part


def test_every_lesson_is_in_the_order() -> None:
    assert sorted(lesson_names()) == sorted(path.stem for path in LIBRARY.glob("*.yaml"))


@pytest.mark.parametrize("name", lesson_names())
def test_what_a_lesson_shows_is_expected_by_a_scenario(name: str) -> None:
    """So that no lesson can teach what is not tested, and with the kernel's word where there is one."""
    lesson = Lesson.load(name)
    for one in shown(lesson.parts):
        expected = {check.packet for check in one.scenario.run().checks if check.passed}
        packets = one.packets if isinstance(one, Compared) else (one.packet,)
        assert set(packets) <= expected, one.scenario.name


@pytest.mark.parametrize("name", lesson_names())
def test_a_lesson_reads_well(name: str) -> None:
    lesson = Lesson.load(name)
    lines = list(lesson_page(lesson))
    assert lines[0] == lesson.title
    assert [line for line in lines if len(line) > 130 and not line.startswith("-A ")] == []
    assert sum(isinstance(part, Asked) for part in lesson.parts) >= 1


RIGHT: dict[str, list[tuple[str, str]]] = {
    "stale-conntrack": [
        ("The new pod", "deliver 10.44.1.22:5353 p=1 src=10.44.1.9"),
        ("Nobody, it goes to the old pod's address", "unreachable 10.44.1.21:5353 p=1 src=10.44.0.9"),
        ("Never, while it goes on like this", "unreachable 10.44.1.21:5353 p=1 src=10.44.0.9"),
    ],
    "externalips-vs-nodeport": [
        ("10.128.0.12, the node's internal address", "deliver 10.44.0.5:8080 p=1/2 src=10.44.0.1"),
        ("The browser is refused at once", "refuse 10.128.0.12:80 p=1 src=203.0.113.7"),
        ("No, its packet never carries the cluster IP", "deliver 10.44.1.7:8080 p=1/2 src=10.128.0.12"),
        ("It is refused, since node-b sees another destination", "refuse 10.128.0.13:80 p=1 src=203.0.113.7"),
        ("Those of node-b, on which the pod runs", "deliver 10.44.0.5:8080 p=1/2 src=10.128.0.13"),
        (
            "No rule takes the packet, it leaves for the cloud, and nothing comes back",
            "filter 198.51.100.12:80 p=1 src=10.44.1.9",
        ),
        ("10.44.0.1, an address of node-a", "deliver 10.44.0.5:8080 p=1/2 src=10.44.0.1"),
    ],
    "service-in-rules": [
        ("1/3, 1/2, 1", "deliver 10.44.0.21:8080 p=1/3 src=10.44.0.9"),
        ("No, the connection keeps the endpoint that it drew", "deliver 10.44.1.23:8080 p=1/3 src=10.44.0.9"),
        (
            "No rule takes the packet; it leaves the node by the default route",
            "unreachable 10.48.5.5:81 p=1 src=10.44.0.9",
        ),
    ],
    "traffic-policy": [
        ("The browser's address", "deliver 10.44.0.5:8080 p=1 src=203.0.113.7"),
        ("Nothing, until it gives up", "drop 10.128.0.13:30080 p=1 src=203.0.113.7"),
        ("No, it is served by the pod on node-a", "deliver 10.44.0.5:8080 p=1 src=10.128.0.13"),
        ("Its packet gets to a pod, and yet it waits in vain", "deliver 10.44.0.5:8080 p=1 src=10.44.0.9"),
    ],
    "masquerade": [
        (
            "It would leave from node-a, past node-b, and the browser could do nothing with it",
            "deliver 10.44.0.5:8080 p=1 src=10.44.0.9",
        ),
        ("To the packet", "deliver 10.44.0.5:8080 p=1/2 src=10.128.0.13"),
        ("Yes, its address is not one of the pods'", "deliver 10.44.0.21:8080 p=1/3 src=10.44.0.1"),
    ],
    "hairpin": [
        ("An address of its node", "deliver 10.44.0.31:8080 p=1 src=10.44.0.1"),
        ("That pod's own address", "deliver 10.44.0.31:8080 p=1 src=10.44.0.9"),
    ],
    "near-pods": [
        ("Nothing, until it gives up", "drop 10.48.5.7:80 p=1 src=10.44.1.9"),
        ("It is served by the agent of node-a", "deliver 10.44.0.41:8080 p=1 src=10.128.0.13"),
    ],
    "hijacking": [
        ("The tenant's pod", "deliver 10.44.1.51:8022 p=1 src=10.128.0.12"),
        ("The tenant's pod gets it", "deliver 10.44.1.51:8022 p=1 src=10.128.0.12"),
        ("The tenant's pod", "deliver 10.44.1.51:8022 p=1 src=10.128.0.12"),
        ("The ssh server of node-b", "deliver-to-host 10.128.0.13:22 p=1 src=203.0.113.7"),
    ],
    "source-ranges": [
        (
            "It falls out of KUBE-FW and goes on; table filter drops it",
            "drop 198.51.100.201:80 p=1 src=203.0.113.77",
        ),
        ("Served", "deliver 10.44.0.61:8080 p=1 src=10.44.0.1"),
        ("It is dropped", "drop 198.51.100.201:80 p=1 src=10.44.0.9"),
    ],
}
"""The right choice of each question, and the first line of its proof in the minimal form: an answer that slipped by one
would teach the opposite, and `[yes, since it may, no]` is three choices. What the proofs show is held by their scenarios.
"""


@pytest.mark.parametrize("name", lesson_names())
def test_the_right_answer_is_what_the_proof_shows(name: str) -> None:
    found = []
    for part in Lesson.load(name).parts:
        if isinstance(part, Asked):
            trace = (
                part.proof.traces[0] if isinstance(part.proof, Compared) else part.proof and part.proof.trace
            )
            found.append((part.choices[part.answer], next(iter(minimal_page(trace))) if trace else ""))
    assert found == RIGHT.get(
        name, "a new lesson: read its proofs, and write down its right answers in RIGHT"
    )


def test_no_place_is_always_right() -> None:
    """Who guesses the same number every time shall be wrong most of the time."""
    places = [
        part.answer for name in lesson_names() for part in Lesson.load(name).parts if isinstance(part, Asked)
    ]
    assert all(places.count(place) <= len(places) / 2 for place in set(places))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def give(name: str, typed: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    out = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.argv", ["kproxysim", "lesson", name])
    with pytest.raises(SystemExit) as ended:
        app(prog_name="kproxysim")
    return out.getvalue(), int(ended.value.code or 0)


SHORT = """\
kind: Lesson
lesson: 1
title: Short
about: One question.
scenario: nodeport-on-gke
steps:
- say: Two words.
- ask: Who answers?
  choices: [a pod, nobody]
  answer: 1
  because: The rule matches.
"""


def test_a_guess_comes_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    right, ended = give(str(tmp_path / "short.yaml"), "\n9\nx\n1\n", monkeypatch)
    assert ended == 0
    before, after = right.split("your guess", 1)
    assert "The rule matches." not in before
    assert "yes     1. a pod\n\nThe rule matches." in after
    assert after.count("your guess") == 2  # 9 and x are no choices
    wrong, _ = give(str(tmp_path / "short.yaml"), "\n2\n", monkeypatch)
    assert "no      1. a pod\n" in wrong
    shy, _ = give(str(tmp_path / "short.yaml"), "\n\n", monkeypatch)
    assert "answer  1. a pod\n" in shy


def test_a_lesson_can_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    said, ended = give(str(tmp_path / "short.yaml"), "", monkeypatch)
    assert ended == 130
    assert "Who answers?" not in said


@pytest.mark.parametrize(
    "wrong,said",
    [
        ("- show: nobody", "KPS903 the scenario has no packet 'nobody' 7"),
        ("- rules: node-z", "KPS903 the scenario has no node 'node-z' 7"),
        ("- show: browser\n  scenario: nowhere", "KPS903 there is no scenario 'nowhere' 8"),
        ("- say: a\n  show: b", "KPS902 this step has say and show 7"),
        ("- say: a\n  detail: full", "KPS902 detail does not go with say 7"),
        ("- ask: a\n  choices: [b]\n  answer: 1", "KPS902 a question needs choices and an answer 7"),
        ("- ask: a\n  choices: [b, c]\n  answer: 3", "KPS902 there is no choice 3 7"),
        ("- {}", "KPS902 this step does nothing 7"),
        ("- say: a\n  at: 1", "KPS902 at does not go with say 7"),
        ("- rules: node-a\n  at: 1", "KPS903 the scenario has no step '1' 8"),
        ("- play: [1, end]\n  scenario: stale-udp-entry", "KPS903 the scenario has no step 'end' 7"),
    ],
)
def test_a_mistake_has_its_place(wrong: str, said: str, tmp_path: Path) -> None:
    head, _, _ = SHORT.partition("- say")
    (tmp_path / "wrong.yaml").write_text(head + wrong + "\n")
    with pytest.raises(InputError) as caught:
        Lesson.load(tmp_path / "wrong.yaml")
    (one,) = caught.value.diagnostics
    assert one.position is not None
    assert f"{one.code} {one.message} {one.position.line}" == said


@pytest.mark.parametrize(
    "text,said",
    [
        (
            "kind: Lesson\nlesson: 1\ntitel: x\n",
            [
                "about, scenario, steps are missing: write about: WHAT CAN BE SAID AFTER IT, scenario: nodeport-vs-externalip, steps: [{say: WORDS}, {show: PACKET}]",
                "titel is no field here: did you mean title?",
            ],
        ),
        (SHORT.replace("- say", "- shows"), ["shows is no field here: did you mean show?"]),
        ((LIBRARY / "hairpin.yaml").read_text().replace("Lesson", "Scenario", 1), ["this file is no lesson: a lesson has kind: Lesson"]),
    ],
)  # fmt: skip
def test_a_file_that_is_not_quite_a_lesson(text: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        Lesson.load(tmp_path / "odd.yaml")
    assert [f"{one.message}: {one.help}" for one in caught.value.diagnostics] == said


def test_what_is_shown_at_a_step(tmp_path: Path) -> None:
    """The step's own packet if it is that one, else one that is sent as things stand then."""
    steps = "- {show: client-a, at: stale}\n- {show: client-b, at: stale}\n- {rules: node-a, at: 12, chains: [KUBE-SEP]}\n"
    head = SHORT.partition("- say")[0].replace("nodeport-on-gke", "stale-udp-entry")
    (tmp_path / "time.yaml").write_text(head + steps)
    text = lesson_page(Lesson.load(tmp_path / "time.yaml")).text()
    own, new, rules = text.split("$ kproxysim ")[1:]
    assert own.startswith("trace scenarios/stale-udp-entry.yaml --at stale\npacket   udp 10.44.0.9:51514")
    assert "as the connection says; no nat rule is read" in own
    assert new.startswith(
        "trace scenarios/stale-udp-entry.yaml --packet client-b --at stale\npacket   udp 10.44.1.9:51515"
    )
    assert "10.44.1.22:5353" in rules


def test_a_lesson_that_is_not_there() -> None:
    with pytest.raises(InputError) as caught:
        Lesson.load("externalips-vs-nodport")
    assert caught.value.diagnostics[0].help == "did you mean externalips-vs-nodeport?"
