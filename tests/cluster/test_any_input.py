"""Whatever the input: a cluster or an InputError with located findings, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kproxysim.cluster import Cluster, KubeProxyConfiguration, NodeFacts
from kproxysim.cluster.findings import findings_of
from kproxysim.errors import Diagnostic, InputError

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

# Words and values that mean something somewhere, so that random structures get past the first check.
WORDS = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "spec",
        "status",
        "items",
        "v1",
        "List",
        "Service",
        "Node",
        "EndpointSlice",
        "discovery.k8s.io/v1",
        "type",
        "clusterIP",
        "clusterIPs",
        "ports",
        "port",
        "targetPort",
        "nodePort",
        "protocol",
        "externalIPs",
        "ipFamilies",
        "sessionAffinity",
        "sessionAffinityConfig",
        "clientIP",
        "timeoutSeconds",
        "loadBalancer",
        "ingress",
        "ip",
        "hostname",
        "ipMode",
        "addresses",
        "address",
        "addressType",
        "endpoints",
        "conditions",
        "ready",
        "hints",
        "forZones",
        "targetRef",
        "podCIDR",
        "podCIDRs",
        "NodePort",
        "LoadBalancer",
        "ExternalName",
        "None",
        "IPv4",
        "IPv6",
        "FQDN",
        "TCP",
        "UDP",
        "web",
        "kubernetes.io/service-name",
        "InternalIP",
        "mode",
        "iptables",
        "masqueradeBit",
        "detectLocalMode",
        "BridgeInterface",
        "clusterCIDR",
        "nodePortAddresses",
        "primary",
        "interfaces",
        "routes",
        "listening",
        "tcp/22",
    ]
)
SINGLE = (
    WORDS
    | st.sampled_from(
        ["10.0.0.1", "010.0.0.1", "fd00::1", "10.0.0.0/8", "::ffff:10.0.0.1", "10.0.0.300", "", "\ud800"]
    )
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
)
KEYS = WORDS | st.text(max_size=3)
ANYTHING = st.recursive(
    SINGLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
SPEC = st.dictionaries(WORDS, ANYTHING, max_size=5)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """An object of a kind that is read, with anything in it."""
    kind = draw(st.sampled_from(["Node", "Service", "EndpointSlice"]))
    value: dict[str, Any] = {
        "apiVersion": "discovery.k8s.io/v1" if kind == "EndpointSlice" else "v1",
        "kind": kind,
        "metadata": draw(
            st.just({"name": "web", "labels": {"kubernetes.io/service-name": "web"}}) | ANYTHING
        ),
    }
    return {**value, **draw(SPEC), "spec": draw(SPEC | ANYTHING)}


def check(error: InputError) -> None:
    for diagnostic in error.diagnostics:
        check_diagnostic(diagnostic)


def check_diagnostic(diagnostic: Diagnostic) -> None:
    """Everything in it can be printed, and the caret stands within the line."""
    for text in (str(diagnostic), diagnostic.path, diagnostic.found, diagnostic.help, *diagnostic.notes):
        text.encode()
        assert "\n" not in text
    if diagnostic.source and diagnostic.position:
        assert diagnostic.width >= 1
        assert diagnostic.position.column - 1 + diagnostic.width <= max(1, len(diagnostic.source) + 1)


def load(source: Any) -> None:
    try:
        cluster = Cluster.load(source)
    except InputError as error:
        check(error)
    else:
        for finding in cluster.findings:
            check_diagnostic(finding)


class TestAnyInput:
    """Bad input is always said to be bad, with a place, and never ends in another error."""

    @given(ANYTHING)
    def test_any_mapping(self, value: Any) -> None:
        load(value if isinstance(value, dict) else {"kind": value})

    @given(objects())
    def test_any_object(self, value: dict[str, Any]) -> None:
        load(value)

    @given(values=st.lists(objects(), max_size=3), as_json=st.booleans())
    @SAME_FOLDER
    def test_any_manifest(self, tmp_path: Path, values: list[dict[str, Any]], as_json: bool) -> None:
        path = tmp_path / "f.yaml"
        try:
            text = (
                json.dumps({"kind": "List", "apiVersion": "v1", "items": values})
                if as_json
                else yaml.safe_dump_all(values)
            )
            path.write_text(text)
        except UnicodeEncodeError:
            return
        load(path)

    @given(st.text() | st.text(alphabet="{}[]:,-?&*!|>'\"%@#<~ \t\n\rab1", max_size=60))
    @SAME_FOLDER
    def test_any_text(self, tmp_path: Path, text: str) -> None:
        for name in ("f.yaml", "f.json"):
            path = tmp_path / name
            path.write_bytes(text.encode(errors="replace"))
            load(path)

    @given(st.binary())
    @SAME_FOLDER
    def test_any_bytes(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "f.yaml"
        path.write_bytes(data)
        load(path)

    @given(SPEC)
    @SAME_FOLDER
    def test_any_settings(self, tmp_path: Path, value: dict[str, Any]) -> None:
        path = tmp_path / "f.json"
        head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
        path.write_text(json.dumps({**value, **head}))
        try:
            KubeProxyConfiguration.load(path)
        except InputError as error:
            check(error)

    @given(ANYTHING)
    def test_any_facts(self, value: Any) -> None:
        try:
            NodeFacts.model_validate(value)
        except ValidationError as error:
            found = findings_of(error, value)
        else:
            return
        assert found


@pytest.mark.parametrize("depth", [90, 120, 5000])
@pytest.mark.parametrize("form", ["[{}]", '{{"a": {}}}', "- {}", "a:\n {}"])
def test_any_depth(depth: int, form: str, tmp_path: Path) -> None:
    text = "1"
    if form == "a:\n {}":
        text = "".join(" " * level + "a:\n" for level in range(depth))
    else:
        head, _, tail = form.replace("{{", "{").replace("}}", "}").partition("{}")
        text = head * depth + text + tail * depth
    path = tmp_path / "f.yaml"
    path.write_text(text)
    load(path)
