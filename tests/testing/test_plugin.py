"""The pytest plugin, in runs of pytest of their own: within this process, but where the process is the point."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

from kproxysim import Scenario
from kproxysim.testing.differences import difference

SCENARIO = """
kind: Scenario
scenario: 1
about: A node port
cloud: {kind: routed}
kubeProxy: {config: {clusterCIDR: 10.44.0.0/16}}
nodes:
  node-a: {internal: 10.128.0.12, podCIDR: 10.44.0.0/24}
services:
- apiVersion: v1
  kind: Service
  metadata: {name: echo, namespace: default}
  spec:
    type: NodePort
    clusterIP: 10.48.0.1
    ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: echo-1, namespace: default, labels: {kubernetes.io/service-name: echo}}
  addressType: IPv4
  ports: [{port: 8080}]
  endpoints:
  - {addresses: [10.44.0.5], nodeName: node-a, targetRef: {kind: Pod, namespace: default, name: echo-1}}
packets:
  browser: {from: internet/203.0.113.7, to: "10.128.0.12:30080"}
expect:
- {packet: browser, reaches: default/echo-1}
- {packet: browser, source: masqueraded}
"""

STEPS = """\
steps:
- open: browser
  expect: {connection: closed}
- wait: 5s
  name: later
  expect: {conntrack: {node-a: 0}}
"""

TESTS = """
import pytest
from kproxysim import World

@pytest.mark.kproxysim("echo.scenario.yaml")
def test_fixtures(world, cluster, kube_proxy_version):
    assert world.cluster == cluster
    assert world.version == kube_proxy_version
    assert [service.key for service in cluster.services] == ["default/echo"]

@pytest.mark.kproxysim("echo.scenario.yaml")
def test_traces_that_differ(world):
    packet = world.packet("internet/203.0.113.7", "10.128.0.12:30080")
    without = World(world.cluster, edge=world.edge)
    assert world.send(packet) == without.send(packet, "node/node-a")

def test_without_a_marker(world):
    pass
