"""What becomes of a connection: the simulator against a real kernel, for every recorded set-up.

The kernel's word is in tests/golden/kernel (README there). Compared are what the client sees, who answered, the source that the server saw,
whether the client's port was kept, and the ICMP errors that the client received.
"""

from dataclasses import dataclass, replace

import pytest

from kproxysim.network import Branch
from tests.conformance.kernel_recordings import CLIENT_SEES, NAMESPACE, Connection, recordings

EDGE_OUTSIDE, EDGE_INSIDE = "203.0.113.1", "10.128.0.1"
"""The lab's edge had an address on either side; an Edge has one, towards the nodes, and all its errors come from there."""


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
        tuple(
            (kind, code, EDGE_INSIDE if source == EDGE_OUTSIDE else source)
            for kind, code, source in truth.get("icmp", ())
        ),
    )


def carries_on(connection: Connection) -> bool:
    """Does it depend on connections before it: on the endpoint that its client stays with, or on a port that is taken?

    Each connection is held against a fresh World here, which says where it may go and not where it goes this time.
    """
    return bool(connection.step.get("keep_conntrack")) or connection.truth["case"] == "affinity"


def simulated(connection: Connection, branch: Branch) -> Verdict:
    """The simulator's verdict, as far as the recording's own point of view reaches: a server whose answer is lost is not seen."""
    reached, reply = branch.delivered_to, branch.reply
    icmp: tuple[tuple[int, int, str], ...] = ()
    if reply is not None and reply.disposition == "delivered" and reply.packet.icmp is not None:
        icmp = ((*reply.packet.icmp, str(reply.packet.src)),)
    protocol = connection.step.get("proto", "tcp")
    if protocol == "icmp" and branch.client_sees != "answered":
        return Verdict("timeout", icmp=icmp)  # the recorder's ping knew echo replies only
    if branch.client_sees != "answered" or reached is None or protocol == "tcp-raw":
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
    for name, recording in recordings().items()
    for connection in recording.connections()
]


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_as_the_kernel_did(connection: Connection) -> None:
    found = {simulated(connection, branch) for branch in connection.branches()}
    wanted = recorded(connection)
    if carries_on(connection):
        assert replace(wanted, port_kept=True) in found
    elif connection.truth["stable"]:
        assert found == {wanted}
    else:
        assert wanted in found


def test_every_connection_is_there() -> None:
    """All that began anew, of 136: two went on with a connection that was held open."""
    assert len(CONNECTIONS) == 134
