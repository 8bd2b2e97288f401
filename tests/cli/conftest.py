"""A scenario to run commands on, and ways to run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kproxysim.cli.app import app

Kproxysim = Callable[..., Result]

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: echo-ext, namespace: default}
spec:
  clusterIP: 10.48.3.7
  externalIPs: [10.128.0.12]
  selector: {app: echo}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: echo-np, namespace: default}
spec:
  type: NodePort
  clusterIP: 10.48.3.8
  selector: {app: echo}
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]
"""

SLICE = """\
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: NAME-1, namespace: default, labels: {kubernetes.io/service-name: NAME}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- {addresses: [10.44.0.5], nodeName: node-a, targetRef: {kind: Pod, namespace: default, name: echo-1}}
- {addresses: [10.44.1.7], nodeName: node-b, targetRef: {kind: Pod, namespace: default, name: echo-2}}
"""

NODES = """\
apiVersion: v1
kind: Node
metadata: {name: node-a}
spec: {podCIDR: 10.44.0.0/24, podCIDRs: [10.44.0.0/24], providerID: gce://project/zone/node-a}
status:
  addresses: [{type: InternalIP, address: 10.128.0.12}, {type: ExternalIP, address: 198.51.100.12}]
---
apiVersion: v1
kind: Node
metadata: {name: node-b}
spec: {podCIDR: 10.44.1.0/24, podCIDRs: [10.44.1.0/24], providerID: gce://project/zone/node-b}
status:
  addresses: [{type: InternalIP, address: 10.128.0.13}, {type: ExternalIP, address: 198.51.100.13}]
"""

SCENARIO = """\
kind: Scenario
scenario: 1
about: two ways in
manifests: [cluster/nodes.yaml, cluster/services.yaml]
clients: {browser: 203.0.113.7}
packets:
  nodeport: {from: browser, to: "198.51.100.12:30080"}
  externalip: {from: browser, to: "198.51.100.12:80"}
expect:
- {packet: nodeport, reaches: [default/echo-1, default/echo-2]}
- {packet: externalip, source: masqueraded}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: article.yaml, the scenario; cluster/, its manifests; broken/, one that can't be read."""
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    (cluster / "nodes.yaml").write_text(NODES)
    slices = [SLICE.replace("NAME", name) for name in ("echo-ext", "echo-np")]
    (cluster / "services.yaml").write_text("".join((SERVICES, *slices)))
    (tmp_path / "article.yaml").write_text(SCENARIO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kproxysim(folder: Path) -> Kproxysim:
    """Run a command within this process."""

    def run(*words: str, input: str | None = None) -> Result:  # noqa: A002 - as the runner calls it
        return CliRunner().invoke(app, list(words), input=input)

    return run
