"""Objects that are applied, patched and deleted, as the API server does it."""

from typing import Any

import pytest

from kproxysim.cluster import Cluster
from kproxysim.cluster.changes import Change, applied, changes_between, deleted, patched
from kproxysim.errors import InputError

WEB: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "labels": {"team": "a", "tier": "front"}},
    "spec": {
        "type": "NodePort",
        "clusterIP": "10.8.0.1",
        "ports": [{"name": "http", "port": 80, "nodePort": 30080}],
    },
}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}
CLUSTER = Cluster.load([WEB, NODE])


def test_apply_replaces_by_name_and_adds_what_is_new() -> None:
    dns = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "dns"},
        "spec": {"clusterIP": "10.8.0.53"},
    }
    after, changes = applied(CLUSTER, [dns, NODE])
    assert [service.key for service in after.services] == ["default/web", "default/dns"]
    assert changes == (Change(None, after.services[1]),)
    assert changes_between(CLUSTER, after) == changes


def test_what_the_api_server_gave_stays() -> None:
    bare = {**WEB, "spec": {"type": "NodePort", "ports": [{"name": "http", "port": 8080}]}}
    (web,) = applied(CLUSTER, bare)[0].services
    assert (web.spec.cluster_ip, web.spec.cluster_ips) == ("10.8.0.1", ("10.8.0.1",))
    assert [(port.port, port.node_port) for port in web.spec.ports] == [(8080, 30080)]


def test_a_node_port_that_moves_to_another_port_is_not_given_twice() -> None:
    ports = [{"name": "http", "port": 80}, {"name": "new", "port": 81, "nodePort": 30080}]
    (web,) = applied(CLUSTER, {**WEB, "spec": {"type": "NodePort", "ports": ports}})[0].services
    assert [port.node_port for port in web.spec.ports] == [0, 30080]


def test_a_patch_merges_mappings_and_replaces_the_rest() -> None:
    """RFC 7386: null removes, a list takes the place of a list."""
    patch = {
        "metadata": {"labels": {"tier": None, "zone": "x"}},
        "spec": {"ports": [{"port": 81}], "externalTrafficPolicy": "Local"},
    }
    after, changes = patched(CLUSTER, "Service default/web", patch)
    (web,) = after.services
    assert web.metadata.labels == {"team": "a", "zone": "x"}
    assert [(port.name, port.port, port.node_port) for port in web.spec.ports] == [("", 81, 0)]
    assert (web.spec.type, web.spec.external_traffic_policy) == ("NodePort", "Local")
    assert changes == (Change(CLUSTER.services[0], web),)


def test_delete() -> None:
    after, changes = deleted(CLUSTER, "Node a")
    assert after.nodes == ()
    assert changes == (Change(CLUSTER.nodes[0], None),) == changes_between(CLUSTER, after)


def test_what_is_not_there() -> None:
    with pytest.raises(InputError, match=r"KPS117.*no 'Service default/wev'.*'Service default/web'"):
        patched(CLUSTER, "Service default/wev", {})


def test_a_patch_does_not_rename() -> None:
    with pytest.raises(InputError, match="KPS118"):
        patched(CLUSTER, "Service default/web", {"metadata": {"name": "other"}})


def test_a_patch_is_checked_like_any_object() -> None:
    with pytest.raises(InputError, match=r"KPS106.*port"):
        patched(CLUSTER, "Service default/web", {"spec": {"ports": [{"port": 70000}]}})
