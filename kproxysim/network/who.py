"""Who sends: `internet/203.0.113.7`, `node/node-a`, `pod/NAMESPACE/NAME`, an address, or a client by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from kproxysim.cluster import Cluster
from kproxysim.errors import InputError
from kproxysim.network.topology import Topology
from kproxysim.packet import PORT_PROTOCOLS, Address, format_endpoint, parse_endpoint
from kproxysim.spelling import closest
from kproxysim.values import dataclass

__all__ = ["PING", "Sender", "check_sender", "find_sender", "known_addresses", "parse_target"]


_FORMS = "write internet/ADDRESS, node/NAME, pod/NAMESPACE/NAME, a pod's address or a client's name"


PING = "icmp"
"""The protocol without ports that a packet may be sent by; of either family."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A host that makes packets, with how it is called in a trace.

    `guest` is the address of somebody on the internet for whom the topology has no host yet.
    """

    host: str
    label: str
    guest: Address | None = None


def find_sender(text: str, topology: Topology, clients: Mapping[str, Address]) -> Sender:
    """The host meant by `text`. Raises InputError (KPS701) that lists who is known.

    An internet address needs not be known before; the host for it is made by whoever asks.
    """
    if text in clients:
        return Sender(f"internet/{clients[text]}", "internet")
    kind, _, rest = text.partition("/")
    if kind == "internet":
        address = _address(rest)
        if address is None:
            raise _unknown(text, "write internet/ADDRESS, such as internet/203.0.113.7", ())
        name = f"internet/{address}"
        return Sender(name, "internet", None if name in topology.hosts else address)
    if kind in ("node", "pod") and rest:
        name = f"{kind}/{rest}"
        placed = topology.hosts.get(name)
        if placed is not None:
            return Sender(name, f"{kind} {placed.label}")
        known = [host.removeprefix(f"{kind}/") for host in topology.hosts if host.startswith(f"{kind}/")]
        raise _unknown(text, "", [f"{kind}/{one}" for one in known], rest)
    address = _address(text)
    owner = None if address is None else topology.owners.get((address.version, int(address)))
    if owner is not None:
        placed = topology.hosts[owner]
        return Sender(owner, "internet" if placed.kind == "internet" else f"{placed.kind} {placed.label}")
    known = [*clients, *(host for host in topology.hosts if not host.startswith("internet/"))]
    raise _unknown(text, _FORMS, known)


def check_sender(text: str, hosts: Iterable[str], clients: Iterable[str]) -> None:
    """Raises InputError (KPS701) for a name that none of some hosts and clients has; of an address without
    a name in front it is not known who has it.
    """
    kind, _, rest = text.partition("/")
    if text in clients or _address(text if kind != "internet" else rest) is not None:
        return
    known = list(hosts)
    if text not in known:
        raise _unknown(text, _FORMS, [*clients, *known], rest)


def known_addresses(cluster: Cluster, *, from_internet: bool) -> tuple[str, list[tuple[str, str]]]:
    """What somebody may have meant to dial, with its owner, and what these addresses are: the nodes' external
    ones and those of load balancers for who calls from the internet, else cluster IPs and the nodes' internal
    ones.
    """
    nodes = cluster.nodes
    if from_internet:
        external = [(text, node.name) for node in nodes for text in node.addresses("ExternalIP")]
        balanced = [
            (entry.ip, one.key)
            for one in cluster.services
            for entry in one.status.load_balancer.ingress
            if entry.ip
        ]
        return "external addresses", external + balanced
    own = [(text, one.key) for one in cluster.services for text in one.spec.cluster_ips if text != "None"]
    return "addresses", own + [(text, node.name) for node in nodes for text in node.addresses("InternalIP")]


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _unknown(text: str, hint: str, known: Iterable[str], wanted: str = "") -> InputError:
    names = sorted(known)
    last = text.rpartition("/")[2]
    same = [name for name in names if last and name.rpartition("/")[2] == last]  # in another namespace, say
    close = " or ".join(same[:3]) or closest(text, names) or closest(wanted, names)
    notes = (f"known: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}",) if names else ()
    return InputError.of(
        "KPS701",
        f"nobody here is called {text!r}",
        found=text,
        help=f"did you mean {close}?" if close else hint,
        notes=notes,
    )


def _check_brackets(text: str, endpoint: str) -> None:
    """Raises InputError for an IPv6 address without brackets, in which a port looks like one more group."""
    head, colon, tail = endpoint.rpartition(":")
    whole, inner = _address(endpoint), _address(head)
    if not colon or (whole is None and inner is None) or ":" not in head:
        return
    meant = format_endpoint(inner, int(tail)) if inner is not None and tail.isdigit() else ""
    raise InputError.of(
        "KPS702",
        f"{text!r} is an IPv6 address without brackets, so it is not clear where a port begins",
        found=text,
        help=f"write [ADDRESS]:PORT, such as {meant or f'[{whole or inner}]:80'}",
    )


def parse_target(text: str) -> tuple[Address, int | None, str]:
    """`HOST:PORT[/protocol]` or `HOST/icmp` as address, port, protocol. Raises InputError (KPS702)."""
    if "://" in text:
        raise InputError.of(
            "KPS702",
            f"{text!r} is a URL, and packets go to addresses",
            found=text,
            help="write ADDRESS:PORT, such as 198.51.100.12:80 for http://198.51.100.12/",
        )
    endpoint, slash, protocol = text.rpartition("/")
    if not slash:
        endpoint, protocol = text, "tcp"
    protocol = protocol.lower()
    if protocol not in (*PORT_PROTOCOLS, PING):
        raise InputError.of(
            "KPS702",
            f"{protocol!r} is no protocol with ports",
            found=text,
            help=f"write HOST:PORT/{'|'.join(PORT_PROTOCOLS)}, or HOST/{PING}",
        )
    if protocol != PING:
        _check_brackets(text, endpoint)
    try:
        address, port = parse_endpoint(endpoint)
    except ValueError as error:
        raise InputError.of(
            "KPS702",
            f"{text!r} is no destination: {error}",
            found=text,
            help="write ADDRESS:PORT, such as 198.51.100.12:80 or [2001:db8::1]:80",
        ) from None
    if protocol == PING:
        if port is not None:
            raise InputError.of(
                "KPS702",
                f"{PING} has no ports",
                found=text,
                help=f"write {format_endpoint(address, None)}/{PING}",
            )
        return address, None, protocol
    if port is None or port == 0:
        raise InputError.of(
            "KPS702",
            f"{text!r} names no port",
            found=text,
            help=f"write {format_endpoint(address, 80)}, with a port from 1 to 65535",
        )
    return address, port, protocol
