"""What the API server would refuse in a Service today though kube-proxy would act on it, and what has no
effect.

After `ValidateService`, `ValidateServiceClusterIPsRelatedFields` and `ValidateLoadBalancerStatus` in
pkg/apis/core/validation/validation.go, kubernetes 1.30 to 1.36. What can't be understood at all is an error
that the models raise.
"""

from __future__ import annotations

from collections.abc import Iterator

from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.cluster.findings import Finding, as_found
from kproxysim.cluster.models import CLUSTER_IP_NONE, Service, ServicePort, ServiceSpec
from kproxysim.cluster.names import (
    cidr_fault,
    ip_fault,
    label_fault,
    port_name_fault,
    qualified_name_fault,
    service_name_fault,
    special_address_fault,
    subdomain_fault,
)
from kproxysim.cluster.paths import Path

__all__ = ["check_service"]

PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"
SOURCE_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"
TOPOLOGY_ANNOTATIONS = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")

KUBELET_PORT = 10250
MAX_AFFINITY_SECONDS = 86400
TRAFFIC_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")

_SPEC = ("spec",)


def check_service(service: Service) -> Iterator[Finding]:
    """Warnings (KPS2xx) and notes (KPS3xx) about one Service, in the order of its fields."""
    yield from _check_metadata(service)
    spec = service.spec
    yield from _check_type(spec)
    yield from _check_cluster_ips(spec)
    yield from _check_ports(spec)
    yield from _check_external_ips(spec)
    yield from _check_policies(spec)
    yield from _check_load_balancer_fields(service)
    yield from _check_load_balancer_status(service)
    yield from _check_not_proxied(service)


def _check_metadata(service: Service) -> Iterator[Finding]:
    metadata = service.metadata
    fault = service_name_fault(metadata.name)
    if fault:
        hint = ""
        if "digit" in fault and not label_fault(metadata.name):
            hint = "the gate RelaxedServiceNameValidation, off by default up to 1.36, allows it"
        yield Finding("KPS217", f"the name {fault}", ("metadata", "name"), as_found(metadata.name), hint)
    fault = label_fault(metadata.namespace)
    if fault:
        path: Path = ("metadata", "namespace")
        yield Finding("KPS217", f"the namespace {fault}", path, as_found(metadata.namespace))
    values = [metadata.annotations[name] for name in TOPOLOGY_ANNOTATIONS if name in metadata.annotations]
    if len(set(values)) > 1:
        yield Finding(
            "KPS228",
            "the two annotations for topology-aware routing contradict each other",
            ("metadata", "annotations", TOPOLOGY_ANNOTATIONS[0]),
            as_found(values[0]),
            f"use {TOPOLOGY_ANNOTATIONS[0]} alone",
        )


def _check_type(spec: ServiceSpec) -> Iterator[Finding]:
    if spec.type == "ExternalName":
        yield from _check_external_name(spec)
        return
    if not spec.ports and not spec.is_headless:
        yield Finding("KPS216", "a Service that is not headless needs at least one port", (*_SPEC, "ports"))
    if spec.is_headless and spec.type != "ClusterIP":
        message = f"a {spec.type} Service can't be headless"
        yield Finding("KPS215", message, (*_SPEC, "clusterIP"), '"None"', "leave clusterIP out")
    if not spec.cluster_ip:
        yield Finding(
            "KPS226",
            "there is no clusterIP, so kube-proxy passes the Service over",
            _SPEC,
            help="the API server would have picked one: take the manifest from kubectl get, or add clusterIP",
        )


def _check_external_name(spec: ServiceSpec) -> Iterator[Finding]:
    for field, name, given in (
        ("cluster_ips", "clusterIP", spec.cluster_ips),
        ("ip_families", "ipFamilies", spec.ip_families),
        ("ip_family_policy", "ipFamilyPolicy", spec.ip_family_policy),
    ):
        if given:
            written = "clusterIPs" if field in spec.model_fields_set and name == "clusterIP" else name
            yield Finding("KPS214", f"an ExternalName Service has no {written}", (*_SPEC, written))
    bare = spec.external_name.removesuffix(".")
    fault = subdomain_fault(bare) if bare else "is missing"
    if fault:
        path = (*_SPEC, "externalName")
        yield Finding("KPS214", f"externalName {fault}", path, as_found(spec.external_name))


