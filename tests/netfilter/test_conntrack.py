"""The table of connections as time passes."""

import pytest

from kproxysim.netfilter.conntrack import Connection, Conntrack, CtState, Flow, Status, Tuple
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.state import HostState, Session
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet

CLIENT, SERVER = "10.0.0.5", "10.244.1.10"
ASKS = Packet("udp", CLIENT, SERVER, 4000, 53)
PING = Packet("icmp", CLIENT, SERVER, icmp=(8, 0))
PONG = Packet("icmp", SERVER, CLIENT, icmp=(0, 0))
CALLS = Packet("tcp", CLIENT, SERVER, 4000, 80)


class Tracked:
    """A host that only tracks. Packets at times in seconds; what conntrack thinks of each."""

    def __init__(self, sysctls: Sysctls | None = None) -> None:
        self.table = Conntrack()
        self.sysctls = sysctls or Sysctls()

    def see(self, packet: Packet, at: float = 0) -> str:
        self.table.clock = at
        skb = confirm(track(Skb.of(packet), self.table, self.sysctls), self.table)
        assert skb.flow is not None
        return skb.flow.state

    def entry(self, at: float) -> Connection | None:
        """The only entry at a time, None if it is over."""
        self.table.clock = at
        found = self.table.entries()
        assert len(found) <= 1
        return found[0] if found else None

    def left(self, at: float) -> float:
        entry = self.entry(at)
        return 0 if entry is None else entry.expires - at


def test_udp_without_an_answer_lives_for_thirty_seconds() -> None:
    """`nf_conntrack_udp_packet`: each packet begins them anew, the clock at exactly their end is too late."""
    host = Tracked()
    assert host.see(ASKS) == CtState.NEW
    assert host.see(ASKS, 29) == CtState.NEW
    assert host.left(30) == 29
    assert host.entry(59) is None
    assert host.see(ASKS.reply(), 59) == CtState.NEW  # an answer too late is a question


def test_udp_that_is_used_for_more_than_two_seconds_is_a_stream() -> None:
    host = Tracked()
    host.see(ASKS)
    assert host.see(ASKS.reply(), 0.1) == CtState.ESTABLISHED
    assert host.see(ASKS, 2) == CtState.ESTABLISHED
    assert host.left(2) == 30
    assert host.see(ASKS, 2.1) == CtState.ESTABLISHED
    entry = host.entry(122)
    assert entry is not None
    assert entry.status & Status.ASSURED
    assert host.entry(122.1) is None


@pytest.mark.parametrize(
    "first, answer, timeout",
    [
        (PING, PONG, 30),
        (Packet("icmp", SERVER, CLIENT, icmp=(13, 0)), Packet("icmp", CLIENT, SERVER, icmp=(14, 0)), 30),
        (Packet("ipv6-icmp", "fd00::1", "fd00::2", icmp=(128, 0)), None, 30),
        (Packet("esp", CLIENT, SERVER), Packet("esp", SERVER, CLIENT), 600),
    ],
)
def test_protocols_without_states(first: Packet, answer: Packet | None, timeout: float) -> None:
    host = Tracked()
    assert host.see(first) == CtState.NEW
    assert host.left(0) == timeout
    if answer is not None:
        assert host.see(answer, timeout - 1) == CtState.ESTABLISHED
        assert host.left(timeout - 1) == timeout


def test_settings_of_the_host_count() -> None:
    timeouts = Timeouts.of({"net.netfilter.nf_conntrack_udp_timeout": "7", "net.ipv4.ip_forward": "1"})
    assert timeouts == Timeouts(udp_timeout=7)
    host = Tracked(Sysctls(timeouts=timeouts))
    host.see(ASKS)
    assert host.left(0) == 7


def test_an_error_about_a_connection_that_is_over_is_invalid() -> None:
    error = Packet("icmp", "10.1.1.1", CLIENT, icmp=(3, 1), inner=ASKS)
    host = Tracked()
    host.see(ASKS)
    assert host.see(error, 29) == CtState.RELATED
    assert host.left(29) == 1  # an error keeps nothing alive
    assert host.see(error, 30) == CtState.INVALID


def test_a_port_is_free_again_when_its_connection_is_over() -> None:
    host = Tracked()
    host.see(ASKS)
    answers = Tuple("udp", ASKS_DST, 53, ASKS_SRC, 4000)
    assert host.table.is_taken(answers, 2)
    host.table.clock = 30
    assert not host.table.is_taken(answers, 2)


