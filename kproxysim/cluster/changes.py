"""What becomes of a cluster when objects are applied, patched or deleted.

An object that is applied takes the place of the one with its name. What the API server itself had put into
that one stays where the new one does not say: its status, its cluster IPs and its node ports (`Update` of
services in pkg/registry/core/service/storage/storage.go, `patchAllocatedValues` in alloc.go beside it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from kproxysim.cluster.cluster import Cluster
from kproxysim.cluster.models import EndpointSlice, Node, Service
from kproxysim.errors import InputError
from kproxysim.values import dataclass

__all__ = [
    "Change",
    "Object",
    "ObjectLike",
    "applied",
    "changes_between",
    "deleted",
    "patched",
    "title_of",
]

Object = Node | Service | EndpointSlice

ObjectLike = Cluster | Object | Mapping[str, Any]
"""What can be applied: a manifest (a List of them too), a model, or all objects of a cluster."""

_VERSIONS = {"Node": "v1", "Service": "v1", "EndpointSlice": "discovery.k8s.io/v1"}


@dataclass(frozen=True, slots=True)
class Change:
    """One object that changed: `before` and `after`, None where it was not there yet or is there no more."""

    before: Object | None
    after: Object | None


def title_of(thing: Object) -> str:
    """`Service default/web`, `Node node-a`."""
    kind = type(thing).__name__
    return f"{kind} {thing.metadata.name if isinstance(thing, Node) else thing.key}"


def applied(
    cluster: Cluster, objects: ObjectLike | Iterable[ObjectLike]
) -> tuple[Cluster, tuple[Change, ...]]:
    """The cluster with these objects in it, and what changed by that; an object that is there already in the
    very same form is no change.

    Raises InputError as `Cluster.load` does.
    """
    known = {title_of(thing): thing for thing in _objects(cluster)}
    changes = []
    for thing in _read(objects):
        before = known.get(title_of(thing))
        after = _with_allocated(thing, before) if isinstance(thing, Service) else thing
        if before != after:
            changes.append(Change(before, after))
    return _after(cluster, changes), tuple(changes)


def deleted(cluster: Cluster, title: str) -> tuple[Cluster, tuple[Change, ...]]:
    """The cluster without an object. Raises InputError (KPS117) for one that is not there."""
    change = Change(_find(cluster, title), None)
    return _after(cluster, [change]), (change,)


def patched(cluster: Cluster, title: str, patch: Mapping[str, Any]) -> tuple[Cluster, tuple[Change, ...]]:
    """The cluster with one object changed by a JSON merge patch (RFC 7386), as by `kubectl patch --type
    merge`: mappings are merged, null removes a field, anything else takes the place of what was there.

    Raises InputError for an object that is not there (KPS117), for a patch of its name (KPS118), and for what
    `Cluster.load` would refuse of the outcome.
    """
    thing = _find(cluster, title)
    written = thing.model_dump(by_alias=True, exclude_unset=True)
    kind = type(thing).__name__
    merged = _merged({"apiVersion": _VERSIONS[kind], "kind": kind, **written}, patch)
    (after,) = _read(merged)
    if title_of(after) != title_of(thing):
        raise InputError.of(
            "KPS118",
            f"this patch would make {title_of(after)} of {title}",
            found=title_of(after),
            help="an object keeps its kind, its namespace and its name: delete it and apply another one",
        )
    return _after(cluster, [Change(thing, after)]), (Change(thing, after),) if after != thing else ()


def changes_between(before: Cluster, after: Cluster) -> tuple[Change, ...]:
    """What changed from one cluster to another, in the order of the objects; those that went come first."""
    old = {title_of(thing): thing for thing in _objects(before)}
    new = {title_of(thing): thing for thing in _objects(after)}
    gone = [Change(thing, None) for title, thing in old.items() if title not in new]
    others = [Change(old.get(title), thing) for title, thing in new.items() if old.get(title) != thing]
    return (*gone, *others)


def _objects(cluster: Cluster) -> tuple[Object, ...]:
    return (*cluster.nodes, *cluster.services, *cluster.endpoint_slices)


def _read(objects: ObjectLike | Iterable[ObjectLike]) -> tuple[Object, ...]:
    """Models of all of them, checked. Raises InputError."""
    each = [objects] if isinstance(objects, (Cluster, Mapping, Node, Service, EndpointSlice)) else objects
    manifests: list[Mapping[str, Any]] = []
    models: list[Object] = []
    for one in each:
        if isinstance(one, Mapping):
            manifests.append(one)
        elif isinstance(one, Cluster):
            models += _objects(one)
        else:
            models.append(one)
    read = Cluster.load(manifests) if manifests else Cluster()
    given = Cluster(
        [one for one in models if isinstance(one, Node)],
        [one for one in models if isinstance(one, Service)],
        [one for one in models if isinstance(one, EndpointSlice)],
    )
    return (*_objects(read), *_objects(given))


def _find(cluster: Cluster, title: str) -> Object:
    """The object called `Service default/web` or `Node node-a`."""
    known = {title_of(thing): thing for thing in _objects(cluster)}
    thing = known.get(title)
    if thing is None:
        close = get_close_matches(title, known, 1)
        raise InputError.of(
            "KPS117",
            f"there is no {title!r} in the cluster",
            found=title,
            help=f"did you mean {close[0]!r}?"
            if close
            else "write KIND NAMESPACE/NAME, such as Service default/web, or Node NAME",
        )
    return thing


def _after(cluster: Cluster, changes: Iterable[Change]) -> Cluster:
    """The cluster after the changes; a changed object keeps its place, a new one comes last.

    Each object was checked by itself; what there was to say about the old ones beside each other
    (`findings`) is not said of the new ones.
    """
    things = {title_of(thing): thing for thing in _objects(cluster)}
    for change in changes:
        if change.after is not None:
            things[title_of(change.after)] = change.after
        elif change.before is not None:
            del things[title_of(change.before)]
    return Cluster(
        [one for one in things.values() if isinstance(one, Node)],
        [one for one in things.values() if isinstance(one, Service)],
        [one for one in things.values() if isinstance(one, EndpointSlice)],
        findings=(),
        passed_over=cluster.passed_over,
    )


def _merged(value: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`MergePatch` of RFC 7386."""
    result = dict(value)
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, Mapping):
            old = result.get(name)
            result[name] = _merged(old if isinstance(old, Mapping) else {}, change)
        else:
            result[name] = change
    return result


