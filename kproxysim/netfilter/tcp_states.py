"""What each kind of TCP packet makes of a tracked connection, as data.

Source: the table `tcp_conntracks` in nf_conntrack_proto_tcp.c, held against a kernel packet by packet. A cell
says what a packet of the column's kind makes of an entry in the row's state. "invalid": the packet is INVALID
and the entry stays as it is. "ignored": the packet goes on as part of the connection, whose state stays; the
two ends may be in step where the table is not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

__all__ = ["IGNORED", "INVALID", "TRANSITIONS", "Memory", "kind_of"]

INVALID, IGNORED = "invalid", "ignored"

_ORIGINAL = """
state        SYN        SYN-ACK   FIN        ACK          RST
NONE         SYN_SENT   invalid   invalid    ESTABLISHED  invalid
SYN_SENT     SYN_SENT   invalid   invalid    invalid      CLOSE
SYN_RECV     ignored    SYN_RECV  FIN_WAIT   ESTABLISHED  CLOSE
ESTABLISHED  ignored    invalid   FIN_WAIT   ESTABLISHED  CLOSE
FIN_WAIT     ignored    invalid   LAST_ACK   CLOSE_WAIT   CLOSE
CLOSE_WAIT   ignored    invalid   LAST_ACK   CLOSE_WAIT   CLOSE
LAST_ACK     ignored    invalid   LAST_ACK   TIME_WAIT    CLOSE
TIME_WAIT    SYN_SENT   invalid   TIME_WAIT  TIME_WAIT    CLOSE
CLOSE        SYN_SENT   invalid   CLOSE      CLOSE        CLOSE
SYN_SENT2    SYN_SENT2  SYN_RECV  invalid    invalid      CLOSE
"""
"""Packets in the direction of the one that opened the entry."""

_REPLY = """
state        SYN        SYN-ACK   FIN        ACK          RST
SYN_SENT     SYN_SENT2  SYN_RECV  invalid    ignored      CLOSE
SYN_RECV     invalid    ignored   FIN_WAIT   SYN_RECV     CLOSE
ESTABLISHED  invalid    ignored   FIN_WAIT   ESTABLISHED  CLOSE
FIN_WAIT     invalid    ignored   LAST_ACK   CLOSE_WAIT   CLOSE
CLOSE_WAIT   invalid    ignored   LAST_ACK   CLOSE_WAIT   CLOSE
LAST_ACK     invalid    ignored   LAST_ACK   TIME_WAIT    CLOSE
TIME_WAIT    SYN_SENT   ignored   TIME_WAIT  TIME_WAIT    CLOSE
CLOSE        invalid    ignored   CLOSE      CLOSE        CLOSE
SYN_SENT2    SYN_SENT2  SYN_RECV  invalid    ignored      CLOSE
"""
"""Packets that answer."""


def _read(text: str) -> dict[str, dict[str, str]]:
    (_, *kinds), *rows = (line.split() for line in text.strip().splitlines())
    return {kind: {row[0]: row[column] for row in rows} for column, kind in enumerate(kinds, 1)}


TRANSITIONS = (_read(_ORIGINAL), _read(_REPLY))
"""By direction (False, True for answers), kind of packet and state."""

_WITHOUT_EFFECT = frozenset(("PSH", "ECE", "CWR"))

_KINDS = {
    "SYN": "SYN",
    "SYN,URG": "SYN",
    "ACK,SYN": "SYN-ACK",
    "RST": "RST",
    "ACK,RST": "RST",
    "ACK,FIN": "FIN",
    "ACK,FIN,URG": "FIN",
    "ACK": "ACK",
    "ACK,URG": "ACK",
}


@lru_cache(maxsize=256)
def kind_of(flags: str) -> str:
    """The kind of a packet with these flags ("PSH,ACK"); "" where no TCP sends them together
    (`tcp_valid_flags`).
    """
    return _KINDS.get(",".join(sorted(set(flags.split(",")) - _WITHOUT_EFFECT)), "")


class Memory(NamedTuple):
    """What the kernel remembers of a TCP connection beside its state (`struct ip_ct_tcp`).

    `last` is the kind of the last packet that went on, `last_is_reply` its direction. `bare_from` is the
    direction of the last packet if that was an ACK without data, `repeats` how often such a one came again.
    Three are for either direction: `known`, was a packet seen; `unacknowledged`, did data pass that nobody
    acknowledged since; `lenient`, are windows not checked, as the connection was picked up in its middle.
    `closing`: a FIN was seen. `acks_seen`: an ACK or an ignored packet was seen. `simultaneous`: both ends
    sent a SYN. `challenge`: a SYN was ignored in state LAST_ACK, and the ACK it provokes closes nothing.
    """

    last: str = ""
    last_is_reply: bool = False
    bare_from: bool | None = None
    repeats: int = 0
    known: tuple[bool, bool] = (False, False)
    unacknowledged: tuple[bool, bool] = (False, False)
    lenient: tuple[bool, bool] = (False, False)
    closing: bool = False
    acks_seen: bool = False
    simultaneous: bool = False
    challenge: bool = False
