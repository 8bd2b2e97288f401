"""Ways that TCP connections may take, and what conntrack makes of them: at once here, against a kernel in tests/kernel/test_tracking.py.

A row is some packets, and what is told of the last one: `-m conntrack --ctstate`, then the entry's state, seconds left, and what
`conntrack -L` puts in brackets. `>` is from the left, `<` from the right; `!` behind the flags: outside the window; `10s` lets time pass.
"""

from collections.abc import Iterator

from kproxysim.netfilter.host import Sysctls
from kproxysim.netfilter.timeouts import Timeouts

HANDSHAKE = "> SYN, < SYN,ACK, > ACK"
CLOSED = f"{HANDSHAKE}, > FIN,ACK, < FIN,ACK, > ACK"

DISTINCT = {
    f"nf_conntrack_tcp_timeout_{name}": str(seconds)
    for name, seconds in {
        "syn_sent": 1000, "syn_recv": 1100, "established": 9000, "fin_wait": 1200, "close_wait": 1300, "last_ack": 1400,
        "time_wait": 1500, "close": 1600, "max_retrans": 2100, "unacknowledged": 3100,
    }.items()
}  # fmt: skip
"""No two alike, and the two that only shorten others in the middle."""

SHORTENED = DISTINCT | {
    "nf_conntrack_tcp_timeout_max_retrans": "700",
    "nf_conntrack_tcp_timeout_unacknowledged": "600",
}

SETTINGS: dict[str, dict[str, str]] = {
    "defaults": {},
    "distinct": DISTINCT,
    "shortened": SHORTENED,
    "liberal": DISTINCT | {"nf_conntrack_tcp_be_liberal": "1"},
    "strict": DISTINCT | {"nf_conntrack_tcp_loose": "0"},
    "impatient": DISTINCT | {"nf_conntrack_tcp_max_retrans": "1"},
    "hasty": {"nf_conntrack_tcp_timeout_unacknowledged": "20"},
}
"""Of conntrack, by name without `net.netfilter.`."""


def sysctls_of(values: dict[str, str]) -> Sysctls:
    return Sysctls(
        tcp_loose=values.get("nf_conntrack_tcp_loose") != "0",
        tcp_be_liberal=values.get("nf_conntrack_tcp_be_liberal") == "1",
        tcp_max_retrans=int(values.get("nf_conntrack_tcp_max_retrans", "3")),
        timeouts=Timeouts.of({f"net.netfilter.{name}": value for name, value in values.items()}),
    )


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
"""What people meet, with the kernel's own settings."""

RARE = {
    # a SYN that is ignored, and what answers it
    "> ACK, > SYN, < SYN,ACK, > PSH,ACK!": "INVALID: SYN_RECV 60",
    "> ACK, > SYN, < SYN,ACK, < ACK!": "ESTABLISHED: SYN_RECV 60",
    "> SYN, < SYN,ACK, > SYN, < SYN,ACK, < ACK!": "INVALID: SYN_RECV 60",
    f"{HANDSHAKE}, > SYN, < SYN,ACK!": "ESTABLISHED: SYN_RECV 60 ASSURED",
    "> PSH,ACK, > SYN, < ACK, > PSH,ACK": "ESTABLISHED: ESTABLISHED 300 ASSURED",
    f"{HANDSHAKE}, > FIN,ACK, < FIN,ACK, > SYN, < ACK": "ESTABLISHED: LAST_ACK 30 ASSURED",  # a challenge
    f"{HANDSHAKE}, > FIN,ACK, < FIN,ACK, > SYN, < ACK, < ACK": "ESTABLISHED: TIME_WAIT 120 ASSURED",
    # both ends begin
    "< SYN, > SYN, < RST": "ESTABLISHED: CLOSE 10",
    "> SYN, < SYN, > RST,ACK!": "INVALID: SYN_SENT2 120",
    "< SYN, > SYN, < SYN,ACK, < SYN, > ACK": "ESTABLISHED: SYN_RECV 60",
    # picked up in its middle
    "< ACK, > ACK": "ESTABLISHED: ESTABLISHED 300",
    "< ACK, > SYN,ACK, > PSH,ACK": "ESTABLISHED: ESTABLISHED 432000 ASSURED",
    "< PSH,ACK, > SYN,ACK, > ACK, > FIN,ACK!": "ESTABLISHED: FIN_WAIT 120 ASSURED",
    # resets
    "> SYN, > RST,ACK": "NEW: none",
    "> SYN, < SYN,ACK, > RST,ACK!": "INVALID: SYN_RECV 60",
    "> SYN, < SYN,ACK, > SYN, < RST,ACK!": "ESTABLISHED: CLOSE 10",
    "> SYN, < SYN,ACK, > FIN,ACK, < RST,ACK!": "ESTABLISHED: CLOSE 10",
    "> SYN, < SYN,ACK, < RST,ACK, > RST, > SYN": "NEW: SYN_SENT 120 UNREPLIED",
    "< SYN, > ACK, < RST,ACK, < PSH,ACK": "INVALID: CLOSE 10",
    "< SYN, > PSH,ACK, < RST,ACK, < FIN,ACK, < SYN": "NEW: SYN_SENT 120 UNREPLIED",
    # FIN and RST outside the window: only where both ends send one the entry is kept for less
    f"{HANDSHAKE}, < FIN,ACK!, > ACK!": "INVALID: ESTABLISHED 432000 ASSURED",
    f"{HANDSHAKE}, > FIN,ACK!, < RST,ACK!": "INVALID: ESTABLISHED 300 ASSURED",
    f"{HANDSHAKE}, > RST,ACK!, < RST!": "INVALID: ESTABLISHED 300 ASSURED",
}
"""What they seldom meet, with the same settings."""

