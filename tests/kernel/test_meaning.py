"""What each match says of a packet and what each target does with it: one rule for each, and the kernel's count of it.

The rules of a node here are nobody's but the test's. Every hook of table mangle leads through a chain of rules without a target, one for a match, so
that a flow tells of all of them; for targets each port has its own.
"""

from itertools import product

import pytest

from kproxysim.cluster import NodeFacts
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.netfilter.skb import Owner
from kproxysim.network import Edge, Pod, World
from tests.kernel.agreement import Tally, compare
from tests.kernel.lab import Lab
from tests.network.small import world

HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
WITH_INPUT, WITH_OUTPUT = ("PREROUTING", "INPUT", "FORWARD"), ("FORWARD", "OUTPUT", "POSTROUTING")
LOST, STRANGER = "internet/203.0.113.8", "internet/203.0.113.40"
"""The way back to the one leads to a pod, and none to the other."""

CLIENT, NODE, OTHER_NODE, POD = "internet/203.0.113.7", "node/node-a", "node/node-b", "pod/default/inside"
SENDERS = (CLIENT, NODE, OTHER_NODE, POD)
INSIDE = Pod("default", "inside", "node-a", ("10.44.0.5",), ("tcp/8080", "udp/53"))
AWAY = Pod("default", "away", "node-b", ("10.44.1.7",), ("tcp/8080",))

