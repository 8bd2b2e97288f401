"""TCP connections as conntrack sees them: the ways that people meet. All the others: tests/kernel/test_tracking.py."""

import pytest

from kproxysim.netfilter.conntrack import Conntrack, Status
from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.timeouts import Timeouts
from kproxysim.netfilter.tracking import confirm, track
from kproxysim.packet import Packet

HANDSHAKE = "> SYN, < SYN,ACK, > ACK"
CLOSED = f"{HANDSHAKE}, > FIN,ACK, < FIN,ACK, > ACK"


def after(words: str, sysctls: Sysctls | None = None) -> str:
    """What the last of some packets is called, and its connection then: state, seconds left, what `conntrack -L` puts in brackets.

    `>` is from the client, `<` from the server; `!` behind the flags: outside the window; `10s` lets time pass.
    """
    table, sysctls = Conntrack(), sysctls or Sysctls()
    told = ""
    for word in words.replace("> ", "\n>").replace("< ", "\n<").split("\n"):
        flags, *rest = word.strip(", ").split(", ")
        if flags:
            ends = (
                ("10.0.0.5", "10.1.0.9", 4000, 80) if flags[0] == ">" else ("10.1.0.9", "10.0.0.5", 80, 4000)
            )
            packet = Packet("tcp", *ends, flags[1:].rstrip("!"), in_window=not flags.endswith("!"))
            skb = confirm(track(Skb.of(packet), table, sysctls), table)
            assert skb.flow is not None
            told = skb.flow.state
        for pause in rest:
            table.clock += float(pause.removesuffix("s"))
    entry = next(iter(table.entries()), None)
    if entry is None:
        return f"{told}: none"
    brackets = [] if entry.status & Status.SEEN_REPLY else ["UNREPLIED"]
    brackets += ["ASSURED"] if entry.status & Status.ASSURED else []
    return f"{told}: {' '.join([entry.state, f'{entry.expires - table.clock:g}', *brackets])}"


USUAL = {
    "> SYN": "NEW: SYN_SENT 120 UNREPLIED",
    "> SYN, 100s, > SYN": "NEW: SYN_SENT 20 UNREPLIED",  # sent again it does not live longer
    "> SYN, < SYN,ACK": "ESTABLISHED: SYN_RECV 60",
    HANDSHAKE: "ESTABLISHED: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, > PSH,ACK": "ESTABLISHED: ESTABLISHED 300 ASSURED",  # until it is acknowledged
    f"{HANDSHAKE}, > PSH,ACK, < ACK": "ESTABLISHED: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, > FIN,ACK": "ESTABLISHED: FIN_WAIT 120 ASSURED",
    f"{HANDSHAKE}, > FIN,ACK, < ACK": "ESTABLISHED: CLOSE_WAIT 60 ASSURED",
    f"{HANDSHAKE}, > FIN,ACK, < FIN,ACK": "ESTABLISHED: LAST_ACK 30 ASSURED",
    CLOSED: "ESTABLISHED: TIME_WAIT 120 ASSURED",
    f"{CLOSED}, 119s, > SYN": "NEW: SYN_SENT 120 UNREPLIED",  # the old entry went, a new one came
    f"{HANDSHAKE}, > RST": "ESTABLISHED: CLOSE 10 ASSURED",
    f"{HANDSHAKE}, > RST, > SYN": "NEW: SYN_SENT 120 UNREPLIED",
    f"{HANDSHAKE}, < RST, > SYN": "ESTABLISHED: CLOSE 10 ASSURED",  # a SYN after the other side's reset is ignored,
    f"{HANDSHAKE}, < RST, > SYN, < SYN,ACK": "ESTABLISHED: SYN_RECV 60 ASSURED",  # but what answers it is not
    "> SYN, < RST,ACK": "ESTABLISHED: none",  # refused: nothing is left
    f"{HANDSHAKE}, > SYN": "ESTABLISHED: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, > SYN, < RST,ACK": "ESTABLISHED: CLOSE 10 ASSURED",
    "> ACK": "NEW: ESTABLISHED 300 UNREPLIED",  # picked up in its middle
    "> ACK, < ACK, > ACK": "ESTABLISHED: ESTABLISHED 432000 ASSURED",
    "> FIN,ACK": "INVALID: none",
    "< SYN,ACK": "INVALID: none",
    f"{HANDSHAKE}, < PSH,ACK!": "INVALID: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, < RST!": "INVALID: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, < FIN,ACK!, > FIN,ACK!": "INVALID: ESTABLISHED 300 ASSURED",
    "> ACK, < ACK, < PSH,ACK!": "ESTABLISHED: ESTABLISHED 432000 ASSURED",  # what was picked up has no window
    "> SYN, < SYN, > SYN,ACK, < ACK": "ESTABLISHED: ESTABLISHED 432000 ASSURED",  # both at once
    f"{HANDSHAKE}, 431999s, > ACK": "ESTABLISHED: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, 432000s, > PSH,ACK": "NEW: ESTABLISHED 300 UNREPLIED",  # the entry was over
    f"{HANDSHAKE}, 432000s, < PSH,ACK": "NEW: ESTABLISHED 300 UNREPLIED",  # and who speaks first is the client now
}


@pytest.mark.parametrize("packets, wanted", USUAL.items())
def test_what_becomes_of_a_connection(packets: str, wanted: str) -> None:
    assert after(packets) == wanted


def test_settings_of_the_node() -> None:
    day = Sysctls(timeouts=Timeouts(tcp_timeout_established=86400, tcp_timeout_close_wait=3600))
    assert after(HANDSHAKE, day) == "ESTABLISHED: ESTABLISHED 86400 ASSURED"
    assert after(f"{HANDSHAKE}, > FIN,ACK, < ACK", day) == "ESTABLISHED: CLOSE_WAIT 3600 ASSURED"
    assert after("> ACK", Sysctls(tcp_loose=False)) == "INVALID: none"
    liberal = Sysctls(tcp_be_liberal=True)
    assert after(f"{HANDSHAKE}, < PSH,ACK!", liberal) == "ESTABLISHED: ESTABLISHED 432000 ASSURED"
    assert (
        after(f"{HANDSHAKE}, > ACK, > ACK, > ACK") == "ESTABLISHED: ESTABLISHED 300 ASSURED"
    )  # again three times
    assert after(f"{HANDSHAKE}, > ACK", Sysctls(tcp_max_retrans=1)) == "ESTABLISHED: ESTABLISHED 300 ASSURED"
