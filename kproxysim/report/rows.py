"""The steps of a hop as rows: where, what, and a remark that says who asked for it or why.

What decided nothing is left out: policies that accept, chains that were looked into and left again, the
returns to where a jump came from. Positions are the kernel's: `nat:KUBE-SERVICES:4` for its
`nat:KUBE-SERVICES:rule:4`.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.netfilter.condition import Condition
from kproxysim.netfilter.events import Event
from kproxysim.netfilter.targets.mark import MarkTarget
from kproxysim.netfilter.targets.verdict import Jump, Return
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.network.trace import Hop
from kproxysim.report.actions import action_words, draw_words, rules_words
from kproxysim.report.conditions import conditions_text, failed_fields, failed_first, miss_text
from kproxysim.report.endings import changes
from kproxysim.report.names import maker, role_of, service_of
from kproxysim.report.passes import Pass, passes
from kproxysim.values import dataclass

__all__ = ["Row", "RowWriter"]


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. A `detail` belongs to the row above it."""

    place: str
    action: str
    remark: str = ""
    detail: bool = False
    style: str = ""


class RowWriter:
    """Writes the rows of one trace.

    `short` are the names by which chains go; `picked` says that the endpoint was asked for by name. In each
    hop a Service is named once.
    """

    def __init__(self, short: dict[str, str], *, picked: bool = False) -> None:
        self._short = short
        self._picked = picked
        self._service = ""

    def rows(self, hop: Hop) -> list[Row]:
        """The rows of one hop."""
        self._service = ""
        rows: list[Row] = []
        for part in passes(hop):
            if isinstance(part, Event):
                rows.append(_event(part))
            elif part.decided and not (part.refused or part.translated):
                rows.append(self._accepted(part))
            else:
                rows.extend(self._pass(part))
        return rows

    def _place(self, step: Walked, number: int | None = None) -> str:
        chain = f"{step.table}:{self._short.get(step.chain, step.chain)}"
        return f"{chain}:{number or step.number}" if step.kind == "rule" or number else chain

    def _accepted(self, part: Pass) -> Row:
        """An ACCEPT changes nothing: the rule that said it is enough."""
        step = part.last
        return Row(self._place(step), "ACCEPT", conditions_text(step.conditions()))

    def _pass(self, part: Pass) -> list[Row]:
        notable = part.notable()
        if notable:
            return [row for step in notable for row in self._step(step, part)]
        missed = part.missed()
        if not missed:
            return []
        chains = dict.fromkeys(step.chain for step in part.steps if step.missed)
        where = next(iter(chains)) if len(chains) == 1 else part.hook
        return [
            Row(
                f"{part.table}:{self._short.get(where, where)}",
                f"{rules_words(len(missed))} passed over",
                f"{failed_fields(missed)}: unchanged",
            )
        ]

    def _step(self, step: Walked, part: Pass) -> list[Row]:
        place = self._place(step)
        if step.rule is None or step.meaning is None:
            return [*self._misses(step), _end_of_chain(place, step)]
        target = step.meaning.target
        service = service_of(step.rule, step.meaning)
        made_by = maker(step.rule, step.meaning, self._service) if service else ""
        self._service = service or self._service
        rows = self._misses(step)
        if isinstance(target, MarkTarget):
            rows.append(Row(place, action_words(step), made_by, style="change"))
        elif step is part.last and part.translated:
            rows.append(_translation(place, step, part.nat))
            rows.extend(_matched(one for one in step.conditions() if one.field != "protocol"))
        elif target is None:
            rows.append(Row(place, action_words(step), made_by))
        elif isinstance(target, Jump | Return):
            rows.extend(self._way(step, place, made_by))
        else:
            rows.append(
                Row(place, step.action, made_by, style="bad" if part.refused and step is part.last else "")
            )
            rows.extend(_matched(step.conditions()))
        asked = _asked(step)
        if len(asked) > _shown_singly(step):
            rows.append(
                Row("passed over", f"{rules_words(len(asked))} ({failed_fields(asked)})", detail=True)
            )
        return rows

    def _way(self, step: Walked, place: str, made_by: str) -> list[Row]:
        """A jump or a return: who made the rule or how it was drawn, and what it asked for."""
        remark = draw_words(step, picked=self._picked) or made_by
        if remark:
            return [Row(place, step.action, remark), *_matched(step.conditions())]
        return [Row(place, step.action, conditions_text(step.conditions()))]

    def _misses(self, step: Walked) -> list[Row]:
        """A few rules passed over, each with the field that failed.

        Those that are no Service's are not worth a line.
        """
        rows = []
        asked = _asked(step)
        for missed in asked if len(asked) <= _shown_singly(step) else ():
            condition = failed_first(missed)
            if condition is not None and service_of(missed.rule, missed.meaning):
                place = self._place(step, missed.number)
                rows.append(Row(place, "no match", miss_text(condition), style="dim"))
        return rows


def _asked(step: Walked) -> list[Missed]:
    """The rules passed over because of the packet, not by chance: of those the draw itself tells."""
    return [missed for missed in step.missed if not missed.drawn_out]


def _shown_singly(step: Walked) -> int:
    """So many rules passed over are shown one by one; more are counted by the field that failed.

    Shared chains have a rule for every Service, a Service's own chains a few.
    """
    return 2 if role_of(step.chain) == step.chain else 4


def _end_of_chain(place: str, step: Walked) -> Row:
    """A chain that ran out of rules: a base chain's policy, or back to where the jump came from."""
    if step.kind == "policy":
        return Row(place, action_words(step), style="bad")
    over = len(_asked(step))
    passed_over = f"{rules_words(over)} passed over" if over > _shown_singly(step) else ""
    return Row(place, action_words(step), passed_over)


def _event(step: Event) -> Row:
    changed = changes(step)
    place = step.at.removeprefix("edge:")
    return Row(place, changed or step.action, step.detail, style="change" if changed else "")


def _translation(place: str, step: Walked, nat: Event | None) -> Row:
    """What a rule of nat did to the addresses, in one row with the rule."""
    masquerades = nat is not None and step.action.partition(" ")[0] == "MASQUERADE"
    remark = f"leaves by {nat.after.oif}" if nat is not None and masquerades else ""
    return Row(place, action_words(step, nat), remark, style="change")


def _matched(conditions: Iterable[Condition]) -> list[Row]:
    text = conditions_text(conditions)
    return [Row("matched", text, detail=True)] if text else []