def _check_cluster_ips(spec: ServiceSpec) -> Iterator[Finding]:
    if spec.type == "ExternalName":
        return
    path = (*_SPEC, "clusterIPs")
    given = spec.model_fields_set
    if "cluster_ips" in given and spec.cluster_ips:
        if "cluster_ip" not in given:
            yield Finding("KPS208", "clusterIPs is set, and clusterIP is not", path, help="set both")
        elif spec.cluster_ips[0] != spec.cluster_ip:
            message = "the first of clusterIPs is not the clusterIP"
            yield Finding("KPS208", message, (*path, 0), as_found(spec.cluster_ips[0]), "make them equal")
    if CLUSTER_IP_NONE in spec.cluster_ips:
        if len(spec.cluster_ips) > 1:
            yield Finding("KPS208", '"None" stands alone in clusterIPs', path)
        return
    versions = [parse_ip(text).version for text in spec.cluster_ips]
    if len(versions) != len(set(versions)):
        yield Finding("KPS208", "clusterIPs has more than one address of a family", path)
    if "ip_families" in given and len(spec.ip_families) != len(set(spec.ip_families)):
        yield Finding("KPS208", "ipFamilies names a family twice", (*_SPEC, "ipFamilies"))
    for number, (version, family) in enumerate(zip(versions, spec.ip_families, strict=False)):
        if family != f"IPv{version}":
            message = f"this address is IPv{version}, and ipFamilies[{number}] says {family}"
            yield Finding(
                "KPS208", message, _one_cluster_ip(spec, number), as_found(spec.cluster_ips[number])
            )
    for number, text in enumerate(spec.cluster_ips):
        yield from _check_spelling(text, _one_cluster_ip(spec, number))


def _one_cluster_ip(spec: ServiceSpec, number: int) -> Path:
    if "cluster_ips" in spec.model_fields_set:
        return (*_SPEC, "clusterIPs", number)
    return (*_SPEC, "clusterIP")


def _check_ports(spec: ServiceSpec) -> Iterator[Finding]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for number, port in enumerate(spec.ports):
        path = (*_SPEC, "ports", number)
        yield from _check_port(port, path)
        if port.name in names and port.name:
            yield Finding("KPS205", "two ports have one name", (*path, "name"), as_found(port.name))
        if not port.name and len(spec.ports) > 1:
            message = "with several ports, each needs a name"
            yield Finding("KPS206", message, (*path, "name"), help="give it one, for example http")
        if (port.protocol, port.port) in numbers:
            message = f"port {port.port}/{port.protocol} is there twice"
            yield Finding("KPS207", message, (*path, "port"), as_found(port.port))
        if port.node_port and (port.protocol, port.node_port) in node_ports:
            message = f"nodePort {port.node_port}/{port.protocol} is there twice in one Service"
            yield Finding("KPS201", message, (*path, "nodePort"), as_found(port.node_port))
        yield from _check_node_port(spec, port, path)
        names.add(port.name)
        numbers.add((port.protocol, port.port))
        node_ports.add((port.protocol, port.node_port))


def _check_port(port: ServicePort, path: Path) -> Iterator[Finding]:
    fault = label_fault(port.name) if port.name else ""
    if fault:
        yield Finding("KPS217", f"the port's name {fault}", (*path, "name"), as_found(port.name))
    if isinstance(port.target_port, str):
        fault = port_name_fault(port.target_port)
        if fault:
            yield Finding("KPS230", f"targetPort {fault}", (*path, "targetPort"), as_found(port.target_port))
    fault = qualified_name_fault(port.app_protocol) if port.app_protocol is not None else ""
    if fault:
        yield Finding("KPS217", f"appProtocol {fault}", (*path, "appProtocol"), as_found(port.app_protocol))


