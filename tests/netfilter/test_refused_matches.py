"""The table of `refused_matches`, line by line: what is said of a match, and at which word it points."""

import pytest

from kproxysim.netfilter.condition import RuleSyntaxError
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.syntax import parse_rule
from tests.netfilter.refused_matches import REFUSED_MATCHES

LINES = [(family, *line) for family, lines in REFUSED_MATCHES.items() for line in lines]


@pytest.mark.parametrize("family, rule, word, message", LINES)
def test_what_is_said_and_where(family: Family, rule: str, word: str, message: str) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule(rule, family)
    assert (str(caught.value), caught.value.word) == (message, word)
