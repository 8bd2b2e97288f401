"""What of iptables is supported, read from the registries that the parser reads: data, and the page of it."""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.netfilter.condition import ANYWHERE, Extension, Modelled
from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
from kproxysim.netfilter.matches import KERNEL_MATCHES
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets import KERNEL_TARGETS
from kproxysim.values import dataclass

__all__ = ["Supported", "page", "supported"]

_WORDS: dict[Modelled, str] = {"yes": "yes", "fork": "both ways", "partly": "partly", "no": "no"}

_PREFACE = """\
# What of iptables is supported

Made from the registries of matches and targets (`kproxysim.netfilter.supported`); a test holds this page
equal to them.

A rule is read as iptables 1.8.9 reads it, and refused, with its line, where both of its back ends refuse it;
what only one of them takes is read, since a dump may come from it. **yes**: what it does is done as in the
kernel. **both ways**: it hangs on chance or on rates, and both ways are followed. **partly**, **no**: read
and printed, but where a packet's fate hangs on what is not known, the way ends as `unmodelled` and names it;
it is never skipped and never taken to match.

Every rule: `-s`, `-d`, `-i`, `-o`, `-p`, `-f`, `-j`, `-g` in all spellings, `!` where iptables takes it,
several addresses with commas, counters in front. A line begins with its command: `-A`, `-I`, `-R`, `-D`,
`-C`, `-P`, `-N`, `-F`, `-Z`, `-X`, `-E`, `-L`, `-S`, short or long, with what iptables-restore makes of it
and refuses (`Ruleset.from_save` begins with empty tables, `Ruleset.restore` changes those of a ruleset,
`--noflush` or not). Options in front of the command are not read.""".splitlines()


@dataclass(frozen=True, slots=True)
class Supported:
    """One match or target: `kind` is "match" or "target", `modelled` how far its effect is known.

    `options` are its options, the first spelling of each; `where` the tables and hooks it is for, empty for
    anywhere.
    """

    kind: str
    name: str
    modelled: Modelled
    options: tuple[str, ...] = ()
    where: str = ""
    note: str = ""
    source: str = ""


def supported() -> tuple[Supported, ...]:
    """Matches, then targets, each by name; those that are only known by name last."""
    known = [_one("match", MATCHES[name]) for name in sorted(MATCHES)]
    known += [Supported("match", name, "no", note="known by name") for name in KERNEL_MATCHES]
    known += [_one("target", TARGETS[name]) for name in sorted(TARGETS)]
    known += [Supported("target", name, "no", note="known by name") for name in sorted(KERNEL_TARGETS)]
    return tuple(known)


def _one(kind: str, extension: Extension) -> Supported:
    spellings: dict[str, str] = {}
    for spelling, option in extension.options.items():
        spellings.setdefault(option.name, f"{'! ' if option.negatable else ''}{spelling}")
    where = "" if extension.family is None else "IPv4" if extension.family == "ipv4" else "IPv6"
    if extension.place != ANYWHERE:
        tables, hooks, _ = extension.place
        where = "; ".join(", ".join(sorted(part)) for part in (tables, hooks) if part is not None)
    return Supported(
        kind,
        extension.name,
        extension.modelled,
        tuple(spellings.values()),
        where,
        extension.note,
        extension.source,
    )


def page() -> str:
    """`docs/supported.md`."""
    everything = supported()
    known = [one for one in everything if one.source]
    return "\n".join(
        [
            *_PREFACE,
            "",
            "## Matches",
            "",
            *_table(one for one in known if one.kind == "match"),
            "",
            f"Unmodelled by name: {_names(everything, 'match')}. So is any other name.",
            "",
            "## Targets",
            "",
            "A jump or goto to a chain of the same table: yes.",
            "",
            *_table(one for one in known if one.kind == "target"),
            "",
            f"Unmodelled by name: {_names(everything, 'target')}.",
            "",
        ]
    )


def _table(rows: Iterable[Supported]) -> list[str]:
    lines = ["| name | known | options | where | remarks | source |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        options = " ".join(f"`{option}`" for option in row.options)
        cells = (f"`{row.name}`", _WORDS[row.modelled], options, row.where, row.note, row.source)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _names(rows: Iterable[Supported], kind: str) -> str:
    return ", ".join(f"`{row.name}`" for row in rows if row.kind == kind and not row.source)
