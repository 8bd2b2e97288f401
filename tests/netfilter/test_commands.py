"""Commands of restore text other than -A: what a table holds then, and what is said of mistakes."""

import pytest

from kproxysim.errors import Diagnostic, InputError
from kproxysim.netfilter.commands import Command, read_command
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

Held = dict[str, str | tuple[str, ...] | None]

EMPTY = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"


def held(ruleset: Ruleset) -> Held:
    """The rules of each chain of the table filter, and the policies under ":CHAIN"."""
    chains = list(ruleset.tables["filter"])
    rules: Held = {
        chain.name: tuple(ruleset.meaning(rule).save() for rule in chain.rules) for chain in chains
    }
    return rules | {f":{chain.name}": chain.policy for chain in chains if chain.policy}


@pytest.mark.parametrize(
    "lines, changes, noflush", [(*row, True) for row in CHANGES] + [(*row, False) for row in FROM_NOTHING]
)
def test_what_a_table_holds_then(lines: tuple[str, ...], changes: Held, noflush: bool) -> None:
    before = held(Ruleset.from_save(BEFORE if noflush else EMPTY))
    ruleset = Ruleset.from_save(BEFORE)
    ruleset.restore("\n".join(["*filter", *lines, "COMMIT", ""]), noflush=noflush)
    assert held(ruleset) == {name: value for name, value in (before | changes).items() if value is not None}


def refused(text: str, *, noflush: bool) -> tuple[Diagnostic, ...]:
    ruleset = Ruleset.from_save(BEFORE)
    with pytest.raises(InputError) as caught:
        ruleset.restore(text, noflush=noflush, name="it")
    assert held(ruleset) == held(Ruleset.from_save(BEFORE))
    return caught.value.diagnostics


@pytest.mark.parametrize(
    "lines, place, code, message, found, instead, noflush",
    [(*row, True) for row in (*REFUSED, *REFUSED_BY_THE_KERNEL, *ODD)]
    + [(*row, False) for row in REFUSED_FROM_NOTHING],
)
def test_what_is_said_of_a_mistake(
    lines: tuple[str, ...], place: str, code: str, message: str, found: str, instead: str, noflush: bool
) -> None:
    first = refused("\n".join(["*filter", *lines, "COMMIT", ""]), noflush=noflush)[0]
    assert (str(first.position), first.code, first.message, first.found, first.help) == (
        f"it:{place}",
        code,
        message,
        found,
        instead,
    )
    assert first.width == max(1, len(found))
    assert first.position is not None
    assert first.source == lines[first.position.line - 2]


def test_all_mistakes_of_a_text_are_told_in_its_order() -> None:
    found = refused(
        "*filter\n-X\n-D INPUT 3\n-A OLD -j USED\n-A USED -j OLD\n-X NOPE\nCOMMIT\n", noflush=True
    )
    assert [(one.position.line, one.message) for one in found if one.position] == [
        (2, "chain 'OLD' has rules"),
        (2, "chain 'USED' has rules"),
        (3, "rule 3 of chain INPUT is asked for, and it has 2"),
        (5, "chains call each other in a circle: OLD -> USED -> OLD"),
        (6, "there is no chain 'NOPE' in table filter"),
    ]


COMMANDS = [
    ("-A INPUT -j DROP", Command("A", "INPUT", None, "-j DROP")),
    ("--append \t INPUT\t -j  DROP ", Command("A", "INPUT", None, "-j  DROP")),
    ("-AINPUT -j DROP", Command("A", "INPUT", None, "-j DROP")),
    ("-D INPUT 7", Command("D", "INPUT", 7)),
    ("-D INPUT -s 10.0.0.1", Command("D", "INPUT", None, "-s 10.0.0.1")),
    ("-D INPUT ! -s 10.0.0.1", Command("D", "INPUT", None, "! -s 10.0.0.1")),
    ("-I INPUT 4294967295 -j DROP", Command("I", "INPUT", 4294967295, "-j DROP")),
    ("-F", Command("F")),
    ("-FX", Command("F", "X")),
    ("--flush X", Command("F", "X")),
    ("-E X XX", Command("E", "X", None, "XX")),
    ("-N \u00a0", Command("N", "\u00a0")),  # words end at blanks and tabs
    ("-NX\u00a0", Command("N", "X\u00a0")),
    ("-L", Command("L")),
    ("-S INPUT 1", Command("S", "INPUT", 1)),
    ("-Q INPUT", None),
    ("--nothing", None),
    ("-", None),
    ("A INPUT", None),
]


@pytest.mark.parametrize("line, command", COMMANDS)
def test_a_line_as_a_command(line: str, command: Command | None) -> None:
    assert read_command(line) == command