ASKS_SRC, ASKS_DST = int(ASKS.src), int(ASKS.dst)


def test_expired_entries_leave_the_memory() -> None:
    """5,000 packets from ever new ports, three a second: no more than twice what lives in 30 s, and 64."""
    host = Tracked()
    for number in range(5_000):
        host.see(Packet("udp", CLIENT, SERVER, 1024 + number, 53), at=number / 3)
        assert len(host.table) <= 2 * 90 + 64
    assert len(host.table.entries()) == 90


def test_forks_go_their_own_ways() -> None:
    host = Tracked()
    host.see(ASKS)
    before = host.table
    host.table = before.fork()
    host.see(CALLS, 1)
    host.see(ASKS.reply(), 1)
    assert [one.original.protocol for one in host.table.entries()] == ["udp", "tcp"]
    assert [one.status & Status.SEEN_REPLY for one in before.entries()] == [0]
    assert before.clock == 0
    before.absorb(host.table)
    assert before.entries() == host.table.entries()
    before.flush()
    assert (len(before), before.entries(), len(host.table)) == (0, (), 2)
    assert before.find(host.table.entries()[0].original) is None


def test_deleting_takes_both_directions() -> None:
    host = Tracked()
    host.see(ASKS)
    entry = host.entry(0)
    assert entry is not None
    host.table.delete(entry)
    host.table.delete(entry)
    assert (len(host.table), host.table.find(entry.reply)) == (0, None)
    host.table.update(entry)  # a packet on its way keeps what it knew to itself
    assert len(host.table) == 0


def test_a_host_forks_with_all_that_it_remembers() -> None:
    host = HostState()
    assert host.is_fresh
    session = Session("tcp", 1, 80, 2, 4000)
    host.clock = 5
    host.remember("list", 7)
    host.connect(session)
    child = host.fork()
    child.clock = 20
    child.remember("list", 7)
    child.disconnect(session)
    assert (host.clock, host.recent, host.sessions()) == (5, {"list": {7: 5.0}}, (session,))
    assert (child.clock, child.recent, child.sessions()) == (20, {"list": {7: 20.0}}, ())
    assert (child.recently_seen("list", 7, 15, 2), child.recently_seen("list", 7, 14, 2)) == (True, False)
    host.absorb(child)
    assert (host.clock, host.recent, host.has_session(session)) == (20, {"list": {7: 20.0}}, False)
    assert not host.is_fresh


def test_the_entries_of_one_source_are_found_while_they_live() -> None:
    """`nf_nat_bysource`: the newest first, without those that are over or deleted."""
    table = Conntrack()
    first, second, third = (
        table.confirm(table.open(Tuple("udp", 5, 4000, to, 53))._replace(expires=30)) for to in (6, 7, 8)
    )
    key = Tuple("udp", 5, 4000, 9, 53)
    assert list(table.of_source(key)) == [third, second, first]
    table.delete(second)
    assert list(table.of_source(key)) == [third, first]
    table.clock = 29.9
    assert list(table.of_source(key)) == [third, first]
    table.clock = 30
    assert list(table.of_source(key)) == []


def test_what_an_entry_begins_with() -> None:
    """Entries are numbered in the order in which they are opened, and know when that was."""
    table = Conntrack()
    assert table.clock == 0
    key = Tuple("udp", 5, 4000, 6, 53, 6)
    first = table.open(key)
    table.clock = 7
    second = table.open(key)
    assert (first.number, second.number, first.opened, second.opened) == (1, 2, 0, 7)
    assert first.reply == Tuple("udp", 6, 53, 5, 4000, 6)
    assert Flow(CtState.ESTABLISHED, first, is_reply=True).updated(second) == Flow(
        CtState.ESTABLISHED, second, is_reply=True
    )


def test_a_deleted_entry_is_found_by_neither_of_its_tuples() -> None:
    table = Conntrack()
    kept, gone = (table.confirm(table.open(Tuple("udp", 5, 4000, to, 53))) for to in (6, 7))
    table.delete(gone)
    assert [table.find(key) for key in (gone.original, gone.reply)] == [None, None]
    assert [table.find(key) for key in (kept.original, kept.reply)] == [(kept, False), (kept, True)]
    assert (len(table), table.entries()) == (1, (kept,))