MATCHES = [
    "-s 203.0.113.0/24",
    "! -s 10.44.0.0/16",
    "-d 10.44.0.5/32",
    "! -d 10.128.0.12/32",
    "-s 10.0.0.5/255.0.0.255",
    "-p tcp",
    "! -p udp",
    "-p tcp -m tcp --dport 8080",
    "-p tcp -m tcp ! --dport 80",
    "-p tcp -m tcp --dport 79:8080",
    "-p tcp -m tcp --sport 20000:60000",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
    "-p tcp -m tcp ! --tcp-flags SYN,ACK SYN",
    "-p tcp -m tcp --tcp-flags ALL NONE",
    "-p udp -m udp --dport 53",
    "-p udp -m udp ! --sport 53",
    "-p icmp -m icmp --icmp-type 8",
    "-p icmp -m icmp --icmp-type 3",
    "-p icmp -m icmp --icmp-type 3/3",
    "-p icmp -m icmp ! --icmp-type 0",
    "-p icmp -m icmp --icmp-type any",
    "-p tcp -m multiport --dports 22,80,8000:8080",
    "-p tcp -m multiport --sports 22,8080",
    "-p tcp -m multiport --ports 8080",
    "-p tcp -m multiport ! --dports 8080",
    "-m iprange --src-range 10.44.0.1-10.44.0.9",
    "-m iprange ! --dst-range 10.128.0.0-10.128.0.12",
    "-m iprange ! --src-range 10.0.0.0-10.0.0.1 --dst-range 10.44.0.5-10.44.0.5",
    "-m mark --mark 0x4000/0x4000",
    "-m mark ! --mark 0x0",
    "-m connmark --mark 0x7/0xf",
    "-m connmark ! --mark 0x7",
    *(
        f"-m addrtype --dst-type {kind}"
        for kind in ("LOCAL", "UNICAST", "BROADCAST", "MULTICAST", "BLACKHOLE")
    ),
    *(f"-m addrtype --dst-type {kind}" for kind in ("UNREACHABLE", "PROHIBIT", "UNICAST,LOCAL")),
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --src-type LOCAL",
    "-m addrtype ! --src-type UNICAST",
    "-m addrtype --src-type UNICAST --dst-type LOCAL",
    *(
        f"-m conntrack --ctstate {state}"
        for state in ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
    ),
    "-m conntrack --ctstate DNAT",
    "-m conntrack --ctstate SNAT",
    "-m conntrack ! --ctstate NEW,ESTABLISHED",
    "-m conntrack --ctstatus SEEN_REPLY",
    "-m conntrack --ctstatus CONFIRMED",
    "-m conntrack ! --ctstatus NONE",
    "-m conntrack --ctproto 6",
    "-m conntrack ! --ctproto 6",
    "-m conntrack --ctorigsrc 203.0.113.0/24",
    "-m conntrack --ctorigdst 10.96.0.1/32",
    "-m conntrack ! --ctorigdst 10.96.0.1/32",
    "-m conntrack --ctreplsrc 10.44.0.5/32",
    "-m conntrack --ctrepldst 10.44.0.1/32",
    "-p tcp -m conntrack --ctorigdstport 80",
    "-p tcp -m conntrack --ctreplsrcport 8080",
    "-p tcp -m conntrack ! --ctorigsrcport 1:1023",
    "-m conntrack --ctdir ORIGINAL",
    "-m conntrack --ctdir REPLY",
    "-m conntrack --ctstate NEW --ctdir ORIGINAL --ctproto 17",
    *(
        f"-m conntrack --ctstate ESTABLISHED {seconds}"
        for seconds in ("--ctexpire 20:40", "! --ctexpire 20:40", "--ctexpire 100:", "--ctexpire 10:100")
    ),
    "-m state --state NEW,RELATED",
    "-m state ! --state INVALID",
    "-m pkttype --pkt-type unicast",
    "-m pkttype --pkt-type broadcast",
    *(f"-m ttl {options}" for options in ("--ttl-eq 64", "! --ttl-eq 63", "--ttl-lt 63", "--ttl-gt 63")),
    "-m recent --rcheck --name NOBODY --mask 255.255.255.255 --rsource",
    "-m recent ! --rcheck --name NOBODY --mask 255.255.255.255 --rsource",
]
IN_SOME_HOOKS = [
    *((text, WITH_INPUT) for text in ("-i eth0", "! -i eth0", "-i veth+", "-i lo", "-i eth+ -p tcp")),
    *((text, WITH_OUTPUT) for text in ("-o eth0", "! -o eth+", "-o veth0", "-o lo")),
    ("-i eth0 -o veth0", ("FORWARD",)),
    *(
        (f"-m rpfilter{options}", ("PREROUTING",))
        for options in ("", " --loose", " --accept-local", " --validmark --invert", " --loose --invert")
    ),
    *(
        (text, ("PREROUTING", "INPUT"))
        for text in ("-m socket --transparent", "-p tcp -m socket --transparent")
    ),
    *((f"-m policy --dir in --pol {kind}", WITH_INPUT) for kind in ("none", "ipsec", "ipsec --mode tunnel")),
    *((f"-m policy --dir out --pol {kind}", WITH_OUTPUT) for kind in ("none", "ipsec ! --proto esp")),
    *((text, HOOKS) for text in ("-m helper --helper ftp", "-m helper ! --helper ftp")),
    ("-m addrtype --dst-type LOCAL --limit-iface-in", ("PREROUTING", "INPUT")),
    ("-m addrtype --src-type UNICAST --limit-iface-in", ("FORWARD",)),
    ("-m addrtype --src-type LOCAL --limit-iface-out", ("OUTPUT", "POSTROUTING")),
    ("-m addrtype --dst-type UNICAST --limit-iface-out", ("FORWARD",)),
]

NAT = """\
*nat
-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.44.0.5:8080
-A OUTPUT -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.44.0.5:8080
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
COMMIT
"""
ROUTES = ["10.128.0.13 dev eth0", "10.44.1.0/24 via 10.128.0.13 dev eth0", "default via 10.128.0.1 dev eth0"]


def matching() -> str:
    """Marks for some, marks of connections for others, and at each hook a chain of all matches."""
    lines = ["*mangle", *(f":AT-{hook} - [0:0]" for hook in HOOKS)]
    lines += [
        "-A PREROUTING -s 203.0.113.0/24 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x4000/0x4000",
        "-A PREROUTING -p udp -j CONNMARK --set-xmark 0x7/0xffffffff",
    ]
    lines += [f"-A {hook} -j AT-{hook}" for hook in HOOKS]
    lines += [f"-A AT-{hook} {text}" for hook in HOOKS for text in MATCHES]
    lines += [f"-A AT-{hook} {text}" for text, hooks in IN_SOME_HOOKS for hook in hooks]
    lines += ["-A FORWARD -p tcp -m tcp --dport 82 -j DROP"]
    return "\n".join([*lines, "COMMIT", ""]) + NAT


