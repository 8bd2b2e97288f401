"""What a node owes a packet: whom it may be handed to, or how it is turned away.

Sources: Kubernetes documentation, "Service" and "Virtual IPs and Service Proxies"; the order in which claims
count and what falls through is that of pkg/proxy/iptables/proxier.go (syncProxyRules).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from kproxysim.cluster import Service, ServicePort
from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.packet import Address
from kproxysim.testing.meaning.selection import PROXY_NAME, Choice, End, choice_of
from kproxysim.testing.meaning.settings import Proxy
from kproxysim.testing.meaning.visits import Visit

__all__ = ["CLUSTER_IP", "EXTERNAL_IP", "LOAD_BALANCER_IP", "NODE_PORT", "Claim", "Owed", "Promise", "owed"]

CLUSTER_IP, EXTERNAL_IP, LOAD_BALANCER_IP, NODE_PORT = (
    "cluster IP",
    "external IP",
    "load balancer IP",
    "node port",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A port of a Service at one of its addresses. A node port's `address` is None: any of the node's own."""

    service: Service
    port: ServicePort
    by: str
    address: Address | None
    number: int

    @property
    def external_local(self) -> bool:
        """Does externalTrafficPolicy: Local count here?"""
        return self.by != CLUSTER_IP and self.service.spec.external_traffic_policy == "Local"

    @property
    def internal_local(self) -> bool:
        """Does internalTrafficPolicy: Local count here?"""
        return self.by == CLUSTER_IP and self.service.spec.internal_traffic_policy == "Local"

    def __str__(self) -> str:
        at = "" if self.address is None else f" {self.address}"
        return f"{self.by}{at}, port {self.number}, of Service {self.service.key}"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a claim means for one packet at one node.

    `kind`: "serve" (by one of `ends`, each as likely), "reject" (no endpoint anywhere), "drop" (none here
    that may), "keep out" (a source that the load balancer does not admit), "nothing" (it is not looked at).
    `ends` of a packet that is not served are empty. `masquerade`: is the source to be replaced by the node's
    own? That a pod which reaches itself is masqueraded is not in it. `short_cut`: policy Local does not
    count, since the packet is a pod's or the node's own. `choice`: what it is about.
    """

    claim: Claim
    kind: str
    ends: frozenset[End] = frozenset()
    masquerade: bool = False
    short_cut: bool = False
    choice: Choice | None = None

    @property
    def certain(self) -> bool:
        """See `Choice`."""
        return self.choice is None or self.choice.certain


@dataclass(frozen=True, slots=True)
class Owed:
    """All that a node owes a packet.

    `serving` are the promises of which one is kept: more than one where Services claim the same address, as
    kube-proxy's order among them is its own affair. `refusing` are those that turn it away if nobody serves.
    `doubtful` are further ones that may serve: what their endpoints are is in doubt.
    """

    serving: tuple[Promise, ...]
    refusing: tuple[Promise, ...]
    doubtful: tuple[Promise, ...] = ()

    @property
    def claimed(self) -> bool:
        """Does it name a Service at all?"""
        return bool(self.serving or self.refusing)

    @property
    def only(self) -> Promise | None:
        """The one promise that is kept, if there is no doubt which, and none about its endpoints."""
        if len(self.serving) == 1 and self.serving[0].certain and not self.doubtful:
            return self.serving[0]
        return None

    @property
    def ends(self) -> frozenset[End]:
        """Every endpoint that may be reached."""
        return frozenset(
            end
            for promise in (*self.serving, *self.doubtful)
            for end in (promise.ends if promise.certain or not promise.choice else promise.choice.possible)
        )


def owed(proxy: Proxy, visit: Visit) -> Owed:
    """What `proxy` owes the packet of a visit, as it came to the node."""
    exact, last = [], []
    for claim in claims(proxy):
        if claim.port.protocol.lower() != visit.came.protocol or claim.number != visit.came.dport:
            continue
        if claim.by == NODE_PORT:
            if proxy.owns(visit.came.dst):
                last.append(claim)
        elif claim.address == visit.came.dst:
            exact.append(claim)
    promised = [_promise(proxy, claim, visit) for claim in exact]
    serving = [one for one in promised if one.kind == "serve"]
    at_node_ports = [_promise(proxy, claim, visit) for claim in last]
    if not proxy.has_node_ports_at(visit.came.dst):
        at_node_ports = [_unserved(one) for one in at_node_ports]
    if not serving:
        serving = [one for one in at_node_ports if one.kind == "serve"]
    refusing = [one for one in (*promised, *at_node_ports) if one.kind not in ("serve", "nothing")]
    doubtful = [one for one in (*promised, *at_node_ports) if one.kind != "serve" and not one.certain]
    return Owed(tuple(serving), () if serving else tuple(refusing), tuple(doubtful))


def _unserved(promise: Promise) -> Promise:
    """A node port at an address where nodePortAddresses do not serve it: the short cut lies in nat, which is
    not asked, and the rule of policy Local in filter, which looks at no address.
    """
    if promise.kind != "serve":
        return promise
    drops = promise.short_cut and promise.choice is not None and not promise.choice.local
    return Promise(promise.claim, "drop" if drops else "nothing", choice=promise.choice)


def claims(proxy: Proxy) -> Iterator[Claim]:
    """Every address and port that kube-proxy of this node serves, in this family."""
    for service in proxy.world.cluster.services:
        spec = service.spec
        family = f"IPv{proxy.version}"
        own = [parse_ip(text) for text in spec.cluster_ips if text != "None"]
        mine = [one for one in own if one.version == proxy.version]
        if spec.type == "ExternalName" or not mine or family not in spec.ip_families:
            continue
        if PROXY_NAME in service.metadata.labels:
            continue
        external = spec.external_ips if proxy.has("AllowServiceExternalIPs") else ()
        balanced = [
            one.ip
            for one in service.status.load_balancer.ingress
            if one.ip and not (one.ip_mode == "Proxy" and proxy.has("LoadBalancerIPMode"))
        ]
        named = [(CLUSTER_IP, mine[0]), *((EXTERNAL_IP, parse_ip(text)) for text in external)]
        named += [(LOAD_BALANCER_IP, parse_ip(text)) for text in balanced]
        for port in spec.ports:
            for by, address in dict.fromkeys(named):
                if address.version == proxy.version:
                    yield Claim(service, port, by, address, port.port)
            if port.node_port and proxy.writes_node_ports:
                yield Claim(service, port, NODE_PORT, None, port.node_port)


def _promise(proxy: Proxy, claim: Claim, visit: Visit) -> Promise:
    choice = choice_of(proxy, claim.service, claim.port)
    if claim.by == CLUSTER_IP:
        return _internal(proxy, claim, choice, visit)
    if claim.by == LOAD_BALANCER_IP and choice.usable and not _admitted(proxy, claim, visit):
        return Promise(claim, "keep out", choice=choice)
    return _external(proxy, claim, choice, visit)


def _internal(proxy: Proxy, claim: Claim, choice: Choice, visit: Visit) -> Promise:
    local = claim.internal_local and proxy.has("ServiceInternalTrafficPolicy")
    ends = choice.local if local else choice.cluster
    if not ends:
        return Promise(claim, "drop" if choice.usable else "reject", choice=choice)
    foreign = proxy.knows_pods and not proxy.is_pod(visit.came.src, visit.device)
    masquerade = proxy.config.iptables.masquerade_all or foreign
    return Promise(claim, "serve", ends, masquerade, choice=choice)


def _external(proxy: Proxy, claim: Claim, choice: Choice, visit: Visit) -> Promise:
    if not choice.usable:
        return Promise(claim, "reject", choice=choice)
    if not _policy_local(proxy, claim):
        return Promise(claim, "serve", choice.cluster, masquerade=True, choice=choice)
    if proxy.knows_pods and proxy.is_pod(visit.came.src, visit.device):
        return Promise(claim, "serve", choice.cluster, short_cut=True, choice=choice)
    if proxy.owns(visit.came.src):
        return Promise(claim, "serve", choice.cluster, masquerade=True, short_cut=True, choice=choice)
    if not choice.local:
        return Promise(claim, "drop", choice=choice)
    return Promise(claim, "serve", choice.local, choice=choice)


def _policy_local(proxy: Proxy, claim: Claim) -> bool:
    """Up to 1.28 policy Local did not count for type ClusterIP with external IPs (kubernetes PR 119150)."""
    return claim.external_local and (claim.service.spec.type != "ClusterIP" or proxy.minor >= 29)


def _admitted(proxy: Proxy, claim: Claim, visit: Visit) -> bool:
    """LoadBalancerSourceRanges of this family let it in, or name nobody."""
    ranges = [parse_cidr(text.strip()) for text in claim.service.spec.load_balancer_source_ranges]
    mine = [one for one in ranges if one.version == proxy.version]
    if not mine or (proxy.minor >= 34 and any(one.prefixlen == 0 for one in mine)):
        return True
    source = visit.came.src
    if any(source in ip_network(one) for one in mine):
        return True
    # A node that has the address on an interface of its own takes it for its source as well.
    vips = [parse_ip(one.ip) for one in claim.service.status.load_balancer.ingress if one.ip]
    return source in vips and any(proxy.node_ip in one for one in mine if proxy.node_ip is not None)
