"""Whole dumps: read, printed, refused by line."""

import pytest

from kproxysim.errors import InputError, Severity
from kproxysim.netfilter.ruleset import Ruleset

SMALL = """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.1:6443
COMMIT
"""

IN_A_TABLE = [
    # a line of the table filter; the column pointed at, code, message, what was found, what to write instead
    ("-A INPUT --frob 1", 10, "KPS502", "unknown option '--frob'", "--frob", ""),
    ("-A NOWHERE -j ACCEPT", 4, "KPS503", "chain 'NOWHERE' is not declared in table filter", "NOWHERE", ""),
    ("-A A -j ACCEPT", 4, "KPS503", "chain 'A' is not declared in table filter", "A", ""),
    ("-A\tA\t-j ACCEPT", 4, "KPS503", "chain 'A' is not declared in table filter", "A", ""),
    ("-A INPUT -j NOWHERE", 13, "KPS503", "jump to chain 'NOWHERE', which does not exist", "NOWHERE", ""),
    ("-A INPUT -j FORWARD", 13, "KPS503", "jump to chain 'FORWARD', which is a base chain", "FORWARD", ""),
    ("-A INPUT -g OUTPUT", 13, "KPS503", "jump to chain 'OUTPUT', which is a base chain", "OUTPUT", ""),
    ("-A INPUT -j DROP \x00", 1, "KPS502", "a NUL byte in a rule", "", ""),
    ("[1:2 -A INPUT -j DROP", 1, "KPS502", "counters are not closed by `]`", "[", ""),
    (
        "-t filter -A INPUT",
        1,
        "KPS504",
        "'-t' is no command of iptables-restore",
        "-t",
        "write rules with -A",
    ),
    (
        "INPUT -j DROP",
        1,
        "KPS504",
        "'INPUT' is no command of iptables-restore",
        "INPUT",
        "write rules with -A",
    ),
    (
        "-A INPUT -p udp -j REJECT --reject-with tcp-reset",
        41,
        "KPS505",
        "--reject-with tcp-reset needs -p tcp",
        "tcp-reset",
        "",
    ),
    (
        "-A INPUT -s 10.0.0.1,10.0.0.2 -j REJECT --reject-with tcp-reset",
        55,
        "KPS505",
        "--reject-with tcp-reset needs -p tcp",
        "tcp-reset",
        "",
    ),
    (":NAME", 1, "KPS501", "a chain line is `:NAME POLICY [packets:bytes]`", "", ""),
    (": [0:0]", 1, "KPS501", "a chain line is `:NAME POLICY [packets:bytes]`", "", ""),
    (":INPUT QUEUE [0:0]", 8, "KPS503", "'QUEUE' is no policy", "QUEUE", "write ACCEPT or DROP"),
    (":INPUT accept [0:0]", 8, "KPS503", "'accept' is no policy", "accept", "write ACCEPT or DROP"),
    (
        f":{'X' * 29} - [0:0]",
        2,
        "KPS503",
        f"chain name '{'X' * 29}' is longer than 28 characters",
        "X" * 29,
        "",
    ),
    (
        f":{'é' * 15} - [0:0]",
        2,
        "KPS503",
        f"chain name '{'é' * 15}' is longer than 28 characters",
        "é" * 15,
        "",
    ),
    (':A"B - [0:0]', 2, "KPS503", "chain name 'A\"B' holds a double quote", 'A"B', ""),
    (":DROP - [0:0]", 2, "KPS503", "DROP is a target, no chain may have that name", "DROP", ""),
    ("*nat", 1, "KPS501", "table nat begins before COMMIT of table filter", "", ""),
]

HINT = " (give what iptables-save printed on the node; it begins with a line such as *nat)"

