"""What the codes of this room mean: lessons that can't be given as they are written."""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "KPS901",
        "there is no such lesson",
        "One that comes with kproxysim goes by its name, any other by the path of its file.",
        "kproxysim lesson                       # lists them\n"
        "kproxysim lesson externalips-vs-nodeport\nkproxysim lesson my/lesson.yaml",
    ),
    Explanation(
        "KPS902",
        "a step of a lesson does not do one thing",
        "Each step says something, shows a packet, shows rules, compares two packets, or asks something; "
        "what else it has belongs to that. A question has choices, the number of the right one, and why "
        "it is right.",
        "steps:\n- say: Every node has the rule.\n- show: browser\n"
        "- ask: Who answers?\n  choices: [the pod, nobody]\n  answer: 1\n  because: The rule matches.\n"
        "  proof: {show: browser}",
    ),
    Explanation(
        "KPS903",
        "a lesson names something that is not there",
        "A lesson is told on a scenario: one of those that come with kproxysim, by its name, or a file, by "
        "its path from the lesson's folder. The packets and nodes that it names are those of the scenario.",
        "scenario: nodeport-vs-externalip\nsteps:\n- show: nodeport",
    ),
    Explanation(
        "KPS904",
        "a file that is no lesson was given as one",
        "A lesson is a file of its own, and says so. Scenarios are run and traced; a lesson names the one "
        "that it is told on.",
        "kind: Lesson\nlesson: 1\ntitle: Why masquerade\nabout: what the pod sees, and why\n"
        "scenario: masquerade\nsteps:\n- say: Two nodes, one pod.",
    ),
)
