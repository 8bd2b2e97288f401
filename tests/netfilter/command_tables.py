"""What commands of restore text do to a table, and what is refused of them: where, and in which words.

test_commands.py holds our own reading against these tables; test_real_commands.py holds iptables-restore against the
same lines. The words are our own.
"""

__all__ = [
    "BEFORE",
    "CHANGES",
    "FROM_NOTHING",
    "ODD",
    "REFUSED",
    "REFUSED_BY_THE_KERNEL",
    "REFUSED_FROM_NOTHING",
]

BEFORE = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:OLD - [0:0]
:USED - [0:0]
-A INPUT -s 10.0.0.1 -j ACCEPT
-A INPUT -s 10.0.0.2 -j USED
-A OLD -s 10.0.0.3 -j DROP
-A USED -j RETURN
COMMIT
"""

FIRST, SECOND, THIRD = "-s 10.0.0.1/32 -j ACCEPT", "-s 10.0.0.2/32 -j USED", "-s 10.0.0.3/32 -j DROP"
NINE, ALL = "-s 9.9.9.9/32 -j DROP", "-j DROP"

Changed = tuple[tuple[str, ...], dict[str, str | tuple[str, ...] | None]]
Refused = tuple[tuple[str, ...], str, str, str, str, str]

CHANGES: list[Changed] = [
    # lines, and what is another then: the rules of a chain (None for one that is gone), its policy under ":CHAIN"
    (("-I INPUT -s 9.9.9.9 -j DROP",), {"INPUT": (NINE, FIRST, SECOND)}),
    (("-I INPUT 2 -s 9.9.9.9 -j DROP",), {"INPUT": (FIRST, NINE, SECOND)}),
    (("-I INPUT 3 -s 9.9.9.9 -j DROP",), {"INPUT": (FIRST, SECOND, NINE)}),
    (("--insert INPUT 1 -s 9.9.9.9 -j DROP",), {"INPUT": (NINE, FIRST, SECOND)}),
    (("-D INPUT 1",), {"INPUT": (SECOND,)}),
    (("-D INPUT -s 10.0.0.1/32 -j ACCEPT",), {"INPUT": (SECOND,)}),
    (("-A OLD -s 10.0.0.3 -j DROP", "-D OLD -s 10.0.0.3 -j DROP"), {}),
    (("--delete INPUT 2",), {"INPUT": (FIRST,)}),
    (("-R INPUT 1 -s 9.9.9.9 -j DROP",), {"INPUT": (NINE, SECOND)}),
    (("-R INPUT 1",), {"INPUT": ("", SECOND)}),
    (("-P INPUT DROP",), {":INPUT": "DROP"}),
    (("-F",), {"INPUT": (), "OLD": (), "USED": ()}),
    (("-F INPUT",), {"INPUT": ()}),
    (("-F OLD",), {"OLD": ()}),
    (("-F OLD", "-X OLD"), {"OLD": None}),
    (("-F USED", "-D INPUT 2", "-X USED"), {"INPUT": (FIRST,), "USED": None}),
    (("-F", "-X"), {"INPUT": (), "OLD": None, "USED": None}),
    (("-N NEW",), {"NEW": ()}),
    (("-N NEW", "-A NEW -j DROP", "-I INPUT -j NEW"), {"INPUT": ("-j NEW", FIRST, SECOND), "NEW": (ALL,)}),
    (("-Z",), {}),
    (("-Z INPUT",), {}),
    (("-Z INPUT 1",), {}),
    (("-Z INPUT 9",), {}),
    (("-E OLD NEW",), {"OLD": None, "NEW": (THIRD,)}),
    (("-E USED NEW",), {"INPUT": (FIRST, "-s 10.0.0.2/32 -j NEW"), "USED": None, "NEW": ("-j RETURN",)}),
    (("-C INPUT -s 10.0.0.1/32 -j ACCEPT",), {}),
    (("-L INPUT",), {}),
    ((":OLD - [0:0]",), {"OLD": ()}),
    ((":USED - [0:0]",), {"USED": ()}),
    ((":INPUT DROP [0:0]",), {":INPUT": "DROP"}),
    ((":INPUT - [0:0]",), {}),
    (
        ("-A INPUT -j DROP", ":INPUT DROP [0:0]", "-A INPUT -s 1.1.1.1 -j ACCEPT"),
        {":INPUT": "DROP", "INPUT": (FIRST, SECOND, ALL, "-s 1.1.1.1/32 -j ACCEPT")},
    ),
    (
        ("-A OLD -j DROP", ":OLD - [0:0]", "-A OLD -s 1.1.1.1 -j ACCEPT"),
        {"OLD": ("-s 1.1.1.1/32 -j ACCEPT",)},
    ),
    (
        ("-A INPUT -s 10.1.0.1,10.1.0.2 -j ACCEPT", "-I INPUT 2 -s 10.2.0.1,10.2.0.2 -j DROP"),
        {
            "INPUT": (
                FIRST,
                "-s 10.2.0.2/32 -j DROP",
                "-s 10.2.0.1/32 -j DROP",
                SECOND,
                "-s 10.1.0.1/32 -j ACCEPT",
                "-s 10.1.0.2/32 -j ACCEPT",
            )
        },
    ),
    (("-A INPUT -s 10.0.0.2 -j ACCEPT", "-D INPUT -s 10.0.0.1,10.0.0.2 -j ACCEPT"), {"INPUT": (SECOND,)}),
    (("-AINPUT -j DROP",), {"INPUT": (FIRST, SECOND, ALL)}),
    (("-I INPUT 1 -j USED", "-D INPUT -j USED"), {}),
    (("-F INPUT", "-F USED", "-X USED"), {"INPUT": (), "USED": None}),
    (('-I INPUT 1 -m comment --comment "a b" -j DROP', '-D INPUT -m comment --comment "a b" -j DROP'), {}),
    (("[5:10] -I INPUT -j DROP",), {"INPUT": (ALL, FIRST, SECOND)}),
    (("[5:10] -D INPUT 1",), {"INPUT": (SECOND,)}),
    (("-I INPUT 01 -j DROP",), {"INPUT": (ALL, FIRST, SECOND)}),
    (("-I INPUT 0x1 -j DROP",), {"INPUT": (ALL, FIRST, SECOND)}),
    (("-I INPUT 0x2 -s 9.9.9.9 -j DROP",), {"INPUT": (FIRST, NINE, SECOND)}),
    (("-FINPUT",), {"INPUT": ()}),
    (("-NNEW", "-EOLD OLDER"), {"OLD": None, "OLDER": (THIRD,), "NEW": ()}),
    (("--rename-chain OLD OLDER",), {"OLD": None, "OLDER": (THIRD,)}),
    (("--append INPUT -j DROP",), {"INPUT": (FIRST, SECOND, ALL)}),
    (("--policy INPUT DROP",), {":INPUT": "DROP"}),
    (("--flush OLD",), {"OLD": ()}),
    (("--flush OLD", "--delete-chain OLD"), {"OLD": None}),
    (("--new-chain NEW",), {"NEW": ()}),
    (("--replace INPUT 2 -s 9.9.9.9 -j DROP",), {"INPUT": (FIRST, NINE)}),
    (("--check INPUT -s 10.0.0.1/32 -j ACCEPT",), {}),
    (("--zero",), {}),
    (("-I INPUT -g OLD", "-E OLD NEW"), {"INPUT": ("-g NEW", FIRST, SECOND), "OLD": None, "NEW": (THIRD,)}),
    (
        ("-A OLD -j USED", "-E OLD NEW", "-E USED NEWER"),
        {
            "INPUT": (FIRST, "-s 10.0.0.2/32 -j NEWER"),
            "OLD": None,
            "USED": None,
            "NEW": (THIRD, "-j NEWER"),
            "NEWER": ("-j RETURN",),
        },
    ),
    (("-A\tINPUT\t-j\tDROP",), {"INPUT": (FIRST, SECOND, ALL)}),
    (("-A  INPUT   -j DROP",), {"INPUT": (FIRST, SECOND, ALL)}),
    (("[0:0] -A INPUT -j DROP",), {"INPUT": (FIRST, SECOND, ALL)}),
    ((":NEW - [0:0]",), {"NEW": ()}),
    ((":NEW -", ":INPUT - [1:2]"), {"NEW": ()}),
    ((":INPUT DROP", "-P INPUT ACCEPT"), {}),
    (("-A INPUT -s 10.1.0.1,10.1.0.2 -j ACCEPT", "-D INPUT -s 10.1.0.1,10.1.0.2 -j ACCEPT"), {}),
    (("-C INPUT -s 10.0.0.1,10.0.0.1 -j ACCEPT",), {}),
    (("-A INPUT",), {"INPUT": (FIRST, SECOND, "")}),
    (("-I INPUT",), {"INPUT": ("", FIRST, SECOND)}),
    (("-D INPUT 1", "-D INPUT 1"), {"INPUT": ()}),
    (("-P INPUT DROP", "-P INPUT ACCEPT"), {}),
    (("-N TOOLONGTOOLONGTOOLONGTOOLON",), {"TOOLONGTOOLONGTOOLONGTOOLON": ()}),
]
"""With --noflush, for the table that is there already."""

FROM_NOTHING: list[Changed] = [
    ((":INPUT DROP [0:0]", "-A INPUT -j DROP"), {":INPUT": "DROP", "INPUT": (ALL,)}),
    (("-I INPUT -s 9.9.9.9 -j DROP",), {"INPUT": (NINE,)}),
    (("-X",), {}),
]
"""Without it: the table begins empty."""

REFUSED: list[Refused] = [
    # lines; line and column that are pointed at; code, message, what was found, what to write instead
    (
        ("-I INPUT 4 -s 9.9.9.9 -j DROP",),
        "2:10",
        "KPS506",
        "rule 4 of chain INPUT is asked for, and it has 2",
        "4",
        "",
    ),
    (("-I INPUT 0 -s 9.9.9.9 -j DROP",), "2:10", "KPS502", "'0' is no number from 1 to 4294967295", "0", ""),
    (("-I INPUT -1 -s 9.9.9.9 -j DROP",), "2:10", "KPS502", "unknown option '-1'", "-1", ""),
    (
        ("-I NOPE -s 9.9.9.9 -j DROP",),
        "2:4",
        "KPS503",
        "there is no chain 'NOPE' in table filter",
        "NOPE",
        "",
    ),
    (("-D INPUT 3",), "2:10", "KPS506", "rule 3 of chain INPUT is asked for, and it has 2", "3", ""),
    (("-D INPUT X",), "2:10", "KPS502", "'X' is no number from 1 to 4294967295", "X", ""),
    (("-D INPUT 0",), "2:10", "KPS502", "'0' is no number from 1 to 4294967295", "0", ""),
    (
        ("-D INPUT -s 10.0.0.1/32 -j DROP",),
        "2:10",
        "KPS506",
        "chain INPUT has no rule '-s 10.0.0.1/32 -j DROP'",
        "-s 10.0.0.1/32 -j DROP",
        "",
    ),
    (("-D INPUT",), "2:1", "KPS506", "chain INPUT has no rule ''", "", ""),
    (("-D INPUT 1 -j ACCEPT",), "2:12", "KPS502", "'-j ACCEPT' is too much for -D", "-j ACCEPT", ""),
    (
        ("-R INPUT 3 -s 9.9.9.9 -j DROP",),
        "2:10",
        "KPS506",
        "rule 3 of chain INPUT is asked for, and it has 2",
        "3",
        "",
    ),
    (("-R INPUT -s 9.9.9.9 -j DROP",), "2:1", "KPS502", "-R needs the number of a rule", "-R", ""),
    (("-R INPUT 0 -s 9.9.9.9 -j DROP",), "2:10", "KPS502", "'0' is no number from 1 to 4294967295", "0", ""),
    (("-P INPUT REJECT",), "2:10", "KPS503", "'REJECT' is no policy", "REJECT", "write ACCEPT or DROP"),
    (("-P INPUT RETURN",), "2:10", "KPS503", "'RETURN' is no policy", "RETURN", "write ACCEPT or DROP"),
    (
        ("-P OLD DROP",),
        "2:4",
        "KPS506",
        "OLD is no base chain, and only these have a policy",
        "OLD",
        "",
    ),
    (("-P NOPE DROP",), "2:4", "KPS503", "there is no chain 'NOPE' in table filter", "NOPE", ""),
    (("-P INPUT",), "2:1", "KPS502", "-P needs a policy", "-P", ""),
    (("-P INPUT DROP extra",), "2:15", "KPS502", "'extra' is too much for -P", "extra", ""),
    (("-F NOPE",), "2:4", "KPS503", "there is no chain 'NOPE' in table filter", "NOPE", ""),
    (("-F INPUT 1",), "2:10", "KPS502", "'1' is too much for -F", "1", ""),
    (("-X",), "2:1", "KPS506", "chain 'OLD' has rules", "OLD", "write -F OLD before"),
    (("-X OLD",), "2:4", "KPS506", "chain 'OLD' has rules", "OLD", "write -F OLD before"),
    (("-X USED",), "2:4", "KPS506", "chain 'USED' has rules", "USED", "write -F USED before"),
    (("-F USED", "-X USED"), "3:4", "KPS506", "chain INPUT jumps to chain 'USED'", "USED", ""),
    (("-X INPUT",), "2:4", "KPS506", "INPUT is a base chain, which stays", "INPUT", ""),
    (("-X NOPE",), "2:4", "KPS503", "there is no chain 'NOPE' in table filter", "NOPE", ""),
    (
        ("-F OLD", "-X OLD", "-A INPUT -j OLD"),
        "4:13",
        "KPS503",
        "jump to chain 'OLD', which does not exist",
        "OLD",
        "",
    ),
    (("-N OLD",), "2:4", "KPS506", "chain 'OLD' is there already", "OLD", ""),
    (("-N INPUT",), "2:4", "KPS506", "chain 'INPUT' is there already", "INPUT", ""),
    (("-N",), "2:1", "KPS502", "-N needs a chain", "-N", ""),
    (("-N ACCEPT",), "2:4", "KPS503", "ACCEPT is a target, no chain may have that name", "ACCEPT", ""),
    (("-Z NOPE",), "2:4", "KPS503", "there is no chain 'NOPE' in table filter", "NOPE", ""),
    (("-E USED OLD",), "2:9", "KPS506", "chain 'OLD' is there already", "OLD", ""),
    (("-E NOPE NEW",), "2:4", "KPS503", "there is no chain 'NOPE' in table filter", "NOPE", ""),
    (("-E OLD INPUT",), "2:8", "KPS506", "chain 'INPUT' is there already", "INPUT", ""),
    (("-E OLD",), "2:1", "KPS502", "-E needs another name", "-E", ""),
    (
        ("-C INPUT -s 10.0.0.7/32 -j ACCEPT",),
        "2:10",
        "KPS506",
        "chain INPUT has no rule '-s 10.0.0.7/32 -j ACCEPT'",
        "-s 10.0.0.7/32 -j ACCEPT",
        "",
    ),
    (
        ("-D INPUT -s 10.0.0.1,10.0.0.2 -j ACCEPT",),
        "2:10",
        "KPS506",
        "chain INPUT has no rule '-s 10.0.0.2/32 -j ACCEPT'",
        "-s 10.0.0.1,10.0.0.2 -j ACCEPT",
        "",
    ),
    (
        ("-R INPUT 1 -s 10.2.0.1,10.2.0.2 -j DROP",),
        "2:12",
        "KPS502",
        "-R takes one rule, and this is several",
        "-s 10.2.0.1,10.2.0.2 -j DROP",
        "",
    ),
    (("-A INPUT -j DROP -A INPUT",), "2:1", "KPS502", "unknown option '-A'", "-A", ""),
    (
        ("-w -A INPUT -j DROP",),
        "2:1",
        "KPS504",
        "'-w' is no command of iptables-restore",
        "-w",
        "write rules with -A",
    ),
    (("-I INPUT 1 2 -j DROP",), "2:12", "KPS502", "unknown option '2'", "2", ""),
    (("-F X",), "2:4", "KPS503", "there is no chain 'X' in table filter", "X", ""),
    (("-A",), "2:1", "KPS502", "-A needs a chain", "-A", ""),
    (("-A -j DROP",), "2:1", "KPS502", "-A needs a chain", "-A", ""),
    (
        ("-N TOOLONGTOOLONGTOOLONGTOOLONGX",),
        "2:4",
        "KPS503",
        "chain name 'TOOLONGTOOLONGTOOLONGTOOLONGX' is longer than 28 characters",
        "TOOLONGTOOLONGTOOLONGTOOLONGX",
        "",
    ),
    (('-N A"B',), "2:4", "KPS503", "chain name 'A\"B' holds a double quote", 'A"B', ""),
    (("-A NOPE -j DROP",), "2:4", "KPS503", "chain 'NOPE' is not declared in table filter", "NOPE", ""),
    (("[1:2 -A INPUT",), "2:1", "KPS502", "counters are not closed by `]`", "[", ""),
    ((":X",), "2:1", "KPS501", "a chain line is `:NAME POLICY [packets:bytes]`", "", ""),
    ((":INPUT QUEUE [0:0]",), "2:8", "KPS503", "'QUEUE' is no policy", "QUEUE", "write ACCEPT or DROP"),
    (
        ("-A INPUT -j OUTPUT",),
        "2:13",
        "KPS503",
        "jump to chain 'OUTPUT', which is a base chain",
        "OUTPUT",
        "",
    ),
    (("-A INPUT -j NOPE",), "2:13", "KPS503", "jump to chain 'NOPE', which does not exist", "NOPE", ""),
    (("-A INPUT -j OLD --x",), "2:17", "KPS502", "a jump to a chain takes no options (--x)", "--x", ""),
    (("-Q INPUT",), "2:1", "KPS504", "'-Q' is no command of iptables-restore", "-Q", "write rules with -A"),
    (
        ("INPUT",),
        "2:1",
        "KPS504",
        "'INPUT' is no command of iptables-restore",
        "INPUT",
        "write rules with -A",
    ),
    (("-E OLD A B",), "2:10", "KPS502", "'B' is too much for -E", "B", ""),
    (("-Z INPUT -j DROP",), "2:10", "KPS502", "'-j DROP' is too much for -Z", "-j DROP", ""),
    (("-F -j DROP",), "2:4", "KPS502", "'-j DROP' is too much for -F", "-j DROP", ""),
    (("-F INPUT -j DROP",), "2:10", "KPS502", "'-j DROP' is too much for -F", "-j DROP", ""),
    (("-X OLD USED",), "2:8", "KPS502", "'USED' is too much for -X", "USED", ""),
    (("-N NEW OTHER",), "2:8", "KPS502", "'OTHER' is too much for -N", "OTHER", ""),
    (
        ("-D INPUT 4294967296",),
        "2:10",
        "KPS502",
        "'4294967296' is no number from 1 to 4294967295",
        "4294967296",
        "",
    ),
    (("-I",), "2:1", "KPS502", "-I needs a chain", "-I", ""),
    (("-R INPUT",), "2:1", "KPS502", "-R needs the number of a rule", "-R", ""),
    ((":ACCEPT -",), "2:2", "KPS503", "ACCEPT is a target, no chain may have that name", "ACCEPT", ""),
]
"""With --noflush. What is refused is the first of what is said, and of several mistakes all are."""

REFUSED_BY_THE_KERNEL: list[Refused] = [
    (
        ("-A INPUT -j REJECT --reject-with tcp-reset",),
        "2:34",
        "KPS505",
        "--reject-with tcp-reset needs -p tcp",
        "tcp-reset",
        "",
    ),
    (
        ("-I INPUT -p udp -j REJECT --reject-with tcp-reset",),
        "2:41",
        "KPS505",
        "--reject-with tcp-reset needs -p tcp",
        "tcp-reset",
        "",
    ),
    (
        ("-F USED", "-A USED -j OLD", "-A OLD -j USED"),
        "4:11",
        "KPS503",
        "chains call each other in a circle: OLD -> USED -> OLD",
        "USED",
        "",
    ),
    (
        ("-R USED 1 -j OLD", "-I OLD 1 -j USED"),
        "3:13",
        "KPS503",
        "chains call each other in a circle: OLD -> USED -> OLD",
        "USED",
        "",
    ),
    (
        ("-A USED -j REJECT --reject-with tcp-reset", "-E USED NEW"),
        "2:33",
        "KPS505",
        "--reject-with tcp-reset needs -p tcp",
        "tcp-reset",
        "",
    ),
]
"""With --noflush: legacy finds out at the end of the table."""

REFUSED_FROM_NOTHING: list[Refused] = [
    (("-X OLD",), "2:4", "KPS503", "there is no chain 'OLD' in table filter", "OLD", ""),
    (("-D INPUT 1",), "2:10", "KPS506", "rule 1 of chain INPUT is asked for, and it has 0", "1", ""),
    (("-F OLD",), "2:4", "KPS503", "there is no chain 'OLD' in table filter", "OLD", ""),
]

ODD: list[Refused] = [
    (("-E INPUT NEW",), "2:4", "KPS506", "INPUT is a base chain, which keeps its name", "INPUT", ""),
    (("-E OLD ACCEPT",), "2:8", "KPS503", "ACCEPT is a target, no chain may have that name", "ACCEPT", ""),
    (
        ("-E USED NEW", "-A INPUT -j USED"),
        "3:13",
        "KPS503",
        "jump to chain 'USED', which does not exist",
        "USED",
        "",
    ),
]
"""What nft takes, legacy refuses, and so do we: nft loses rules, knows the chain by its old name, or makes tables that its
own iptables-restore refuses.
"""