def _check_node_port(spec: ServiceSpec, port: ServicePort, path: Path) -> Iterator[Finding]:
    if port.node_port and spec.type == "ClusterIP":
        yield Finding(
            "KPS202",
            "a ClusterIP Service can't have a nodePort; kube-proxy opens it all the same",
            (*path, "nodePort"),
            as_found(port.node_port),
            "set type: NodePort, or leave nodePort out",
        )
    wants_one = spec.type == "NodePort" or (
        spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is not False
    )
    if wants_one and not port.node_port:
        yield Finding(
            "KPS226",
            "there is no nodePort, so nothing listens for it on the nodes",
            path,
            help="the API server would have picked one: take the manifest from kubectl get, or add nodePort",
        )
    if spec.type == "LoadBalancer" and port.port == KUBELET_PORT:
        message = f"a LoadBalancer Service can't use port {KUBELET_PORT}, which is kubelet's"
        yield Finding("KPS224", message, (*path, "port"), as_found(port.port))


def _check_external_ips(spec: ServiceSpec) -> Iterator[Finding]:
    for number, text in enumerate(spec.external_ips):
        path = (*_SPEC, "externalIPs", number)
        yield from _check_spelling(text, path)
        fault = special_address_fault(text)
        if fault:
            yield Finding("KPS211", f"an external IP can't be this one: it {fault}", path, as_found(text))
        yield from _check_family(spec, text, path)


def _check_family(spec: ServiceSpec, text: str, path: Path) -> Iterator[Finding]:
    family = f"IPv{parse_ip(text).version}"
    if spec.ip_families and family not in spec.ip_families:
        message = f"this is an {family} address, and the Service has no {family} cluster IP: no rule uses it"
        yield Finding("KPS303", message, path, as_found(text))


def _check_policies(spec: ServiceSpec) -> Iterator[Finding]:
    if spec.external_traffic_policy is not None and not spec.is_external:
        yield Finding(
            "KPS209",
            "externalTrafficPolicy is for Services that are reached from outside, and this one is not",
            (*_SPEC, "externalTrafficPolicy"),
            as_found(spec.external_traffic_policy),
        )
    needs_check = spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local"
    path = (*_SPEC, "healthCheckNodePort")
    if spec.health_check_node_port and not needs_check:
        message = "healthCheckNodePort is for type LoadBalancer with externalTrafficPolicy Local alone"
        yield Finding("KPS210", message, path, as_found(spec.health_check_node_port))
    elif needs_check and not spec.health_check_node_port:
        yield Finding(
            "KPS226",
            "there is no healthCheckNodePort, so no rule lets health checks in",
            _SPEC,
            help="the API server would have picked one: take the manifest from kubectl get, or add it",
        )
    seconds = spec.session_affinity_config.client_ip.timeout_seconds
    if spec.session_affinity == "ClientIP" and not 1 <= seconds <= MAX_AFFINITY_SECONDS:
        yield Finding(
            "KPS213",
            f"a client may stay with its endpoint for 1 to {MAX_AFFINITY_SECONDS} seconds",
            (*_SPEC, "sessionAffinityConfig", "clientIP", "timeoutSeconds"),
            as_found(seconds),
        )
    if spec.traffic_distribution is not None and spec.traffic_distribution not in TRAFFIC_DISTRIBUTIONS:
        yield Finding(
            "KPS227",
            "this trafficDistribution is not known",
            (*_SPEC, "trafficDistribution"),
            as_found(spec.traffic_distribution),
            f"write {', '.join(TRAFFIC_DISTRIBUTIONS)}",
        )


