"""The published table is the code's own; and every code that a finding or a trace can carry has its words."""

import re
from pathlib import Path

import kproxysim.network.codes as of_the_world
from kproxysim.netfilter import codes
from kproxysim.netfilter.matches import EXTENSIONS as MATCHES
from kproxysim.netfilter.matches import KERNEL_MATCHES
from kproxysim.netfilter.supported import page, supported
from kproxysim.netfilter.targets import EXTENSIONS as TARGETS
from kproxysim.netfilter.targets import KERNEL_TARGETS

# What a filter of a node is made of, as names that -m and -j take.
WANTED_MATCHES = [
    "comment",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "multiport",
    "iprange",
    "addrtype",
    "mark",
    "connmark",
    "conntrack",
    "state",
    "statistic",
    "recent",
    "limit",
    "hashlimit",
    "mac",
    "physdev",
    "pkttype",
    "set",
    "nfacct",
    "owner",
]
WANTED_TARGETS = [
    "ACCEPT",
    "DROP",
    "RETURN",
    "REJECT",
    "DNAT",
    "SNAT",
    "MASQUERADE",
    "REDIRECT",
    "NETMAP",
    "MARK",
    "CONNMARK",
    "CT",
    "NOTRACK",
    "LOG",
    "NFLOG",
    "TRACE",
    "TPROXY",
]


def test_the_page_is_made_from_the_code(root: Path) -> None:
    """To renew it: python -c "from kproxysim.netfilter.supported import page; print(page(), end='')"."""
    assert (root / "docs" / "supported.md").read_text(encoding="utf-8") == page()


def test_everything_wanted_is_there() -> None:
    assert set(WANTED_MATCHES) <= set(MATCHES)
    assert set(WANTED_TARGETS) <= set(TARGETS)


def test_a_name_is_either_known_or_known_by_name_only() -> None:
    assert set(MATCHES).isdisjoint(KERNEL_MATCHES)
    assert set(TARGETS).isdisjoint(KERNEL_TARGETS)


def test_every_known_one_has_a_source_and_every_gap_a_remark() -> None:
    assert [one.name for one in supported() if one.note != "known by name" and not one.source] == []
    assert [one.name for one in supported() if one.modelled != "yes" and not one.note] == []


def test_codes_used_are_codes_explained(root: Path) -> None:
    used: set[str] = set()
    for path in sorted((root / "kproxysim" / "netfilter").rglob("*.py")):
        if path.name != "codes.py":
            text = path.read_text(encoding="utf-8")
            used |= set(re.findall(r'"(KPS\d{3})"', text))
            used |= set(re.findall(r'reason="([a-z-]+)"', text))
            used |= set(re.findall(r'"(dropped-by-[a-z]+)"', text))
            used |= set(re.findall(r'_martian\(\s*skb, "([a-z-]+)"', text))
    explained = {one.code for one in codes.EXPLANATIONS}
    # a host's way may end for reasons that another room explains, since they take more than one host
    assert used - explained <= {one.code for one in of_the_world.EXPLANATIONS}
    assert explained <= used
