"""What differs between kube-proxy's minor versions, as data: one table, newest last.

`behaviour("1.30")` folds the table into the facts that hold for one minor. Nothing else in this room compares
version numbers, except for the feature gates, which have a table of their own in `gates`.

Evidence: "recorded" means that the output of the two versions at the change was compared
(`tests/golden/kube-proxy`); "source" that the change was read in kube-proxy's own files.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

from kproxysim.errors import InputError
from kproxysim.values import dataclass

__all__ = [
    "CHANGES",
    "NEWEST",
    "OLDEST",
    "SUPPORTED",
    "Behaviour",
    "Change",
    "behaviour",
    "minor_of",
]

OLDEST, NEWEST = 25, 36

SUPPORTED: tuple[str, ...] = tuple(f"1.{minor}" for minor in range(OLDEST, NEWEST + 1))
"""The minors whose output is known, oldest first; the last one is the default."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How kube-proxy of one minor behaves. The defaults are those of 1.25; `CHANGES` says when they changed.

    - `localhost_node_ports`: is there the setting, and are node ports on loopback addresses told apart?
      Before, node ports always answered there.
    - `node_ports_without_address`: are node ports written even if `nodePortAddresses` matches no address?
    - `firewall_jumps`: does kube-proxy keep filter KUBE-FIREWALL, and when does it ensure the jumps to it?
    - `explains_source_ranges`: does KUBE-FW end with a rule without target that says what becomes of the
      rest?
    - `stale_prefixes`: chains of nat that are removed when nothing refers to them any more.
    - `liberal_conntrack_keeps_invalid`: does sysctl nf_conntrack_tcp_be_liberal leave out the drop of INVALID
      packets?
    - `local_policy_on_cluster_ip_type`: does externalTrafficPolicy count for type ClusterIP with external
      IPs?
    - `canonical_service_addresses`, `canonical_endpoint_addresses`: printed by Go, or as the user typed them?
    - `sorts_slices`: are the endpoints of a slice sorted by address before duplicates are resolved?
    - `checks_endpoint_family`: is an endpoint of the other family in a slice passed over?
    - `accounting`: are there rules that count with nfacct?
    - `primary_node_ports`: is the word `primary` known in `nodePortAddresses`?
    - `hint_annotations`: annotations that allow zone hints, the first one present decides; and
      `hint_annotation_must_say_auto`: is it the word "Auto" that allows them, or any other than "Disabled"?
      (Not asked where gate ServiceTrafficDistribution is on.)
    - `zero_range_opens`: does a source range of length 0 empty the family's list?
    - `zero_prefix_by_length`: is a prefix in `nodePortAddresses` "all" by its length, or by its text?
    - `last_running_duplicate_wins`: of entries with one address, the last one that is not terminating, or the
      first one unless a later one is local?
    - `conntrack`: how stale UDP connections are found: `events` and the conntrack command, or the kernel's
      table compared by `address` or by `socket` of the endpoint.
    - `partial_sync_keeps_jumps`: are the jumps ensured in full syncs only?
    - `full_sync_on_any_label`: does any change of the node's labels bring a full sync, or of its zone only?
    - `hourly_full_sync`: is there one an hour after the last, and in large clusters too?
    """

    minor: int
    localhost_node_ports: bool = False
    node_ports_without_address: bool = False
    firewall_jumps: Literal["none", "before-postrouting", "last"] = "none"
    explains_source_ranges: bool = False
    stale_prefixes: tuple[str, ...] = (
        "KUBE-SVC-",
        "KUBE-SVL-",
        "KUBE-FW-",
        "KUBE-EXT-",
        "KUBE-SEP-",
        "KUBE-XLB-",
    )
    liberal_conntrack_keeps_invalid: bool = False
    local_policy_on_cluster_ip_type: bool = False
    canonical_service_addresses: bool = False
    canonical_endpoint_addresses: bool = False
    sorts_slices: bool = True
    checks_endpoint_family: bool = True
    accounting: bool = False
    primary_node_ports: bool = False
    hint_annotations: tuple[str, ...] = ("service.kubernetes.io/topology-aware-hints",)
    hint_annotation_must_say_auto: bool = True
    zero_range_opens: bool = False
    zero_prefix_by_length: bool = False
    last_running_duplicate_wins: bool = False
    conntrack: Literal["events", "address", "socket"] = "events"
    partial_sync_keeps_jumps: bool = False
    full_sync_on_any_label: bool = True
    hourly_full_sync: Literal["no", "yes", "small-clusters"] = "no"


@dataclass(frozen=True, slots=True)
class Change:
    """From minor `since` on, the fields in `sets` have these values. `evidence` says how that is known."""

    since: int
    what: str
    sets: dict[str, Any]
    evidence: str


CHANGES: tuple[Change, ...] = (
    Change(
        26,
        "setting localhostNodePorts; loopback addresses are left out of the node-port dispatch",
        {"localhost_node_ports": True},
        "recorded 1.25.1, 1.26.0",
    ),
    Change(
        27,
        "KUBE-FIREWALL and its jumps",
        {"firewall_jumps": "before-postrouting"},
        "recorded 1.26.0, 1.27.1",
    ),
    Change(
        27,
        "KUBE-FW ends with a rule that explains what becomes of other traffic",
        {"explains_source_ranges": True},
        "recorded 1.26.0, 1.27.1",
    ),
    Change(
        27,
        "node-port rules do not wait for a matching node address",
        {"node_ports_without_address": True},
        "source: pkg/proxy/iptables/proxier.go, 1.26 and 1.27",
    ),
    Change(
        27,
        "any annotation other than Disabled allows zone hints; a second annotation",
        {
            "hint_annotations": (
                "service.kubernetes.io/topology-aware-hints",
                "service.kubernetes.io/topology-mode",
            ),
            "hint_annotation_must_say_auto": False,
        },
        "source: pkg/proxy/topology.go, pkg/proxy/service.go, 1.26 and 1.27; recorded 1.30.3",
    ),
    Change(
        27,
        "jumps from the base chains are ensured in full syncs only",
        {"partial_sync_keeps_jumps": True},
        "source: pkg/proxy/iptables/proxier.go, 1.26 and 1.27; recorded 1.30.3",
    ),
    Change(
        28,
        "the jumps to KUBE-FIREWALL come last",
        {"firewall_jumps": "last"},
        "recorded 1.27.1, 1.28.3",
    ),
    Change(
        28,
        "KUBE-XLB- chains of 1.23 are no longer removed",
        {"stale_prefixes": ("KUBE-SVC-", "KUBE-SVL-", "KUBE-FW-", "KUBE-EXT-", "KUBE-SEP-")},
        "source: pkg/proxy/iptables/proxier.go, 1.27 and 1.28; recorded 1.30.3",
    ),
    Change(
        29,
        "no drop of INVALID packets under nf_conntrack_tcp_be_liberal",
        {"liberal_conntrack_keeps_invalid": True},
        "recorded 1.28.3, 1.29.1",
    ),
    Change(
        29,
        "externalTrafficPolicy: Local counts for type ClusterIP with external IPs",
        {"local_policy_on_cluster_ip_type": True},
        "recorded 1.28.3, 1.29.1",
    ),
    Change(
        30,
        "external IPs, load-balancer IPs, source ranges and cluster CIDRs in canonical form",
        {"canonical_service_addresses": True},
        "source: pkg/proxy/serviceport.go, 1.29 and 1.30; recorded 1.30.3",
    ),
    Change(
        31,
        "accounting with nfacct: INVALID packets, and node ports on loopback",
        {"accounting": True},
        "recorded 1.30.3, 1.31.14; kubernetes pull requests 122812, 125015",
    ),
    Change(
        31,
        "endpoint addresses in canonical form; slices are taken in their own order",
        {"canonical_endpoint_addresses": True, "sorts_slices": False},
        "recorded 1.30.3, 1.31.14; source: pkg/proxy/endpointslicecache.go",
    ),
    Change(
        31,
        "nodePortAddresses may be the word primary",
        {"primary_node_ports": True},
        "source: cmd/kube-proxy/app/server.go, 1.31",
    ),
    Change(
        32,
        "stale UDP connections are found in the kernel's table",
        {"conntrack": "address"},
        "recorded 1.31.14, 1.32.13",
    ),
    Change(
        33,
        "a slice's addressType alone says its family",
        {"checks_endpoint_family": False},
        "source: pkg/proxy/endpointschangetracker.go, 1.33",
    ),
    Change(
        33,
        "a full sync every hour",
        {"hourly_full_sync": "yes"},
        "source: pkg/proxy/iptables/proxier.go, 1.33",
    ),
    Change(
        34,
        "a source range of length 0 empties the list",
        {"zero_range_opens": True},
        "recorded 1.33.13, 1.34.9; kubernetes pull request 132722",
    ),
    Change(
        34,
        "any prefix of length 0 in nodePortAddresses means all addresses, however it is written",
        {"zero_prefix_by_length": True},
        "recorded 1.33.13, 1.34.9; kubernetes pull request 132722",
    ),
    Change(
        34,
        "stale UDP connections are told by the endpoint's port too",
        {"conntrack": "socket"},
        "recorded 1.33.13, 1.34.9",
    ),
    Change(
        34,
        "a full sync after a change of the node's zone only, and hourly in small clusters only",
        {"full_sync_on_any_label": False, "hourly_full_sync": "small-clusters"},
        "source: pkg/proxy/iptables/proxier.go, 1.34",
    ),
    Change(
        36,
        "an address listed twice: the last entry that is not terminating wins",
        {"last_running_duplicate_wins": True},
        "recorded 1.35.6, 1.36.3; kubernetes pull request 135593",
    ),
)

_VERSION = re.compile(r"v?1\.([0-9]{1,3})(?:[.+-][0-9A-Za-z.+-]*)?\Z")


def minor_of(version: object) -> int:
    """The minor in "1.30", "1.30.3" or "v1.30.3-gke.1"; the newest one for None.

    Raises InputError (KPS401) for a version whose output is not known, naming those that are.
    """
    if version is None:
        return NEWEST
    if not isinstance(version, str):
        raise InputError.of(
            "KPS401",
            f"a version is text, and {version!r} is none",
            found=repr(version),
            help=f'put it in quotes: "1.30"; supported are {", ".join(SUPPORTED)}',
        )
    match = _VERSION.match(version)
    if match and OLDEST <= int(match[1]) <= NEWEST:
        return int(match[1])
    raise InputError.of(
        "KPS401",
        f"kube-proxy {version} is not supported" if match else f"{version!r} is no version of kube-proxy",
        found=version,
        help=f"supported are {', '.join(SUPPORTED)}",
    )


def behaviour(version: str | None = None) -> Behaviour:
    """The behaviour of a version (see `minor_of`, which also says what is raised)."""
    return _BEHAVIOURS[minor_of(version)]


def _fold() -> dict[int, Behaviour]:
    found = {OLDEST: Behaviour(OLDEST)}
    for minor in range(OLDEST + 1, NEWEST + 1):
        sets = {name: value for one in CHANGES if one.since == minor for name, value in one.sets.items()}
        found[minor] = replace(found[minor - 1], minor=minor, **sets)
    return found


_BEHAVIOURS = _fold()
