"""iptables takes the rules that are compiled, of both back ends, and prints them as `to_save` does."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from kproxysim.netfilter.script import Family
from tests.kernel.lab import Held
from tests.kernel.plan import HostPlan, Plan
from tests.kernel.strategies import Drawn, clusters

NODE = "node/any"
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")


@pytest.fixture(scope="module", params=["nft", "legacy"])
def machine(request: pytest.FixtureRequest) -> Iterator[Held]:
    """A network stack without devices."""
    with Held(Plan(request.param, {NODE: HostPlan()})) as held:
        yield held


def tables(saved: str) -> dict[str, list[str]]:
    """The lines of each table, without comments, counters and tables in which nothing is."""
    found: dict[str, list[str]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line
            found[table] = []
        elif line and not line.startswith("#"):
            found[table].append(line.partition(" [")[0] if line.startswith(":") else line)
    return {
        name: lines
        for name, lines in found.items()
        if any(line.startswith(("-A", ":KUBE")) for line in lines)
    }


@settings(
    max_examples=10, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=clusters(calls=0))
def test_loads_and_saves_as_it_was_compiled(machine: Held, drawn: Drawn) -> None:
    """As a whole, and once more what kube-proxy itself hands to iptables-restore: that changes nothing."""
    node = drawn.world.cluster.nodes[0].name
    for family in FAMILIES:
        ruleset = drawn.world.ruleset(node, family)
        wanted = tables(ruleset.to_save())
        given_text = {"host": NODE, "family": family}
        whole = machine.ask({"restore": {**given_text, "text": ruleset.to_save(), "keep": False}})
        assert tables(whole) == wanted
        again = machine.ask({"restore": {**given_text, "text": ruleset.to_restore(), "keep": True}})
        assert tables(again) == wanted


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("*filter\n-A FORWARD -j NOWHERE\nCOMMIT\n", "NOWHERE"),
        ("*filter\n-A FORWARD -j DNAT --to-destination 10.0.0.1\nCOMMIT\n", "iptables"),
    ],
)
def test_what_iptables_refuses_is_told(machine: Held, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        machine.ask({"restore": {"host": NODE, "family": "ipv4", "text": text, "keep": True}})
