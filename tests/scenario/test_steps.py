"""Steps: what is wrong with them in a file, what comes of them, and what may be expected."""

from fractions import Fraction
from pathlib import Path

import pytest

from kproxysim.errors import InputError
from kproxysim.scenario import Moment, Scenario
from tests.scenario.examples import SOUND, WITH_STEPS, load, mistakes, write

FIRST = SOUND.count("\n") + 2
"""The line of the first step."""

# what stands in WITH_STEPS, what is written in its place, then code, line (from the first step), column, message and help
SPOILT = [
    ("- open: inside", "- opne: inside", "KPS109", 0, 9, "opne is no field here", "did you mean open?"),
    ("- open: inside", "- name: it", "KPS615", 0, 3, "this step does nothing", "give it one of open, send, reply, close, trace, apply, patch, delete, kubeProxy, flush, rules, wait"),
    ("- open: inside", "- open: inside\n  wait: 5s", "KPS615", 0, 3, "this step does 2 things: open and wait", "make a step of each"),
    ("- open: inside", "- open: insid", "KPS602", 0, 9, "there is no packet 'insid' here", "did you mean inside?"),
    ("- open: inside", "- open: inside\n  seed: 4", "KPS615", 0, 3, "one way is either picked or drawn", "leave pick or seed out"),
    ("  pick: default/echo-1", "  how: fin", "KPS615", 0, 3, "how does not go with open", "it belongs to close"),
    ("  pick: default/echo-1", "  clients: 7", "KPS615", 0, 3, "many clients at once have too many ways to go", "add pick: ENDPOINT, or seed: 1"),
    ("- wait: 30s", "- open: inside\n  clients: 7\n  seed: 1", "KPS617", 4, 12, "packet inside does not come from the internet, where clients have addresses in a row", "leave clients out"),
    ("connection: open", "connection: opened", "KPS604", 2, 24, "'opened' is none of the words for this", "did you mean open?"),
    ("tcp ESTABLISHED", "tcp ESTABLISH", "KPS616", 2, 30, "no entry shows 'ESTABLISH'", "did you mean ESTABLISHED?"),
    ("tcp ESTABLISHED", "tcp prot=80", "KPS616", 2, 30, "no entry shows prot=", "did you mean sport?"),
    ("{node-b: ", "{node-x: ", "KPS602", 2, 50, "there is no node 'node-x' here", "did you mean node-b?"),
    ("- wait: 30s", "- wait: 30", "KPS110", 3, 9, "a duration is text such as 30s or 1h30m", None),
    ("- wait: 30s", "- wait: 0s", "KPS103", 3, 3, "a wait is longer than nothing, and at most 31 days", "write wait: 30s"),
    ("- wait: 30s", "- wait: 30s\n  expect: {reaches: default/echo-1}", "KPS615", 3, 3, "this step sends no packet, so reaches says nothing", None),
    ("- wait: 30s", "- wait: 30s\n  expect: {connection: open}", "KPS615", 3, 3, "this step is about no connection", "leave connection: out"),
    ("- wait: 30s", "- open: inside", "KPS617", 3, 9, "there is a connection 'inside' already", "add as: ANOTHER-NAME"),
    ("- wait: 30s", "- send: web", "KPS617", 3, 9, "no step before this one opens a connection 'web'", "open it at a step before this one: open: PACKET"),
    ("- wait: 30s", "- close: inside", "KPS617", 4, 9, "connection 'inside' was closed before", ""),
    ("- wait: 30s", "- kubeProxy: stop\n  nodes: [node-a, node-c]", "KPS602", 4, 19, "there is no node 'node-c' here", "did you mean node-b?"),
    ("- wait: 30s", "- kubeProxy: halt", "KPS107", 3, 14, '"halt" is none of the words for kubeProxy', None),
    ("- wait: 30s", "- patch: Service default/echo", "KPS102", 3, 3, "with is missing", "write the fields that change: with: {spec: {...}}"),
    ("- wait: 30s", "- patch: Service default/ecko\n  with: {spec: {type: NodePort}}", "KPS117", 3, 10, "there is no 'Service default/ecko' in the cluster", "did you mean 'Service default/echo'?"),
    ("- wait: 30s", "- patch: Service default/echo\n  with: {spec: {externalIPs: [10.0.0.300]}}", "KPS104", 4, 3, None, None),
    ("- wait: 30s", "- delete: Servic default/echo", "KPS117", 3, 11, "there is no 'Servic default/echo' in the cluster", "did you mean 'Service default/echo'?"),
    ("- wait: 30s", "- apply: more.yaml", "KPS001", 3, 10, None, "files are named from the folder of the scenario"),
    ("- wait: 30s", "- apply: {kind: Service, apiVersion: v1, metadata: {name: x}, spec: {prots: [], ports: [{port: 99999}]}}", "KPS106", 3, 96, "port 99999 is out of range", "at most 65535"),
    ("- wait: 30s", "- apply: []", "KPS103", 3, 3, "there is no Node, Service or EndpointSlice here", "name a file with manifests"),
    ("- wait: 30s", "- rules: |\n    *nat\n    COMMIT", "KPS102", 3, 3, "node is missing", "say whose rules these are: node: NAME"),
    ("name: again", "name: 7", "KPS103", 5, 9, None, None),
    ("name: again", "name: '7'", "KPS615", 5, 9, "'7' is a number, and steps have numbers already", "write a word"),
    ("- wait: 30s", "- wait: 30s\n  name: again", "KPS615", 6, 9, "there is a step 'again' before this one", "give each a name of its own"),
    ("reaches: default/echo-1}", "reaches: default/echo-7}", "KPS602", 6, 21, "there is no receiver 'default/echo-7' here", "did you mean default/echo-2?"),
    ("through: [conntrack]", "through: [contrack]", "KPS607", 8, 22, "'contrack' is no station of a packet's way", "did you mean conntrack?"),
]  # fmt: skip


