"""The recordings of tests/golden/kube-proxy as input for the compiler and as what it must say."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, NodeFacts, Service
from kproxysim.kubeproxy import EnsureChain, Entry, Proxier, Sync
from kproxysim.netfilter.script import Family
from tests.kubeproxy.restore_text import comparable_restore

FOLDER = Path(__file__).parent.parent / "golden" / "kube-proxy"
PATHS = sorted(FOLDER.glob("*/*.json"))
FIRST_SYNCS = [path for path in PATHS if path.parent.name != "partial-sync"]
PARTIAL_SYNCS = [path for path in PATHS if path.parent.name == "partial-sync"]

_AS_THEY_ARE = ("ensured", "sysctls", "healthCheckNodePorts", "healthCheckLocalEndpoints")

MODELS: dict[str, type[Node | Service | EndpointSlice]] = {
    "Node": Node,
    "Service": Service,
    "EndpointSlice": EndpointSlice,
}


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def named(*names: str) -> list[Path]:
    """Recordings by their names, whatever their version."""
    return [path for path in FIRST_SYNCS if path.stem in names]


@dataclass(frozen=True)
class Recording:
    """One file, read."""

    version: str
    node: str
    cluster: Cluster
    config: KubeProxyConfiguration
    facts: NodeFacts
    connections: tuple[Entry, ...]
    steps: list[list[dict[str, Any]]]
    expected: dict[Family, dict[str, Any]]

    def proxier(self, family: Family) -> Proxier:
        return Proxier(self.cluster, self.node, family, self.version, config=self.config, facts=self.facts)


def read(path: Path) -> Recording:
    data = json.loads(path.read_text(encoding="utf-8"))
    config = data["config"]
    return Recording(
        version=data["kubeProxyVersion"],
        node=config["nodeName"],
        cluster=Cluster.load(data["items"]),
        config=KubeProxyConfiguration.model_validate(configuration(config)),
        facts=NodeFacts.model_validate(
            {
                "nodeIPs": config["nodeIPs"],
                "interfaces": {"all": config["interfaceAddrs"]},
                "kubelet": False,
                "iptablesRandomFully": config["randomFully"],
                "nfacctCounters": config.get("nfacctCounters", []),
                "existingNat": config.get("existingNat", ""),
            }
        ),
        connections=tuple(
            Entry(
                *(one[key] for key in ("protocol", "src", "sport", "dst", "dport", "replySrc", "replySport"))
            )
            for one in config.get("conntrackEntries", [])
        ),
        steps=data.get("steps", []),
        expected=data["expected"],
    )


def configuration(config: dict[str, Any]) -> dict[str, Any]:
    """The recorded settings as a kube-proxy configuration file has them.

    Mode None stands for a kube-proxy that is told no prefix; in mode NodeCIDR the Node object has it.
    """
    local = config["detectLocal"]
    mode, value = local["mode"], local.get("value", "")
    return {
        "clusterCIDR": f"{local['ipv4']},{local['ipv6']}" if mode == "ClusterCIDR" else "",
        "detectLocalMode": "ClusterCIDR" if mode == "None" else mode,
        "detectLocal": {
            "bridgeInterface": value if mode == "BridgeInterface" else "",
            "interfaceNamePrefix": value if mode == "InterfaceNamePrefix" else "",
        },
        "nodePortAddresses": config["nodePortAddresses"],
        "featureGates": config["featureGates"],
        "iptables": {
            "masqueradeAll": config["masqueradeAll"],
            "masqueradeBit": config["masqueradeBit"],
            "localhostNodePorts": config["localhostNodePorts"],
        },
        "conntrack": {"tcpBeLiberal": config["conntrackTCPBeLiberal"]},
    }


def recorded(expected: dict[str, Any]) -> dict[str, object]:
    """What a file says of one sync, in the form of `observed`; recordings of partial syncs say less."""
    found = {key: expected[key] for key in _AS_THEY_ARE if key in expected}
    restore = comparable_restore(expected["restore"])
    return {"restore": restore, "conntrack": sorted(expected["conntrack"]), **found}


def observed(sync: Sync, like: dict[str, object]) -> dict[str, object]:
    """What the compiler says of one sync about the same things as `like`."""
    cleanup = sync.conntrack
    conntrack = [list(command) for command in cleanup.commands] + ([["list"]] if cleanup.listed else [])
    conntrack += [
        [
            "delete",
            "17",
            f"{one.src}:{one.sport}",
            f"{one.dst}:{one.dport}",
            f"{one.reply_src}:{one.reply_sport}",
        ]
        for one in cleanup.deleted
    ]
    found: dict[str, object] = {
        "restore": comparable_restore(sync.script.to_text().splitlines()),
        "ensured": [
            ["EnsureChain", call.table, call.chain]
            if isinstance(call, EnsureChain)
            else ["EnsureRule -I", call.table, call.rule.chain, *shlex.split(call.rule.text)]
            for call in sync.ensured
        ],
        "sysctls": [list(pair) for pair in sync.sysctls],
        "conntrack": sorted(conntrack),
        "healthCheckNodePorts": sync.health_check_node_ports,
        "healthCheckLocalEndpoints": sync.local_ready_endpoints,
    }
    return {key: found[key] for key in like}


def parse_object(data: dict[str, Any]) -> Node | Service | EndpointSlice:
    """One manifest as a model."""
    return MODELS[data["kind"]].model_validate(data)