ROWS = {
    "defaults": USUAL | RARE,
    "distinct": {
        "> ACK, > FIN,ACK!, < FIN,ACK, > SYN, < PSH,ACK": "ESTABLISHED: LAST_ACK 1400",
        f"{HANDSHAKE}, > ACK, > ACK, > SYN, > ACK": "ESTABLISHED: ESTABLISHED 9000 ASSURED",  # no ACK four times
        f"{HANDSHAKE}, > ACK, > ACK, > ACK": "ESTABLISHED: ESTABLISHED 2100 ASSURED",
        HANDSHAKE: "ESTABLISHED: ESTABLISHED 9000 ASSURED",
        f"{HANDSHAKE}, > FIN,ACK, < ACK": "ESTABLISHED: CLOSE_WAIT 1300 ASSURED",
    },
    "shortened": {
        "> PSH,ACK, > SYN, < SYN,ACK, < FIN,ACK!": "ESTABLISHED: FIN_WAIT 1200",
        "> SYN, < PSH,ACK, > SYN, < RST,ACK, < PSH,ACK": "ESTABLISHED: CLOSE 600",
    },
    "liberal": {
        f"{HANDSHAKE}, < PSH,ACK!": "ESTABLISHED: ESTABLISHED 9000 ASSURED",
        f"{HANDSHAKE}, > RST!": "ESTABLISHED: ESTABLISHED 1600 ASSURED",  # may be a stray one
        f"{HANDSHAKE}, > SYN, < RST!": "ESTABLISHED: CLOSE 1600 ASSURED",
        f"{HANDSHAKE}, > SYN, < SYN,ACK, > RST!": "ESTABLISHED: CLOSE 1600 ASSURED",
        "> ACK, < ACK, > RST!": "ESTABLISHED: CLOSE 1600",
    },
    "strict": {"> ACK": "INVALID: none", "> SYN": "NEW: SYN_SENT 1000 UNREPLIED"},
    "impatient": {f"{HANDSHAKE}, > ACK": "ESTABLISHED: ESTABLISHED 2100 ASSURED"},
    "hasty": {
        # an entry that ends within two minutes is left alone
        f"{HANDSHAKE}, > FIN,ACK!, < FIN,ACK!": "INVALID: ESTABLISHED 20 ASSURED",
        f"{HANDSHAKE}, > FIN,ACK, < ACK, > FIN,ACK!, < FIN,ACK!": "INVALID: CLOSE_WAIT 60 ASSURED",
        f"{CLOSED}, > FIN,ACK!, < FIN,ACK!": "INVALID: TIME_WAIT 120 ASSURED",
        f"{HANDSHAKE}, 1000s, > FIN,ACK, < ACK, > FIN,ACK!, < FIN,ACK!": "INVALID: CLOSE_WAIT 60 ASSURED",
    },
}
"""By the name of a setting."""


def segments(words: str) -> Iterator[tuple[int, str, bool] | float]:
    """The packets of a row as side (0 is the left), flags, in the window?; and what passes between them, in seconds."""
    for word in words.replace("> ", "\n>").replace("< ", "\n<").split("\n"):
        flags, *pauses = word.strip(", ").split(", ")
        if flags:
            yield int(flags[0] == "<"), flags[1:].rstrip("!"), not flags.endswith("!")
        for pause in pauses:
            yield float(pause.removesuffix("s"))
