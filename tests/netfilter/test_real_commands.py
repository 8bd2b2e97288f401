"""Commands of restore text other than `-A`, held against iptables-restore and iptables-save themselves: what they do to a table that is there
already (--noflush) or begins empty, and what is refused in which line. Needs root, iptables and unshare(1).
"""

import re
import subprocess
from pathlib import Path

import pytest

from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from tests.netfilter.test_real_iptables import BACK_ENDS, iptables

__all__ = ["iptables"]

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

KEPT = [
    ("-I INPUT -s 9.9.9.9 -j DROP",),
    ("-I INPUT 2 -s 9.9.9.9 -j DROP",),
    ("-I INPUT 3 -s 9.9.9.9 -j DROP",),
    ("-I INPUT 4 -s 9.9.9.9 -j DROP",),
    ("-I INPUT 0 -s 9.9.9.9 -j DROP",),
    ("-I INPUT -1 -s 9.9.9.9 -j DROP",),
    ("-I NOPE -s 9.9.9.9 -j DROP",),
    ("--insert INPUT 1 -s 9.9.9.9 -j DROP",),
    ("-D INPUT 1",),
    ("-D INPUT 3",),
    ("-D INPUT 0",),
    ("-D INPUT -s 10.0.0.1/32 -j ACCEPT",),
    ("-D INPUT -s 10.0.0.1/32 -j DROP",),
    ("-D INPUT",),
    ("-D INPUT 1 -j ACCEPT",),
    ("-A OLD -s 10.0.0.3 -j DROP", "-D OLD -s 10.0.0.3 -j DROP"),
    ("--delete INPUT 2",),
    ("-R INPUT 1 -s 9.9.9.9 -j DROP",),
    ("-R INPUT 3 -s 9.9.9.9 -j DROP",),
    ("-R INPUT -s 9.9.9.9 -j DROP",),
    ("-R INPUT 0 -s 9.9.9.9 -j DROP",),
    ("-R INPUT 1",),
    ("-P INPUT DROP",),
    ("-P INPUT REJECT",),
    ("-P INPUT RETURN",),
    ("-P OLD DROP",),
    ("-P NOPE DROP",),
    ("-P INPUT",),
    ("-P INPUT DROP extra",),
    ("-F",),
    ("-F INPUT",),
    ("-F OLD",),
    ("-F NOPE",),
    ("-F INPUT 1",),
    ("-X",),
    ("-X OLD",),
    ("-X USED",),
    ("-F OLD", "-X OLD"),
    ("-F USED", "-X USED"),
    ("-F USED", "-D INPUT 2", "-X USED"),
    ("-F", "-X"),
    ("-X INPUT",),
    ("-X NOPE",),
    ("-F OLD", "-X OLD", "-A INPUT -j OLD"),
    ("-N NEW",),
    ("-N OLD",),
    ("-N INPUT",),
    ("-N NEW", "-A NEW -j DROP", "-I INPUT -j NEW"),
    ("-N",),
    ("-N ACCEPT",),
    ("-Z",),
    ("-Z INPUT",),
    ("-Z INPUT 1",),
    ("-Z INPUT 9",),
    ("-Z NOPE",),
    ("-E OLD NEW",),
    ("-E USED NEW",),
    ("-E USED OLD",),
    ("-E NOPE NEW",),
    ("-E OLD INPUT",),
    ("-E OLD",),
    ("-C INPUT -s 10.0.0.1/32 -j ACCEPT",),
    ("-C INPUT -s 10.0.0.7/32 -j ACCEPT",),
    ("-L INPUT",),
    (":OLD - [0:0]",),
    (":USED - [0:0]",),
    (":INPUT DROP [0:0]",),
    (":INPUT - [0:0]",),
    ("-A INPUT -j DROP", ":INPUT DROP [0:0]", "-A INPUT -s 1.1.1.1 -j ACCEPT"),
    ("-A OLD -j DROP", ":OLD - [0:0]", "-A OLD -s 1.1.1.1 -j ACCEPT"),
    ("-A INPUT -s 10.1.0.1,10.1.0.2 -j ACCEPT", "-I INPUT 2 -s 10.2.0.1,10.2.0.2 -j DROP"),
    ("-D INPUT -s 10.0.0.1,10.0.0.2 -j ACCEPT",),
    ("-A INPUT -s 10.0.0.2 -j ACCEPT", "-D INPUT -s 10.0.0.1,10.0.0.2 -j ACCEPT"),
    ("-R INPUT 1 -s 10.2.0.1,10.2.0.2 -j DROP",),
    ("-AINPUT -j DROP",),
    ("-A INPUT -j DROP -A INPUT",),
    ("-I INPUT 1 -j USED", "-D INPUT -j USED"),
    ("-F INPUT", "-F USED", "-X USED"),
    ('-I INPUT 1 -m comment --comment "a b" -j DROP', '-D INPUT -m comment --comment "a b" -j DROP'),
    ("[5:10] -I INPUT -j DROP",),
    ("[5:10] -D INPUT 1",),
    ("-w -A INPUT -j DROP",),
    ("-I INPUT 01 -j DROP",),
    ("-I INPUT 0x1 -j DROP",),
    ("-I INPUT 1 2 -j DROP",),
]
"""Lines for a table that is there already."""

