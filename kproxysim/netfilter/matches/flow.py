"""The options of `-m conntrack` beside the state: addresses and ports of either direction, protocol, status,
direction, time left. Source: net/netfilter/xt_conntrack.c (`conntrack_mt`, `ct_proto_port_check_v3`).

"orig" is the connection as its first packet was before translation, "repl" its answers as they arrive.

`--ctexpire` asks for the whole seconds that an entry has left (`nf_ct_expires`). The kernel counts ticks: a
packet that starts the 30 seconds of its entry anew is asked with 30 or, a tick later, with 29 seconds left.
So an answer is given where it is the same for both. Until a first packet is at its end its entry has no time
yet, and the kernel takes the timeout for one: the answer hangs on how long the machine is up.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.condition import Condition, Given, RuleSyntaxError, Surroundings, Unmodelled
from kproxysim.netfilter.conntrack import Connection, Status, Tuple
from kproxysim.netfilter.matches.header import PROTOCOL_NUMBERS, protocol_name
from kproxysim.netfilter.numbers import address_text, parse_host_mask, parse_number, parse_port
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb, written
from kproxysim.values import dataclass

__all__ = ["FLOW_OPTIONS", "FlowPart", "build_part"]

FLOW_OPTIONS = (
    "ctproto", "ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst", "ctorigsrcport", "ctorigdstport",
    "ctreplsrcport", "ctrepldstport", "ctstatus", "ctexpire", "ctdir",
)  # fmt: skip
"""In the order in which iptables-save prints them."""

_STATUS = {
    "NONE": 0,
    "EXPECTED": 32,
    "SEEN_REPLY": Status.SEEN_REPLY,
    "ASSURED": Status.ASSURED,
    "CONFIRMED": Status.CONFIRMED,
}
_TICK = 0.01
"""Seconds: of all kernels the longest (CONFIG_HZ=100)."""

_SAVED_STATUS = ("EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")


@dataclass(frozen=True, slots=True)
class FlowPart:
    """One option. `low` and `high` hold what is compared: network and mask, a range of ports, a number."""

    field: ClassVar[str] = "conntrack"
    option: str
    text: str
    low: int
    high: int = 0
    negated: bool = False
    version: int = 4

    @property
    def may_be_unknown(self) -> bool:
        """Is the answer not always known?"""
        return self.option == "ctexpire"

    def _tuple(self, connection: Connection) -> Tuple:
        return connection.original if self.option.startswith("ctorig") else connection.reply

    def _value(self, connection: Connection) -> int:
        found = self._tuple(connection)
        if self.option.endswith("port"):
            port = found.sport if "src" in self.option else found.dport
            if port < 0:
                raise Unmodelled(f"option --{self.option} for a {found.protocol} packet")
            return port
        return found.src if "src" in self.option else found.dst

    def _left(self, connection: Connection, clock: float) -> tuple[int, int]:
        """Whole seconds, the fewest and the most that the kernel may see."""
        if not connection.status & Status.CONFIRMED:
            raise Unmodelled("option --ctexpire before its entry is confirmed")
        left = connection.expires - clock
        if left == inf:
            raise Unmodelled("option --ctexpire for an entry without an end")
        return max(0, int(left - _TICK)), int(left + _TICK)

    def _expires(self, connection: Connection, clock: float) -> bool:
        few, many = (self.low <= left <= self.high for left in self._left(connection, clock))
        if few is not many:
            raise Unmodelled(f"option --ctexpire {self.text} where a tick decides")
        return few

    def _holds(self, skb: Skb, host: Surroundings) -> bool:
        assert skb.flow is not None
        connection = skb.flow.connection
        assert connection is not None
        if self.option == "ctdir":
            return skb.flow.is_reply == bool(self.low)
        if self.option == "ctproto":
            return PROTOCOL_NUMBERS.get(connection.original.protocol) == self.low
        if self.option == "ctexpire":
            return self._expires(connection, host.clock)
        if self.option == "ctstatus":
            return bool(connection.status & self.low)
        if self.option.endswith("port"):
            return self.low <= self._value(connection) <= self.high
        return (self._value(connection) ^ self.low) & self.high == 0

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return self._holds(skb, host) is not self.negated

    def cut(self, cuts: Cuts) -> bool:
        """A range of ports or a network."""
        if self.option.endswith("port"):
            cuts.ports(self.low, self.high)
        elif self.option in ("ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"):
            return cuts.masked(self.low, self.high, self.version)
        return True

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + self.text
        try:
            held = self.holds(skb, host)
        except Unmodelled:
            return Condition(self.option, wanted, "not modelled", False)
        return Condition(self.option, wanted, self._had(skb, host), held)

    def _had(self, skb: Skb, host: Surroundings) -> str:
        assert skb.flow is not None
        connection = skb.flow.connection
        assert connection is not None
        if self.option == "ctdir":
            return "REPLY" if skb.flow.is_reply else "ORIGINAL"
        if self.option == "ctproto":
            name = connection.original.protocol
            return f"{PROTOCOL_NUMBERS.get(name)} ({name})"
        if self.option == "ctstatus" and not self.low:
            return "no bit is asked for"
        if self.option == "ctstatus":
            return ",".join(name for name in _SAVED_STATUS if connection.status & _STATUS[name]) or "NONE"
        if self.option == "ctexpire":
            few, many = self._left(connection, host.clock)
            return _range(few, many)
        value = self._value(connection)
        return str(value) if self.option.endswith("port") else written(value, skb.family)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--{self.option} {self.text}"


def build_part(given: Given, family: Family) -> FlowPart:
    """One option from its words. Raises RuleSyntaxError."""
    option, value = given.option, given.value
    if option == "ctdir":
        if value.upper() not in ("ORIGINAL", "REPLY"):
            raise RuleSyntaxError(f"{value!r} is neither ORIGINAL nor REPLY", value)
        return FlowPart(option, value.upper(), int(value.upper() == "REPLY"))
    if option == "ctproto":
        name = protocol_name(value)
        number = 0 if name == "all" else PROTOCOL_NUMBERS.get(name) or int(name)
        return FlowPart(option, str(number), number, negated=given.negated)
    if option == "ctstatus":
        return _status(given)
    low, colon, high = value.partition(":")
    if option == "ctexpire":
        first = parse_number(low, word=value) if low else 0
        last = (parse_number(high, word=value) if high else 0xFFFFFFFF) if colon else first
        return FlowPart(option, _range(first, last), first, last, given.negated)
    if option.endswith("port"):
        first = parse_port(low) if low else 0
        last = (parse_port(high) if high else 65535) if colon else first
        return FlowPart(option, _range(first, last), first, last, given.negated)
    address, mask = parse_host_mask(value, family)
    version = 4 if family == "ipv4" else 6
    return FlowPart(option, _network(address, mask, family), address, mask, given.negated, version)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}:{last}"


def _status(given: Given) -> FlowPart:
    mask = 0
    for word in given.value.upper().split(","):
        meant = next((name for name in _STATUS if word and name.startswith(word)), None)
        if meant is None:
            raise RuleSyntaxError(f"unknown status {word!r}", given.value)
        mask |= _STATUS[meant]
    text = ",".join(name for name in _SAVED_STATUS if mask & _STATUS[name]) or "NONE"
    return FlowPart("ctstatus", text, mask, negated=given.negated)


def _network(network: int, mask: int, family: Family) -> str:
    """`address`, or `address/length` where that is less than the whole of it."""
    width, version = (32, 4) if family == "ipv4" else (128, 6)
    address, length = address_text(network, version), mask.bit_count()
    return address if length == width else f"{address}/{length}"