def node_with(
    rules: str, pods: tuple[Pod, ...] = (INSIDE, AWAY), pod_network: str = "ptp", **facts: object
) -> World:
    return world(
        only=(),
        pods=pods,
        pod_network=pod_network,
        edge=Edge("routed", routes={"10.96.0.1": "node-a", "192.0.2.80": "node-a"}),
        rules={"node-a": [Ruleset.from_save(rules, "ipv4")], "node-b": []},
        facts={"node-a": NodeFacts.model_validate(facts)},
    )


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_matches(backend: str) -> None:
    tally = Tally()
    refusing = ["unreachable 192.0.2.16/28", "prohibit 192.0.2.32/28", "blackhole 192.0.2.48/28"]
    astray = ["203.0.113.8 dev veth0", "unreachable 203.0.113.40"]
    place = node_with(matching(), listening=["tcp/22", "udp/53"], routes=[*ROUTES, *refusing, *astray])
    to = ("10.96.0.1:80", "10.128.0.12:22", "10.128.0.12:53/udp", "10.44.0.5:81/udp", "10.44.0.5/icmp")
    with Lab(place, ["203.0.113.7", "203.0.113.8", "203.0.113.40"], backend) as lab:
        for sender, target in product(SENDERS, to):
            compare(lab, tally, sender, target)
        for sender in (LOST, STRANGER):
            compare(lab, tally, sender, "10.44.0.5:82")
        for target in ("192.0.2.17:80", "192.0.2.33:80", "192.0.2.49:80", "10.44.1.7:8080"):
            compare(lab, tally, POD, target)
        for flags in ("ACK", "SYN,ACK", "RST", "FIN,ACK"):
            compare(lab, tally, CLIENT, "10.44.0.5:8080", flags=flags)
        for target in ("192.0.2.17:80", "192.0.2.33:80", "192.0.2.49:80", "192.0.2.49:80/udp"):
            compare(lab, tally, NODE, target)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == len(SENDERS) * len(to) + 14


BESIDE = Pod("default", "beside", "node-a", ("10.44.0.6",), ("tcp/8080", "udp/53"))
PORTS = ["is-in", "is-out", "is-bridged"]
RESET = {98: "icmp-port-unreachable", 99: "tcp-reset"}


@pytest.mark.parametrize("pod_network", ["bridge", "ptp"])
def test_bridges(pod_network: str) -> None:
    """Ports that packets came by and leave by, on a bridge of pods whose traffic rules see; a reset goes back by its port,
    past all rules, so that who called a translated address gets it from a stranger.
    """
    lines = ["*mangle"]
    for hook, port, negation in product(HOOKS, PORTS, ("", "! ")):
        if hook != "OUTPUT" or port != "is-out":
            lines.append(f"-A {hook} -m physdev {negation}--physdev-{port}")
    lines += ["-A PREROUTING -m physdev --physdev-in port0 ! --physdev-is-in"]
    lines += ["-A PREROUTING ! -i cbr0 -m physdev --physdev-in port0", "COMMIT", "*filter"]
    for hook, (refused, kind) in product(("INPUT", "FORWARD"), RESET.items()):
        lines.append(f"-A {hook} -p tcp -m tcp --dport {refused} -j REJECT --reject-with {kind}")
    lines += ["COMMIT", NAT]
    lines[-1] = lines[-1].replace(
        "-A OUTPUT", "-A PREROUTING -d 10.96.0.2/32 -j DNAT --to-destination 10.44.0.6\n-A OUTPUT", 1
    )
    tally = Tally()
    to = (
        "10.96.0.1:80",
        "10.96.0.2:8080",
        "10.44.0.6:8080",
        "10.44.0.6:81/udp",
        "10.128.0.12:22",
        "10.44.1.7:8080",
    )
    place = node_with("\n".join(lines), (INSIDE, BESIDE, AWAY), pod_network, listening=["tcp/22"])
    with Lab(place, ["203.0.113.7"]) as lab:
        for sender, target in product(SENDERS, to):
            compare(lab, tally, sender, target)
        compare(lab, tally, "pod/default/beside", "10.44.0.5:8080")
        rejected = (
            "10.44.0.6:99",
            "10.44.0.6:98",
            "10.96.0.2:99",
            "10.96.0.2:98",
            "10.128.0.12:99",
            "10.44.1.7:99",
        )
        for target in rejected:
            compare(lab, tally, POD, target)
        compare(lab, tally, POD, "10.44.0.6:99", flags="ACK")
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == len(SENDERS) * len(to) + len(rejected) + 2


