"""The rules that a scenario gives to its nodes, as text or in files, in place of those of kube-proxy."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from kproxysim.cluster.findings import Finding
from kproxysim.cluster.sources import read_source
from kproxysim.errors import Diagnostic, InputError
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.tables import BASE_CHAINS
from kproxysim.scenario.draft import Draft
from kproxysim.values import dataclass

__all__ = ["GivenRules", "is_text", "read_rules"]

_FIELDS: tuple[tuple[str, Family], ...] = (("rules", "ipv4"), ("rules6", "ipv6"))


@dataclass(slots=True)
class GivenRules:
    """Rules by node; what is wrong with them: `findings` in the scenario itself, `diagnostics` in a file."""

    by_node: dict[str, list[Ruleset]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def chains(self) -> list[str]:
        """The names of the chains that a user made, alone and with their table: stations of a way."""
        found: dict[str, None] = {}
        for rulesets in self.by_node.values():
            for table in (table for ruleset in rulesets for table in ruleset.tables.values()):
                for chain in table.chains:
                    if chain not in BASE_CHAINS[table.name]:
                        found |= {chain: None, f"{table.name}:{chain}": None}
        return list(found)


def read_rules(draft: Draft) -> GivenRules:
    """All rules that the scenario gives. Files are named from its folder."""
    given = GivenRules()
    for name, form in draft.file.nodes.items():
        for key, family in _FIELDS:
            text = getattr(form, key)
            if text is not None:
                given.by_node.setdefault(name, [])
                _read(draft, given, (name, key), text, family)
    return given


def _read(draft: Draft, given: GivenRules, where: tuple[str, str], text: str, family: Family) -> None:
    name, key = where
    path = ("nodes", name, key)
    source = draft.document.source
    try:
        if is_text(text):
            given.by_node[name].append(Ruleset.from_save(text, family))
            return
        folder = Path() if source is None else Path(source.name).parent
        found = read_source(str(folder / text))
        given.by_node[name].append(Ruleset.from_save(found.text, family, found.name))
    except InputError as error:
        for one in error.diagnostics:
            if one.code == "KPS001":
                hint = "files are named from the folder of the scenario; rules begin with a line such as *nat"
                given.findings.append(Finding(one.code, one.message, path, text, hint))
            elif is_text(text):
                line = one.position.line if one.position is not None else 1
                message = f"line {line} of these rules: {one.message}"
                given.findings.append(Finding(one.code, message, path, one.found, one.help))
            else:
                given.diagnostics.append(one)


def is_text(text: str) -> bool:
    """Rules, and not the name of a file? They have lines, or are empty."""
    return not text.strip() or "\n" in text
