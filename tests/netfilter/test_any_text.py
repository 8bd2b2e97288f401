"""Laws of the reader, over any text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kproxysim.errors import InputError
from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from tests.netfilter.rule_tables import ACCEPTED, REFUSED

FAMILIES: list[Family] = ["ipv4", "ipv6"]
PLACES = sorted({(table, chain) for table, chain, _ in ACCEPTED})
WRITTEN = sorted(
    {rule if isinstance(rule, str) else rule[0] for rules in ACCEPTED.values() for rule in rules}
)
WRONG = sorted(
    {line for lines in REFUSED.values() for line, _ in lines if line.startswith("-A") and "\n" not in line}
)
DUMP = "".join(
    f"*{table}\n:A - [0:0]\n" + "".join(f"-A {chain} {rule}\n" for rule in WRITTEN[:40]) + "COMMIT\n"
    for table, chain in PLACES[:2]
)

options = st.sampled_from(
    [
        *sorted({option for one in (*MATCHES.values(), *TARGETS.values()) for option in one.options}),
        "-s",
        "-d",
        "-p",
        "-i",
        "-o",
        "-f",
        "-m",
        "-j",
        "-g",
        "!",
        "-4",
        "-6",
        "-c",
    ]
)
values = st.one_of(
    st.sampled_from(
        [
            "10.0.0.1",
            "10.0.0.0/8",
            "fd00::1",
            "tcp",
            "udp",
            "80",
            "80:90",
            "0x1/0xf",
            "eth0",
            "A",
            "NEW",
            "any",
        ]
    ),
    st.sampled_from(sorted(MATCHES) + sorted(TARGETS)),
    st.integers(-5, 1 << 33).map(str),
    st.text(string.printable, max_size=12),
)
generated = st.lists(st.one_of(options, values), max_size=14).map(" ".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A dump with pieces cut out, doubled, moved and replaced."""
    text = DUMP
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        piece = draw(st.one_of(st.just(""), st.text(max_size=8), st.just(text[start:end] * 2), values))
        text = text[:start] + piece + text[end:]
    return text


def read(text: str, family: Family) -> Ruleset | None:
    try:
        return Ruleset.from_save(text, family)
    except InputError as refused:
        for one in refused.diagnostics:
            assert one.position is not None
            assert 1 <= one.position.line <= text.count("\n") + 1
        return None


def in_dump(table: str, chain: str, *rules: str) -> str:
    return "\n".join([f"*{table}", ":A - [0:0]", *(f"-A {chain} {rule}" for rule in rules), "COMMIT", ""])


class TestWhateverTheText:
    """A text is read, or refused by line; nothing else comes out of the reader."""

    @given(st.text(), st.sampled_from(FAMILIES))
    def test_any_text(self, text: str, family: Family) -> None:
        read(text, family)

    @given(st.text(), st.sampled_from(FAMILIES), st.sampled_from(PLACES))
    def test_any_text_as_a_rule(self, text: str, family: Family, place: tuple[str, str]) -> None:
        read(in_dump(*place, text), family)

    @given(mutated(), st.sampled_from(FAMILIES))
    def test_a_dump_cut_and_mended(self, text: str, family: Family) -> None:
        read(text, family)

    @given(generated, st.sampled_from(FAMILIES), st.sampled_from(PLACES))
    def test_words_of_iptables_in_any_order(self, rule: str, family: Family, place: tuple[str, str]) -> None:
        read(in_dump(*place, rule), family)


class TestThePrint:
    """What was read is printed so that it is read the same, and printed the same again."""

    @given(st.one_of(generated, st.sampled_from(WRITTEN)), st.sampled_from(FAMILIES), st.sampled_from(PLACES))
    def test_round_trip(self, rule: str, family: Family, place: tuple[str, str]) -> None:
        ruleset = read(in_dump(*place, rule), family)
        if ruleset is not None:
            assert Ruleset.from_save(ruleset.to_save(), family) == ruleset


addresses = st.integers(0, (1 << 32) - 1).map(
    lambda n: ".".join(str(n >> shift & 255) for shift in (24, 16, 8, 0))
)
loose_addresses = st.one_of(
    addresses, st.sampled_from(["10.0.0.256", "010.0.0.1", "10.0.0.1/33", "10.0.0.1/32", "1.1.1.1:80"])
)
comments = st.one_of(
    st.text(string.ascii_letters + " :/->'", max_size=20).map(lambda text: f'"{text}"'),
    st.sampled_from(["plain", '"a\\"b"', '"open', '""', "-s"]),
)
chains = st.sampled_from(["A", "B", "NOWHERE", "ACCEPT", "LOG", "INPUT"])


@st.composite
def alike(draw: st.DrawFn) -> str:
    """Rules of few shapes, some of them wrong."""
    form = draw(
        st.sampled_from(
            [
                "-A INPUT -s {a}/32 -m comment --comment {c} -j {j}",
                "-A INPUT ! -s 10.0.0.0/8 -d {a} -p tcp -m comment --comment {c} -m tcp --dport {p} -j {j}",
                "-A INPUT -d {a}/32 -p tcp -m comment --comment {c} -m tcp --dport {p} -j {j}",
                "-A INPUT -m comment --comment {c} -g {j}",
                "-A INPUT -s {a} -j {j}",
                "-A C -p tcp -m tcp -j DNAT --to-destination {a}:{p}",
                "-A INPUT -j {j}",
            ]
        )
    )
    return form.format(
        a=draw(loose_addresses),
        c=draw(comments),
        j=draw(chains),
        p=draw(st.sampled_from(["80", "http", "70000"])),
    )


class TestTheShortCut:
    """Rules of a shape that was read before are taken unread; that makes no difference to any of them.

    No rule here leads to C, so that no other one decides where its DNAT stands.
    """

    @given(
        st.lists(st.one_of(alike(), st.sampled_from(WRONG)), max_size=25), st.sampled_from(["nat", "filter"])
    )
    def test_together_as_each_alone(self, rules: list[str], table: str) -> None:
        def text(*lines: str) -> str:
            return "\n".join([f"*{table}", ":A - [0:0]", ":B - [0:0]", ":C - [0:0]", *lines, "COMMIT", ""])

        refused = [rule for rule in rules if read(text(rule), "ipv4") is None]
        sound = [rule for rule in rules if rule not in refused]
        together = read(text(*sound), "ipv4")
        assert together is not None
        assert sorted(rule_lines(together)) == sorted(
            line for rule in sound for line in rule_lines(Ruleset.from_save(text(rule), "ipv4"))
        )
        try:
            Ruleset.from_save(text(*rules), "ipv4")
            found = set()
        except InputError as error:
            found = {one.position.line for one in error.diagnostics if one.position}
        # a need of a place is told once for a chain, at the first rule that has it
        assert {rules[line - 5] for line in found} <= set(refused)
        assert bool(found) == bool(refused)


def rule_lines(ruleset: Ruleset) -> list[str]:
    return [line for line in ruleset.to_save().splitlines() if line.startswith("-A")]


FOUND = [
    # a range of one port with a base is printed as `port/base`
    "-p tcp -j DNAT --to-destination 10.0.0.1:2000-2000/80",
    # names that would be other words when they are printed
    '-j "v5 "in physdev',
    "-m \x1e",
]


@pytest.mark.parametrize("rule", FOUND)
def test_what_fuzzing_found(rule: str) -> None:
    ruleset = read(in_dump("nat", "PREROUTING", rule), "ipv4")
    if ruleset is not None:
        assert Ruleset.from_save(ruleset.to_save(), "ipv4") == ruleset
