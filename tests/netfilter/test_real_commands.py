"""Commands of restore text other than `-A`, held against iptables-restore and iptables-save themselves: what they do to a table that is there
already (--noflush) or begins empty, and what is refused in which line. Needs root, iptables and unshare(1).
"""

import re
import subprocess
from pathlib import Path

import pytest

from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from tests.netfilter.command_tables import (
    BEFORE,
    CHANGES,
    FROM_NOTHING,
    ODD,
    REFUSED,
    REFUSED_BY_THE_KERNEL,
    REFUSED_FROM_NOTHING,
)
from tests.netfilter.test_real_iptables import BACK_ENDS, iptables

__all__ = ["iptables"]

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
    cases = [(lines, True) for lines, _ in CHANGES] + [(lines, False) for lines, _ in FROM_NOTHING]
    cases += [(row[0], True) for row in (*REFUSED, *REFUSED_BY_THE_KERNEL)]
    cases += [(row[0], False) for row in REFUSED_FROM_NOTHING]
    at_the_end = [row[0] for row in REFUSED_BY_THE_KERNEL]
    odd = []
    for (lines, keep), (table, refused) in zip(cases, theirs(cases, back_end, tmp_path), strict=True):
        own, own_refused = ours(lines, keep=keep)
        if lines in at_the_end and back_end == "legacy":
            own_refused = [len(lines) + 2]
        if own != table or (back_end == "legacy" and own_refused[:1] != refused[:1]):
            odd.append((lines, own or own_refused, table or refused))
    # nft passes over a number that no rule has
    assert [lines for lines, _, _ in odd] == ([("-Z INPUT 9",)] if back_end == "legacy" else []), odd


def test_what_only_nft_takes(tmp_path: Path) -> None:
    cases = [(row[0], True) for row in ODD]
    (tmp_path / "nft").mkdir()
    (tmp_path / "legacy").mkdir()
    assert all(table for table, _ in theirs(cases, "nft", tmp_path / "nft"))
    assert not any(table for table, _ in theirs(cases, "legacy", tmp_path / "legacy"))


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
