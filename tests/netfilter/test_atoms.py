"""Values of one atom get the same answer from every rule that `iptables` takes."""

from ipaddress import ip_address
from random import Random

import pytest

from kproxysim.netfilter.atoms import Atoms, Cuts
from kproxysim.netfilter.chance import Enumeration
from kproxysim.netfilter.condition import Unmodelled
from kproxysim.netfilter.conntrack import Connection, Flow, Tuple
from kproxysim.netfilter.host import Host
from kproxysim.netfilter.meaning import Parsed
from kproxysim.netfilter.passage import Passage
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import NO_SOCKET, Skb
from kproxysim.netfilter.state import HostState
from kproxysim.netfilter.syntax import parse_rule
from tests.netfilter.rule_tables import ACCEPTED

ACCEPTED_RULES = sorted(
    {
        (family, line if isinstance(line, str) else line[1])
        for (_, _, family), lines in ACCEPTED.items()
        for line in lines
        if isinstance(line, str) or len(line) == 2
    }
)
BY_RANGES = [(family, text) for family, text in ACCEPTED_RULES if parse_rule(text, family).cut(Cuts())]
TRIES = 30


class TestAtoms:
    def test_are_numbered_upwards(self) -> None:
        atoms = Atoms({10, 20, 21})
        assert [atoms.number(value) for value in (-1, 9, 10, 19, 20, 21, 99)] == [0, 0, 1, 1, 2, 3, 3]

    def test_of_a_single_value(self) -> None:
        atoms = Atoms({10, 20, 21})
        assert [value for value in range(10, 30) if atoms.is_single(value)] == [20]
        assert Atoms({20, 21, 30}).is_single(20)

    def test_no_port_at_all_is_single(self) -> None:
        assert Atoms({0, 80}).is_single(-1)
        assert Atoms({0, 1}).is_single(0)
        assert not Atoms({0, 80}).is_single(0)

    def test_what_each_range_cuts(self) -> None:
        cuts = Cuts()
        assert (cuts.atoms(4)._cuts, cuts.atoms(6)._cuts, cuts.port_atoms()._cuts) == ([0], [0], [0])
        cuts.port(80)
        cuts.ports(90, 99)
        assert cuts.port_atoms()._cuts == [0, 80, 81, 90, 100]
        cuts.address(7, 6)
        cuts.addresses(10, 19, 6)
        cuts.prefix(1 << 64, 64, 6)
        cuts.ends((30, 31), 6)
        assert cuts.atoms(6)._cuts == [0, 7, 8, 10, 20, 30, 31, 1 << 64, 2 << 64]
        cuts.prefix(0x0A000000, 8, 4)
        assert cuts.atoms(4)._cuts == [0, 0x0A000000, 0x0B000000]

    @pytest.mark.parametrize(
        "network, mask, version, ends",
        [
            (0x0A010203, 0xFFFF0000, 4, (0x0A010000, 0x0A020000)),
            (0x0A010203, 0xFFFFFFFF, 4, (0x0A010203, 0x0A010204)),
            (0x0A010203, 0, 4, (0, 1 << 32)),
            (5, (1 << 128) - 16, 6, (0, 16)),
        ],
    )
    def test_a_mask_of_a_prefix_is_a_range(
        self, network: int, mask: int, version: int, ends: tuple[int, int]
    ) -> None:
        cuts = Cuts()
        assert cuts.masked(network, mask, version)
        assert cuts.atoms(version)._cuts == sorted({0, *ends})

    @pytest.mark.parametrize("mask", [0xFF00FF00, 0xFFFFFFFD, 0x7FFFFFFF])
    def test_a_mask_that_is_no_prefix_is_no_range(self, mask: int) -> None:
        cuts = Cuts()
        assert not cuts.masked(0x0A000000, mask, 4)
        assert cuts.atoms(4)._cuts == [0]


CUTS: list[tuple[Family, str, list[str], list[int]]] = [
    # where the addresses are cut of which a rule speaks, and where the ports are; beginning with the lowest
    ("ipv4", "-p tcp -m tcp --dport 80:90", [], [80, 91]),
    ("ipv4", "-p udp -m udp --sport 53 ! --dport 1024:", [], [53, 54, 1024, 65536]),
    ("ipv4", "-p tcp -m multiport --ports 80,8000:8080", [], [80, 81, 8000, 8081]),
    ("ipv4", "-m rpfilter", ["1.0.0.0", "224.0.0.0", "224.0.1.0", "255.255.255.255"], []),
    ("ipv6", "-m rpfilter", ["::1"], []),
    ("ipv4", "-p tcp -j DNAT --to-destination 10.0.0.5:80", ["10.0.0.5", "10.0.0.6"], [80, 81]),
    ("ipv4", "-p tcp -j DNAT --to-destination :80", [], [80, 81]),
    ("ipv4", "-p tcp -j SNAT --to-source 10.0.0.5:80-90", ["10.0.0.5", "10.0.0.6"], [80, 81, 91]),
    ("ipv6", "-j SNAT --to-source fd00::5", ["fd00::5", "fd00::6"], []),
    ("ipv4", "-p tcp -j MASQUERADE --to-ports 80-90", [], [80, 81, 91]),
    ("ipv4", "-j MASQUERADE", [], []),
    ("ipv4", "-p tcp -j REDIRECT --to-ports 80", [], [80, 81]),
    ("ipv4", "-j REDIRECT", [], []),
]


