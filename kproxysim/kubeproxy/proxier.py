"""One kube-proxy at work: it hears of objects, and writes what has changed.

Source: `syncProxyRules` in pkg/proxy/iptables/proxier.go, the change trackers in
pkg/proxy/servicechangetracker.go and endpointschangetracker.go, 1.25 to 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.kubeproxy.conntrack import UDP, Cleanup, Entry, stale_by_events, stale_entries
from kproxysim.kubeproxy.endpoints import Endpoint, local_ready_addresses, owner_of, read_slices
from kproxysim.kubeproxy.fixed import EnsureChain, EnsureRule, jumps
from kproxysim.kubeproxy.owners import ambiguous_owners
from kproxysim.kubeproxy.service_ports import PortKey, ServiceName, ServicePort, read_service
from kproxysim.kubeproxy.settings import ZONE_LABEL, Settings, settings_for
from kproxysim.kubeproxy.topology import choose
from kproxysim.kubeproxy.writer import Writer
from kproxysim.netfilter.ruleset import Note
from kproxysim.netfilter.script import Family, Script
from kproxysim.values import dataclass

__all__ = ["LARGE_CLUSTER", "Proxier", "Sync"]

LARGE_CLUSTER = 1000
"""With more endpoints than this, counted once for each service port, rules about single endpoints have no
comments.
"""

HOUR = 3600.0

Ports = dict[PortKey, ServicePort]
Endpoints = dict[PortKey, tuple[Endpoint, ...]]


@dataclass(frozen=True, slots=True)
class Sync:
    """What one synchronisation did.

    - `full`: were all chains written, or those of changed Services only?
    - `ensured`: calls of iptables before the restore, in order; `script`: the restore.
    - `sysctls`: (name, value) as set.
    - `health_check_node_ports`: `namespace/service` to the port of its health-check server;
      `local_ready_endpoints`: to the number of ready addresses on this node, for Services that have any.
    - `no_local_endpoints`: service ports with endpoints, but none on this node, under the Local policy for
      (internal, external) traffic.
    """

    full: bool
    ensured: tuple[EnsureChain | EnsureRule, ...]
    script: Script
    sysctls: tuple[tuple[str, str], ...]
    conntrack: Cleanup
    health_check_node_ports: dict[str, int]
    local_ready_endpoints: dict[str, int]
    no_local_endpoints: tuple[int, int]
    notes: tuple[Note, ...]


class Proxier:
    """kube-proxy on one node for one family, with its memory.

    It starts with the objects of `cluster`; `apply` and `delete` tell it of changes, `sync` makes it write.
    Nothing is written to anywhere: `Sync` says what would be.

    Raises InputError for an unknown node, an unsupported version, and for a setting that kube-proxy would
    refuse.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        family: Family = "ipv4",
        version: str | None = None,
        *,
        config: KubeProxyConfiguration | None = None,
        facts: NodeFacts | None = None,
    ) -> None:
        config = KubeProxyConfiguration() if config is None else config
        facts = NodeFacts() if facts is None else facts
        self.settings: Settings = settings_for(cluster, node, family, version, config=config, facts=facts)
        self._labels = next((one.metadata.labels for one in cluster.nodes if self._is_own(one)), {})
        self._services: dict[ServiceName, Ports] = {}
        self._endpoints: dict[ServiceName, Endpoints] = {}
        self._slices: dict[ServiceName, dict[str, EndpointSlice]] = {}
        self._local_ready: dict[ServiceName, int] = {}
        self._new_services: dict[ServiceName, Ports] = {}
        self._new_slices: dict[ServiceName, None] = {}
        self._sysctls = self.settings.sysctls
        self._installed = _chains_of(facts.existing_nat)
        self._needs_full_sync = True
        self._large_cluster = False
        self._last_full_sync = self._last_cleanup = float("-inf")
        for service in cluster.services:
            self._apply_service(service)
        for endpoint_slice in cluster.endpoint_slices:
            self._apply_slice(endpoint_slice)

    @property
    def service_ports(self) -> dict[ServiceName, Ports]:
        """The service ports of the last sync, by Service."""
        return {name: dict(ports) for name, ports in self._services.items()}

    @property
    def endpoints(self) -> dict[ServiceName, Endpoints]:
        """The endpoints of the last sync, by Service and port, whether or not such a port exists."""
        return {name: dict(ports) for name, ports in self._endpoints.items()}

    def apply(self, thing: Node | Service | EndpointSlice) -> None:
        """An object was added or changed.

        Of its own Node, kube-proxy minds the labels only: it ends and starts anew when the pod CIDRs or the
        addresses change, for which there is a new `Proxier`.
        """
        if isinstance(thing, Service):
            self._apply_service(thing)
        elif isinstance(thing, EndpointSlice):
            self._apply_slice(thing)
        elif self._is_own(thing):
            self._relabel(dict(thing.metadata.labels))

    def delete(self, thing: Node | Service | EndpointSlice) -> None:
        """An object went. It is known by its name."""
        if isinstance(thing, Service):
            self._new_services[ServiceName(thing.metadata.namespace, thing.metadata.name)] = {}
        elif isinstance(thing, EndpointSlice):
            owner = ServiceName(thing.metadata.namespace, thing.service_name)
            if self._slices.get(owner, {}).pop(thing.metadata.name, None) is not None:
                self._new_slices[owner] = None
        elif self._is_own(thing):
            self._relabel({})

    @property
    def has_news(self) -> bool:
        """Is there anything that the next sync would have to write? Without news kube-proxy makes none."""
        return (
            self._needs_full_sync
            or bool(self._new_slices)
            or any(ports != self._services.get(name, {}) for name, ports in self._new_services.items())
        )

    def fork(self) -> Proxier:
        """An independent copy: the same kube-proxy, should things go another way from here."""
        other = object.__new__(Proxier)
        other.__dict__.update(self.__dict__)
        other._services, other._endpoints = dict(self._services), dict(self._endpoints)
        other._slices = {name: dict(slices) for name, slices in self._slices.items()}
        other._local_ready = dict(self._local_ready)
        other._new_services, other._new_slices = dict(self._new_services), dict(self._new_slices)
        other._installed = set(self._installed)
        return other

    def request_full_sync(self) -> None:
        """A restore failed, or somebody flushed the tables: the next sync writes everything."""
        self._needs_full_sync = True

    def sync(
        self,
        *,
        now: float = 0.0,
        nat_chains: Iterable[str] | None = None,
        connections: Iterable[Entry] = (),
    ) -> Sync:
        """Write what changed since the last time, everything at the first.

        `now` is the time in seconds, from any start; some work is done at intervals. `nat_chains` are the
        chains that table nat has, None for those that were there at the start and those written since.
        `connections` is the kernel's connection table, which kube-proxy reads from 1.32 on.
        """
        full = self._is_full_sync_due(now)
        how = self.settings.behaviour
        changed, cleanup = self._take_changes(connections)
        ensured = jumps(how) if full or not how.partial_sync_keeps_jumps else ()
        self._large_cluster = self._count_endpoints() > LARGE_CLUSTER
        writer = Writer(self.settings, large_cluster=self._large_cluster)
        pieces = []
        nowhere_internal = nowhere_external = 0
        health_checks: dict[str, int] = {}
        for name in sorted(self._services):
            ports, endpoints = self._services[name], self._endpoints.get(name, {})
            for key in sorted(ports) if len(ports) > 1 else ports:
                port = ports[key]
                choice = choose(endpoints.get(key, ()), port, self.settings)
                piece = writer.service_port(port, choice, changed=full or name in changed)
                pieces.append((port, piece))
                if port.health_check_node_port:
                    health_checks[str(name)] = port.health_check_node_port
                if choice.usable:
                    nowhere_internal += not piece.has_internal
                    nowhere_external += not piece.has_external
        stale = self._stale_chains(writer.active_chains(), nat_chains, now)
        sysctls, self._sysctls = self._sysctls, ()
        self._needs_full_sync = False
        if full:
            self._last_full_sync = now
        return Sync(
            full=full,
            ensured=ensured,
            script=writer.finish(stale),
            sysctls=sysctls,
            conntrack=cleanup,
            health_check_node_ports=health_checks,
            local_ready_endpoints={
                str(name): count for name, count in sorted(self._local_ready.items()) if count
            },
            no_local_endpoints=(nowhere_internal, nowhere_external),
            notes=(*self.settings.notes, *ambiguous_owners(pieces)),
        )

    def _is_own(self, node: Node) -> bool:
        return node.name == self.settings.node_name

    def _apply_service(self, service: Service) -> None:
        name = ServiceName(service.metadata.namespace, service.metadata.name)
        self._new_services[name] = read_service(service, self.settings)

    def _apply_slice(self, endpoint_slice: EndpointSlice) -> None:
        owner = owner_of(endpoint_slice, self.settings)
        if owner is None:
            self.delete(endpoint_slice)
            return
        known = self._slices.setdefault(owner, {})
        old = known.get(endpoint_slice.metadata.name)
        if old is None or old != endpoint_slice:
            known[endpoint_slice.metadata.name] = endpoint_slice
            self._new_slices[owner] = None

    def _relabel(self, labels: dict[str, str]) -> None:
        zone = labels.get(ZONE_LABEL, "")
        if zone != self.settings.zone or (
            self.settings.behaviour.full_sync_on_any_label and labels != self._labels
        ):
            self._needs_full_sync = True
        self._labels = labels
        self.settings = replace(self.settings, zone=zone)

    def _is_full_sync_due(self, now: float) -> bool:
        if self._needs_full_sync or not self.settings.has("MinimizeIPTablesRestore"):
            return True
        hourly = self.settings.behaviour.hourly_full_sync
        if hourly == "no" or (hourly == "small-clusters" and self._large_cluster):
            return False
        return now - self._last_full_sync > HOUR

    def _take_changes(self, connections: Iterable[Entry]) -> tuple[set[ServiceName], Cleanup]:
        """Bring services and endpoints up to date: which Services changed, which connections go for it."""
        changed: set[ServiceName] = set()
        gone_cluster_ips: set[str] = set()
        for name, ports in self._new_services.items():
            old = self._services.pop(name, None)
            if ports:
                self._services[name] = ports
            if ports != (old or {}):
                changed.add(name)
            if old:
                gone_cluster_ips |= {
                    port.cluster_ip for key, port in old.items() if key not in ports and key.protocol == UDP
                }
        self._new_services = {}
        before: dict[ServiceName, Endpoints] = {}
        after: dict[ServiceName, Endpoints] = {}
        for name in self._new_slices:
            slices = self._slices[name]
            old_endpoints = self._endpoints.pop(name, None)
            endpoints = read_slices([slices[one] for one in sorted(slices)], self.settings)
            if endpoints:
                self._endpoints[name] = after[name] = endpoints
            if old_endpoints:
                before[name] = old_endpoints
            self._local_ready[name] = local_ready_addresses(endpoints.values())
        changed |= self._new_slices.keys()
        self._new_slices = {}
        if self.settings.behaviour.conntrack == "events":
            return changed, stale_by_events(self._services, before, after, gone_cluster_ips, self.settings)
        if any(key.protocol == UDP for each in (before, after) for ports in each.values() for key in ports):
            return changed, stale_entries(self._services, self._endpoints, connections, self.settings)
        return changed, Cleanup()

    def _count_endpoints(self) -> int:
        return sum(
            len(self._endpoints.get(name, {}).get(key, ()))
            for name, ports in self._services.items()
            for key in ports
        )

    def _stale_chains(self, active: set[str], nat_chains: Iterable[str] | None, now: float) -> list[str]:
        """Chains of the kind that belongs to a service port, and that none has any more; in large clusters
        seldom.
        """
        there = self._installed if nat_chains is None else set(nat_chains)
        self._installed = there | active
        if self._large_cluster and now - self._last_cleanup <= self.settings.sync_period:
            return []
        self._last_cleanup = now
        prefixes = self.settings.behaviour.stale_prefixes
        stale = {chain for chain in there - active if chain.startswith(prefixes)}
        self._installed -= stale
        return sorted(stale)


def _chains_of(saved: str) -> set[str]:
    """Names of the chains that `iptables-save -t nat` declares."""
    return {
        line[1:].split(maxsplit=1)[0]
        for line in saved.splitlines()
        if line.startswith(":") and line[1:].strip()
    }
