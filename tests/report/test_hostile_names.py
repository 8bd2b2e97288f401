"""Names are data. Whatever is in them, in every form they stay text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kproxysim.netfilter.rule import Origin
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.walk import Walked
from kproxysim.network import World
from kproxysim.network.trace import Advice, Branch, Hop, Trace
from kproxysim.report.brief import minimal_page, summary_page
from kproxysim.report.compare import compare
from kproxysim.report.compare_mermaid import comparison_mermaid
from kproxysim.report.compare_text import comparison_page
from kproxysim.report.drawing import rules_dot, trace_dot
from kproxysim.report.html.compare_page import comparison_html
from kproxysim.report.html.notebook import html_of as notebook_html
from kproxysim.report.html.trace_page import trace_html
from kproxysim.report.json_text import dumps
from kproxysim.report.kernel_log import kernel_page
from kproxysim.report.sequence import trace_mermaid
from kproxysim.report.text import trace_page
from tests.report.worlds import article, sent

NAMES = [
    "<script>alert(1)</script>",
    "\x1b]0;title\x07\x1b[2J",
    "line\nbreak\r\x85",
    "right\u202eleft\u2066",
    "zero\u200bwidth\ufeff",
    '"quote\\"; end',
    "[bold red]markup[/]",
    "`$(reboot)`",
    "\ud800",
]


def named(name: str) -> Trace:
    """A real trace in which every name is this one."""
    trace = sent(article(), "198.51.100.12:80")
    for branch in trace.branches:
        for _, step in branch.rules():
            if step.rule is not None and step.rule.origin is not None:
                step.rule.origin = Origin(f"Service {name}/{name}", f"spec.{name}", name)
    return replace(
        trace,
        source=f"pod {name}",
        branches=tuple(_named(branch, name) for branch in trace.branches),
        assumptions=(name,),
        notes=(f"{name}: {name}",),
    )


def _named(branch: Branch, name: str) -> Branch:
    reached = branch.delivered_to
    assert reached is not None
    return replace(
        branch,
        hops=tuple(Hop(name, hop.kind, name, hop.steps) for hop in branch.hops),
        delivered_to=replace(reached, pod=name, node=name, service=f"{name}/{name}:{name}"),
        advice=(Advice(name, name, name),),
        reason=name,
        detail=name,
    )


def forms(trace: Trace) -> dict[str, str]:
    return {
        "full": trace_page(trace, reply=True).text(),
        "narrow": trace_page(trace, width=50).text(),
        "summary": summary_page(trace).text(),
        "minimal": minimal_page(trace).text(),
        "kernel": kernel_page(trace).text(),
        "compare": comparison_page(compare(trace, trace, (trace.source, trace.source))).text(),
        "compare mermaid": comparison_mermaid(compare(trace, trace, (trace.source, trace.source))),
        "compare json": dumps(compare(trace, trace).to_dict()),
        "json": dumps(trace.to_dict()),
        "mermaid": trace_mermaid(trace),
        "html": trace_html(trace),
        "notebook": notebook_html(trace) or "",
        "compare html": comparison_html(compare(trace, trace, (trace.source, trace.source))),
    }


DUMP = """*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-JNAUE2DZ25YGAW2B - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.128.0.99/32 -p tcp -m comment --comment "default/NAME:http cluster IP" -m tcp --dport 80 -j ACCEPT
-A KUBE-SERVICES -d 10.128.0.12/32 -p tcp -m comment --comment "default/NAME:http external IP" -j KUBE-SVC-JNAUE2DZ25YGAW2B
-A KUBE-SVC-JNAUE2DZ25YGAW2B -p tcp -m comment --comment NAME -m tcp -j DNAT --to-destination 10.44.0.5:8080
COMMIT
"""


class TestANameInACommentOfADump:
    def test_is_text_in_every_form(self) -> None:
        name = "<script>alert(1)</script>"
        rules = Ruleset.from_save(DUMP.replace("NAME", name))
        cluster = article().cluster
        world = World(cluster, clients={"browser": "203.0.113.7"}, rules={"node-a": [rules]})
        trace = sent(world, "198.51.100.12:80")
        assert trace[0].disposition == "delivered"
        assert f"--comment {name} " in forms(trace)["json"]
        assert f"--comment {name} ".replace("<", "\\u003c").replace(">", "\\u003e") in forms(trace)["html"]
        tags = {form: set(re.findall(r"<[^>]*>", text)) for form, text in forms(trace).items()}
        assert tags["mermaid"] | tags["compare mermaid"] <= {"<br/>"}
        for form in ("html", "compare html", "notebook"):
            assert "alert" not in "".join(tags[form]), form
            assert forms(trace)[form].count("</script>") == (2 if form == "html" else 0)
        for drawn in (trace_dot(trace, {name: rules}), rules_dot(rules, name)):
            assert f'"{name}"' in drawn


class TestHostileNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_line_of_every_form_prints_as_it_is(self, name: str) -> None:
        for form, text in forms(named(name)).items():
            for line in text.split("\n"):
                assert line.isprintable(), form

    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_adds_no_line(self, name: str) -> None:
        plain, hostile = forms(named("n")), forms(named(name))
        for form in ("minimal", "kernel", "json", "mermaid", "compare mermaid"):
            assert hostile[form].count("\n") == plain[form].count("\n"), form

    def test_the_page_of_a_diagram_has_no_tag_but_the_break(self) -> None:
        made = forms(named(NAMES[0]))
        for form in ("mermaid", "compare mermaid"):
            assert set(re.findall(r"<[^>]*>", made[form])) <= {"<br/>"}

    def test_a_trace_without_any_walk_is_shown_too(self) -> None:
        trace = sent(article(), "192.0.2.1:80")
        assert not any(isinstance(step, Walked) for branch in trace.branches for _, step in branch.steps())
        assert all(forms(trace).values()) or forms(trace)["kernel"] == ""
