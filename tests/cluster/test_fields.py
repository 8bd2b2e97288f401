"""Names of fields: nearly right ones are told, the API's own are let be, others are counted."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from kproxysim.cluster import Cluster, KubeProxyConfiguration, configuration, models
from kproxysim.cluster.api_fields import NOT_READ
from kproxysim.errors import Diagnostic, InputError

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  clusterIP: 10.96.0.10
  externalIPs: [192.0.2.7]
  externalTrafficPolicy: Cluster
  loadBalancerSourceRanges: [192.0.2.0/24]
  ports:
  - {name: http, port: 80, nodePort: 30080}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
spec: {podCIDR: 10.44.0.0/24}
status:
  addresses: [{type: InternalIP, address: 10.128.0.12}]
"""

KUBECTL: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
            "creationTimestamp": "2024-05-02T09:12:33Z",
            "finalizers": [],
            "labels": {"kubernetes.io/hostname": "node-a"},
            "managedFields": [{"manager": "kubelet"}],
            "name": "node-a",
            "ownerReferences": [],
            "resourceVersion": "1200",
            "uid": "0b6f",
        },
        "spec": {
            "podCIDR": "10.44.0.0/24",
            "podCIDRs": ["10.44.0.0/24"],
            "providerID": "kind://docker/kind/node-a",
            "taints": [{"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"}],
            "unschedulable": True,
        },
        "status": {
            "addresses": [{"address": "10.128.0.12", "type": "InternalIP"}],
            "allocatable": {"cpu": "2"},
            "capacity": {"cpu": "2"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "features": {"supplementalGroupsPolicy": True},
            "images": [{"names": ["registry.example/pause:3.9"], "sizeBytes": 1}],
            "nodeInfo": {"kernelVersion": "6.1.0"},
            "runtimeHandlers": [{"name": ""}],
            "volumesAttached": [],
            "volumesInUse": [],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "generation": 1, "selfLink": "/x"},
        "spec": {
            "allocateLoadBalancerNodePorts": True,
            "clusterIP": "10.96.0.10",
            "clusterIPs": ["10.96.0.10"],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "externalTrafficPolicy": "Cluster",
            "ports": [{"appProtocol": "http", "nodePort": 30080, "port": 80, "protocol": "TCP", "targetPort": 8080}],
            "selector": {"externalIps": "a label may be called anything"},
            "sessionAffinity": "None",
            "type": "LoadBalancer",
        },
        "status": {
            "conditions": [],
            "loadBalancer": {"ingress": [{"ip": "192.0.2.9", "ipMode": "VIP", "ports": [{"port": 80, "protocol": "TCP"}]}]},
        },
    },
    {
        "addressType": "IPv4",
        "apiVersion": "discovery.k8s.io/v1",
        "endpoints": [
            {
                "addresses": ["10.44.0.5"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "deprecatedTopology": {"kubernetes.io/hostname": "node-a"},
                "hints": {"forZones": [{"name": "zone-a"}], "forNodes": [{"name": "node-a"}]},
                "hostname": "web-0",
                "nodeName": "node-a",
                "targetRef": {"kind": "Pod", "name": "web-0", "namespace": "default", "resourceVersion": "9", "uid": "7f"},
                "zone": "zone-a",
            }
        ],
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": "web-",
            "generation": 3,
            "labels": {"kubernetes.io/service-name": "web"},
            "name": "web-abcde",
            "namespace": "default",
            "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "1"}],
        },
        "ports": [{"appProtocol": None, "name": "", "port": 8080, "protocol": "TCP"}],
    },
]  # fmt: skip
"""Fields as kubectl prints them for objects of clusters between 1.25 and 1.36."""


def findings(folder: Path, text: str, *, strict: bool = False) -> tuple[Diagnostic, ...]:
    path = folder / "cluster.yaml"
    path.write_text(text)
    try:
        return Cluster.load(path, strict=strict).findings
    except InputError as error:
        return error.diagnostics


