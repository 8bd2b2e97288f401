"""Each command: what it prints where, and its exit code."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
import yaml

from kproxysim.cli.explain import all_explanations, explain
from kproxysim.netfilter.ruleset import Ruleset
from tests.cli.conftest import SCENARIO, Kproxysim

FROM_TO = ("--from", "internet/203.0.113.7", "--to", "198.51.100.12:80")
MINIMAL = "deliver 10.44.0.5:8080 p=1/2 src=10.44.0.1\ndeliver 10.44.1.7:8080 p=1/2 src=10.128.0.12\n"


STEPS = (
    SCENARIO
    + """\
steps:
- open: nodeport
  pick: default/echo-1
- patch: Service default/echo-np
  name: closed
  with: {spec: {externalTrafficPolicy: Local}}
- delete: EndpointSlice default/echo-np-1
  expect: {conntrack: {node-a: tcp ESTABLISHED}}
- send: nodeport
"""
)


class TestSteps:
    """A time line: run shows it as a table, --at looks into it."""

    @pytest.fixture(autouse=True)
    def steps(self, folder: Path) -> None:
        (folder / "article.yaml").write_text(STEPS)

    def test_run(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("run", "article.yaml")
        lines = done.stdout.splitlines()
        assert (done.exit_code, lines[0]) == (0, "ok    article  two ways in")
        assert lines[3] == (
            "      1         0s    open nodeport, pick               nodeport  open, default/echo-1"
        )
        assert "node-a, node-b: partial sync, + 1 chain, 4 rules, - 2 rules\n" in done.stdout

    def test_run_as_json_has_what_was_written(self, kproxysim: Kproxysim) -> None:
        (scenario,) = json.loads(kproxysim("run", "article.yaml", "-o", "json").stdout)["scenarios"]
        assert [one["event"].partition(",")[0] for one in scenario["steps"]] == [
            "open nodeport",
            "patch Service default/echo-np",
            "delete EndpointSlice default/echo-np-1",
            "send on nodeport",
        ]
        sync = scenario["steps"][1]["syncs"][0]
        assert (sync["node"], sync["full"]) == ("node-a", False)
        assert sync["restore"].startswith("*filter\n")

    def test_trace_at_a_step(self, kproxysim: Kproxysim) -> None:
        own = kproxysim("trace", "article.yaml", "--at", "4", "--detail", "minimal").stdout
        assert own == "deliver 10.44.0.5:8080 p=1 src=10.44.0.1\n"
        by_name = kproxysim(
            "trace", "article.yaml", "--at", "closed", "--packet", "nodeport", "--detail", "minimal"
        )
        assert by_name.stdout == "deliver 10.44.0.5:8080 p=1 src=203.0.113.7\n"
        other = kproxysim("trace", "article.yaml", "--at", "3", *FROM_TO, "--detail", "minimal").stdout
        assert other == MINIMAL

    def test_rules_at_a_step(self, kproxysim: Kproxysim) -> None:
        before = kproxysim("rules", "article.yaml", "--node", "node-a").stdout
        after = kproxysim("rules", "article.yaml", "--node", "node-a", "--at", "closed").stdout
        assert "KUBE-SVL-" not in before
        assert "KUBE-SVL-" in after
        delta = kproxysim("rules", "article.yaml", "--node", "node-a", "--at", "closed", "-o", "delta").stdout
        assert delta.startswith(
            "# step 2, patch Service default/echo-np: partial sync on node-a at 0s\n*filter\n"
        )
        assert delta.endswith("COMMIT\n")
        nothing = kproxysim("rules", "article.yaml", "--node", "node-a", "--at", "1", "-o", "delta").stdout
        assert nothing == "# step 1, open nodeport, pick default/echo-1: kube-proxy wrote nothing on node-a\n"

    @pytest.mark.parametrize(
        "words, code, message",
        [
            (
                ("trace", "article.yaml", "--at", "2"),
                "KPS802",
                "step 2, patch Service default/echo-np, sends no packet",
            ),
            (
                ("trace", "article.yaml", "--at", "5"),
                "KPS602",
                "there is no step '5' in article.yaml: there are 4",
            ),
            (("trace", "article.yaml", "--at", "closd"), "KPS602", "did you mean closed?"),
            (("trace", "cluster", "--at", "1"), "KPS802", "these are manifests"),
            (
                ("trace", "article.yaml", "--at", "1", "--seed", "1"),
                "",
                "a step's own packet was sent already",
            ),
            (
                ("rules", "article.yaml", "--node", "node-a", "-o", "delta"),
                "",
                "delta is what was written in a step",
            ),
        ],
    )
    def test_what_there_is_not(
        self, kproxysim: Kproxysim, words: tuple[str, ...], code: str, message: str
    ) -> None:
        done = kproxysim(*words)
        assert done.exit_code == 2
        assert code in done.stderr
        assert message in done.stderr


class TestRun:
    def test_all_well(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("run", "article.yaml")
        assert done.exit_code == 0
        assert done.stdout == "ok    article  two ways in\n\n1 scenario, 2 expectations: all hold\n"
        assert done.stderr == ""

    def test_an_expectation_that_fails_is_exit_code_1(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "article.yaml").write_text(SCENARIO.replace("masqueraded", "kept"))
        done = kproxysim("run", "article.yaml")
        assert done.exit_code == 1
        assert "FAIL  article" in done.stdout
        assert "source: wanted kept, got masqueraded" in done.stdout

    def test_a_file_that_cannot_be_used_is_exit_code_2_and_the_others_run(
        self, kproxysim: Kproxysim, folder: Path
    ) -> None:
        (folder / "other.yaml").write_text("kind: Scenario\nscenario: 1\nabout: [\n")
        done = kproxysim("run", ".")
        assert done.exit_code == 2
        assert "ok    article" in done.stdout
        assert "other.yaml:" in done.stderr

    def test_an_empty_run_is_an_error(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "article.yaml").write_text(SCENARIO.partition("expect:")[0])
        done = kproxysim("run", "article.yaml")
        assert done.exit_code == 2
        assert "KPS801" in done.stderr

    def test_without_sources_it_looks_into_scenarios(self, kproxysim: Kproxysim, folder: Path) -> None:
        done = kproxysim("run")
        assert done.exit_code == 2
        assert (
            "error[KPS801]: nothing was checked: no SOURCE is given, and there is no folder 'scenarios' here"
            in done.stderr
        )
        (folder / "scenarios").mkdir()
        (folder / "scenarios" / "one.yaml").write_text(SCENARIO.replace("cluster/", "../cluster/"))
        assert kproxysim("run").exit_code == 0

    def test_json_and_junit(self, kproxysim: Kproxysim) -> None:
        data = json.loads(kproxysim("run", "article.yaml", "-o", "json").stdout)
        assert data["passed"] is True
        assert data["scenarios"][0]["path"] == "article.yaml"
        root = ET.fromstring(kproxysim("run", "article.yaml", "-o", "junit").stdout)
        assert len(root.findall(".//testcase")) == 2

    def test_another_version(self, kproxysim: Kproxysim) -> None:
        assert kproxysim("run", "article.yaml", "--kube-proxy-version", "1.25").exit_code == 0
        assert kproxysim("run", "article.yaml", "--kube-proxy-version", "0.9").exit_code == 2

    def test_verbose(self, kproxysim: Kproxysim) -> None:
        assert "ok  nodeport: reaches" in kproxysim("run", "article.yaml", "-v").stdout


class TestTrace:
    def test_a_packet_of_a_scenario(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("trace", "article.yaml", "--packet", "externalip")
        assert done.exit_code == 0
        assert "verdict  delivered to default/echo-1" in done.stdout
        assert done.stdout.startswith("packet   tcp 203.0.113.7:51514 -> 198.51.100.12:80  new")

    @pytest.mark.parametrize("sources", [("cluster",), ("cluster/nodes.yaml", "-f", "cluster/services.yaml")])
    def test_a_packet_through_manifests(self, kproxysim: Kproxysim, sources: tuple[str, ...]) -> None:
        done = kproxysim("trace", *sources, *FROM_TO, "--detail", "minimal")
        assert (done.exit_code, done.stdout) == (0, MINIMAL)

    def test_manifests_from_standard_input(self, kproxysim: Kproxysim, folder: Path) -> None:
        text = (folder / "cluster/services.yaml").read_text()
        done = kproxysim("trace", "cluster/nodes.yaml", "-", *FROM_TO, "--detail", "minimal", input=text)
        assert (done.exit_code, done.stdout) == (0, MINIMAL)

    def test_a_packet_of_ones_own_through_a_scenario(self, kproxysim: Kproxysim) -> None:
        to = ("--from", "browser", "--to", "198.51.100.12:22")
        done = kproxysim("trace", "article.yaml", *to, "--detail", "minimal")
        assert (done.exit_code, done.stdout) == (0, "refuse 10.128.0.12:22 p=1 src=203.0.113.7\n")

    def test_the_only_packet_needs_no_name(self, kproxysim: Kproxysim, folder: Path) -> None:
        assert kproxysim("trace", "article.yaml").exit_code == 2
        one = SCENARIO.replace('  nodeport: {from: browser, to: "198.51.100.12:30080"}\n', "")
        (folder / "article.yaml").write_text(one.replace("- {packet: nodeport, ", "- {packet: externalip, "))
        assert kproxysim("trace", "article.yaml", "--detail", "minimal").stdout == MINIMAL

    def test_two_scenarios_with_a_packet_of_that_name(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "second.yaml").write_text(SCENARIO)
        done = kproxysim("trace", ".", "--packet", "externalip")
        assert done.exit_code == 2
        assert "write article:externalip or second:externalip" in done.stderr
        assert (
            kproxysim("trace", ".", "--packet", "second:externalip", "--detail", "minimal").stdout == MINIMAL
        )

    def test_pick_keeps_one_way(self, kproxysim: Kproxysim) -> None:
        one = ("trace", "article.yaml", "--packet", "externalip", "--pick", "echo-2")
        assert kproxysim(*one, "--detail", "minimal").stdout == MINIMAL.splitlines(keepends=True)[1]
        assert "picked by name (1/2)" in kproxysim(*one).stdout
        assert kproxysim(*one[:-1], "echo-9").exit_code == 2

    def test_seed_draws_one_way_and_the_same_again(self, kproxysim: Kproxysim) -> None:
        def drawn(seed: int) -> str:
            words = ("--packet", "externalip", "--seed", str(seed), "--detail", "minimal")
            return kproxysim("trace", "article.yaml", *words).stdout

        draws = [drawn(seed) for seed in range(8)]
        assert draws == [drawn(seed) for seed in range(8)]
        assert set(draws) == set(MINIMAL.splitlines(keepends=True))

    def test_forms(self, kproxysim: Kproxysim) -> None:
        base = ("trace", "article.yaml", "--packet", "externalip")
        schema = json.loads(kproxysim("schema", "trace").stdout)
        jsonschema.validate(json.loads(kproxysim(*base, "-o", "json").stdout), schema)
        assert kproxysim(*base, "-o", "mermaid").stdout.startswith("sequenceDiagram\n")
        assert kproxysim(*base, "-o", "dot").stdout.startswith("digraph ")
        assert kproxysim(*base, "-o", "html").stdout.startswith("<!DOCTYPE html>\n")
        assert "TRACE: nat:KUBE-SERVICES:rule:2 " in kproxysim(*base, "--detail", "kernel").stdout
        assert "=[echo-ext external IP]=>" in kproxysim(*base, "--detail", "summary").stdout

    def test_reply(self, kproxysim: Kproxysim) -> None:
        base = ("trace", "article.yaml", "--packet", "externalip")
        assert "(--reply to show)" in " ".join(kproxysim(*base).stdout.split())
        assert "\nanswer   tcp 10.44.0.5:8080 -> 10.44.0.1:51514\n" in kproxysim(*base, "--reply").stdout

    def test_a_real_nodes_rules_in_place_of_ours(self, kproxysim: Kproxysim, folder: Path) -> None:
        saved = kproxysim("rules", "cluster", "--node", "node-a", "-o", "save").stdout
        (folder / "node-a.rules").write_text(saved)
        words = ("--node-facts", "node-a.rules", "--node", "node-a", "--detail", "minimal")
        assert kproxysim("trace", "cluster", *FROM_TO, *words).stdout == MINIMAL
        (folder / "node-a.rules").write_text("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
        done = kproxysim("trace", "article.yaml", "--packet", "externalip", *words)
        assert done.stdout == "refuse 10.128.0.12:80 p=1 src=203.0.113.7\n"

    def test_a_dump_must_belong_to_a_node(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "x.rules").write_text("*nat\nCOMMIT\n")
        done = kproxysim("trace", "cluster", *FROM_TO, "--node-facts", "x.rules")
        assert done.exit_code == 2
        assert "KPS804" in done.stderr
        assert (
            kproxysim("trace", "cluster", *FROM_TO, "--node-facts", "x.rules", "--node", "x").exit_code == 2
        )
        twice = ("--node-facts", "x.rules", "--node-facts", "x.rules", "--node", "node-a")
        assert kproxysim("trace", "cluster", *FROM_TO, *twice).exit_code == 2
        (folder / "x.rules").write_text("*nat\n-A PREROUTING -j NOWHERE\nCOMMIT\n")
        done = kproxysim("trace", "cluster", *FROM_TO, "--node-facts", "x.rules", "--node", "node-a")
        assert done.exit_code == 2
        assert "x.rules:2:" in done.stderr
        (folder / "x.rules").write_text("node-a:\n  sysctls: {a: 1}\n  routes: []\n")
        done = kproxysim("trace", "cluster", *FROM_TO, "--node-facts", "x.rules", "--node", "node-a")
        assert done.exit_code == 2
        assert done.stderr.count("error[") == 1
        assert "this is no dump of rules" in done.stderr
        assert "give what iptables-save printed on the node" in done.stderr

    def test_rules_of_which_node(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("rules", "article.yaml")
        assert done.exit_code == 2
        assert "nodes: node-a, node-b" in done.stderr
        assert "add --node NAME" in done.stderr

    def test_settings_from_a_file(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "config.yaml").write_text(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
            "iptables: {masqueradeBit: 5}\n"
        )
        base = ("trace", "article.yaml", "--packet", "externalip")
        assert "mark 0x0 -> 0x20" in kproxysim(*base, "--config", "config.yaml").stdout
        assert kproxysim(*base, "--config", "missing.yaml").exit_code == 2

    def test_via_a_node(self, kproxysim: Kproxysim) -> None:
        base = ("trace", "article.yaml", "--packet", "externalip")
        assert kproxysim(*base, "--via", "node-x").exit_code == 2
        assert kproxysim(*base, "--via", "node-a").exit_code == 0

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("--packet", "externalip", "--from", "browser"),
            ("--packet", "externalip", "--pick", "echo-1", "--seed", "1"),
            ("--packet", "externalip", "-o", "json", "--detail", "full"),
            ("--packet", "externalip", "-o", "json", "--reply"),
            ("--packet", "externalip", "--detail", "minimal", "--reply"),
            ("--packet", "externalip", "--node", "node-a"),
            ("--packet", "externalip", "--seed", "many"),
            ("--packet", "externalip", "--detail", "huge"),
            ("--packet", "externalip", "-o", "yaml"),
            ("--packet", "nobody"),
            ("--from", "browser"),
            ("--to", "198.51.100.12:80"),
            ("--from", "nobody", "--to", "198.51.100.12:80"),
            ("--from", "browser", "--to", "198.51.100.12:70000"),
            ("--from", "browser", "--to", "198.51.100.12"),
            ("--unknown",),
        ],
    )
    def test_what_cannot_be_meant_is_exit_code_2(self, kproxysim: Kproxysim, words: tuple[str, ...]) -> None:
        done = kproxysim("trace", "article.yaml", *words)
        assert done.exit_code == 2
        assert done.stdout == ""
        assert done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        "words, help_",
        [
            ((), "add --from WHO and --to HOST:PORT"),
            (("--packet", "externalip"), "in place of --packet write --from WHO and --to HOST:PORT"),
        ],
    )
    @pytest.mark.parametrize("source", ["cluster", "cluster/services.yaml", "-"])
    def test_manifests_have_no_packets(
        self, kproxysim: Kproxysim, folder: Path, source: str, words: tuple[str, ...], help_: str
    ) -> None:
        done = kproxysim("trace", source, *words, input=(folder / "cluster" / "nodes.yaml").read_text())
        assert done.exit_code == 2
        assert "error[KPS802]: these are manifests, and only a scenario has packets" in done.stderr
        assert f"= help: {help_}\n" in done.stderr

    def test_of_several_packets_the_scenario_names_them(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("trace", "article.yaml")
        assert done.exit_code == 2
        assert "= note: packets: nodeport, externalip\n" in done.stderr
        assert "= help: add --packet NAME, or --from WHO and --to HOST:PORT\n" in done.stderr

    def test_a_label_makes_no_scenario_of_a_manifest(self, kproxysim: Kproxysim, folder: Path) -> None:
        services = folder / "cluster" / "services.yaml"
        labelled = "metadata:\n  name: echo-ext\n  namespace: default\n  labels:\n    scenario: demo\n"
        old = "metadata: {name: echo-ext, namespace: default}\n"
        services.write_text(services.read_text().replace(old, labelled))
        done = kproxysim(
            "trace", "cluster/nodes.yaml", "cluster/services.yaml", *FROM_TO, "--detail", "minimal"
        )
        assert (done.exit_code, done.stdout) == (0, MINIMAL)

    def test_via_without_effect_says_so(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("trace", "cluster", *FROM_TO, "--via", "node-b", "--detail", "minimal")
        assert (done.exit_code, done.stdout) == (0, MINIMAL)
        assert done.stderr == (
            "note[KPS807]: --via node-b has no effect: the edge does not choose that node for 198.51.100.12\n"
        )

    def test_via_with_effect_says_nothing(self, kproxysim: Kproxysim, folder: Path) -> None:
        services = folder / "cluster" / "services.yaml"
        balanced = "  type: LoadBalancer\nstatus: {loadBalancer: {ingress: [{ip: 198.51.100.200}]}}\n"
        services.write_text(
            services.read_text().replace("  type: NodePort\n", "").replace("---\n", f"{balanced}---\n", 1)
        )
        words = ("--from", "internet/203.0.113.7", "--to", "198.51.100.200:80", "--detail", "minimal")
        done = kproxysim("trace", "cluster", *words, "--via", "node-b")
        assert "deliver" in done.stdout
        assert "KPS807" not in done.stderr

    @pytest.mark.parametrize(
        "who, to, known",
        [
            ("internet/203.0.113.7", "198.51.100.14:80", "external addresses: 198.51.100.12 (node-a), 198.51.100.13 (node-b)"),
            ("pod/default/echo-1", "10.48.3.9:80", "addresses: 10.48.3.7 (default/echo-ext), 10.48.3.8 (default/echo-np), 10.128.0.12 (node-a), 10.128.0.13 (node-b)"),
        ],
    )  # fmt: skip
    def test_an_address_that_nobody_has(self, kproxysim: Kproxysim, who: str, to: str, known: str) -> None:
        done = kproxysim("trace", "cluster", "--from", who, "--to", to, "--detail", "minimal")
        assert (done.exit_code, done.stderr.count("\n")) == (0, 1)
        assert f"note[KPS807]: nobody has {to[:-3]}; known {known} (did you mean " in done.stderr

    def test_manifests_without_nodes_or_endpoints(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "alone.yaml").write_text(
            (folder / "cluster" / "services.yaml").read_text().partition("---")[0]
        )
        done = kproxysim("trace", "alone.yaml", *FROM_TO, "--detail", "minimal")
        assert "note[KPS807]: there is no Node in the input" in done.stderr
        assert "note[KPS807]: there is no EndpointSlice in the input" in done.stderr

    @pytest.mark.parametrize("data", [b"\x7fELF\0\0", b"*nat\n\xff\xfe\n"])
    def test_a_dump_that_is_no_text(self, kproxysim: Kproxysim, folder: Path, data: bytes) -> None:
        (folder / "x.rules").write_bytes(data)
        done = kproxysim("trace", "cluster", *FROM_TO, "--node-facts", "x.rules", "--node", "node-a")
        assert done.exit_code == 2
        assert "x.rules:" in done.stderr
        assert "= help: give what iptables-save printed on the node\n" in done.stderr


class TestRules:
    def test_restore_is_kube_proxys_own_text(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("rules", "cluster", "--node", "node-a")
        assert done.exit_code == 0
        assert done.stdout.startswith("*filter\n")
        assert ":PREROUTING" not in done.stdout

    def test_save_reads_back(self, kproxysim: Kproxysim) -> None:
        saved = kproxysim("rules", "article.yaml", "--node", "node-a", "-o", "save").stdout
        assert Ruleset.from_save(saved).to_save() == saved

    def test_forms(self, kproxysim: Kproxysim) -> None:
        base = ("rules", "cluster", "--node", "node-b")
        assert json.loads(kproxysim(*base, "-o", "json").stdout)["node"] == "node-b"
        assert kproxysim(*base, "-o", "dot").stdout.startswith('digraph "node-b" {')
        assert kproxysim(*base, "-o", "mermaid").stdout.startswith("flowchart LR\n")

    def test_family_version_and_settings(self, kproxysim: Kproxysim, folder: Path) -> None:
        base = ("rules", "cluster", "--node", "node-a")
        assert json.loads(kproxysim(*base, "--family", "ipv6", "-o", "json").stdout)["family"] == "ipv6"
        old = kproxysim(*base, "--kube-proxy-version", "1.25", "-o", "save").stdout
        assert "KUBE-MARK-DROP" in old
        (folder / "config.yaml").write_text(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
            "iptables: {masqueradeAll: true}\n"
        )
        assert kproxysim(*base, "--config", "config.yaml").stdout != kproxysim(*base).stdout

    def test_an_unknown_node_lists_those_there_are(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("rules", "cluster", "--node", "node-x")
        assert done.exit_code == 2
        assert "node-a, node-b" in done.stderr

    def test_a_node_is_needed(self, kproxysim: Kproxysim) -> None:
        assert kproxysim("rules", "cluster").exit_code == 2


class TestCompare:
    def test_answers_the_question(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("compare", "article.yaml", "nodeport", "externalip")
        assert done.exit_code == 0
        text = " ".join(done.stdout.split())
        assert "here they part" in text
        assert "here they meet nat:KUBE-EXT:1" in text
        assert "198.51.100.12 is node-a's external address" in text

    def test_json(self, kproxysim: Kproxysim) -> None:
        data = json.loads(kproxysim("compare", "article.yaml", "nodeport", "externalip", "-o", "json").stdout)
        assert data["left"]["name"] == "nodeport"
        assert data["pairs"][data["meets_at"]]["same"] is True

    def test_html(self, kproxysim: Kproxysim) -> None:
        page = kproxysim("compare", "article.yaml", "nodeport", "externalip", "-o", "html").stdout
        assert page.startswith("<!DOCTYPE html>\n")
        assert "here they meet" in page

    @pytest.mark.parametrize(
        "words", [("nodeport",), ("nodeport", "nobody"), ("nodeport", "externalip", "-o", "dot")]
    )
    def test_two_packets_are_needed(self, kproxysim: Kproxysim, words: tuple[str, ...]) -> None:
        assert kproxysim("compare", "article.yaml", *words).exit_code == 2

    def test_a_packet_with_itself(self, kproxysim: Kproxysim, folder: Path) -> None:
        guarded = SCENARIO.replace("clients:", "cloud: {kind: gce, firewall: [tcp]}\nclients:")
        (folder / "article.yaml").write_text(guarded)
        text = kproxysim("compare", "article.yaml", "nodeport", "nodeport").stdout
        assert "  = The firewall of the edge: " in text
        assert "\n  | " not in text

    def test_manifests_have_no_packets(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("compare", "cluster", "nodeport", "externalip")
        assert done.exit_code == 2
        assert "error[KPS802]: these are manifests, and only a scenario has packets" in done.stderr

    def test_packets_of_two_scenarios(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "second.yaml").write_text(SCENARIO)
        done = kproxysim("compare", "article.yaml", "second.yaml", "article:nodeport", "second:nodeport")
        assert done.exit_code == 0
        assert "they never part" in done.stdout


class TestExplain:
    def test_a_code_in_any_case_has_a_page(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("explain", "kps802")
        assert done.exit_code == 0
        assert done.stdout.startswith("KPS802: ")

    def test_every_code_has_a_page_and_the_list_has_every_code(
        self, kproxysim: Kproxysim, capsys: pytest.CaptureFixture[str]
    ) -> None:
        listed = kproxysim("explain").stdout
        for code, one in all_explanations().items():
            assert f"{code} " in listed
            explain(code.swapcase())
            assert capsys.readouterr().out.startswith(f"{code}: {one.title[:40]}")

    def test_the_codes_of_every_room_are_there_and_no_two_are_the_same(self, root: Path) -> None:
        codes = [
            one.code
            for path in sorted((root / "kproxysim").glob("*/codes.py"))
            for one in import_module(f"kproxysim.{path.parent.name}.codes").EXPLANATIONS
        ]
        assert sorted(codes) == list(all_explanations())

    def test_an_unknown_code_names_its_likes(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("explain", "no-endpoint")
        assert done.exit_code == 2
        assert "no-endpoints" in done.stderr


class TestLesson:
    """What is taught on a terminal stands in tests/lesson; here is what is written all at once."""

    def test_a_page(self, kproxysim: Kproxysim) -> None:
        page = kproxysim("lesson", "hairpin", "-o", "html").stdout
        assert page.startswith("<!DOCTYPE html>")
        assert 'class="trace"' in page
        assert 'class="question"' in page

    def test_text(self, kproxysim: Kproxysim) -> None:
        assert kproxysim("lesson", "hairpin", "-o", "text").stdout == kproxysim("lesson", "hairpin").stdout

    def test_the_list_has_one_form(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("lesson", "-o", "html")
        assert done.exit_code == 2
        assert "name the lesson" in done.stderr


class TestSchema:
    def test_scenario_is_the_default(self, kproxysim: Kproxysim) -> None:
        schema = json.loads(kproxysim("schema").stdout)
        assert schema == json.loads(kproxysim("schema", "scenario").stdout)
        jsonschema.Draft202012Validator.check_schema(schema)

    def test_of_lessons(self, kproxysim: Kproxysim, root: Path) -> None:
        validator = jsonschema.Draft202012Validator(json.loads(kproxysim("schema", "lesson").stdout))
        validator.check_schema(validator.schema)
        for path in sorted((root / "kproxysim" / "lesson" / "library").glob("*.yaml")):
            lesson = yaml.safe_load(path.read_text())
            assert validator.is_valid(lesson), path.name
            for step in (
                {"say": "a", "show": "b"},
                {"tell": "a"},
                {"ask": "Who?", "choices": ["a", "b"]},
                {},
            ):
                assert not validator.is_valid({**lesson, "steps": [step]})

    def test_others_are_refused(self, kproxysim: Kproxysim) -> None:
        assert kproxysim("schema", "cluster").exit_code == 2


class TestFindings:
    """Warnings are always said, notes with -v; --strict makes errors of warnings."""

    @pytest.fixture
    def odd(self, folder: Path) -> None:
        services = folder / "cluster" / "services.yaml"
        services.write_text(services.read_text().replace("  type: NodePort\n", ""))

    @pytest.mark.usefixtures("odd")
    def test_warnings_go_to_standard_error(self, kproxysim: Kproxysim) -> None:
        done = kproxysim("rules", "cluster", "--node", "node-a")
        assert done.exit_code == 0
        assert ": warning[KPS2" in done.stderr
        assert "warning" not in done.stdout

    @pytest.mark.usefixtures("odd")
    @pytest.mark.parametrize(
        "words",
        [
            ("rules", "cluster", "--node", "node-a"),
            ("trace", "cluster", *FROM_TO),
            ("run", "article.yaml"),
            ("compare", "article.yaml", "nodeport", "externalip"),
        ],
    )
    def test_strict_makes_them_errors(self, kproxysim: Kproxysim, words: tuple[str, ...]) -> None:
        done = kproxysim(*words, "--strict")
        assert done.exit_code == 2
        assert "error[KPS2" in done.stderr

    def test_notes_and_what_was_passed_over_with_v(self, kproxysim: Kproxysim, folder: Path) -> None:
        (folder / "cluster" / "more.yaml").write_text(
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n---\n"
            "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata:\n  name: lone\n"
            "  labels: {kubernetes.io/service-name: nobody}\naddressType: IPv4\nendpoints: []\nports: []\n"
        )
        quiet = kproxysim("rules", "cluster", "--node", "node-a")
        loud = kproxysim("rules", "cluster", "--node", "node-a", "-v")
        assert "note[" not in quiet.stderr
        assert "note[KPS3" in loud.stderr
        assert "passed over: 1 ConfigMap" in loud.stderr
        assert quiet.stdout == loud.stdout

    def test_fields_that_kubernetes_does_not_know(self, kproxysim: Kproxysim, folder: Path) -> None:
        services = folder / "cluster" / "services.yaml"
        text = services.read_text().replace("externalIPs", "externalIps")
        services.write_text(text.replace("  type: NodePort", '  type: NodePort\n  "col\\eour": red'))
        for command in (("rules", "cluster", "--node", "node-a"), ("run", "article.yaml")):
            done = kproxysim(*command, "-v")
            assert "warning[KPS233]: Kubernetes knows no field spec.externalIps" in done.stderr
            assert "(did you mean spec.externalIPs?)" in done.stderr
            assert 'unknown fields: 1 Service spec["col\\u001bour"]\n' in done.stderr
            assert "unknown fields" not in kproxysim(*command).stderr


class TestVersionAndHelp:
    def test_version(self, kproxysim: Kproxysim) -> None:
        assert kproxysim("--version").stdout == kproxysim("version").stdout
        assert kproxysim("version").stdout.startswith("kproxysim 0.")

    def test_help_lists_what_is_there_and_no_more(self, kproxysim: Kproxysim) -> None:
        text = kproxysim("--help").stdout
        listed = [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines() if line.strip()]
        assert listed == ["run", "trace", "rules", "compare", "lesson", "explain", "schema", "version"]
        assert "completion" not in text

    @pytest.mark.parametrize(
        "command", ["run", "trace", "rules", "compare", "lesson", "explain", "schema", "version"]
    )
    def test_every_command_has_help(self, kproxysim: Kproxysim, command: str) -> None:
        done = kproxysim(command, "--help")
        assert done.exit_code == 0
        assert "Usage: " in done.stdout

    def test_an_unknown_command(self, kproxysim: Kproxysim) -> None:
        assert kproxysim("juggle").exit_code == 2
