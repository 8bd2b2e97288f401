"""What becomes of a connection: the simulator against a real kernel, for the recorded set-ups with node ports and external IPs.

The kernel's word is in tests/golden/kernel (README there). Compared are what the client sees, who answered, the source that the server saw,
whether the client's port was kept, and the ICMP errors that the client received.
"""

from dataclasses import dataclass

import pytest

from kproxysim.network import Branch
from tests.conformance.kernel_recordings import CLIENT_SEES, NAMESPACE, Connection, recordings

CASES = ("nodeport", "extip-internal-nat", "extip-public-nat", "extip-no-endpoints", "etp-local")


@dataclass(frozen=True)
class Verdict:
    """What a connection comes to. `icmp` are the errors that its client received: type, code, source."""

    client: str
    server: str = ""
    saw: str = ""
    port_kept: bool = True
    icmp: tuple[tuple[int, int, str], ...] = ()


def recorded(connection: Connection) -> Verdict:
    """The kernel's verdict."""
    truth = connection.truth
    outcome = truth["outcome"]
    return Verdict(
        CLIENT_SEES.get(outcome, outcome),
        truth.get("server", ""),
        truth.get("saw", ""),
        truth.get("port_kept", True),
        tuple((kind, code, source) for kind, code, source in truth.get("icmp", ())),
    )


def simulated(connection: Connection, branch: Branch) -> Verdict:
    """The simulator's verdict, as far as the recording's own point of view reaches: a server whose answer is lost is not seen."""
    reached, reply = branch.delivered_to, branch.reply
    icmp: tuple[tuple[int, int, str], ...] = ()
    if reply is not None and reply.disposition == "delivered" and reply.packet.icmp is not None:
        icmp = ((*reply.packet.icmp, str(reply.packet.src)),)
    if branch.client_sees != "answered" or reached is None:
        return Verdict(branch.client_sees, icmp=icmp)
    return Verdict(
        "answered",
        reached.pod.removeprefix(f"{NAMESPACE}/") or reached.node,
        str(branch.packet.src),
        branch.packet.sport == connection.packet().sport and branch.sport_range is None,
        icmp,
    )


CONNECTIONS = [
    pytest.param(connection, id=f"{name}: {connection.truth['name']}")
    for name in CASES
    for connection in recordings()[name].connections()
]


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_as_the_kernel_did(connection: Connection) -> None:
    found = {simulated(connection, branch) for branch in connection.branches()}
    if connection.truth["stable"]:
        assert found == {recorded(connection)}
    else:
        assert recorded(connection) in found


def test_every_connection_is_there() -> None:
    """41 connections in the five set-ups: none is lost between file and test."""
    assert len(CONNECTIONS) == 41
