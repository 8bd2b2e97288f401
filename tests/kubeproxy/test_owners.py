"""Services that claim one address: pkg/proxy/iptables/proxier.go goes through them in the order of a Go map."""

import pytest

from kproxysim.cluster import Cluster, EndpointSlice
from kproxysim.kubeproxy import compile_rules
from tests.kubeproxy.small import endpoints, node, service

ADDRESS = "192.0.2.9"


def notes(*served: str) -> list[tuple[str, tuple[str, ...]]]:
    services = [
        service(name, clusterIP=f"10.8.0.{place}", externalIPs=[ADDRESS])
        for place, name in enumerate("abc", 1)
    ]
    slices: list[EndpointSlice] = [endpoints("10.44.0.5", name=f"{name}-1", owner=name) for name in served]
    found = compile_rules(Cluster([node()], services, slices), "n1", "ipv4")
    return [(note.message, note.objects) for note in found.notes]


@pytest.mark.parametrize(
    "served, end",
    [
        ("ab", "kube-proxy's order is undefined, here the rule of default/a:http stands first"),
        ("b", "only default/b:http has endpoints to send its traffic to"),
    ],
)
def test_what_is_said_of_an_address_of_several(served: str, end: str) -> None:
    claimed = f"tcp port 80 of {ADDRESS} is claimed by default/a:http, default/b:http and default/c:http; "
    objects = ("Service default/a", "Service default/b", "Service default/c")
    assert notes(*served) == [(claimed + end, objects)]
