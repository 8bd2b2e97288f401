"""Which connection a packet belongs to, and whether it may open one. TCP and SCTP have tables of their own.

Sources: nf_conntrack_proto_icmp.c, _icmpv6.c, nf_conntrack_core.c; tests/kernel/test_tracking_others.py asks a kernel.
"""

import pytest

from kproxysim.netfilter.conntrack import Conntrack, Status
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.netfilter.tracking import confirm, icmp_type, track
from kproxysim.packet import Packet

A, B = {4: "10.0.0.5", 6: "fd00::5"}, {4: "10.1.0.9", 6: "fd00::9"}


def icmp(version: int, number: int, *, back: bool = False, echo_id: int = 0) -> Packet:
    ends = (B[version], A[version]) if back else (A[version], B[version])
    return Packet("icmp" if version == 4 else "ipv6-icmp", *ends, icmp=(number, 0), echo_id=echo_id)


def called(*packets: Packet) -> list[str]:
    """What each of some packets is called, with the number of its entry, and `back` for one that answers."""
    table, told = Conntrack(), []
    for packet in packets:
        flow = confirm(track(Skb.of(packet), table, Sysctls()), table).flow
        assert flow is not None
        number = "" if flow.connection is None else f" {flow.connection.number}"
        told.append(f"{flow.state}{number}{' back' if flow.is_reply else ''}")
    return told


@pytest.mark.parametrize(
    "version, asked, answer",
    [(4, 8, 0), (4, 13, 14), (4, 15, 16), (4, 17, 18), (6, 128, 129)],
)
def test_a_question_opens_and_its_answer_belongs_to_it(version: int, asked: int, answer: int) -> None:
    question, back = icmp(version, asked), icmp(version, answer, back=True)
    assert called(question, back, question) == ["NEW 1", "ESTABLISHED 1 back", "ESTABLISHED 1"]
    assert called(back, question) == ["INVALID", "NEW 1"]
    assert called(question, question) == ["NEW 1", "NEW 1"]
    # the same asked from the other side is another one, and so is another id
    assert called(question, icmp(version, asked, back=True)) == ["NEW 1", "NEW 2"]
    assert called(question, icmp(version, asked, echo_id=1)) == ["NEW 1", "NEW 2"]
    assert called(question, icmp(version, answer, back=True, echo_id=1)) == ["NEW 1", "INVALID"]


@pytest.mark.parametrize("version, number", [(4, 5), (4, 9), (4, 10), (6, 133), (6, 135), (6, 2)])
def test_no_other_icmp_opens_anything(version: int, number: int) -> None:
    assert called(icmp(version, number)) == ["INVALID"]


@pytest.mark.parametrize("version, asked, answer", [(4, 8, 0), (4, 13, 14), (6, 128, 129)])
def test_the_types_of_an_entry(version: int, asked: int, answer: int) -> None:
    table = Conntrack()
    confirm(track(Skb.of(icmp(version, asked, echo_id=7)), table, Sysctls()), table)
    (entry,) = table.entries()
    assert (icmp_type(entry.original), icmp_type(entry.reply)) == (asked, answer)
    assert (entry.original.echo_id, entry.reply.echo_id) == (entry.original.sport, entry.original.sport)


def test_an_error_belongs_to_what_it_quotes() -> None:
    asked = Packet("udp", "10.0.0.5", "10.1.0.9", 4000, 53)
    other = Packet("udp", "10.0.0.5", "10.1.0.9", 4001, 53)
    from_router, of_other = (
        Packet("icmp", "10.9.9.9", "10.0.0.5", icmp=(3, 1), inner=one) for one in (asked, other)
    )
    to_server = Packet("icmp", "10.9.9.9", "10.1.0.9", icmp=(3, 1), inner=asked.reply(""))
    assert called(asked, from_router, of_other, to_server) == [
        "NEW 1",
        "RELATED 1 back",
        "INVALID",
        "RELATED 1",
    ]


@pytest.mark.parametrize(
    "protocol, answered, later, seconds, assured",
    [
        ("udp", False, 3, 30, False),
        ("udp", True, 2, 30, False),
        ("udp", True, 2.5, 120, True),
        ("gre", False, 0, 30, False),
        ("gre", True, 0, 180, True),
        ("esp", True, 0, 600, False),
        ("icmp", True, 0, 31, False),
        ("ipv6-icmp", True, 0, 32, False),
    ],
)
def test_how_long_an_entry_is_kept(
    protocol: str, answered: bool, later: float, seconds: float, assured: bool
) -> None:
    if "icmp" in protocol:
        version = 4 if protocol == "icmp" else 6
        there, back = (
            (icmp(4, 8), icmp(4, 0, back=True)) if version == 4 else (icmp(6, 128), icmp(6, 129, back=True))
        )
    else:
        near, far = (4000, 53) if protocol == "udp" else (None, None)
        there, back = Packet(protocol, A[4], B[4], near, far), Packet(protocol, B[4], A[4], far, near)
    table, sysctls = Conntrack(), Sysctls(timeouts=Timeouts(icmp_timeout=31, icmpv6_timeout=32))
    for packet in (there, *((back,) if answered else ())):
        confirm(track(Skb.of(packet), table, sysctls), table)
    table.clock = later
    track(Skb.of(there), table, sysctls)
    (entry,) = table.entries()
    assert entry.expires - table.clock == seconds
    assert (bool(entry.status & Status.SEEN_REPLY), bool(entry.status & Status.ASSURED)) == (
        answered,
        assured,
    )


def test_what_is_known_already_is_not_looked_up_again() -> None:
    table = Conntrack()
    first = track(Skb.of(Packet("udp", "10.0.0.5", "10.1.0.9", 4000, 53)), table, Sysctls())
    assert track(first, table, Sysctls()) is first
    untracked = Skb.of(Packet("udp", "10.0.0.5", "10.1.0.9", 4000, 53))
    assert confirm(untracked, table) is untracked
    assert len(table) == 0
    kept = confirm(first, table)
    assert len(table) == 1
    assert confirm(kept, table) is kept
