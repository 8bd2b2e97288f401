"""The tables of `rule_tables` and whole dumps, held against iptables itself: both back ends, each load in a network
namespace of its own. Needs root, iptables and unshare(1).
"""

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from tests.netfilter.refused_matches import REFUSED_MATCHES
from tests.netfilter.rule_tables import ACCEPTED, DIFFERENT, REFUSED, STRICTER
from tests.netfilter.test_refused_options import MATCHES, TARGETS
from tests.netfilter.test_refused_options import STRICTER as STRICTER_OPTIONS

BACK_ENDS = ("nft", "legacy")
PROGRAM: dict[Family, str] = {"ipv4": "iptables", "ipv6": "ip6tables"}
DUMPS = sorted((Path(__file__).parent / "dumps").glob("*.rules"))


@pytest.fixture(scope="module", autouse=True)
def iptables() -> None:
    """The right to make a network namespace, and the programs; without them, with CI=true a failure."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [
        name
        for name in ("unshare", "iptables-nft-restore", "iptables-legacy-restore")
        if not shutil.which(name)
    ]
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        missing.insert(0, "root")
    if missing:
        says = f"rules are not held against iptables itself: no {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)


def load(text: str, back_end: str, family: Family = "ipv4") -> list[str] | None:
    """The lines of iptables-save after `text` was loaded, comments left out; None if it was refused."""
    program = f"{PROGRAM[family]}-{back_end}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", f"{program}-restore && {program}-save 2>/dev/null"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


def ours(text: str, family: Family = "ipv4") -> list[str] | None:
    try:
        return Ruleset.from_save(text, family).to_save().splitlines()
    except InputError:
        return None


def rules(lines: list[str] | None) -> list[str] | None:
    return None if lines is None else [line for line in lines if line.startswith("-A")]


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("table, chain, family", ACCEPTED)
def test_accepts_and_prints_the_same(table: str, chain: str, family: Family, back_end: str) -> None:
    """All rules of a table in one load; iptables names the line that it does not like."""
    written = [rule if isinstance(rule, str) else rule[0] for rule in ACCEPTED[table, chain, family]]
    text = "\n".join([f"*{table}", *(f"-A {chain} {rule}" for rule in written), "COMMIT", ""])
    assert rules(load(text, back_end, family)) == rules(ours(text, family))


def taken(texts: list[str], back_end: str, folder: Path, family: Family = "ipv4") -> list[str]:
    """Those of some texts that iptables takes. All go through one namespace: what is refused leaves nothing."""
    for number, text in enumerate(texts):
        (folder / f"{number:03}").write_text(text, encoding="utf-8")
    program = f"{PROGRAM[family]}-{back_end}-restore"
    each = f"for one in {folder}/*; do {program} < $one && basename $one; done 2>/dev/null"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", f"{each}; true"], capture_output=True, text=True, check=True
    )
    return [texts[int(number)] for number in done.stdout.split()]


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_refuses_the_same(back_end: str, tmp_path: Path) -> None:
    texts = [f"*{table}\n{lines}\nCOMMIT\n" for table in REFUSED for lines, _ in REFUSED[table]]
    assert taken(texts, back_end, tmp_path) == []


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_refuses_the_same_options(back_end: str, tmp_path: Path) -> None:
    def texts(lines: list[tuple[str, str, str]]) -> list[str]:
        return ["*{}\n-A {}\nCOMMIT\n".format(*line.split(" ", 1)) for line, _, _ in lines]

    assert taken([*texts(MATCHES), *texts(TARGETS), *texts(STRICTER_OPTIONS)], back_end, tmp_path) == texts(
        STRICTER_OPTIONS
    )


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("family", REFUSED_MATCHES)
def test_refuses_the_same_matches(family: Family, back_end: str, tmp_path: Path) -> None:
    texts = [f"*filter\n-A INPUT {rule}\nCOMMIT\n" for rule, _, _ in REFUSED_MATCHES[family]]
    assert taken(texts, back_end, tmp_path, family) == []


@pytest.mark.parametrize("table, lines, nft, legacy", DIFFERENT)
def test_back_ends_differ_as_the_table_says(table: str, lines: str, nft: bool, legacy: bool) -> None:
    text = f"*{table}\n{lines}\nCOMMIT\n"
    assert [load(text, back_end) is not None for back_end in BACK_ENDS] == [nft, legacy]


def test_where_we_are_stricter_iptables_takes_it_or_looks_up_a_name() -> None:
    taken = {lines: load(f"*{table}\n{lines}\nCOMMIT\n", "nft") is not None for table, lines, _ in STRICTER}
    assert [lines for lines, accepted in taken.items() if not accepted] in (
        [],
        ["-A INPUT -s localhost -j ACCEPT"],
    )


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_dumps_of_nodes_come_back_as_iptables_saves_them(path: Path, back_end: str) -> None:
    """Rules with ipsets left out: loading them needs the sets."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if "--match-set" not in line)
    ruleset = Ruleset.from_save(text)
    saved = load(text, back_end, ruleset.family)
    assert saved is not None
    assert by_table("\n".join(saved)) == by_table(ruleset.to_save())


