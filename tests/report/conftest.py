"""Traces that several tests of reports look at."""

from __future__ import annotations

import pytest

from kproxysim.network import World
from kproxysim.network.trace import Trace
from tests.report.worlds import article, sent


@pytest.fixture(scope="session")
def world() -> World:
    return article()


@pytest.fixture(scope="session")
def externalip(world: World) -> Trace:
    return sent(world, "198.51.100.12:80")


@pytest.fixture(scope="session")
def nodeport(world: World) -> Trace:
    return sent(world, "198.51.100.12:30080")


@pytest.fixture(scope="session")
def missed() -> Trace:
    """The external IP names the public address, which the cloud replaces before any rule sees it."""
    return sent(article(external_ip="198.51.100.12"), "198.51.100.12:80")


@pytest.fixture(scope="session")
def various(world: World, externalip: Trace, nodeport: Trace, missed: Trace) -> dict[str, Trace]:
    """Many ways to go and to end."""
    empty, local = (
        article(pods=()),
        article(externalTrafficPolicy="Local", pods=(("echo-1", "10.44.0.5", "node-a"),)),
    )
    return {
        "external IP": externalip,
        "node port": nodeport,
        "missed": missed,
        "cluster IP from a pod": sent(world, "10.48.3.7:80", "pod/default/echo-1"),
        "cluster IP from a node": sent(world, "10.48.3.7:80", "node/node-a"),
        "no endpoints": sent(empty, "198.51.100.12:30080"),
        "no local endpoint": sent(local, "198.51.100.13:30080"),
        "local endpoint": sent(local, "198.51.100.12:30080"),
        "udp": sent(world, "198.51.100.12:80/udp"),
        "nobody": sent(world, "192.0.2.1:80"),
        "unknown service address": sent(world, "10.48.200.1:80", "pod/default/echo-1"),
    }
