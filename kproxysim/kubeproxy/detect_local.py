"""How kube-proxy tells traffic of local pods from other traffic.

Source: `getLocalDetectors` in cmd/kube-proxy/app/server_linux.go and pkg/proxy/util/localdetector.go (up to
1.29 pkg/proxy/util/iptables/traffic.go).
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.cluster import KubeProxyConfiguration, Node
from kproxysim.kubeproxy.addresses import as_typed, canonical_cidr, family_of_cidr
from kproxysim.kubeproxy.versions import Behaviour
from kproxysim.netfilter.script import Family
from kproxysim.values import dataclass

__all__ = ["LocalDetector", "local_detector"]


@dataclass(frozen=True, slots=True)
class LocalDetector:
    """`local` matches traffic of local pods, `not_local` all other; `field` is the setting that says so."""

    local: str
    not_local: str
    field: str


def local_detector(
    family: Family, node: Node | None, config: KubeProxyConfiguration, behaviour: Behaviour
) -> LocalDetector | None:
    """The detector for one family, None where the configuration gives none.

    Then the rules that would need it are left out.
    """
    match config.detect_local_mode:
        case "BridgeInterface":
            name = config.detect_local.bridge_interface
            field = "KubeProxyConfiguration detectLocal.bridgeInterface"
            return LocalDetector(f"-i {name}", f"! -i {name}", field)
        case "InterfaceNamePrefix":
            prefix = config.detect_local.interface_name_prefix
            field = "KubeProxyConfiguration detectLocal.interfaceNamePrefix"
            return LocalDetector(f"-i {prefix}+", f"! -i {prefix}+", field)
        case "NodeCIDR":
            cidrs = node.spec.pod_cidrs if node is not None else ()
            name = f"Node {node.name} spec.podCIDRs" if node is not None else ""
            found = _first_of(family, cidrs, behaviour)
            if found is None:
                return None
            cidr, index = found
            return LocalDetector(f"-s {cidr}", f"! -s {cidr}", f"{name}[{index}]")
        case _:
            cidrs = tuple(config.cluster_cidr.split(",")) if config.cluster_cidr else ()
            found = _first_of(family, cidrs, behaviour)
            if found is None:
                return None
            return LocalDetector(f"-s {found[0]}", f"! -s {found[0]}", "KubeProxyConfiguration clusterCIDR")


def _first_of(family: Family, cidrs: Iterable[str], behaviour: Behaviour) -> tuple[str, int] | None:
    """The first prefix of the family, as it is printed, and its place in the list."""
    printed = canonical_cidr if behaviour.canonical_service_addresses else as_typed
    for index, cidr in enumerate(cidrs):
        if family_of_cidr(cidr) == family:
            return printed(cidr), index
    return None