def _check_load_balancer_fields(service: Service) -> Iterator[Finding]:
    spec = service.spec
    if spec.type != "LoadBalancer":
        for name, given in (
            ("loadBalancerSourceRanges", spec.load_balancer_source_ranges),
            ("loadBalancerClass", spec.load_balancer_class is not None),
            ("allocateLoadBalancerNodePorts", spec.allocate_load_balancer_node_ports is not None),
        ):
            if given:
                message = f"{name} is for type LoadBalancer, and this Service is {spec.type}"
                yield Finding("KPS212", message, (*_SPEC, name))
    elif spec.load_balancer_class is not None:
        fault = qualified_name_fault(spec.load_balancer_class)
        if fault:
            where = (*_SPEC, "loadBalancerClass")
            yield Finding("KPS217", f"loadBalancerClass {fault}", where, as_found(spec.load_balancer_class))
    for number, text in enumerate(spec.load_balancer_source_ranges):
        path = (*_SPEC, "loadBalancerSourceRanges", number)
        fault = cidr_fault(text.strip())
        if fault:
            hint = f"write {parse_cidr(text.strip())}"
            yield Finding("KPS204", f"this prefix {fault}", path, as_found(text), hint)
        family = f"IPv{parse_cidr(text.strip()).version}"
        if spec.ip_families and family not in spec.ip_families:
            message = (
                f"this is an {family} range, and the Service has no {family} cluster IP: no rule uses it"
            )
            yield Finding("KPS303", message, path, as_found(text))
    if SOURCE_RANGES_ANNOTATION in service.metadata.annotations and not spec.load_balancer_source_ranges:
        yield Finding(
            "KPS311",
            "kube-proxy reads source ranges from spec.loadBalancerSourceRanges, not from this annotation",
            ("metadata", "annotations", SOURCE_RANGES_ANNOTATION),
        )


def _check_load_balancer_status(service: Service) -> Iterator[Finding]:
    path: Path = ("status", "loadBalancer", "ingress")
    ingress = service.status.load_balancer.ingress
    if ingress and service.spec.type != "LoadBalancer":
        message = (
            f"only type LoadBalancer has load-balancer addresses, and this Service is {service.spec.type}"
        )
        yield Finding("KPS223", message, path)
    for number, entry in enumerate(ingress):
        if entry.ip:
            yield from _check_spelling(entry.ip, (*path, number, "ip"))
            yield from _check_family(service.spec, entry.ip, (*path, number, "ip"))
        elif entry.ip_mode is not None:
            yield Finding("KPS223", "ipMode says nothing without ip", (*path, number, "ipMode"))
        if entry.hostname:
            fault = subdomain_fault(entry.hostname) or ("is an address" if _is_ip(entry.hostname) else "")
            if fault:
                where = (*path, number, "hostname")
                yield Finding("KPS223", f"the host name {fault}", where, as_found(entry.hostname))


def _check_not_proxied(service: Service) -> Iterator[Finding]:
    """After `shouldSkipService` in pkg/proxy/util/utils.go and the label selector of kube-proxy's watches."""
    if PROXY_NAME_LABEL in service.metadata.labels:
        name = as_found(service.metadata.labels[PROXY_NAME_LABEL])
        message = f"another proxy ({name}) serves this Service: kube-proxy passes it over"
        yield Finding("KPS305", message, ("metadata", "labels", PROXY_NAME_LABEL), name)
    elif service.spec.type == "ExternalName":
        yield Finding(
            "KPS305", "an ExternalName Service is for DNS: kube-proxy passes it over", (*_SPEC, "type")
        )
    elif service.spec.is_headless:
        message = "a headless Service is for DNS: kube-proxy passes it over"
        yield Finding("KPS305", message, (*_SPEC, "clusterIP"), '"None"')


def _check_spelling(text: str, path: Path) -> Iterator[Finding]:
    fault = ip_fault(text)
    if fault:
        yield Finding("KPS203", f"this address {fault}", path, as_found(text), f"write {parse_ip(text)}")


def _is_ip(text: str) -> bool:
    try:
        parse_ip(text)
    except ValueError:
        return False
    return True
