"""The short forms."""

from kproxysim.network.trace import Trace
from kproxysim.report.brief import minimal_page, summary_page


class TestMinimal:
    def test_is_the_form_for_golden_files(self, externalip: Trace) -> None:
        assert minimal_page(externalip).text() == (
            "deliver 10.44.0.5:8080 p=1/2 src=10.44.0.1\ndeliver 10.44.1.7:8080 p=1/2 src=10.128.0.12\n"
        )

    def test_other_ends_have_their_own_verb(self, various: dict[str, Trace]) -> None:
        verbs = {name: minimal_page(trace).text().split()[0] for name, trace in various.items()}
        assert verbs["missed"] == "refuse"
        assert verbs["no endpoints"] == "reject"
        assert verbs["no local endpoint"] == "drop"
        assert verbs["nobody"] == "unreachable"


class TestSummary:
    def test_in_a_narrow_window_the_common_part_has_its_own_line(self, externalip: Trace) -> None:
        head, *ends = map(str, summary_page(externalip, 80))
        assert head == "internet > 198.51.100.12:80 =gce=> 10.128.0.12:80 =[echo-ext external IP]=>"
        assert ends == [
            "  1/2 echo-1 10.44.0.5:8080 src=masq(10.44.0.1)",
            "  1/2 echo-2 10.44.1.7:8080 src=masq(10.128.0.12)",
        ]

    def test_one_line_a_branch_with_the_common_part_once(self, externalip: Trace) -> None:
        first, second = summary_page(externalip)
        assert first == (
            "internet > 198.51.100.12:80 =gce=> 10.128.0.12:80 =[echo-ext external IP]=> "
            "1/2 echo-1 10.44.0.5:8080 src=masq(10.44.0.1)"
        )
        assert second.strip() == "1/2 echo-2 10.44.1.7:8080 src=masq(10.128.0.12)"
        assert first.index("1/2") == second.index("1/2")

    def test_names_how_the_service_was_reached(self, nodeport: Trace, various: dict[str, Trace]) -> None:
        assert "=[echo-np node port]=>" in summary_page(nodeport).text()
        assert "=[echo-ext cluster IP]=>" in summary_page(various["cluster IP from a pod"]).text()

    def test_a_miss_says_what_the_client_sees(self, missed: Trace) -> None:
        (only,) = summary_page(missed)
        assert only.endswith("1 refused on node-a [no-rule-matched], client sees connection refused, at once")
