"""Loading a cluster: every form that kubectl prints, from every kind of source, with all mistakes at once."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kproxysim.cluster import Cluster, EndpointSlice, Node, Service
from kproxysim.errors import InputError, Severity

NODE: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-a"}}
WEB: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"clusterIP": "10.96.0.10", "ports": [{"port": 80}]},
}
SLICE: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "ports": [{"port": 8080}],
    "endpoints": [
        {
            "addresses": ["10.44.0.5"],
            "nodeName": "node-a",
            "targetRef": {"kind": "Pod", "name": "web-abc", "namespace": "default"},
        }
    ],
}
OBJECTS = [NODE, WEB, SLICE]
LIST: dict[str, Any] = {"apiVersion": "v1", "kind": "List", "items": OBJECTS}


def errors_of(source: Any, **options: bool) -> list[str]:
    """The errors as people read them, without what to do about it."""
    with pytest.raises(InputError) as raised:
        Cluster.load(source, **options)
    return [str(error).partition(" (")[0] for error in raised.value.diagnostics]


FORMS = {
    "a v1 List in YAML": yaml.safe_dump(LIST),
    "a v1 List in JSON": json.dumps(LIST, indent=4),
    "JSON in one line": json.dumps(LIST),
    "documents in YAML": yaml.safe_dump_all(OBJECTS),
    "documents in JSON": "\n".join(map(json.dumps, OBJECTS)),
    "a List in a List": yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [LIST]}),
    "documents and comments": "# dump\n---\n"
    + yaml.safe_dump_all(OBJECTS, explicit_start=True)
    + "---\n# end\n",
    "the API's own lists": yaml.safe_dump_all(
        [
            {"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "node-a"}}]},
            {"apiVersion": "v1", "kind": "ServiceList", "items": [{k: WEB[k] for k in ("metadata", "spec")}]},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "items": [SLICE]},
        ]
    ),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_cluster(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    cluster = Cluster.load(path)
    assert cluster == Cluster.load(OBJECTS)
    assert [node.name for node in cluster.nodes] == ["node-a"]
    assert [service.key for service in cluster.services] == ["default/web"]
    assert [piece.key for piece in cluster.endpoint_slices] == ["default/web-1"]
    assert cluster.findings == ()
    assert cluster.passed_over == {}


def test_every_source_gives_the_same_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Cluster.load(OBJECTS)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([NODE, WEB]))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "slices.json").write_text(json.dumps(SLICE))
    (tmp_path / "README.md").write_text("not read")
    assert Cluster.load(str(tmp_path)) == wanted
    assert Cluster.load([tmp_path / "a.yaml", str(tmp_path / "b")]) == wanted
    assert Cluster.load([tmp_path / "a.yaml", SLICE]) == wanted
    assert Cluster.load(LIST) == wanted
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(yaml.safe_dump(LIST).encode())))
    assert Cluster.load("-") == wanted


def test_a_cluster_of_models() -> None:
    cluster = Cluster(
        nodes=[Node.model_validate(NODE)],
        services=[Service.model_validate(WEB)],
        endpoint_slices=[EndpointSlice.model_validate(SLICE)],
    )
    assert cluster == Cluster.load(OBJECTS)
    assert Cluster() == Cluster(nodes=())


def test_a_cluster_of_models_is_checked() -> None:
    piece = EndpointSlice.model_validate({**SLICE, "endpoints": [{"addresses": ["10.44.0.500"]}]})
    with pytest.raises(InputError) as raised:
        Cluster(endpoint_slices=[piece])
    assert [error.code for error in raised.value.diagnostics] == ["KPS104"]
    (note,) = Cluster(endpoint_slices=[EndpointSlice.model_validate(SLICE)]).findings
    assert (note.code, note.position, note.notes) == ("KPS301", None, ("in EndpointSlice default/web-1",))


def test_other_kinds_are_passed_over_and_counted() -> None:
    others: list[dict[str, Any]] = [
        {"apiVersion": "apps/v1", "kind": "Deployment"},
        {"apiVersion": "v1", "kind": "Pod"},
        {"apiVersion": "v1", "kind": "Pod", "spec": 5},
        {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "web"}},
    ]
    cluster = Cluster.load([*others, *OBJECTS])
    assert cluster == Cluster.load(OBJECTS)
    assert cluster.passed_over == {"Deployment": 1, "Pod": 2, "serving.knative.dev/v1 Service": 1}


def test_endpoints_are_passed_over_with_a_note() -> None:
    endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}}
    cluster = Cluster.load([endpoints, endpoints, *OBJECTS])
    assert cluster.passed_over == {"Endpoints": 2}
    (note,) = cluster.findings
    assert (note.code, note.severity, note.notes) == ("KPS307", Severity.NOTE, ("in Endpoints default/web",))


def test_a_slice_of_v1beta1_is_converted() -> None:
    old = {
        **SLICE,
        "apiVersion": "discovery.k8s.io/v1beta1",
        "endpoints": [{"addresses": ["10.44.0.5"], "topology": {"topology.kubernetes.io/zone": "zone-a"}}],
    }
    cluster = Cluster.load([WEB, old])
    assert cluster.endpoint_slices[0].endpoints[0].zone == "zone-a"
    assert [finding.code for finding in cluster.findings] == ["KPS231"]


def test_everything_wrong_with_all_files_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1.yaml").write_text(
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata: {name: web}\n"
        "spec:\n"
        "  clusterIP: 10.96.0.300\n"
        "  ports:\n"
        "  - port: 70000\n"
        '  - port: "80"\n'
        "---\n"
        "kind: Service\n"
        "---\n"
        "apiVersion: v1\n"
        "kind: Service\n"
        "metadata: {}\n"
        "spec: {type: nodeport}\n"
    )
    Path("2.yaml").write_text("a: [\n")
    Path("3.json").write_text(
        json.dumps({**LIST, "items": [{**NODE, "spec": {"podCIDR": "10.0.0.0"}}, 5]}, indent=1)
    )
    assert errors_of([".", "4.yaml"]) == [
        "1.yaml:5:14: error[KPS104]: '10.96.0.300' is no IP address, nor is it \"None\" for a headless Service",
        "1.yaml:7:11: error[KPS106]: port 70000 is out of range",
        "1.yaml:8:11: error[KPS103]: port must be a number",
        "1.yaml:10:1: error[KPS101]: this is no Kubernetes object: apiVersion missing",
        "1.yaml:14:1: error[KPS102]: name is missing",
        '1.yaml:15:14: error[KPS107]: "nodeport" is none of the words for type',
        "2.yaml:2:1: error[KPS007]: broken YAML: did not find expected node content",
        "3.json:12:16: error[KPS105]: '10.0.0.0' is not ADDRESS/LENGTH",
        "3.json:15:3: error[KPS103]: an item must be a mapping",
        "4.yaml:1:1: error[KPS001]: can't read '4.yaml': no such file or directory",
    ]


def test_a_finding_shows_the_line_and_the_value(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        "spec: {clusterIP: 10.96.0.10, externalIPs: [127.0.0.1], ports: [{port: 80}]}\n"
    )
    (warning,) = Cluster.load(path).findings
    assert warning.position is not None
    assert warning.path == "spec.externalIPs[0]"
    start = warning.position.column - 1
    assert warning.source[start : start + warning.width] == "127.0.0.1"
    assert warning.notes == ("in Service default/web",)


def test_an_object_that_is_there_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text(json.dumps(WEB))
    Path("b.json").write_text(
        json.dumps({**WEB, "spec": {"clusterIP": "10.96.0.11", "ports": [{"port": 80}]}})
    )
    cluster = Cluster.load(["a.json", "a.json"])
    assert len(cluster.services) == 1
    assert [(note.code, note.severity) for note in cluster.findings] == [("KPS308", Severity.NOTE)]
    assert errors_of(["a.json", "b.json"]) == [
        "b.json:1:62: error[KPS114]: Service default/web is here a second time, and differs"
    ]


def test_nothing_to_read(tmp_path: Path) -> None:
    assert errors_of(tmp_path) == [f"{tmp_path}:1:1: error[KPS002]: there is no manifest in this folder"]
    path = tmp_path / "pods.yaml"
    path.write_text("apiVersion: v1\nkind: Pod\n")
    assert errors_of(path) == [
        f"{path}:1:1: error[KPS014]: there is no Node, Service or EndpointSlice here, only 1 Pod"
    ]
    path.write_text("# nothing but a comment\n")
    assert errors_of(path) == [f"{path}:1:1: error[KPS014]: there is no Node, Service or EndpointSlice here"]
    assert errors_of([]) == ["error[KPS014]: there is no Node, Service or EndpointSlice here"]


@pytest.mark.parametrize(
    "document, message",
    [
        ({}, "this is no Kubernetes object: apiVersion and kind missing"),
        ({"kind": "Service"}, "this is no Kubernetes object: apiVersion missing"),
        ({"apiVersion": "v1", "kind": 5}, "kind is no word"),
        ({"apiVersion": "v1", "kind": "\x1b[31m"}, "kind is no word"),
        ({"apiVersion": "v1", "kind": "List", "items": 5}, "items must be a list"),
        ({"apiVersion": "v1", "kind": "Service"}, "metadata is missing"),
        ({"apiVersion": "v1", "kind": "Service", "metadata": []}, "metadata must be a mapping"),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": ""}}, "name is empty"),
        (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a b"}},
            "'a b' can't be a name in Kubernetes",
        ),
        ({**WEB, "spec": {"ports": [{"port": 80, "targetPort": [1]}]}}, "targetPort must be a number"),
        ({**WEB, "spec": {"ports": [{"port": 80, "targetPort": -1}]}}, "targetPort -1 is out of range"),
        ({**WEB, "cluster_ip": 5, "spec": {"cluster_ip": 5, "ports": 5}}, "ports must be a list"),
    ],
)
def test_what_is_no_object(document: dict[str, Any], message: str) -> None:
    (error,) = errors_of(document)
    assert error.endswith(message)


def test_an_empty_list_is_an_empty_cluster_but_for_nothing_to_read() -> None:
    assert errors_of({"apiVersion": "v1", "kind": "List", "items": None})[0].startswith("error[KPS014]")


def test_reading_stops_after_a_thousand_mistakes() -> None:
    errors = errors_of({"apiVersion": "v1", "kind": "ServiceList", "items": [{}] * 5000})
    assert len(errors) == 1000
    errors = errors_of({"apiVersion": "v1", "kind": "ServiceList", "items": [5] * 5000})
    assert len(errors) == 1000


@pytest.mark.parametrize("name", ["with\0nul", "x" * 5000, ""])
def test_names_that_no_file_can_have(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "error[KPS001]: can't read" in errors_of(name)[0]


def test_a_source_of_another_type() -> None:
    with pytest.raises(TypeError, match="not from int"):
        Cluster.load([5])  # type: ignore[list-item]


def test_the_node_of_a_name() -> None:
    cluster = Cluster.load(OBJECTS)
    assert cluster.node("node-a") is cluster.nodes[0]
    with pytest.raises(InputError, match=r"no node 'node-b' \(known nodes: node-a\)") as raised:
        cluster.node("node-b")
    assert raised.value.code == "KPS115"


def test_a_cluster_is_shown_as_what_makes_it() -> None:
    text = repr(Cluster.load([NODE]))
    assert text.startswith("Cluster(nodes=(Node(metadata=NodeMeta(name='node-a'")


def recorded_objects(path: Path) -> list[list[dict[str, Any]]]:
    """The objects of a file of recorded data: those at the start and after each step."""
    data = json.loads(path.read_text())
    states = [data[key] for key in ("items", "objects") if data.get(key)]
    if "objects" in data:
        states += [step["objects"] for step in data["steps"]]
    else:
        states += [
            [change["object"] for change in step if change["op"] == "apply"] for step in data.get("steps", ())
        ]
    return [state for state in states if state]


def test_what_was_recorded_from_real_clusters_has_no_errors(shared: Path) -> None:
    count = 0
    for folder in ("kube-proxy", "proxier-test-cases"):
        for path in sorted((shared / "conformance" / folder).rglob("*.json")):
            for objects in recorded_objects(path):
                cluster = Cluster.load(objects)
                assert len(cluster.nodes) + len(cluster.services) + len(cluster.endpoint_slices) == len(
                    objects
                )
                count += 1
    assert count > 300


@pytest.mark.parametrize("text", ["kind: Scenario\nscenario: 1\nabout: x\n", "scenario: 1\nabout: x\n"])
def test_a_scenario_is_no_cluster(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="this is a scenario, not a manifest") as raised:
        Cluster.load(path)
    assert "Scenario.load" in raised.value.diagnostics[0].help
