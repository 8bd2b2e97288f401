"""Connections are tracked while a rule asks for it: table nat is asked then, and only then."""

import pytest

from tests.kernel.agreement import Tally, compare
from tests.kernel.lab import Lab
from tests.kernel.test_drawn_rules import CLIENT, node_with

NAT = "*nat\n-A PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT\n{}COMMIT\n"
ASKING = {
    "": False,
    "*filter\n-A FORWARD -m state --state NEW": True,
    "*filter\n-A FORWARD -m connmark --mark 0x1": True,
    "*filter\n:ELSEWHERE - [0:0]\n-A ELSEWHERE -m conntrack --ctstate INVALID": True,
    "*filter\n-A FORWARD -m helper --helper ftp": True,
    '*filter\n-A FORWARD -m comment --comment "-j DNAT -m state" -j REJECT': False,
    "*filter\n-A INPUT -m connlimit --connlimit-above 9": True,
    "*mangle\n-A INPUT -j CONNMARK --save-mark": True,
    "*mangle\n-A PREROUTING -p udp -m socket --transparent": False,
    "*raw\n-A PREROUTING -p udp -j CT --notrack": False,
    "*raw\n-A PREROUTING -p udp -j CT --ctevents new": True,
    "*nat\n-A POSTROUTING -s 192.0.2.1/32 -j MASQUERADE": True,
    "*nat\n-A OUTPUT -d 192.0.2.1/32 -p tcp -j REDIRECT": True,
}


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_each_rule_that_may_ask(backend: str) -> None:
    tally = Tally()
    with Lab(node_with("*filter\nCOMMIT\n"), [CLIENT], backend) as lab:
        for text, tracked in ASKING.items():
            same, own = ("", text[5:] + "\n") if text.startswith("*nat") else (f"{text}\nCOMMIT\n", "")
            lab.load(node_with((same if text else "") + NAT.format(own)))
            sent = compare(lab, tally, f"internet/{CLIENT}", "10.44.0.5:80")
            assert sent is not None
            assert (("node/node-a", "nat/PREROUTING/1") in sent.way.counters) == tracked, text
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.flows == len(ASKING)