WHOLE = [
    # a text; every place, code and message, and what to write instead
    ("", []),
    ("\n# a comment\n\n", []),
    ("COMMIT\n", ["1:1 KPS501 COMMIT without a table before it"]),
    ("*filter\nCOMMIT\nCOMMIT\n", ["3:1 KPS501 COMMIT without a table before it"]),
    ("*filter\n-A INPUT\n", ["2:1 KPS501 table filter ends without COMMIT"]),
    (
        "*brouting\nCOMMIT\n",
        ["1:2 KPS501 there is no table 'brouting' (tables: raw, mangle, nat, filter, security)"],
    ),
    ("hello\nworld\n", ["1:1 KPS501 this is no dump of rules" + HINT]),
    ("-A INPUT -j ACCEPT\n", ["1:1 KPS501 this is no dump of rules" + HINT]),
    (
        "-A INPUT\n-A INPUT\n *nat\nCOMMIT\n:A -\n:B -\n",
        ["1:1 KPS501 a line outside a table" + HINT, "5:1 KPS501 a line outside a table" + HINT],
    ),
    (
        "*filter\n-A INPUT --frob 1\n-A OUTPUT --frob 2\n",
        [
            "2:10 KPS502 unknown option '--frob'",
            "3:1 KPS501 table filter ends without COMMIT",
            "3:11 KPS502 unknown option '--frob'",
        ],
    ),
    (
        "*filter\n-A INPUT -p tcp -j DNAT --to-destination 10.0.0.1:1\nCOMMIT\n",
        ["2:20 KPS505 DNAT works in table nat only"],
    ),
    ("*nat\n-A OUTPUT -j REJECT\nCOMMIT\n", ["2:14 KPS505 REJECT works in table filter only"]),
    (
        "*filter\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n",
        ["6:9 KPS503 chains call each other in a circle: A -> B -> A"],
    ),
    (
        "*nat\n:A -\n-A A -j DNAT --to-destination 10.0.0.1\n-A POSTROUTING -j A\nCOMMIT\n",
        ["3:9 KPS505 DNAT does not work in POSTROUTING, from which chain A is reached"],
    ),
]


def test_round_trip_is_the_identity() -> None:
    ruleset = Ruleset.from_save(SMALL)
    assert ruleset.to_save() == SMALL
    assert Ruleset.from_save(ruleset.to_save()) == ruleset


def test_counters_and_comments_are_passed_over() -> None:
    decorated = "# Generated by iptables-save v1.8.9\n" + SMALL.replace("-A KUBE", "[12:720] -A KUBE")
    assert Ruleset.from_save(decorated) == Ruleset.from_save(SMALL)


def test_family_is_told_by_the_addresses() -> None:
    assert Ruleset.from_save(SMALL).family == "ipv4"
    assert Ruleset.from_save("*filter\n-A INPUT -s fd00::/64 -j DROP\nCOMMIT\n").family == "ipv6"


@pytest.mark.parametrize("line, column, code, message, found, instead", IN_A_TABLE)
def test_a_line_that_is_refused(
    line: str, column: int, code: str, message: str, found: str, instead: str
) -> None:
    with pytest.raises(InputError) as caught:
        Ruleset.from_save(f"*filter\n{line}\nCOMMIT\n", "ipv4", name="node.rules")
    (said,) = caught.value.diagnostics
    assert (str(said.position), said.code, said.message) == (f"node.rules:2:{column}", code, message)
    assert (said.found, said.help, said.width, said.source) == (found, instead, max(1, len(found)), line)
    assert said.severity == Severity.ERROR


def refusals(text: str) -> list[str]:
    try:
        Ruleset.from_save(text, "ipv4")
    except InputError as error:
        return [
            f"{one.position}".removeprefix("<dump>:")
            + f" {one.code} {one.message}"
            + (f" ({one.help})" if one.help else "")
            for one in error.diagnostics
        ]
    return []


@pytest.mark.parametrize("text, said", WHOLE)
def test_what_is_said_of_a_text(text: str, said: list[str]) -> None:
    assert refusals(text) == said


def test_a_long_line_is_shown_from_its_beginning() -> None:
    line = "-A INPUT --dport " + "1" * 500
    with pytest.raises(InputError) as caught:
        Ruleset.from_save(f"*filter\n{line}\nCOMMIT\n")
    assert caught.value.diagnostics[0].source == line[:400]