@pytest.mark.parametrize("sound, wrong, code, line, column, message, hint", SPOILT)
def test_a_mistake_in_a_step(
    tmp_path: Path,
    sound: str,
    wrong: str,
    code: str,
    line: int,
    column: int,
    message: str | None,
    hint: str | None,
) -> None:
    assert WITH_STEPS.count(sound) == 1
    found = [one for one in mistakes(tmp_path, WITH_STEPS.replace(sound, wrong)) if one.code == code]
    if message is not None:
        found = [one for one in found if one.message == message]
    assert found, mistakes(tmp_path, WITH_STEPS.replace(sound, wrong))
    one = found[0]
    assert one.position is not None
    assert (one.position.line - FIRST, one.position.column) == (line, column)
    assert message is None or one.message == message
    assert hint is None or one.help == hint


def test_all_mistakes_in_all_steps_at_once(tmp_path: Path) -> None:
    text = (
        WITH_STEPS.replace("connection: open", "connection: opne")
        .replace("30s", "30")
        .replace("reaches: default/echo-1}", "reaches: x}")
    )
    assert [one.code for one in mistakes(tmp_path, text)] == ["KPS604", "KPS110", "KPS602"]


def test_objects_of_a_step_are_known_to_later_ones(tmp_path: Path) -> None:
    """A pod and an address that come with a step are no slips of the pen."""
    text = (
        SOUND.replace("expect:", '  late: {from: pod/default/shell, to: "10.48.3.9:80"}\nexpect:')
        + """\
steps:
- apply:
  - {apiVersion: v1, kind: Service, metadata: {name: late, namespace: default}, spec: {clusterIP: 10.48.3.9, ports: [{port: 80}]}}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: late-1, namespace: default, labels: {kubernetes.io/service-name: late}}
    addressType: IPv4
    ports: [{port: 8080}]
    endpoints: [{addresses: [10.44.0.77], nodeName: node-a, targetRef: {kind: Pod, namespace: default, name: late-1}}]
- open: late
  expect: {reaches: default/late-1, through: [KUBE-SVC default/late, KUBE-SEP default/late default/late-1]}
"""
    )
    scenario = load(tmp_path, text)
    assert scenario.findings == ()
    assert scenario.run().passed


