"""Statements and sections as iptables-restore reads them, and rules of one shape."""

import pytest

from kproxysim.netfilter.rule import Origin, Rule
from kproxysim.netfilter.script import (
    Declare,
    Delete,
    Flush,
    Insert,
    Remove,
    Rename,
    Replace,
    Script,
    Section,
    Statement,
)
from kproxysim.netfilter.shape import is_jump, shape_of


@pytest.mark.parametrize(
    "statement, text",
    [
        (Rule("A", "-j ACCEPT"), "-A A -j ACCEPT"),
        (Rule("A", ""), "-A A"),
        (Declare("A"), ":A - [0:0]"),
        (Declare("INPUT", "DROP"), ":INPUT DROP [0:0]"),
        (Insert(Rule("A", "-j ACCEPT")), "-I A 1 -j ACCEPT"),
        (Insert(Rule("A", ""), 2), "-I A 2"),
        (Replace(Rule("A", '-m comment --comment "x "'), 3), '-R A 3 -m comment --comment "x "'),
        (Replace(Rule("X", "-g X"), 3), "-R X 3 -g X"),
        (Replace(Rule("A", ""), 3), "-R A 3"),
        (Remove("A", 4), "-D A 4"),
        (Flush("A"), "-F A"),
        (Rename("A", "B"), "-E A B"),
        (Delete("A"), "-X A"),
    ],
)
def test_a_statement_as_text(statement: Statement, text: str) -> None:
    assert str(statement) == text


def test_a_script_as_text_and_as_values() -> None:
    section = Section("nat", {"PREROUTING": "ACCEPT", "A": None})
    section.write(["-A A -p tcp -j B", "-A A", "-X B"], Origin("Service ns/s"))
    section.write([])
    section.write(["-A B -j C", "-A C -j D"], Origin("Service ns/t"), ["spec.x", "spec.y"])
    lines = "-A A -p tcp -j B\n-A A\n-X B\n-A B -j C\n-A C -j D\n"
    text = f"*nat\n:PREROUTING ACCEPT [0:0]\n:A - [0:0]\n{lines}COMMIT\n"
    script = Script("ipv4", [section])
    assert script.to_text() == text
    made = section.statements
    assert [str(one) for one in made] == lines.splitlines()
    assert [one.origin for one in made if isinstance(one, Rule)] == [
        Origin("Service ns/s"),
        Origin("Service ns/s"),
        Origin("Service ns/t", "spec.x"),
        Origin("Service ns/t", "spec.y"),
    ]
    made.append(Delete("C"))
    assert script.to_text() == text.replace("COMMIT", "-X C\nCOMMIT")
    assert Script("ipv4").to_text() == ""


V = "\x00"
SHAPES = [
    ("-s 10.0.0.1/32 -d 10.0.0.2 -j KUBE-X", f"-s {V}/32 -d {V} -j {V}"),
    ("-s 10.0.0.1/8 -j KUBE-X", f"-s {V}/8 -j {V}"),
    ("-s 256.0.0.1 -j ACCEPT", "-s 256.0.0.1 -j ACCEPT"),
    ("-s 10.0.1 -j ACCEPT", "-s 10.0.1 -j ACCEPT"),
    ("-s 10.0.0.01 -j ACCEPT", "-s 10.0.0.01 -j ACCEPT"),
    ("-p tcp -j DNAT --to-destination 10.0.0.1:80", f"-p tcp -j DNAT --to-destination {V}:80"),
    ("-p tcp -j DNAT --to-destination 10.0.0.1", f"-p tcp -j DNAT --to-destination {V}"),
    ("-m comment --comment \"ns/s 'x'\" -j A", f"-m comment --comment {V}  -j {V}"),
    ('-m comment --comment "ns/s"', f"-m comment --comment {V} "),
    ("-m comment --comment x -j A", f"-m comment --comment x -j {V}"),
    ('-p tcp -m comment --comment "x" -j A', f"-p tcp -m comment --comment {V}  -j {V}"),
    ("-j RETURN", "-j RETURN"),
    ("-j DNAT", "-j DNAT"),
    ("-j QUEUE", "-j QUEUE"),
    ("-j HMARK", "-j HMARK"),
    ("-g A", "-g A"),
    ("-j A -p tcp", "-j A -p tcp"),
    (f"-j {'A' * 28}", f"-j {V}"),
    (f"-j {'A' * 29}", f"-j {'A' * 29}"),
    ("-j KUBE:X", "-j KUBE:X"),
    ("-s", "-s"),
    ("-m x -d", "-m x -d"),
    # not told apart so easily
    ('-m comment --comment "a\\b" -j A', ""),
    ('-m comment --comment "a \\" b" -j A', ""),
    ('-m comment --comment "a" -m comment --comment "b" -j A', ""),
    ('-m u32 --u32 "1=2" -j A', ""),
    ('-m comment --comment x"y" -j A', ""),
    (f'-m comment --comment "{"x" * 200}" -j A', f"-m comment --comment {V}  -j {V}"),
    (f'-m comment --comment "{"x" * 201}" -j A', ""),
]


@pytest.mark.parametrize("text, shape", SHAPES)
def test_what_rules_of_one_shape_have_in_common(text: str, shape: str) -> None:
    found = shape_of(text)
    assert found == shape
    assert is_jump(found) == found.endswith(f"-j {V}")
