"""TCP connections as conntrack sees them."""

import pytest

from kproxysim.netfilter.conntrack import Conntrack, Status
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet
from tests.netfilter.tcp_rows import ROWS, SETTINGS, segments, sysctls_of


def after(words: str, sysctls: Sysctls) -> str:
    """What the second half of a row says."""
    table, told = Conntrack(), ""
    for one in segments(words):
        if isinstance(one, float):
            table.clock += one
            continue
        side, flags, in_window = one
        ends = ("10.1.0.9", "10.0.0.5", 80, 4000) if side else ("10.0.0.5", "10.1.0.9", 4000, 80)
        skb = confirm(track(Skb.of(Packet("tcp", *ends, flags, in_window=in_window)), table, sysctls), table)
        assert skb.flow is not None
        told = skb.flow.state
    entry = next(iter(table.entries()), None)
    if entry is None:
        return f"{told}: none"
    brackets = [] if entry.status & Status.SEEN_REPLY else ["UNREPLIED"]
    brackets += ["ASSURED"] if entry.status & Status.ASSURED else []
    return f"{told}: {' '.join([entry.state, f'{entry.expires - table.clock:g}', *brackets])}"


@pytest.mark.parametrize(
    "name, packets, wanted",
    [(name, packets, wanted) for name, rows in ROWS.items() for packets, wanted in rows.items()],
)
def test_what_becomes_of_a_connection(name: str, packets: str, wanted: str) -> None:
    assert after(packets, sysctls_of(SETTINGS[name])) == wanted