def by_table(text: str) -> dict[str, list[str]]:
    """Tables of a dump, without counters; legacy prints them in another order."""
    tables: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:], [])
        elif line.startswith(":"):
            current.append(line.partition(" [")[0])
        elif line != "COMMIT":
            current.append(line)
    return {
        table: lines
        for table, lines in sorted(tables.items())
        if any(line.startswith("-A") for line in lines)
    }


ASKING = re.compile(r"(?= -m )")
PLACES = [("filter", "INPUT"), ("filter", "OUTPUT"), ("nat", "PREROUTING"), ("nat", "POSTROUTING"), ("mangle", "FORWARD"), ("raw", "PREROUTING"), ("nat", "A")]  # fmt: skip
ONE_BY_ONE = """\
for b in nft legacy; do
    for rule in {folder}/*.rules; do
        table=$(sed -n '1s/^.//p' $rule)
        if iptables-$b-restore < $rule; then iptables-$b-save -t $table | grep '^-A' > $rule.$b; else echo REFUSED > $rule.$b; fi
    done
done 2>/dev/null
"""


def drawn_rules(source: random.Random, count: int) -> list[tuple[str, str]]:
    """Rules put together from the pieces of those of the table, each in a table of its own."""
    known = [
        rule if isinstance(rule, str) else rule[0]
        for (_, _, family), several in ACCEPTED.items()
        for rule in several
        if family == "ipv4"
    ]
    # matches known by name only are not held to their hooks, and the names of ports hang on the protocol
    known = [rule for rule in known if not re.search("-m (ttl|length)|domain", rule)]
    headers = sorted(
        {rule.partition(" -m ")[0].partition(" -j ")[0] for rule in known if rule[:2] not in ("-m", "-j")}
    )
    matches = sorted({match.partition(" -j ")[0] for rule in known for match in ASKING.split(f" {rule}")[1:]})
    targets = sorted({rule.partition("-j ")[2] for rule in known if rule.startswith("-j ")})
    targets += ["A", "DROP", "NOWHERE"]
    found = []
    for _ in range(count):
        table, chain = source.choice(PLACES)
        asked = source.sample(matches, source.randint(0, 2))
        rule = [source.choice(headers), *asked, f"-j {source.choice(targets)}"]
        found.append((table, f"-A {chain} {' '.join(rule)}"))
    return found


def test_rules_put_together_by_chance(tmp_path: Path) -> None:
    """What a back end takes we take, and print as it does; what both refuse we refuse. We are stricter with a protocol's own
    match in a rule that asks for any protocol but that one: nft takes it, and then matches other protocols.
    """
    drawn = drawn_rules(random.Random(20), 250)
    for number, (table, rule) in enumerate(drawn):
        text = f"*{table}\n:A - [0:0]\n{rule}\nCOMMIT\n"
        (tmp_path / f"{number}.rules").write_text(text, encoding="utf-8")
    subprocess.run(["unshare", "-n", "sh", "-c", ONE_BY_ONE.format(folder=tmp_path)], check=True)
    differ = []
    for number, (_, rule) in enumerate(drawn):
        path = tmp_path / f"{number}.rules"
        theirs = [
            Path(f"{path}.{back_end}").read_text(encoding="utf-8").splitlines() for back_end in BACK_ENDS
        ]
        own = rules(ours(path.read_text(encoding="utf-8"))) or ["REFUSED"]
        taken = [lines for lines in theirs if lines != ["REFUSED"]] or [["REFUSED"]]
        if own not in taken and not (own == ["REFUSED"] and "! -p" in rule):
            differ.append((rule, own, theirs))
    assert differ == []
