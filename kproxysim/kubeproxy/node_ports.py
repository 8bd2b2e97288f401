"""Which addresses of the node answer at node ports: `nodePortAddresses` and `localhostNodePorts`.

Source: pkg/proxy/util/nodeport_addresses.go and the end of `syncProxyRules` in pkg/proxy/iptables/proxier.go;
up to 1.26 `GetNodeAddresses` and `ContainsIPv4Loopback` in pkg/proxy/util/utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.cluster.addresses import Network, parse_cidr
from kproxysim.cluster.configuration import PRIMARY
from kproxysim.errors import InputError
from kproxysim.kubeproxy.versions import Behaviour
from kproxysim.netfilter.script import Family
from kproxysim.packet import Address
from kproxysim.values import dataclass

__all__ = ["NodePorts", "node_ports", "without_primary"]

_ALL_TEXT = ("0.0.0.0/0", "::/0")
_LOOPBACK = parse_cidr("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Where node ports of one family answer.

    - `dispatch`: the matches of the rules that lead to KUBE-NODEPORTS, one rule each: `-m addrtype --dst-type
      LOCAL` for all addresses, or `-d ADDRESS` sorted as text.
    - `localhost`: do node ports on 127.0.0.0/8 work (the effective localhostNodePorts)?
    - `routes_localnet`: does kube-proxy set net.ipv4.conf.all.route_localnet for that?
    - `written`: are node-port rules written at all?
    """

    dispatch: tuple[str, ...]
    localhost: bool
    routes_localnet: bool
    written: bool = True


def without_primary(
    entries: tuple[str, ...], node_ips: Iterable[Address], behaviour: Behaviour
) -> tuple[str, ...]:
    """`nodePortAddresses` with the word `primary` replaced by the node's own addresses, loopback ones left
    out.

    Raises InputError (KPS404) before 1.31, where the word is not known.
    """
    if entries != (PRIMARY,):
        return entries
    if not behaviour.primary_node_ports:
        raise InputError.of(
            "KPS404",
            f'the word "{PRIMARY}" is not known to kube-proxy 1.{behaviour.minor}',
            path="nodePortAddresses",
            found=PRIMARY,
            help="it came with 1.31; write the node's addresses as prefixes",
        )
    return tuple(f"{address}/{address.max_prefixlen}" for address in node_ips if not address.is_loopback)


def node_ports(
    family: Family,
    entries: tuple[str, ...],
    interface_addresses: Iterable[Address],
    behaviour: Behaviour,
    *,
    localhost_setting: bool,
) -> NodePorts:
    """Where node ports answer. `entries` are prefixes of either family, those of the other one count for
    nothing.
    """
    version = 4 if family == "ipv4" else 6
    mine = [(text, parse_cidr(text)) for text in entries]
    mine = [(text, network) for text, network in mine if network.version == version]
    everything = not mine or any(_is_all(text, network, behaviour) for text, network in mine)
    loopback = _contains_ipv4_loopback(mine, behaviour)
    if behaviour.localhost_node_ports:
        localhost = family == "ipv4" and localhost_setting and loopback
        routes_localnet = localhost
    else:
        localhost, routes_localnet = True, loopback
    if everything:
        return NodePorts((_all_addresses(family, localhost=localhost),), localhost, routes_localnet)
    matched = {address for address in interface_addresses if any(address in network for _, network in mine)}
    shown = {address for address in matched if localhost or not address.is_loopback}
    dispatch = tuple(f"-d {text}" for text in sorted(str(address) for address in shown))
    return NodePorts(
        dispatch, localhost, routes_localnet, behaviour.node_ports_without_address or bool(matched)
    )


def _all_addresses(family: Family, *, localhost: bool) -> str:
    text = "-m addrtype --dst-type LOCAL"
    if localhost:
        return text
    return f"{text} ! -d 127.0.0.0/8" if family == "ipv4" else f"{text} ! -d ::1/128"


def _is_all(text: str, network: Network, behaviour: Behaviour) -> bool:
    return network.prefixlen == 0 if behaviour.zero_prefix_by_length else text in _ALL_TEXT


def _contains_ipv4_loopback(mine: list[tuple[str, Network]], behaviour: Behaviour) -> bool:
    """Entries after one that means all addresses are not looked at, but that one contains loopback anyway."""
    return not mine or any(
        _is_all(text, network, behaviour) or (network.version == 4 and network.overlaps(_LOOPBACK))
        for text, network in mine
    )