@pytest.mark.parametrize("family, text, addresses, ports", CUTS)
def test_where_a_rule_cuts(family: Family, text: str, addresses: list[str], ports: list[int]) -> None:
    cuts = Cuts()
    assert parse_rule(text, family).cut(cuts)
    found = cuts.atoms(4 if family == "ipv4" else 6)._cuts
    last = [] if found[-1] < 1 << 32 or family == "ipv6" else [1 << 32]
    assert found == [0, *(int(ip_address(one)) for one in addresses), *last]
    assert cuts.port_atoms()._cuts == [0, *ports]


@pytest.mark.parametrize(
    "text",
    [
        "-p tcp -j DNAT --to-destination 10.0.0.5:80-90",  # drawn
        "-p tcp -j DNAT --to-destination 10.0.0.5:80-90/1000",  # reckoned
        "-j DNAT --to-destination 10.0.0.5-10.0.0.6",  # a hash of the addresses
        "-j SNAT --to-source 10.0.0.5-10.0.0.6",
        "-p tcp -j REDIRECT --to-ports 80-90",
    ],
)
def test_what_is_picked_by_more_than_ranges(text: str) -> None:
    assert not parse_rule(text, "ipv4").cut(Cuts())


def answers(meaning: Parsed, skb: Skb) -> list[object]:
    """What each match says of the packet; what lists and chance decide is left out."""
    passage = Passage(Host("here"), HostState(), Enumeration(), lambda _: None)
    passage._family = skb.family
    found: list[object] = []
    for match in meaning.checks:
        try:
            found.append(match.holds(skb, passage))
        except Unmodelled as unknown:
            found.append(str(unknown))
    return found


def packet(family: Family, addresses: tuple[int, int], ports: tuple[int, int]) -> Skb:
    version = 4 if family == "ipv4" else 6
    original = Tuple("tcp", addresses[0], ports[0], addresses[1], ports[1], version)
    flow = Flow("NEW", Connection(1, original, original.inverse()))
    (src, dst), (sport, dport) = addresses, ports
    return Skb(version, "tcp", src, dst, sport, dport, "SYN", iif="eth0", flow=flow, owner=NO_SOCKET)


ENDS = [
    # the match, and values of which only the two in the middle are alike (an `atom` each)
    ("--ctorigsrc 10.0.0.0/8", (0x09FFFFFF, 0x0A000000, 0x0AFFFFFF, 0x0B000000)),
    ("--ctorigdst 10.0.0.0/8", (0x09FFFFFF, 0x0A000000, 0x0AFFFFFF, 0x0B000000)),
    ("--ctreplsrc 10.0.0.0/8", (0x09FFFFFF, 0x0A000000, 0x0AFFFFFF, 0x0B000000)),
    ("--ctrepldst 10.0.0.0/8", (0x09FFFFFF, 0x0A000000, 0x0AFFFFFF, 0x0B000000)),
    ("--ctorigsrc ff00::/8", ((0xFF << 120) - 1, 0xFF << 120, (1 << 128) - 1, 1 << 128)),
    ("--ctorigsrcport 80:90", (79, 80, 90, 91)),
    ("--ctrepldstport 80:90", (79, 80, 90, 91)),
]


@pytest.mark.parametrize("option, values", ENDS)
def test_options_of_connections_cut_at_their_ends(option: str, values: tuple[int, ...]) -> None:
    cuts = Cuts()
    six = "::" in option
    assert parse_rule(f"-m conntrack {option}", "ipv6" if six else "ipv4").cut(cuts)
    atoms = cuts.port_atoms() if "port" in option else cuts.atoms(6 if six else 4)
    assert [atoms.number(value) for value in values] == [1, 2, 2, 3]


def test_what_hangs_on_more_than_ranges() -> None:
    """Lists, counters, masks that are no prefix, one of several addresses, and ports that are reckoned or drawn."""
    others = [text for family, text in ACCEPTED_RULES if (family, text) not in BY_RANGES]
    reasons = (
        "-m recent", "--mode nth", "/255.0.255.0", "ffff::ffff", "NETMAP", "-192.0.2.9", "-10.0.0.9", "-fd00::9",
        "1000-2000/80", "8080-8090",
    )  # fmt: skip
    assert [text for text in others if not any(reason in text for reason in reasons)] == []
    assert [reason for reason in reasons if not any(reason in text for text in others)] == []


@pytest.mark.parametrize("family, text", BY_RANGES)
def test_a_rule_answers_alike_within_an_atom(family: Family, text: str) -> None:
    meaning = parse_rule(text, family)
    cuts = Cuts()
    Host("here").cut(cuts)
    assert meaning.cut(cuts)
    random = Random(text)
    version, bits = (4, 32) if family == "ipv4" else (6, 128)
    atoms, ports = cuts.atoms(version), cuts.port_atoms()

    def drawn(atoms: Atoms, bits: int) -> tuple[int, int]:
        """Two values of one atom, its ends most of the time."""
        ends = [*(end for end in atoms._cuts if end < 1 << bits), 1 << bits]
        number = random.randrange(len(ends) - 1)
        low, high = ends[number], ends[number + 1] - 1
        return random.choice(((low, high), (random.randint(low, high), random.randint(low, high))))

    for _ in range(TRIES):
        source, target = drawn(atoms, bits), drawn(atoms, bits)
        sport, dport = drawn(ports, 16), drawn(ports, 16)
        one, other = (
            packet(family, (source[which], target[which]), (sport[which], dport[which])) for which in (0, 1)
        )
        assert answers(meaning, one) == answers(meaning, other), (one, other)
