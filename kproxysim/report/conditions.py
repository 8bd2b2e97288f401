"""What a rule asked of a packet, in words: conditions that held, and the one that failed first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kproxysim.netfilter.condition import Condition
from kproxysim.netfilter.walk import Missed

__all__ = ["condition_words", "conditions_text", "failed_fields", "failed_first", "miss_text"]

_HOST_LENGTHS = ("/32", "/128")


def _wanted(condition: Condition) -> tuple[bool, str]:
    """Whether the rule wants anything but a value, and the value; a single address without its length."""
    negated = condition.wanted.startswith("! ")
    wanted = condition.wanted.removeprefix("! ")
    return negated, wanted


def condition_words(condition: Condition) -> str:
    """A condition that held: `dst 10.0.0.12 = 10.0.0.12/32`, `dport 80`, `src 10.4.0.5 in 10.4.0.0/14`."""
    negated, wanted = _wanted(condition)
    if condition.field in ("src", "dst"):
        relation = "=" if wanted.endswith(_HOST_LENGTHS) else "in"
        if negated:
            relation = "is not" if relation == "=" else "not in"
        return f"{condition.field} {condition.had} {relation} {wanted}"
    if condition.field in ("src-type", "dst-type"):
        return f"{condition.field.replace('-', ' ')} {condition.had}" + (f", not {wanted}" if negated else "")
    if condition.field == "protocol":
        return condition.had if not negated else f"{condition.had}, not {wanted}"
    if condition.field == "recent":
        return f"{_who(condition)} {condition.wanted.replace('remember', 'remembered', 1)}"
    if condition.field == "statistic":
        return f"statistic: {condition.had}"
    if condition.field in ("sport", "dport") and ":" in wanted:
        return f"{condition.field} {condition.had} {'not ' if negated else ''}in {wanted}"
    return f"{condition.field} {condition.had}" + (f", not {wanted}" if negated else "")


def _who(condition: Condition) -> str:
    """The address that a list of `recent` was asked about."""
    return condition.had.partition(" ")[0]


def conditions_text(conditions: Iterable[Condition]) -> str:
    """All conditions that held, each once, chance left out."""
    shown = [condition_words(one) for one in conditions if one.field != "statistic"]
    return ", ".join(dict.fromkeys(shown))


def failed_first(missed: Missed) -> Condition | None:
    """The first condition that a passed-over rule and its packet disagree on; None where a draw was lost."""
    if missed.drawn_out:
        return None
    if missed.lost is None and not missed.noted:
        return missed.meaning.first_miss(missed.skb, missed.host)
    return next((condition for condition in missed.conditions() if not condition.held), None)


def miss_text(condition: Condition) -> str:
    """`dst is 10.128.0.12, rule wants 10.48.3.7`: the one field that failed, and both values."""
    negated, wanted = _wanted(condition)
    if condition.field in ("src", "dst"):
        for length in _HOST_LENGTHS:
            wanted = wanted.removesuffix(length)
    if condition.field == "recent":
        return f"rule wants {_who(condition)} {condition.wanted}"
    field = condition.field.replace("-", " ")
    return f"{field} is {condition.had}, rule wants {'anything but ' if negated else ''}{wanted}"


def failed_fields(missed: Iterable[Missed]) -> str:
    """`2 other dst, 1 other dport`: rules passed over, counted by the field that failed first."""
    counts: Counter[str] = Counter()
    for one in missed:
        condition = failed_first(one)
        counts["not drawn" if condition is None else f"other {condition.field.replace('-', ' ')}"] += 1
    if len(counts) == 1:
        return ("all " if counts.total() > 1 else "") + next(iter(counts))
    return ", ".join(f"{count} {what}" for what, count in counts.items())
