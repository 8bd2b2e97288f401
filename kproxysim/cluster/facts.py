"""NodeFacts: what the Kubernetes API does not know about a node, and rules or packets depend on."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from kproxysim.cluster.addresses import parse_cidr, parse_ip
from kproxysim.cluster.base import CidrText, Flag, IpText, KubernetesModel, Port, refused
from kproxysim.packet import PORT_PROTOCOLS, Address

__all__ = ["ListeningSocket", "NodeFacts", "Route"]

Interface = IPv4Interface | IPv6Interface

_DEFAULT = "default"
_KINDS = ("unicast", "local", "broadcast", "blackhole", "unreachable", "prohibit")
_WITH_VALUE = ("via", "dev", "src", "metric", "proto", "scope", "table", "mtu", "pref", "expires", "error")
_ALONE = ("onlink", "linkdown", "dead")


class Route(KubernetesModel):
    """One line of `ip route`: `10.44.1.0/24 via 10.128.0.13 dev eth0`. Text in that form is read as well.

    `to` is a prefix, an address or `default`; `kind` the word that may stand in front (`blackhole`, `local`).
    """

    to: str
    via: IpText | None = None
    dev: str | None = None
    src: IpText | None = None
    metric: Annotated[int, Field(strict=True, ge=0)] = 0
    table: str = "main"
    kind: Literal["unicast", "local", "broadcast", "blackhole", "unreachable", "prohibit"] = "unicast"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return _route_words(data) if isinstance(data, str) else data

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.to != _DEFAULT:
            try:
                parse_cidr(self.to) if "/" in self.to else parse_ip(self.to)
            except ValueError as error:
                raise refused("cidr", f"{error}, nor default", "to") from None
        if self.kind == "unicast" and not (self.via or self.dev):
            raise refused("node_fact", "a route needs `via ADDRESS` or `dev INTERFACE`")
        return self


def _route_words(text: str) -> dict[str, str | int]:
    """The words of a line of `ip route show`, as fields of a Route."""
    words = text.split()
    route: dict[str, str | int] = {}
    if words and words[0] in _KINDS:
        route["kind"] = words.pop(0)
    if not words:
        raise refused("node_fact", f"{text!r} names no destination")
    route["to"] = words.pop(0)
    while words:
        word = words.pop(0)
        if word in _ALONE:
            continue
        if word not in _WITH_VALUE or not words:
            raise refused("node_fact", f"{word!r} in {text!r} is not understood; see `ip route`")
        route[word] = words.pop(0)
    metric = str(route.get("metric", 0))
    if not (metric.isascii() and metric.isdigit()):
        raise refused("node_fact", f"metric {metric!r} is no number")
    return {**route, "metric": int(metric)}


_SOCKET = re.compile(
    r"(?P<protocol>[a-z]+)/(?:(?P<host>[0-9.]+|\[[0-9a-fA-F:.]+\]|\*):)?(?P<port>[0-9]{1,5})\Z"
)


class ListeningSocket(KubernetesModel):
    """A process that listens on the node: `tcp/22` on all addresses, `tcp/127.0.0.1:10248` on one."""

    protocol: Literal["tcp", "udp", "sctp"]
    port: Port
    address: IpText | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        match = _SOCKET.match(data)
        if not match or match["protocol"] not in PORT_PROTOCOLS or not 1 <= int(match["port"]) <= 65535:
            reason = f"{data!r} is no socket; write tcp/22, udp/10.0.0.1:53 or tcp/[fd00::1]:443"
            raise refused("node_fact", reason)
        host = match["host"]
        address = None if host in (None, "*") else host.strip("[]")
        return {"protocol": match["protocol"], "port": int(match["port"]), "address": address}

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address and ":" in self.address else self.address
        return f"{self.protocol}/{host}:{self.port}" if host else f"{self.protocol}/{self.port}"


class NodeFacts(KubernetesModel):
    """All optional; None means "take it from the Node object" or "nothing is known", as each field says.

    - `node_ips`: what kube-proxy takes for the node's own addresses, at most one a family; None: from
      Node.status.addresses.
    - `interfaces`: name to the addresses on it, `10.128.0.2/24`; None: made up from the Node object.
    - `routes`: as `ip route` prints them, or as `Route`; None: made up from the Node objects.
    - `sysctls`: name to value, `net.ipv4.ip_forward: 1`; what is not named has the value that a node usually
      has.
    - `listening`: sockets of processes on the node, `tcp/22`; None: what a node usually listens on.
    - `kubelet`: does one run here? It was first to make its chains.
    - `iptables_random_fully`: does iptables know `--random-fully` (1.6.2 and later)?
    - `nfacct_counters`: the kernel's accounting objects that kube-proxy could make.
    - `conntrack`: are connections tracked? None: while a rule asks for it, as Linux does (`-m conntrack`,
      DNAT, MASQUERADE and the like, each family for itself). True where something else asks: nftables' own
      rules, Open vSwitch, IPVS.
    - `existing_nat`: what `iptables-save -t nat` showed before kube-proxy's first synchronisation.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    node_ips: tuple[IpText, ...] | None = None
    interfaces: dict[str, tuple[CidrText, ...]] | None = None
    routes: tuple[Route, ...] | None = None
    sysctls: dict[str, str] = Field(default_factory=dict)
    listening: tuple[ListeningSocket, ...] | None = None
    kubelet: Flag = True
    iptables_random_fully: Flag = True
    nfacct_counters: tuple[str, ...] = ()
    conntrack: Flag | None = None
    existing_nat: str = ""

    @model_validator(mode="before")
    @classmethod
    def _sysctls_are_text(cls, data: Any) -> Any:
        """YAML reads `ip_forward: 1` as a number; the kernel's files hold text."""
        if isinstance(data, dict) and isinstance(data.get("sysctls"), dict):
            values = {
                name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
                for name, value in data["sysctls"].items()
            }
            return {**data, "sysctls": values}
        return data

    @model_validator(mode="after")
    def _one_address_a_family(self) -> Self:
        versions = [parse_ip(text).version for text in self.node_ips or ()]
        if len(set(versions)) != len(versions):
            raise refused("node_fact", "nodeIPs takes one address a family", "nodeIPs")
        return self

    def interface_addresses(self) -> tuple[tuple[str, Interface], ...]:
        """Every address of every interface as (name, address with prefix length), in the order given."""
        return tuple(
            (name, _interface(text)) for name, texts in (self.interfaces or {}).items() for text in texts
        )

    def own_addresses(self) -> tuple[Address, ...]:
        """The addresses of `interface_addresses` without their lengths."""
        return tuple(interface.ip for _, interface in self.interface_addresses())


@lru_cache(maxsize=1 << 12)
def _interface(text: str) -> Interface:
    host, _, length = text.partition("/")
    return ip_interface(f"{parse_ip(host)}/{int(length)}")
