"""Restore and saved text brought into a form in which two of kube-proxy's are equal if they mean the same.

What order means is said in tests/golden/kube-proxy/README.md.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

SHARED = ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL")
"""Chains in which pieces of all service ports meet."""

FIXED = {
    "filter": (
        "KUBE-SERVICES",
        "KUBE-EXTERNAL-SERVICES",
        "KUBE-FORWARD",
        "KUBE-NODEPORTS",
        "KUBE-PROXY-FIREWALL",
    ),
    "nat": ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"),
}
"""Chains that restore text declares first, in this order."""

LAST = "NOTE: this must be the last rule in this chain"

_COMMENT = re.compile(r'--comment (?:"([^"]*)"|(\S+))')
_PROTOCOL = re.compile(r"-p (\S+)")

Group = tuple[str, str, bool]


@dataclass
class TableText:
    """One table: chain lines, rules by chain, `-X` lines, all in the order written."""

    declared: list[str] = field(default_factory=list)
    rules: dict[str, list[str]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)


def read(lines: Iterable[str]) -> dict[str, TableText]:
    """The tables of a text. Whatever stands where it must not is an error."""
    tables: dict[str, TableText] = {}
    table: TableText | None = None
    for line in lines:
        if line.startswith("*"):
            assert table is None, line
            table = tables[line[1:]] = TableText()
        elif line == "COMMIT":
            assert table is not None
            table = None
        elif line.startswith(":"):
            assert table is not None, line
            assert not table.rules, f"{line} stands behind rules"
            table.declared.append(line)
        elif line.startswith("-A "):
            assert table is not None, line
            table.rules.setdefault(line.split(" ", 2)[1], []).append(line)
        else:
            assert table is not None, line
            assert line.startswith("-X "), line
            table.deleted.append(line)
    assert table is None, "the last table has no COMMIT"
    return tables


def group_of(rule: str) -> Group:
    """The service port that a rule of a shared chain belongs to. A health-check rule is a group of its own."""
    comment, protocol = _COMMENT.search(rule), _PROTOCOL.search(rule)
    assert comment, rule
    assert protocol, rule
    text = comment[1] or comment[2]
    return text.split(" ")[0], protocol[1], "health check" in text


def comparable_rules(chain: str, rules: list[str]) -> object:
    """Rules as they are, or by group; of what must be last, the order among itself means nothing."""
    if chain not in SHARED:
        return rules
    tail = [rule for rule in rules if LAST in rule]
    assert rules[len(rules) - len(tail) :] == tail, f"{chain} goes on behind the jump to KUBE-NODEPORTS"
    groups: dict[Group, list[str]] = {}
    for rule in rules[: len(rules) - len(tail)]:
        groups.setdefault(group_of(rule), []).append(rule)
    return groups, sorted(tail)


def comparable_restore(lines: Iterable[str]) -> dict[str, object]:
    """Restore text. The fixed chains must be declared first, KUBE-FIREWALL behind them if at all."""
    tables = read(lines)
    assert list(tables) == ["filter", "nat"]
    found: dict[str, object] = {}
    for name, table in tables.items():
        declared = [line.removeprefix(":").removesuffix(" - [0:0]") for line in table.declared]
        fixed = FIXED[name]
        assert tuple(declared[: len(fixed)]) == fixed
        if name == "filter":
            assert declared[len(fixed) :] in ([], ["KUBE-FIREWALL"])
        assert len(set(declared)) == len(declared)
        found[name] = {
            "declared": set(declared),
            "deleted": sorted(table.deleted),
            "rules": {chain: comparable_rules(chain, rules) for chain, rules in table.rules.items()},
        }
    return found


def comparable_save(lines: Iterable[str]) -> dict[str, object]:
    """Saved text. iptables-save sorts the chains; the order of tables differs between its two back ends."""
    return {
        name: {
            "declared": table.declared,
            "rules": {chain: comparable_rules(chain, rules) for chain, rules in table.rules.items()},
        }
        for name, table in read(lines).items()
    }