"""


Run = Callable[..., tuple[int, str, str]]
# What watches for lost exceptions looks through all of this process for garbage, five times a run.
OPTIONS = (
    "-W",
    "error",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:unraisableexception",
    "-p",
    "no:threadexception",
)


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    # hypothesis's own plugin takes longer to load than all these tests to run
    without = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    command = [sys.executable, "-m", "pytest", "-W", "error", *without, *options]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers --strict-config\n")
    (tmp_path / "echo.scenario.yaml").write_text(SCENARIO)
    return tmp_path


@pytest.fixture
def run_here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs within this process, which forgets the tests of the folder after each and keeps all else that it loaded."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run_in_folder(*options: str) -> tuple[int, str, str]:
        code = pytest.main([*OPTIONS, "-p", "no:faulthandler", *options])
        for name, module in [*sys.modules.items()]:
            if (getattr(module, "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
        return int(code), *capsys.readouterr()

    return run_in_folder


def test_each_expectation_is_a_test_under_each_version(folder: Path) -> None:
    (folder / "test_world.py").write_text(TESTS)
    ended = run(folder, "-v", "--kube-proxy-version", "1.25,1.36", "--junit-xml=results.xml", "-n1")
    for name in ("browser[1.25]", "browser[1.36]", "browser-2[1.25]", "browser-2[1.36]"):
        assert f"PASSED echo.scenario.yaml::{name}" in ended.stdout
    assert "PASSED test_world.py::test_fixtures[1.36]" in ended.stdout
    assert "6 passed, 2 failed, 2 errors" in ended.stdout.replace("2 failed, 6 passed", "6 passed, 2 failed")
    cases = [case.get("name") for case in ET.parse(folder / "results.xml").getroot().iter("testcase")]
    assert "browser[1.36]" in cases


def test_what_fails_says_where(folder: Path, run_here: Run) -> None:
    (folder / "test_world.py").write_text(TESTS)
    wrong = SCENARIO.replace("reaches: default/echo-1", "reaches: nobody") + STEPS
    (folder / "wrong.scenario.yaml").write_text(wrong)
    (folder / "broken.scenario.yml").write_text("kind: Scenario\nscenario: 1\nabuot: a slip\n")
    _, shown, _ = run_here("-q")
    assert "reaches: wanted nobody, got default/echo-1" in shown
    assert "to see it again: kproxysim trace wrong.scenario.yaml --packet browser" in shown
    assert (
        "wrong.scenario.yaml, step 1, open browser: A node port\n  connection: wanted closed, got open"
        in shown
    )
    assert "to see it again: kproxysim trace wrong.scenario.yaml --at 1" in shown
    assert "FAILED wrong.scenario.yaml::later" in shown
    assert "did you mean about?" in shown
    assert "Trace == Trace: they are of different packets" in shown or "Trace == Trace: they part in" in shown
    assert 'write @pytest.mark.kproxysim("manifests.yaml") over the test' in shown
    assert "5 failed, 4 passed, 1 error" in shown


def test_a_folder_may_be_set(folder: Path, run_here: Run) -> None:
    cases = folder / "cases"
    cases.mkdir()
    shutil.move(folder / "echo.scenario.yaml", cases / "echo.yaml")
    (cases / "values.yaml").write_text("a: 1\n")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_one.py").write_text("def test_one(): pass\n")
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\nkproxysim_scenarios = cases\n")
    assert "3 passed" in run_here("-q")[1]
    assert "1 passed" in run_here("-q", "tests")[1]
    assert "2 passed" in run_here("-q", "cases/echo.yaml")[1]


def test_an_unknown_version_is_told(run_here: Run) -> None:
    code, _, said = run_here("--kube-proxy-version", "1.99")
    assert code == 4
    assert "ERROR: --kube-proxy-version 1.99: error[KPS401]" in said


def test_who_does_not_use_it_does_not_feel_it(tmp_path: Path) -> None:
    """Nothing of the package is loaded but this module, and pytest runs without it."""
    (tmp_path / "test_plain.py").write_text(
        dedent("""
        import sys

        def test_loaded():
            rooms = {name.split(".")[1] for name in sys.modules if name.startswith("kproxysim.")}
            assert not rooms & {"cluster", "netfilter", "kubeproxy", "network", "scenario", "report", "cli"}
            assert not {"pydantic", "yaml", "networkx"} & set(sys.modules)
        """)
    )
    assert "1 passed" in run(tmp_path, "-q").stdout
    assert "1 passed" in run(tmp_path, "-q", "-p", "no:kproxysim").stdout


def test_traces_are_told_apart(folder: Path) -> None:
    scenario = Scenario.load(folder / "echo.scenario.yaml")
    new, old = scenario.trace("browser"), scenario.trace("browser", version="1.25")
    lines = difference(new, old)
    assert lines[0] == "Trace == Trace: they part in branch 1 of 1"
    assert "steps that are the same, the last at node-a" in lines[1]
    assert lines[2].startswith("left:  node-a ")
    assert lines[3].startswith("right: ")


LAW = """
import pytest
from kproxysim.testing import LAWS, Call, Situation, check_laws
from kproxysim.testing.call import again

@pytest.mark.kproxysim("echo.scenario.yaml")
def test_law(world):
    nobody = lambda cluster, node, family: "*nat\\nCOMMIT\\n"
    call = Call("internet/203.0.113.7", "10.128.0.12:30080")
    check_laws(Situation(again(world, rules=nobody), call, nobody), [LAWS["served-at-every-address"]])
"""


def test_a_broken_law_leaves_a_scenario(folder: Path, run_here: Run) -> None:
    (folder / "test_law.py").write_text(LAW)
    _, shown, _ = run_here("-q", "test_law.py")
    assert "law broken: served-at-every-address" in shown
    assert "kproxysim run .kproxysim/served-at-every-address.scenario.yaml" in shown
    assert Scenario.load(folder / ".kproxysim" / "served-at-every-address.scenario.yaml").packets.keys() == {
        "call"
    }
