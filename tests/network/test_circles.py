"""A packet that is dealt out anew in each turn of a circle is an error with a name, not an endless search."""

import random

import pytest

from kproxysim.errors import InputError
from tests.network.small import service, world

FOUR = tuple(
    (f"10.44.{node}.{10 + number}", name, f"echo-{node}{number}")
    for node, name in enumerate(("node-a", "node-b"))
    for number in range(2)
)


def test_endpoints_whose_addresses_are_external_ips() -> None:
    """Each node that such a packet comes to translates it again."""
    own = [address for address, _, _ in FOUR]
    place = world(
        service("taken", "10.48.3.7", externalIPs=own, ports=[{"name": "http", "port": 8080}]), only=FOUR
    )
    packet = place.packet("internet/203.0.113.7", "10.44.0.10:8080")
    with pytest.raises(InputError, match="dealt out anew") as caught:
        place.send(packet, "internet/203.0.113.7")
    assert caught.value.code == "KPS709"
    assert len(place.send(packet, "internet/203.0.113.7", rng=random.Random(3))) == 1
