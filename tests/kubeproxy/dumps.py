"""What kube-proxy's own unit tests do with a dump: put it in order, and check where it jumps."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

TARGETS = {"ACCEPT", "DROP", "REJECT", "RETURN", "MARK", "MASQUERADE", "DNAT"}
"""Targets that are no chains."""

TOP_LEVEL = {
    "KUBE-SERVICES",
    "KUBE-EXTERNAL-SERVICES",
    "KUBE-NODEPORTS",
    "KUBE-FORWARD",
    "KUBE-PROXY-FIREWALL",
    "KUBE-FIREWALL",
    "KUBE-POSTROUTING",
    "KUBE-MARK-MASQ",
}
"""Chains that a base chain jumps to, or that may have nothing to do."""

_CHAIN = re.compile(r"^[:]?(?:-[AX] )?(\S+)")
_JUMP = re.compile(r" -[jg] (\S+)")
_SERVICE = re.compile(r'--comment "?([^ :"]*)')


@dataclass(frozen=True)
class Fault:
    """What is wrong with the jumps of one table."""

    error: str
    table: str
    chains: tuple[str, ...]


def tables(lines: Iterable[str]) -> dict[str, list[str]]:
    """The lines of each table, without the frame."""
    found: dict[str, list[str]] = {}
    inside: list[str] = []
    for line in lines:
        if line.startswith("*"):
            inside = found.setdefault(line[1:], [])
        elif line and line != "COMMIT" and not line.startswith("#"):
            inside.append(line)
    return found


def chain_of(line: str) -> str:
    match = _CHAIN.match(line)
    assert match, line
    return match[1]


def lint(lines: Iterable[str]) -> Fault | None:
    """The first fault: a chain that is used and not made, or jumped to and empty, or made and not used."""
    for table, inside in tables(lines).items():
        removed = {chain_of(line) for line in inside if line.startswith("-X")}
        made = {chain_of(line) for line in inside if line.startswith(":")} - removed
        filled = {chain_of(line) for line in inside if line.startswith("-A")}
        jumps = {match[1] for line in inside if line.startswith("-A") and (match := _JUMP.search(line))}
        jumped_to = jumps - TARGETS
        for error, chains in (
            ("used_but_not_created", (jumped_to | filled) - made),
            ("jumped_to_but_empty", jumped_to - filled - {"KUBE-NODEPORTS"}),
            ("created_but_unused", made - jumped_to - TOP_LEVEL),
        ):
            if chains:
                return Fault(error, table, tuple(sorted(chains)))
    return None


def canonical(lines: Iterable[str]) -> list[str]:
    """A dump in the order in which kube-proxy's unit tests compare it."""
    ordered: list[str] = []
    for table, inside in sorted(tables(lines).items()):
        declared = [line for line in inside if line.startswith(":")]
        rules = [line for line in inside if line.startswith("-A")]
        removed = [line for line in inside if line.startswith("-X")]
        ordered.append(f"*{table}")
        ordered += sorted(declared, key=lambda line: _rank(chain_of(line)))
        ordered += sorted(rules, key=_rule_rank)
        ordered += removed
        ordered.append("COMMIT")
    return ordered


def _rank(chain: str) -> tuple[int, str]:
    if chain in ("KUBE-NODEPORTS", "KUBE-SERVICES"):
        return 0, chain
    return (1 if chain.startswith("KUBE-") else 2), chain


def _rule_rank(rule: str) -> tuple[tuple[int, str], bool, str]:
    """Rules keep their order but in the two chains where all Services meet."""
    chain = chain_of(rule)
    if _rank(chain)[0] != 0:
        return _rank(chain), False, ""
    service = _SERVICE.search(rule)
    return _rank(chain), "must be the last rule" in rule, service[1] if service else ""
