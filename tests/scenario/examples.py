"""A small scenario that is sound, to be spoilt in one place at a time."""

from pathlib import Path

from kproxysim.errors import Diagnostic, InputError
from kproxysim.scenario import Scenario

SOUND = """\
kind: Scenario
scenario: 1
about: an external IP behind one-to-one NAT
cloud: {kind: gce, firewall: [tcp/80]}
kubeProxy: {version: "1.30"}
nodes:
  node-a: {internal: 10.128.0.12, external: 198.51.100.12, podCIDR: 10.44.0.0/24}
  node-b: {internal: 10.128.0.13, external: 198.51.100.13, podCIDR: 10.44.1.0/24}
services:
- apiVersion: v1
  kind: Service
  metadata: {name: echo, namespace: default}
  spec: {clusterIP: 10.48.3.7, externalIPs: [10.128.0.12], ports: [{name: http, port: 80}]}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: echo-1, namespace: default, labels: {kubernetes.io/service-name: echo}}
  addressType: IPv4
  ports: [{name: http, port: 8080}]
  endpoints:
  - {addresses: [10.44.0.5], nodeName: node-a, targetRef: {kind: Pod, namespace: default, name: echo-1}}
  - {addresses: [10.44.1.7], nodeName: node-b, targetRef: {kind: Pod, namespace: default, name: echo-2}}
pods:
  default/shell: {node: node-b, ip: 10.44.1.9, listening: [tcp/22]}
clients: {browser: 203.0.113.7}
packets:
  web: {from: browser, to: "198.51.100.12:80"}
  inside: {from: pod/default/shell, to: "10.48.3.7:80"}
expect:
- packet: web
  reaches: [default/echo-1, default/echo-2]
- packet: inside
  client: answered
"""

WITH_STEPS = (
    SOUND
    + """\
steps:
- open: inside
  pick: default/echo-1
  expect: {connection: open, conntrack: {node-b: tcp ESTABLISHED}}
- wait: 30s
- send: inside
  name: again
  expect: {reaches: default/echo-1}
- close: inside
  expect: {through: [conntrack]}
"""
)


def write(folder: Path, text: str, name: str = "it.yaml") -> Path:
    """A file in `folder`."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Scenario:
    """A scenario of this text."""
    return Scenario.load(write(folder, text))


def mistakes(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a text; nothing if it is sound."""
    try:
        load(folder, text)
    except InputError as error:
        return error.diagnostics
    return ()
