"""Rules drawn by hypothesis: jumps, gotos, returns, marks, refusals and policies lead a packet the same way in both.

KPROXYSIM_KERNEL_RULESETS says how many rulesets to load; run with `-s` to see the count.
"""

import os

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, Pod, World
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

HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
CHAINS = ("ONE", "TWO", "THREE", "FOUR")
"""Each leads to later ones only: iptables refuses circles."""

MATCHES = (
    "",
    "",
    "-p tcp",
    "-p tcp -m tcp --dport 80",
    "-p tcp -m tcp --dport 81",
    "! -p tcp",
    "-s 10.44.0.0/16",
    "! -s 203.0.113.0/24",
    "-d 10.44.0.5/32",
    "-m mark --mark 0x1/0x1",
    "-m mark ! --mark 0x0",
    "-m conntrack --ctstate NEW",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
)
VERDICTS = ("", "-j RETURN", "-j ACCEPT")
OWN = {
    "raw": ("-j NOTRACK",),
    "mangle": ("-j MARK --set-xmark 0x1/0x1", "-j MARK --set-xmark 0x0/0xffffffff", "-j DROP"),
    "filter": (
        "-j DROP",
        "-j REJECT --reject-with icmp-host-unreachable",
        "-j REJECT --reject-with tcp-reset",
    ),
}


@st.composite
def _rule(draw: st.DrawFn, table: str, chain: str, later: tuple[str, ...]) -> str:
    leads = [f"{word} {name}" for name in later for word in ("-j", "-j", "-g")]
    match = draw(st.sampled_from(MATCHES if table != "raw" else MATCHES[:9]))
    target = draw(st.sampled_from((*VERDICTS, *leads, *leads, *OWN[table])))
    if "tcp-reset" in target:
        match = "-p tcp"
    return " ".join(part for part in ("-A", chain, match, target) if part)


@st.composite
def rulesets(draw: st.DrawFn) -> str:
    """Restore text with a few chains in a few tables."""
    lines = []
    for table in draw(st.sampled_from((("filter",), ("mangle", "filter"), ("raw", "mangle", "filter")))):
        lines.append(f"*{table}")
        policies = ("ACCEPT", "ACCEPT", "DROP") if table == "filter" else ("ACCEPT",)
        lines += [f":{hook} {draw(st.sampled_from(policies))} [0:0]" for hook in HOOKS[table]]
        lines += [f":{chain} - [0:0]" for chain in CHAINS]
        for hook in HOOKS[table]:
            lines += [draw(_rule(table, hook, CHAINS)) for _ in range(draw(st.integers(0, 3)))]
        for number, chain in enumerate(CHAINS):
            later = CHAINS[number + 1 :]
            lines += [draw(_rule(table, chain, later)) for _ in range(draw(st.integers(0, 4)))]
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


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
        text=rulesets(),
        backend=st.sampled_from(sorted(labs)),
        calls=st.lists(
            st.tuples(st.sampled_from(SENDERS), st.sampled_from(TO)), min_size=CALLS, max_size=CALLS
        ),
    )
    def send(text: str, backend: str, calls: list[tuple[str, str]]) -> None:
        lab, before = labs[backend], len(tally.disagreements)
        lab.load(node_with(text))
        for sender, to in calls:
            compare(lab, tally, sender, to)
        if len(tally.disagreements) > before:
            refused.append(text)

    try:
        send()
    finally:
        for lab in labs.values():
            lab.close()
    print(f"\n{tally}")  # noqa: T201 - for whoever asked for many rulesets
    assert not tally.disagreements, "\n".join([*tally.disagreements[:10], *refused[:1]])
    assert tally.flows >= RULESETS * CALLS
