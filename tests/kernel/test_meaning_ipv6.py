"""As test_meaning, for what IPv6 has of its own: types of ICMP and of addresses, kinds of refusal."""

from itertools import product

from kproxysim.cluster import Cluster, NodeFacts
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.network import Edge, Pod, World
from kproxysim.testing.strategies.addresses import internal
from kproxysim.testing.strategies.addresses import pod as pod_address
from kproxysim.testing.strategies.objects import make_node
from tests.kernel.agreement import Tally, compare
from tests.kernel.lab import Lab

HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
CLIENT, NODE, POD = "internet/2001:db8:cafe::7", "node/n0", "pod/default/inside"
ENDPOINT, AWAY = pod_address(0, 0, 6), pod_address(1, 0, 6)

MATCHES = [
    "-s 2001:db8::/32",
    "! -d fd00:44::/48",
    "-p ipv6-icmp",
    "! -p tcp",
    "-p ipv6-icmp -m icmp6 --icmpv6-type 128",
    "-p ipv6-icmp -m icmp6 --icmpv6-type 1",
    "-p ipv6-icmp -m icmp6 --icmpv6-type 1/4",
    "-p ipv6-icmp -m icmp6 ! --icmpv6-type 129",
    "-p tcp -m tcp --dport 8080",
    "-p tcp -m multiport ! --dports 22,8080",
    "-m iprange --src-range fd00:44::1-fd00:44::ffff",
    "-m mark --mark 0x4000/0x4000",
    *(
        f"-m addrtype --dst-type {kind}"
        for kind in ("LOCAL", "UNICAST", "MULTICAST", "UNREACHABLE", "LOCAL,UNICAST")
    ),
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --src-type LOCAL",
    "-m addrtype --src-type UNICAST --dst-type UNREACHABLE",
    *(f"-m conntrack --ctstate {state}" for state in ("NEW", "ESTABLISHED", "RELATED", "INVALID")),
    "-m conntrack --ctstate DNAT",
    "-m conntrack --ctorigdst fd00:96::1/128",
    "-m conntrack --ctreplsrc fd00:44::/48",
    "-m conntrack ! --ctproto 58",
    "-m conntrack --ctdir REPLY",
    "-m pkttype --pkt-type unicast",
    *(f"-m hl {options}" for options in ("--hl-eq 64", "! --hl-eq 63", "--hl-lt 63", "--hl-gt 63")),
    "-m rt --rt-type 0",
    "-m rt ! --rt-type 0",
]
BACK = ["", " --loose", " --accept-local", " --invert", " --validmark --loose --invert"]

REFUSALS = (
    "no-route",
    "adm-prohibited",
    "addr-unreachable",
    "port-unreachable",
    "policy-fail",
    "reject-route",
)


def rules() -> str:
    lines = ["*mangle", *(f":AT-{hook} - [0:0]" for hook in HOOKS)]
    lines.append("-A PREROUTING -s 2001:db8::/32 -p tcp -j MARK --set-xmark 0x4000/0x4000")
    lines += [f"-A {hook} -j AT-{hook}" for hook in HOOKS]
    lines.append("-A PREROUTING -p tcp -m tcp --dport 1020 -j HL --hl-dec 63")
    lines.append("-A POSTROUTING -p tcp -m tcp --dport 1021 -j HL --hl-set 1")
    lines += [f"-A AT-{hook} {text}" for hook in HOOKS for text in MATCHES]
    lines += [f"-A AT-PREROUTING -m rpfilter{options}" for options in BACK]
    lines += ["COMMIT", "*nat"]
    target = f"-d fd00:96::1/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination [{ENDPOINT}]:8080"
    lines += [f"-A PREROUTING {target}", f"-A OUTPUT {target}"]
    lines += [
        f"-A {hook} -d fd00:96::2/128 -j DNAT --to-destination ::1" for hook in ("PREROUTING", "OUTPUT")
    ]
    lines += ["-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE", "COMMIT", "*filter"]
    for hook in ("FORWARD", "OUTPUT"):
        for port, kind in enumerate(REFUSALS, 1000):
            lines.append(f"-A {hook} -p tcp -m tcp --dport {port} -j REJECT --reject-with icmp6-{kind}")
            lines.append(f"-A {hook} -p udp -m udp --dport {port} -j REJECT --reject-with icmp6-{kind}")
        lines.append(f"-A {hook} -p tcp -m tcp --dport 1010 -j REJECT --reject-with tcp-reset")
    return "\n".join([*lines, "COMMIT", ""])


def node_with(text: str) -> World:
    inside = Pod("default", "inside", "n0", (ENDPOINT,), ("tcp/8080",))
    away = Pod("default", "away", "n1", (AWAY,), ("tcp/8080",))
    hop = internal(1, 6)
    routes = [f"{hop} dev eth0", f"fd00:44:0:1::/64 via {hop} dev eth0", "default via fd00:128::1 dev eth0"]
    routes += ["unreachable 2001:db8:bad::/48", "prohibit 2001:db8:bae::/48"]
    return World(
        Cluster([make_node(0, (6,), ""), make_node(1, (6,), "")]),
        edge=Edge("routed", routes={"fd00:96::1": "n0", "fd00:96::2": "n0"}),
        pods=[inside, away],
        facts={"n0": NodeFacts.model_validate({"listening": ["tcp/22"], "routes": routes})},
        rules={"n0": [Ruleset.from_save(text, "ipv6")], "n1": []},
    )


def test_matches_and_refusals() -> None:
    tally = Tally()
    own = internal(0, 6)
    to = [
        "[fd00:96::1]:80",
        "[fd00:96::2]:22",
        f"[{own}]:22",
        f"[{own}]:53/udp",
        f"[{ENDPOINT}]:81",
        f"{ENDPOINT}/icmp",
        f"{AWAY}/icmp",
    ]
    ports = [*range(1000, 1000 + len(REFUSALS)), 1010]
    refused = [f"[{AWAY}]:{port}/{protocol}" for port in ports for protocol in ("tcp", "udp")]
    refused += [f"[{AWAY}]:1020", f"[{AWAY}]:1021"]
    with Lab(node_with(rules()), [CLIENT.removeprefix("internet/")]) as lab:
        for sender, target in product((CLIENT, NODE, POD), to):
            compare(lab, tally, sender, target)
        for sender, target in product((NODE, POD), refused):
            compare(lab, tally, sender, target)
        for sender, target in product((NODE, POD), ("[2001:db8:bad::1]:80", "[2001:db8:bae::1]:80")):
            compare(lab, tally, sender, target)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == 3 * len(to) + 2 * len(refused) + 4