OWNERS = [
    "--socket-exists",
    "! --socket-exists",
    *(f"{negation}--uid-owner {ids}" for negation in ("", "! ") for ids in ("0", "1337", "1000-1400")),
    *(f"{negation}--gid-owner 5" for negation in ("", "! ")),
    "! --uid-owner 0 ! --gid-owner 0",
    "--uid-owner 1337 --gid-owner 5",
]
SAID_BY = ("-p icmp", "-p tcp -m tcp --tcp-flags RST RST", "-m conntrack --ctdir ORIGINAL")
"""Not asked of what a server's process answers: nobody told whose it is."""


def test_owners() -> None:
    """Processes of users and groups, what protocols say by themselves, what REJECT says, and what others sent."""
    lines = ["*mangle", ":OWNED - [0:0]"]
    lines += [f"-A {hook} {said} -j OWNED" for hook in ("OUTPUT", "POSTROUTING") for said in SAID_BY]
    lines += [f"-A OWNED -m owner {options}" for options in OWNERS]
    lines += ["COMMIT", "*filter", "-A INPUT -p tcp -m tcp --dport 24 -j REJECT --reject-with tcp-reset"]
    lines += ["-A INPUT -p udp -m udp --dport 25 -j REJECT", "COMMIT", ""]
    tally = Tally()
    to = ("10.44.1.7:8080", "10.44.0.5:8080", "10.128.0.12:22", "10.128.0.12/icmp")
    refused = ("10.128.0.12:23", "10.128.0.12:24", "10.128.0.12:25/udp", "10.128.0.12:26/udp")
    place = node_with("\n".join(lines), listening=["tcp/22"], routes=ROUTES)
    with Lab(place, ["203.0.113.7"]) as lab:
        for owner, target in product((Owner(uid=1337, gid=5), Owner(uid=1337, gid=6)), to[:3]):
            compare(lab, tally, NODE, target, owner=owner)
        for sender, target in product((CLIENT, NODE), (*to, *refused)):
            compare(lab, tally, sender, target)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == 22


