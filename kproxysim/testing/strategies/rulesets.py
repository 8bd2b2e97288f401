"""Rulesets: tables with rules of every kind that is read, in places where iptables takes them.

Nobody has to have written them: for what walks rules, prints them, or compares two ways to walk them.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kproxysim.errors import InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.testing.strategies.arguments import Range, check_range, one_or_many
from kproxysim.testing.strategies.choosing import number, pick
from kproxysim.testing.strategies.rule_words import MATCHES, TARGETS

__all__ = ["POLICIES", "TABLES", "rulesets"]

TABLES = tuple(BASE_CHAINS)
_FAMILIES: dict[str, Family] = {"ipv4": "ipv4", "ipv6": "ipv6"}
POLICIES = ("ACCEPT", "DROP")
"""Of base chains in filter; elsewhere nobody refuses anything."""

_HEADERS = {
    "ipv4": ("", "", "-s 10.44.0.0/16", "! -s 203.0.113.0/24", "-d 10.44.0.5/32", "-d 10.128.0.12/32"),
    "ipv6": (
        "",
        "",
        "-s fd00:44::/48",
        "! -s 2001:db8:cafe::/64",
        "-d fd00:44::5/128",
        "-d fd00:128::12/128",
    ),
}


def rulesets(
    *,
    families: Collection[str] = ("ipv4", "ipv6"),
    tables: Collection[str] = TABLES,
    matches: Collection[str] = tuple(MATCHES),
    targets: Collection[str] = tuple(TARGETS),
    policies: Collection[str] = POLICIES,
    chains: Range = (0, 4),
    rules: Range = (0, 4),
) -> SearchStrategy[Ruleset]:
    """Rulesets that iptables-restore would load; `to_save()` is their text.

    - `families`, `tables`: whose and which ones. `policies`: of base chains in filter.
    - `matches`: what rules may ask, by the name of the extension (`-m`); addresses and protocols besides.
    - `targets`: what they may do; RETURN, jumps to chains of the user, and no target at all besides.
    - `chains`: how many chains of the user a table has, each reached from one base chain or from all; they
      lead to later ones only, as iptables refuses circles. `rules`: how many a chain has. A number, or the
      least and the most.

    Addresses are those of drawn clusters. Raises InvalidArgument for an argument that is none of these.
    """
    return _rulesets(
        tuple(_FAMILIES[name] for name in one_or_many("families", families, tuple(_FAMILIES))),
        one_or_many("tables", tables, TABLES),
        one_or_many("matches", matches, tuple(MATCHES)),
        one_or_many("targets", targets, tuple(TARGETS)),
        one_or_many("policies", policies, POLICIES),
        check_range("chains", chains, 0, 9),
        check_range("rules", rules, 0, 99),
    )


@st.composite
def _rulesets(
    draw: st.DrawFn,
    families: tuple[Family, ...],
    tables: tuple[str, ...],
    matches: tuple[str, ...],
    targets: tuple[str, ...],
    policies: tuple[str, ...],
    chains: tuple[int, int],
    rules: tuple[int, int],
) -> Ruleset:
    family = pick(draw, families)
    asked = ("", *(text for name in matches for text in MATCHES[name].get(family, ())))
    done = ("", "-j RETURN", *(text for name in targets for text in TARGETS[name].get(family, ())))
    lines = []
    for table in (one for one in TABLES if one in tables):
        bases = BASE_CHAINS[table]
        homes: dict[str, tuple[str, ...]] = {base: (base,) for base in bases}
        homes |= {
            f"C{place}": pick(draw, (tuple(bases), *((base,) for base in bases)))
            for place in range(number(draw, *chains))
        }
        lines.append(f"*{table}")
        for chain in homes:
            policy = "-" if chain not in bases else pick(draw, policies) if table == "filter" else "ACCEPT"
            lines.append(f":{chain} {policy} [0:0]")
        names = list(homes)
        for place, chain in enumerate(names):
            home = homes[chain]
            later = [one for one in names[max(place + 1, len(bases)) :] if {*home} <= {*homes[one]}]
            jumps = tuple(f"{word} {one}" for one in later for word in ("-j", "-j", "-g"))
            for _ in range(number(draw, *rules)):
                header, match = pick(draw, _HEADERS[family]), pick(draw, asked)
                target = pick(draw, (*done, *jumps * 3))
                lines.append(f"-A {chain} {_fitting(family, table, home, header, match, target)}".rstrip())
        lines.append("COMMIT")
    return Ruleset.from_save("\n".join([*lines, ""]), family)


@cache
def _fitting(family: Family, table: str, home: tuple[str, ...], header: str, match: str, target: str) -> str:
    """As much of a rule as iptables takes in a chain that is reached from these: a target that wants a
    protocol, or a match that has its place elsewhere, goes.
    """
    own = "" if match.startswith(("-p", "! -p")) else match
    for words in (
        (header, match, target),
        (header, own, target),
        (header, target),
        (header, match),
        (header,),
    ):
        rule = " ".join(word for word in words if word)
        name = target.partition(" ")[2]
        declared = f":{name} - [0:0]\n" if name[:1] == "C" and name[1:].isdecimal() else ""
        lines = "".join(f"-A {base} {rule}\n" for base in home)
        try:
            Ruleset.from_save(f"*{table}\n{declared}{lines}COMMIT\n", family)
        except InputError:
            continue
        return rule
    return ""