def _with_allocated(service: Service, before: object) -> Service:
    """The Service with what the API server keeps of the one that it takes the place of."""
    if not isinstance(before, Service):
        return service
    spec, old = service.spec, before.spec
    changed: dict[str, Any] = {}
    if "ExternalName" not in (spec.type, old.type) and not spec.cluster_ip:
        changed |= {name: getattr(old, name) for name in ("cluster_ip", "cluster_ips", "ip_families")}
    if all(one.type in ("NodePort", "LoadBalancer") for one in (spec, old)):
        given = {port.node_port for port in spec.ports if port.node_port}
        numbers = {port.name: port.node_port for port in old.ports if port.node_port not in given}
        changed["ports"] = tuple(
            port if port.node_port else port.model_copy(update={"node_port": numbers.get(port.name, 0)})
            for port in spec.ports
        )
    if all(one.type == "LoadBalancer" and one.external_traffic_policy == "Local" for one in (spec, old)):
        changed["health_check_node_port"] = spec.health_check_node_port or old.health_check_node_port
    status = service.status if "status" in service.model_fields_set else before.status
    changed = {name: value for name, value in changed.items() if value != getattr(spec, name)}
    if not changed and status is service.status:
        return service
    written = spec.model_copy(update=changed)
    return service.model_copy(update={"spec": written, "status": status})
