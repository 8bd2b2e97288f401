"""What happens in a step, in words that fit into a row of a table."""

from __future__ import annotations

from collections.abc import Sequence

from kproxysim.cluster.changes import Object, title_of
from kproxysim.report.timeline import duration_text
from kproxysim.scenario.step_form import StepForm

__all__ = ["event_text"]

_MOST_NAMED = 3


def event_text(step: StepForm, objects: Sequence[Object] = ()) -> str:
    """`open browser`, `delete Pod default/echo-1`, `stop kube-proxy on node-a`; `objects` are those that it
    applies.
    """
    verb = step.verb
    if verb == "apply":
        return f"apply {_some([title_of(one) for one in objects])}"
    if verb == "kube_proxy":
        return f"{step.kube_proxy} kube-proxy{_on(step.nodes)}"
    if verb == "flush":
        return f"flush {step.flush}{_on(step.nodes)}"
    if verb == "rules":
        return f"change rules of {step.node}"
    if verb == "wait":
        assert step.wait is not None
        return f"wait {duration_text(step.wait.total_seconds())}"
    if verb in ("send", "reply"):
        return f"{verb} on {step.connection}{_remarks(step)}"
    return f"{verb} {getattr(step, verb)}{_remarks(step)}"


def _remarks(step: StepForm) -> str:
    remarks = [
        f" as {step.as_}" if step.as_ else "",
        f" from {step.clients} clients" if step.clients else "",
        {"fin": "", "rst": " with RST", "silence": " in silence"}[step.how],
        " by the server" if step.by == "server" else "",
        "" if step.answered else ", unanswered",
        "" if step.in_window else ", out of window",
        f", pick {step.pick}" if step.pick else "",
        f", seed {step.seed}" if step.seed is not None else "",
    ]
    return "".join(remarks)


def _on(nodes: Sequence[str]) -> str:
    return f" on {_some(nodes)}" if nodes else ""


def _some(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: _MOST_NAMED - 1])} and {len(names) - _MOST_NAMED + 1} more"