TARGETS = """\
*raw
-A PREROUTING -p tcp -m tcp --dport 1001 -j NOTRACK
-A PREROUTING -p tcp -m tcp --dport 1002 -j CT --notrack
-A OUTPUT -p icmp -m icmp --icmp-type 3/3 -j NOTRACK
COMMIT
*mangle
:MARKED - [0:0]
-A PREROUTING -p tcp -m tcp --dport 1010 -j MARK --set-xmark 0xf0/0xff
-A PREROUTING -p tcp -m tcp --dport 1010 -j MARK --and-mark 0x3f
-A PREROUTING -p tcp -m tcp --dport 1010 -j MARK --xor-mark 0x11
-A PREROUTING -p tcp -m tcp --dport 1010 -j MARK --or-mark 0x100
-A PREROUTING -p tcp -m tcp --dport 1010 -j CONNMARK --save-mark
-A PREROUTING -m connmark --mark 0x121 -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xffffffff
-A PREROUTING -m mark --mark 0x21 -g MARKED
-A PREROUTING -p tcp -m tcp --dport 1011 -j LOG --log-prefix never
-A PREROUTING -p tcp -m tcp --dport 1011 -j NFLOG
-A PREROUTING -p tcp -m tcp --dport 1011 --syn -j TCPMSS --set-mss 500
-A FORWARD -p tcp -m tcp --dport 1011 --syn -j TCPMSS --clamp-mss-to-pmtu
-A POSTROUTING -p tcp -m tcp --dport 1011 -j CHECKSUM --checksum-fill
-A POSTROUTING -p tcp -m tcp --dport 1011 -j DSCP --set-dscp-class EF
-A POSTROUTING -p tcp -m tcp --dport 1011 -j TOS --or-tos 0x4
-A POSTROUTING -p tcp -m tcp --dport 1011 -j CLASSIFY --set-class 1:20
-A POSTROUTING -p tcp -m tcp --dport 1011 -j AUDIT --type accept
-A POSTROUTING -p tcp -m tcp --dport 1011
-A POSTROUTING -p udp -m udp --dport 1052 -j DROP
-A PREROUTING -p tcp -m tcp --dport 1060 -j TTL --ttl-set 1
-A PREROUTING -p tcp -m tcp --dport 1061 -j TTL --ttl-dec 70
-A FORWARD -p tcp -m tcp --dport 1062 -j TTL --ttl-dec 62
-A FORWARD -m ttl --ttl-lt 3
-A OUTPUT -p tcp -m tcp --dport 1063 -j TTL --ttl-set 1
-A OUTPUT -p tcp -m tcp --dport 1064 -j TTL --ttl-inc 200
-A POSTROUTING -m ttl --ttl-gt 64
-A MARKED -p tcp
-A MARKED -p tcp -m tcp --dport 1010 -j RETURN
-A MARKED
COMMIT
*nat
-A PREROUTING -p tcp -m tcp --dport 1020 -j REDIRECT --to-ports 22
-A PREROUTING -p tcp -m tcp --dport 1021 -j REDIRECT
-A PREROUTING -p udp -m udp --dport 1070 -j REDIRECT --to-ports 1071
-A PREROUTING -p udp -m udp --dport 1072 -j REDIRECT --to-ports 1073
-A PREROUTING -d 192.0.2.80/32 -p tcp -m tcp --dport 8080 -j NETMAP --to 10.44.0.5/32
-A PREROUTING -p tcp -m tcp --dport 1023 -j DNAT --to-destination :8080
-A PREROUTING -p tcp -m tcp --dport 1024 -j DNAT --to-destination 10.44.0.5-10.44.0.9
-A PREROUTING -p tcp -m tcp --dport 1025 -j DNAT --to-destination 10.44.0.5-10.44.0.9 --persistent
-A PREROUTING -p tcp -m tcp --dport 1026 -j ACCEPT
-A PREROUTING -p tcp -m tcp --dport 1026 -j REDIRECT --to-ports 22
-A OUTPUT -p tcp -m tcp --dport 1020 -j REDIRECT --to-ports 22
-A OUTPUT -p tcp -m tcp --dport 1027 -j DNAT --to-destination 127.0.0.1:22
-A OUTPUT -p udp -m udp --dport 1075 -j DNAT --to-destination 10.44.1.7
-A INPUT -p tcp -m tcp --dport 22 -j SNAT --to-source 192.0.2.99
-A POSTROUTING -p tcp -m tcp --dport 1030 -j SNAT --to-source 192.0.2.80
-A POSTROUTING -p tcp -m tcp --dport 1031 -j SNAT --to-source 192.0.2.80-192.0.2.87
-A POSTROUTING -p tcp -m tcp --dport 1032 -j SNAT --to-source 192.0.2.80:3000-3100
-A POSTROUTING -p tcp -m tcp --dport 1033 -j MASQUERADE --to-ports 4000-4100
-A POSTROUTING -p tcp -m tcp --dport 1034 -j MASQUERADE --random
-A POSTROUTING -s 10.44.0.5/32 -p tcp -m tcp --dport 1035 -j NETMAP --to 192.0.2.80/32
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:DEEP - [0:0]
:DEEPER - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1021 -j ACCEPT
-A INPUT -p udp -m udp --dport 1071 -j ACCEPT
-A INPUT -p udp -m udp --dport 1073 -j REJECT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 1040 -j REJECT --reject-with icmp-net-unreachable
-A FORWARD -p tcp -m tcp --dport 1041 -j REJECT --reject-with icmp-host-unreachable
-A FORWARD -p tcp -m tcp --dport 1042 -j REJECT --reject-with icmp-proto-unreachable
-A FORWARD -p tcp -m tcp --dport 1043 -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -p tcp -m tcp --dport 1044 -j REJECT --reject-with icmp-net-prohibited
-A FORWARD -p tcp -m tcp --dport 1045 -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -p tcp -m tcp --dport 1046 -j REJECT --reject-with icmp-admin-prohibited
-A FORWARD -p tcp -m tcp --dport 1047 -j REJECT --reject-with tcp-reset
-A FORWARD -p tcp -m tcp --dport 1048 -j RETURN
-A FORWARD -p tcp -m tcp --dport 1048 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 1049 -j DEEP
-A FORWARD -p tcp -m tcp --dport 1049 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp -m udp --dport 1050 -j REJECT --reject-with icmp-admin-prohibited
-A FORWARD -p udp -m udp --dport 1051 -j DROP
-A FORWARD -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 1040 -j REJECT --reject-with icmp-net-unreachable
-A OUTPUT -p tcp -m tcp --dport 1047 -j REJECT --reject-with tcp-reset
-A OUTPUT -p tcp -m tcp --dport 1048 -j DROP
-A OUTPUT -p udp -m udp --dport 1050 -j REJECT --reject-with icmp-admin-prohibited
-A OUTPUT -p udp -m udp --dport 1051 -j DROP
-A DEEP -p tcp -g DEEPER
-A DEEP -p tcp -j DROP
-A DEEPER -p tcp -m tcp --dport 1000
COMMIT
"""
TRACKED, MARKED = (1001, 1002), (1010, 1011)
TRANSLATED, REFUSED = (
    (1020, 1021, 1023, 1024, 1025, 1026, 1030, 1031, 1032, 1033, 1034, 1035),
    range(1040, 1050),
)
OF_TTL = range(1060, 1065)