def moments(folder: Path, steps: str) -> list[Moment]:
    return list(load(folder, f"{SOUND}steps:\n{steps}").timeline())


def shares(moment: Moment) -> dict[tuple[str, str], Fraction]:
    return dict(moment.standings[0].shares)


class TestWays:
    """Where chance decides, all ways go on side by side; later steps happen in each of them."""

    def test_each_has_its_fraction(self, tmp_path: Path) -> None:
        opened, sent = moments(tmp_path, "- open: inside\n- send: inside\n")
        half = Fraction(1, 2)
        assert shares(opened) == {("open", "default/echo-1"): half, ("open", "default/echo-2"): half}
        assert shares(sent) == shares(opened)
        assert [way.probability for way in sent.ways] == [half, half]

    def test_choices_multiply(self, tmp_path: Path) -> None:
        last = moments(tmp_path, "- open: inside\n- open: inside\n  as: other\n")[-1]
        assert [way.probability for way in last.ways] == [Fraction(1, 4)] * 4
        assert last.trace is not None
        assert [branch.probability for branch in last.trace] == [Fraction(1, 2)] * 2

    def test_what_is_true_in_one_of_them_is_not_in_the_other(self, tmp_path: Path) -> None:
        _, gone, sent = moments(tmp_path, "- open: inside\n- delete: Pod default/echo-1\n- send: inside\n")
        assert len(gone.ways) == 2
        assert shares(sent)["open", "default/echo-2"] == Fraction(1, 2)
        assert sum(shares(sent).values()) == 1

    def test_picked_or_drawn_it_is_one(self, tmp_path: Path) -> None:
        picked, drawn = moments(
            tmp_path, "- open: inside\n  pick: echo-2\n- open: inside\n  as: other\n  seed: 3\n"
        )
        assert shares(picked) == {("open", "default/echo-2"): 1}
        assert list(shares(drawn).values()) == [1]

    def test_too_many_are_refused_by_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("kproxysim.scenario.timeline.MOST_WAYS", 7)
        steps = "".join(f"- open: inside\n  as: c{number}\n" for number in range(4))
        with pytest.raises(InputError) as refused:
            moments(tmp_path, steps)
        (one,) = refused.value.diagnostics
        assert (one.code, one.message) == (
            "KPS618",
            "there are 8 ways side by side now, and 7 is the most",
        )
        assert one.position is not None
        assert one.position.line == FIRST + 4

    def test_many_clients(self, tmp_path: Path) -> None:
        (one,) = moments(tmp_path, "- open: web\n  clients: 4\n  seed: 1\n")
        assert len(one.ways) == 1
        sources = [str(session.packet.src) for session in one.ways[0].world.sessions]
        assert sources == ["203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10"]
        assert one.trace is not None
        assert sum(branch.probability for branch in one.trace) == 1


class TestPacketsInBetween:
    def test_a_trace_leaves_nothing_behind(self, tmp_path: Path) -> None:
        traced, opened = moments(tmp_path, "- trace: inside\n- open: inside\n  pick: echo-1\n")
        assert traced.trace is not None
        assert [way.world.conntrack("node-b") for way in traced.ways] == [()]
        assert len(opened.ways[0].world.conntrack("node-b")) == 1

    def test_it_comes_from_a_port_that_no_connection_has(self, tmp_path: Path) -> None:
        """Else it would meet the entry of one, and go where that went."""
        _, closed, traced = moments(
            tmp_path, "- open: inside\n  pick: echo-1\n- close: inside\n- trace: inside\n"
        )
        assert shares(closed) == {("closed", ""): 1}
        assert len(shares(traced)) == 2

    def test_a_packet_of_ones_own_after_a_step(self, tmp_path: Path) -> None:
        scenario = load(tmp_path, f"{SOUND}steps:\n- delete: EndpointSlice default/echo-1\n")
        assert scenario.trace("web", at="1")[0].reason == "no-endpoints"
        assert scenario.trace("web")[0].reason == "served-by-endpoint"


