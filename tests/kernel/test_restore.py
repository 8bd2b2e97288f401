"""iptables takes the rules that are compiled, of both back ends, and prints them as `to_save` does."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from kproxysim.netfilter.script import Family
from tests.kernel.held import Held
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


COUNTED = """\
*filter
:INPUT DROP [17:18]
:LAST - [0:0]
:OWN - [0:0]
[3:4] -A INPUT -p tcp -m tcp --dport 80 -m comment --comment counter -j OWN
[0:0] -A INPUT -j OWN
[2:2] -A OWN -m comment --comment counter -j RETURN
[4:2] -A OWN -g LAST
[5:5] -A FORWARD -j OWN
COMMIT
*nat
:POSTROUTING ACCEPT [19:20]
[0:0] -A POSTROUTING
[6:6] -A POSTROUTING -j MASQUERADE
COMMIT
"""
PRINTED = re.compile(
    r"\*(?P<table>\S+)|:(?P<base>\S+) \S+ \[(?P<policy>\d+):|\[(?P<rule>\d+):\d+\] -A (?P<chain>\S+)"
)


@pytest.mark.parametrize("family", FAMILIES)
def test_counters_are_those_that_iptables_prints(machine: Held, family: Family) -> None:
    """The lab asks the kernel for them, past iptables."""
    printed, read = machine.ask({"counted": {"host": NODE, "family": family, "text": COUNTED}})
    found: dict[str, int] = {}
    table, numbers = "", Counter[str]()
    for line in PRINTED.finditer(printed):
        if line["table"]:
            table, numbers = line["table"], Counter()
        elif line["base"]:
            found[f"{table}/{line['base']}/0"] = int(line["policy"])
        else:
            numbers[line["chain"]] += 1
            found[f"{table}/{line['chain']}/{numbers[line['chain']]}"] = int(line["rule"])
    assert read == {at: count for at, count in found.items() if count}
    assert {"filter/INPUT/0", "nat/POSTROUTING/0"} <= set(read)
    # ip6tables-nft-restore 1.8.9 loads rules without their counters
    assert family == "ipv6" or {"filter/INPUT/1", "filter/OWN/1", "filter/OWN/2"} <= set(read)


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