FLUSHED = [
    ("-I INPUT -s 9.9.9.9 -j DROP",),
    ("-X OLD",),
    ("-D INPUT 1",),
    ("-F OLD",),
    ("-X",),
]
"""Lines for a table that begins empty."""

ODD = [
    ("-E INPUT NEW",),  # nft loses the rules
    ("-E OLD ACCEPT",),  # nft makes a table that its own iptables-restore refuses
    ("-E USED NEW", "-A INPUT -j USED"),  # nft goes on to know the chain by its old name
]
"""What nft takes, legacy refuses, and so do we."""

ONE_BY_ONE = """\
for case in {folder}/*.case; do
    iptables-{back_end}-restore < {folder}/before
    if iptables-{back_end}-restore $(cat $case.options) < $case 2> $case.said
    then iptables-{back_end}-save -t filter > $case.saved; else echo REFUSED > $case.saved; fi
done > {folder}/printed
"""


def text_of(lines: tuple[str, ...]) -> str:
    return "\n".join(["*filter", *lines, "COMMIT", ""])


def theirs(
    cases: list[tuple[tuple[str, ...], bool]], back_end: str, folder: Path
) -> list[tuple[list[str], list[int]]]:
    """For each case the table afterwards, or [] and the line that iptables complains of."""
    (folder / "before").write_text(BEFORE, encoding="utf-8")
    paths = [folder / f"{number:03}.case" for number in range(len(cases))]
    for path, (lines, keep) in zip(paths, cases, strict=True):
        path.write_text(text_of(lines), encoding="utf-8")
        Path(f"{path}.options").write_text("--noflush" if keep else "", encoding="utf-8")
    script = ONE_BY_ONE.format(folder=folder, back_end=back_end)
    subprocess.run(["unshare", "-n", "sh", "-c", script], check=True)
    found = []
    for path in paths:
        saved = Path(f"{path}.saved").read_text(encoding="utf-8").splitlines()
        said = Path(f"{path}.said").read_text(encoding="utf-8")
        refused = [int(line) for line in re.findall(r"line:? (\d+)", said)]
        found.append(([], refused) if saved == ["REFUSED"] else (without_counters(saved), []))
    return found


def ours(lines: tuple[str, ...], *, keep: bool) -> tuple[list[str], list[int]]:
    ruleset = Ruleset.from_save(BEFORE, "ipv4")
    try:
        ruleset.restore(text_of(lines), noflush=keep)
    except InputError as error:
        return [], [one.position.line for one in error.diagnostics if one.position]
    return without_counters(ruleset.to_save().splitlines()), []


def without_counters(saved: list[str]) -> list[str]:
    return [line.partition(" [")[0] for line in saved if line[0] != "#"]


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_commands_do_what_iptables_does(back_end: str, tmp_path: Path) -> None:
    """Of what is refused nft names the line behind it where it finds out late, so lines are held against legacy."""
    cases = [*((lines, True) for lines in KEPT), *((lines, False) for lines in FLUSHED)]
    odd = []
    for (lines, keep), (table, refused) in zip(cases, theirs(cases, back_end, tmp_path), strict=True):
        own, own_refused = ours(lines, keep=keep)
        if own != table or (back_end == "legacy" and own_refused[:1] != refused[:1]):
            odd.append((lines, own or own_refused, table or refused))
    # nft passes over a number that no rule has
    assert [lines for lines, _, _ in odd] == ([("-Z INPUT 9",)] if back_end == "legacy" else []), odd


def test_what_only_nft_takes(tmp_path: Path) -> None:
    cases = [(lines, True) for lines in ODD]
    (tmp_path / "nft").mkdir()
    (tmp_path / "legacy").mkdir()
    assert all(table for table, _ in theirs(cases, "nft", tmp_path / "nft"))
    assert not any(table for table, _ in theirs(cases, "legacy", tmp_path / "legacy"))
    assert not any(ours(lines, keep=True)[0] for lines in ODD)


def test_what_is_refused_changes_nothing() -> None:
    ruleset = Ruleset.from_save(BEFORE)
    before = ruleset.to_save()
    with pytest.raises(InputError):
        ruleset.restore(text_of(("-F", "-X NOPE")), noflush=True)
    assert ruleset.to_save() == before


def test_a_text_of_one_table_leaves_the_others() -> None:
    ruleset = Ruleset.from_save(BEFORE)
    ruleset.restore("*nat\n-A PREROUTING -j ACCEPT\nCOMMIT\n")
    ruleset.restore("*nat\n-N NEW\n-I PREROUTING -j NEW\nCOMMIT\n*nat\n-E NEW NEWER\nCOMMIT\n", noflush=True)
    assert [str(rule) for table, rule in ruleset.rules() if table == "nat"] == [
        "-A PREROUTING -j NEWER",
        "-A PREROUTING -j ACCEPT",
    ]
    assert len([rule for table, rule in ruleset.rules() if table == "filter"]) == 4