def test_targets() -> None:
    tally = Tally()
    place = node_with(TARGETS, listening=["tcp/22"])
    away = [f"10.44.1.7:{port}" for port in (*TRACKED, *MARKED, *TRANSLATED, *REFUSED, *OF_TTL)]
    with Lab(place, ["203.0.113.7"]) as lab:
        for sender, target in product((CLIENT, POD, NODE), away):
            compare(lab, tally, sender, target)
        for sender, port in product((POD, NODE), (1050, 1051, 1052)):
            compare(lab, tally, sender, f"10.44.1.7:{port}/udp")
        for sender, port in product((CLIENT, POD, OTHER_NODE, NODE), (22, 80, 1020, 1026, 1027)):
            compare(lab, tally, sender, f"10.128.0.12:{port}")
        for sender in (CLIENT, OTHER_NODE):
            compare(lab, tally, sender, "192.0.2.80:8080")
        for sender, port in product(
            (CLIENT, POD), (1070, 1072)
        ):  # a refusal of REJECT's own is tracked already
            compare(lab, tally, sender, f"10.128.0.12:{port}/udp")
        compare(lab, tally, NODE, "127.0.0.1:1075/udp")
        for sender, left in product((CLIENT, POD, NODE), (1, 2, 3, 128)):
            compare(lab, tally, sender, "10.44.1.7:8080", ttl=left)
    assert not tally.disagreements, "\n".join(tally.disagreements)
