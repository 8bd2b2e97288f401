"""The tables of `rule_tables`, line by line."""

import pytest

from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from tests.netfilter.rule_tables import ACCEPTED, DIFFERENT, REFUSED, STRICTER


def saved_rules(text: str, family: Family = "ipv4") -> list[str]:
    """The rules of a dump as we print them."""
    return [line for line in Ruleset.from_save(text, family).to_save().splitlines() if line.startswith("-A")]


ACCEPTED_LINES = [
    (table, chain, family, (rule, rule) if isinstance(rule, str) else rule)
    for (table, chain, family), rules in ACCEPTED.items()
    for rule in rules
]
REFUSED_LINES = [(table, lines, says) for table, rules in REFUSED.items() for lines, says in rules]


@pytest.mark.parametrize("table, chain, family, rule", ACCEPTED_LINES)
def test_prints_what_iptables_save_prints(
    table: str, chain: str, family: Family, rule: tuple[str, ...]
) -> None:
    written, *saved = rule
    text = f"*{table}\n-A {chain} {written}\nCOMMIT\n"
    assert saved_rules(text, family) == [f"-A {chain} {line}" for line in saved]


@pytest.mark.parametrize("table, chain, family, rule", ACCEPTED_LINES)
def test_reads_its_own_print(table: str, chain: str, family: Family, rule: tuple[str, ...]) -> None:
    lines = [f"-A {chain} {line}" for line in rule[1:]]
    assert saved_rules("\n".join([f"*{table}", *lines, "COMMIT"]), family) == lines


@pytest.mark.parametrize("table, lines, says", [*REFUSED_LINES, *STRICTER])
def test_refuses(table: str, lines: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        Ruleset.from_save(f"*{table}\n{lines}\nCOMMIT\n", "ipv4")
    assert says in str(caught.value)


@pytest.mark.parametrize("table, lines, _nft, _legacy", DIFFERENT)
def test_takes_what_either_back_end_takes(table: str, lines: str, _nft: bool, _legacy: bool) -> None:
    assert saved_rules(f"*{table}\n{lines}\nCOMMIT\n")