class TestNearlyKnown:
    @pytest.mark.parametrize(
        "right, wrong, path, meant, line, column",
        [
            ("externalIPs", "externalIps", "spec.externalIps", "spec.externalIPs", 7, 3),
            ("externalTrafficPolicy", "externalTraficPolicy", "spec.externalTraficPolicy", "spec.externalTrafficPolicy", 8, 25),
            ("loadBalancerSourceRanges", "loadBalancerSourceRange", "spec.loadBalancerSourceRange", "spec.loadBalancerSourceRanges", 9, 3),
            ("nodePort:", "nodeport:", "spec.ports[0].nodeport", "spec.ports[0].nodePort", 11, 38),
            ("addresses", "adresses", "status.adresses", "status.addresses", 18, 3),
            ("podCIDR", "pod_cidr", "spec.pod_cidr", "spec.podCIDR", 16, 18),
        ],
    )  # fmt: skip
    def test_is_a_warning_with_its_place(
        self, tmp_path: Path, right: str, wrong: str, path: str, meant: str, line: int, column: int
    ) -> None:
        text = SERVICE.replace(right, wrong, 1)
        (found,) = [one for one in findings(tmp_path, text) if one.code == "KPS233"]
        assert (found.severity, found.path, found.help) == ("warning", path, f"did you mean {meant}?")
        assert found.message == f"Kubernetes knows no field {path}"
        assert found.position is not None
        assert (found.position.line, found.position.column) == (line, column)
        (error,) = [one for one in findings(tmp_path, text, strict=True) if one.code == "KPS233"]
        assert error.severity == "error"

    def test_stands_beside_what_is_missing_for_it(self, tmp_path: Path) -> None:
        (error,) = findings(tmp_path, SERVICE.replace(" port: 80", " prot: 80"))
        assert (error.code, error.path) == ("KPS102", "spec.ports[0].port")
        assert error.help == "is spec.ports[0].prot meant for it?"

    @pytest.mark.parametrize("form", ["yaml", "json"])
    def test_what_kubectl_prints_has_none(self, tmp_path: Path, form: str) -> None:
        value = {"apiVersion": "v1", "kind": "List", "items": KUBECTL, "metadata": {"resourceVersion": ""}}
        path = tmp_path / f"cluster.{form}"
        path.write_text(json.dumps(value) if form == "json" else yaml.safe_dump(value))
        cluster = Cluster.load(path)
        assert [one.code for one in cluster.findings if one.severity != "note"] == []
        assert cluster.unknown_fields == {}

    def test_others_are_counted_by_kind_and_path(self) -> None:
        odd = {**KUBECTL[1], "spec": {**KUBECTL[1]["spec"], "colour": "red"}}
        odd["spec"]["ports"] = [{"port": 80, "colour": 1}, {"name": "b", "port": 81, "colour": 2}]
        cluster = Cluster.load([KUBECTL[0], odd])
        assert cluster.unknown_fields == {"Service spec.colour": 1, "Service spec.ports[].colour": 2}


def test_the_apis_own_fields_are_those_of_models_that_do_not_read_them() -> None:
    known = {**vars(models), **vars(configuration)}
    for name, fields in NOT_READ.items():
        model = known[name]
        assert issubclass(model, BaseModel)
        assert not fields & {field.alias for field in model.model_fields.values()}, name


class TestSettings:
    @pytest.mark.parametrize(
        "given, words",
        [
            ({"cluster_cid": "10.0.0.0/8"}, "'cluster_cid', did you mean cluster_cidr?"),
            ({"clusterCidr": "10.0.0.0/8"}, "'clusterCidr', did you mean clusterCIDR?"),
            ({"iptables": {"masqueradAll": True}}, "'masqueradAll', did you mean masqueradeAll?"),
            ({"colour": 1, "Mode": "iptables"}, "'colour'; nor 'Mode', did you mean mode?"),
        ],
    )
    def test_unknown_ones_are_refused(self, given: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError) as raised:
            KubeProxyConfiguration(**given)
        assert f"kube-proxy knows no setting {words}" in str(raised.value)

    def test_those_that_change_no_rule_are_passed_over(self) -> None:
        given = {"kind": "KubeProxyConfiguration", "ipvs": {"scheduler": "rr"}, "healthz_bind_address": "::"}
        assert KubeProxyConfiguration.model_validate(given) == KubeProxyConfiguration()

    def test_of_a_file_are_a_warning_with_what_was_meant(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
            "clusterCidr: 10.0.0.0/8\niptables:\n  masqueradAll: true\ncolour: red\n"
        )
        found = KubeProxyConfiguration.load(path).findings
        assert [(one.code, str(one.position).partition(":")[2], one.help) for one in found] == [
            ("KPS232", "3:14", "did you mean clusterCIDR?"),
            ("KPS232", "5:17", "did you mean iptables.masqueradeAll?"),
            ("KPS232", "6:9", ""),
        ]
        with pytest.raises(InputError, match="clusterCIDR"):
            KubeProxyConfiguration.load(path, strict=True)