class TestExpectations:
    def failures(self, folder: Path, steps: str) -> list[str]:
        return [check.message for check in load(folder, f"{SOUND}steps:\n{steps}").run().checks[2:]]

    @pytest.mark.parametrize(
        "expect, message",
        [
            ("connection: open", ""),
            ("connection: timeout", "connection: wanted timeout, got open"),
            ("reaches: {default/echo-1: 1/2, default/echo-2: 1/2}", ""),
            ("reaches: default/echo-1", "reaches: wanted default/echo-1, got 1/2 default/echo-1, 1/2 default/echo-2; they part at"),
            ("conntrack: {node-b: 1}", ""),
            ("conntrack: {node-b: tcp ESTABLISHED src=10.44.1.9 dport=80 src=10.44.*.* sport=8080}", ""),
            ("conntrack: {node-b: [tcp, dport=80]}", ""),
            ("conntrack: {node-b: {udp: 0, tcp: 1}}", ""),
            ("conntrack: {node-b: 2}", "conntrack: wanted 2 entries on node-b, got tcp 6"),
            ("conntrack: {node-b: dport=80 ESTABLISHED}", "conntrack: wanted an entry like 'dport=80 ESTABLISHED' on node-b, got tcp 6"),
            ("conntrack: {node-b: {tcp: 0}}", "conntrack: wanted no entry like 'tcp' on node-b, got 1"),
            ("conntrack: {node-b: src=10.44.0.5}", "conntrack: wanted an entry like 'src=10.44.0.5' on node-b, got tcp 6"),
        ],
    )  # fmt: skip
    def test_of_a_step(self, tmp_path: Path, expect: str, message: str) -> None:
        (got,) = self.failures(tmp_path, f"- open: inside\n  expect: {{{expect}}}\n")
        assert got.startswith(message)
        assert bool(got) == bool(message)

    def test_of_a_close_in_silence_there_is_no_packet_to_speak_of(self, tmp_path: Path) -> None:
        steps = "- open: inside\n  seed: 1\n- close: inside\n  how: silence\n  expect: {reaches: nobody}\n"
        (one,) = mistakes(tmp_path, f"{SOUND}steps:\n{steps}")
        assert (one.code, one.message) == ("KPS615", "this step sends no packet, so reaches says nothing")

    def test_a_check_says_which_step_it_is_about(self, tmp_path: Path) -> None:
        result = load(tmp_path, WITH_STEPS).run()
        titles = [check.title for check in result.checks]
        assert titles == ["web", "inside", "step 1, open inside, pick default/echo-1", "step 3, send on inside",
                          "step 4, close inside"]  # fmt: skip
        assert [moment.at for moment in result.moments] == [0, 30, 30, 30]


class TestWhatCannotHappen:
    """An error that only shows when the steps are carried out points into the file as any other."""

    @pytest.mark.parametrize(
        "steps, code, line, column",
        [
            ("- open: inside\n  pick: default/echo-9\n", "KPS705", 1, 9),
            (
                "- open: inside\n  seed: 1\n- close: inside\n  how: rst\n  by: server\n- send: inside\n",
                "KPS617",
                5,
                9,
            ),
            ("- kubeProxy: stop\n- kubeProxy: lag\n  nodes: node-a\n", "KPS706", 1, 14),
            ("- rules: |\n    *nat\n    -A NOWHERE -j ACCEPT\n    COMMIT\n  node: node-a\n", "KPS503", 0, 10),
            ("- delete: Pod default/shell\n- delete: Pod default/shell\n", "KPS707", 1, 11),
        ],
    )
    def test_is_told_with_its_place(
        self, tmp_path: Path, steps: str, code: str, line: int, column: int
    ) -> None:
        path = write(tmp_path, f"{SOUND}steps:\n{steps}")
        with pytest.raises(InputError) as refused:
            Scenario.load(path).run()
        (one,) = refused.value.diagnostics
        assert one.code == code
        assert one.position is not None
        assert (one.position.line - FIRST, one.position.column) == (line, column)
