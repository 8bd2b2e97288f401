"""What a notebook shows: IPython asks a value for `_repr_html_`."""

from __future__ import annotations

import subprocess
import sys

from kproxysim.netfilter.events import Event
from kproxysim.network.trace import Trace
from tests.report.test_html import Reader


class TestNotebook:
    def test_a_trace_is_its_ways_the_first_unfolded(self, externalip: Trace) -> None:
        shown = Reader(externalip._repr_html_() or "")
        assert shown.elements.count("details") == 2
        assert (externalip._repr_html_() or "").count("<details open>") == 1
        assert "delivered to default/echo-2; the pod sees 10.128.0.12" in shown.text
        assert "script" not in shown.elements

    def test_a_hop_is_its_rows(self, externalip: Trace) -> None:
        node = externalip[0].hops[1]
        text = Reader(node._repr_html_() or "").text
        assert "node-a in eth0" in text
        assert "MASQUERADE  src 203.0.113.7 -> 10.44.0.1" in text

    def test_a_step_is_one_row_with_what_it_asked(self, externalip: Trace) -> None:
        (_, rule), *_ = (pair for pair in externalip[0].rules() if pair[1].chain == "KUBE-SERVICES")
        text = Reader(rule._repr_html_() or "").text
        assert "1 rule passed over (other dst)" in text
        assert "dst 10.128.0.12 = 10.128.0.12/32, tcp, dport 80" in text
        routing = next(
            step for _, step in externalip[0].steps() if isinstance(step, Event) and step.at == "routing"
        )
        assert "10.44.0.5 dev veth0" in Reader(routing._repr_html_() or "").text

    def test_without_the_face_a_value_has_no_other_look_than_its_repr(self) -> None:
        program = "from kproxysim import notebook; notebook._makers.clear(); print(notebook.html_of(1))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "None\n"
