"""A service proxy in fifty lines: cluster IPs and node ports over ready endpoints, dealt out at random."""

from collections.abc import Iterator

from kproxysim import Cluster
from kproxysim.cluster import Service, ServicePort

PODS = {"ipv4": "10.44.0.0/16", "ipv6": "fd00:44::/48"}

HEAD = """\
*nat
:TOY-SERVICES - [0:0]
:TOY-MARK - [0:0]
-A PREROUTING -j TOY-SERVICES
-A OUTPUT -j TOY-SERVICES
-A TOY-MARK -j MARK --set-xmark 0x10/0x10
-A POSTROUTING -m mark ! --mark 0x10/0x10 -j RETURN
-A POSTROUTING -j MARK --set-xmark 0x0/0x10
-A POSTROUTING -j MASQUERADE
"""


def rules(cluster: Cluster, node: str, family: str) -> str:
    """What iptables-restore is to load on a node, the same on all of them."""
    lines = [HEAD]
    for number, service in enumerate(cluster.services):
        for place, port in enumerate(service.spec.ports):
            ends = list(endpoints(cluster, service, port, family))
            addresses = [ip for ip in service.spec.cluster_ips if (":" in ip) == (family == "ipv6")]
            if ends and addresses:
                lines += of_port(f"TOY-{number}-{place}", port, addresses[0], ends, family)
    return "\n".join([*lines, "COMMIT", ""])


def of_port(chain: str, port: ServicePort, address: str, ends: list[str], family: str) -> Iterator[str]:
    """The chain of one port of a Service, and what leads there."""
    protocol = port.protocol.lower()
    yield f":{chain} - [0:0]"
    dialled = f"-d {address} -p {protocol} -m {protocol} --dport {port.port}"
    yield f"-A TOY-SERVICES {dialled} ! -s {PODS[family]} -j TOY-MARK"
    yield f"-A TOY-SERVICES {dialled} -j {chain}"
    if port.node_port:
        dialled = f"-m addrtype --dst-type LOCAL -p {protocol} -m {protocol} --dport {port.node_port}"
        yield f"-A TOY-SERVICES {dialled} -j TOY-MARK"
        yield f"-A TOY-SERVICES {dialled} -j {chain}"
    for left, end in zip(range(len(ends), 0, -1), ends, strict=True):
        share = f"-m statistic --mode random --probability {1 / left:.11f} " if left > 1 else ""
        yield f"-A {chain} {share}-p {protocol} -j DNAT --to-destination {end}"


def endpoints(cluster: Cluster, service: Service, port: ServicePort, family: str) -> Iterator[str]:
    """The ready endpoints of a port, as DNAT takes them."""
    for piece in cluster.endpoint_slices:
        owner = piece.metadata.labels.get("kubernetes.io/service-name")
        if owner != service.metadata.name or piece.address_type.lower() != family:
            continue
        for target in (one.port for one in piece.ports if one.name == port.name):
            for endpoint in piece.endpoints:
                if endpoint.conditions.ready is not False:
                    address = endpoint.addresses[0]
                    yield f"[{address}]:{target}" if ":" in address else f"{address}:{target}"
