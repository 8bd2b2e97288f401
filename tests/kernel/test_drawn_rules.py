"""Rules drawn by hypothesis: jumps, gotos, returns, marks, refusals and policies lead a packet the same way in both.

KPROXYSIM_KERNEL_RULESETS says how many rulesets to load; run with `-s` to see the count.
"""

import os

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, Pod, World
from kproxysim.testing.strategies import rulesets
from tests.kernel.agreement import Tally, compare
from tests.kernel.lab import Lab
from tests.network.small import world

RULESETS = int(os.environ.get("KPROXYSIM_KERNEL_RULESETS", "12"))
CALLS = 5

INSIDE = Pod("default", "inside", "node-a", ("10.44.0.5",), ("tcp/80", "tcp/81", "udp/80"))
OTHER = Pod("default", "other", "node-a", ("10.44.0.6",), ("tcp/80",))
CLIENT = "203.0.113.7"
SENDERS = (f"internet/{CLIENT}", "node/node-a", "pod/default/other")
TO = (
    "10.44.0.5:80",
    "10.44.0.5:81",
    "10.44.0.5:80/udp",
    "10.128.0.12:80",
    "10.128.0.12:10250",
    "10.44.0.5:9",
)

RULES = rulesets(
    families=("ipv4",),
    tables=("raw", "mangle", "nat", "filter"),
    matches=(
        "tcp",
        "udp",
        "icmp",
        "mark",
        "connmark",
        "conntrack",
        "state",
        "addrtype",
        "multiport",
        "iprange",
        "pkttype",
        "rpfilter",
        "ttl",
        "policy",
        "helper",
    ),
    targets=(
        "ACCEPT",
        "DROP",
        "REJECT",
        "MARK",
        "CONNMARK",
        "NOTRACK",
        "DNAT",
        "SNAT",
        "MASQUERADE",
        "REDIRECT",
        "NETMAP",
        "TTL",
        "DSCP",
    ),
    rules=(0, 3),
)


def node_with(text: str) -> World:
    return world(
        only=(),
        pods=[INSIDE, OTHER],
        edge=Edge("routed"),
        rules={"node-a": [Ruleset.from_save(text, "ipv4")], "node-b": []},
    )


def test_every_ruleset_leads_packets_the_same_way() -> None:
    tally = Tally()
    refused: list[str] = []
    labs = {backend: Lab(node_with("*filter\nCOMMIT\n"), [CLIENT], backend) for backend in ("nft", "legacy")}

    @settings(
        max_examples=RULESETS,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        rules=RULES,
        backend=st.sampled_from(sorted(labs)),
        calls=st.lists(
            st.tuples(st.sampled_from(SENDERS), st.sampled_from(TO)), min_size=CALLS, max_size=CALLS
        ),
    )
    def send(rules: Ruleset, backend: str, calls: list[tuple[str, str]]) -> None:
        lab, before = labs[backend], len(tally.disagreements)
        lab.load(node_with(rules.to_save()))
        for sender, to in calls:
            compare(lab, tally, sender, to)
        if len(tally.disagreements) > before:
            refused.append(rules.to_save())

    try:
        send()
    finally:
        for lab in labs.values():
            lab.close()
    print(f"\n{tally}")  # noqa: T201 - for whoever asked for many rulesets
    assert not tally.disagreements, "\n".join([*tally.disagreements[:10], *refused[:1]])
    assert tally.flows >= RULESETS * CALLS
