"""The class of packets that meet the same rules as the one that was traced.

It is read off the rules themselves. What the rules that matched asked of the packet as it came to the first
node is asked of the whole class; of each rule passed over, one condition that failed must go on failing.
Conditions on what the way itself decides (marks, the connection's state, rewritten addresses) ask nothing of
the class; where a destination decides a route, that destination is the class's. Where a rule asks for
something else (what a `recent` list holds, TCP flags, a match that is not modelled) there is no saying, and
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from kproxysim.netfilter.condition import Match, Surroundings
from kproxysim.netfilter.events import Event
from kproxysim.netfilter.matches.addrtype import AddrTypeMatch
from kproxysim.netfilter.matches.connection import StateMatch
from kproxysim.netfilter.matches.header import DeviceMatch, PrefixMatch, ProtocolMatch
from kproxysim.netfilter.matches.mark import MarkMatch
from kproxysim.netfilter.matches.ports import PortMatch, PortsMatch
from kproxysim.netfilter.skb import Skb, to_address
from kproxysim.netfilter.walk import Missed, Walked
from kproxysim.network.trace import Branch
from kproxysim.packet import format_endpoint
from kproxysim.values import dataclass

__all__ = ["PacketClass", "class_of"]

_MOST_EXCLUDED = 3
_WIDTHS = {4: 32, 6: 128}
_PREFERENCE = ("src", "dst", "sport", "dport", "protocol", "in")
"""Which of several conditions that failed is kept failing."""

Network = tuple[int, int]


class _NoSayingError(Exception):
    """The class of this packet cannot be told from the rules' conditions."""


@dataclass(slots=True)
class PacketClass:
    """What its packets have in common as they come to host `where`.

    `within` and `outside` are networks (address, mask) by side, `types` what addrtype says of an address,
    `ports` inclusive ranges. `like` is the packet that was traced, `new` says whether a connection must not
    exist yet.
    """

    where: str
    like: Skb
    within: dict[str, list[Network]] = field(default_factory=lambda: {"src": [], "dst": []})
    outside: dict[str, list[Network]] = field(default_factory=lambda: {"src": [], "dst": []})
    types: dict[str, list[AddrTypeMatch]] = field(default_factory=lambda: {"src": [], "dst": []})
    ports: dict[str, tuple[int, int]] = field(default_factory=dict)
    protocol: bool = False
    device: bool = False
    new: bool = False

    def contains(self, skb: Skb, host: Surroundings) -> bool:
        """Is this packet, as it comes to the same host, one of the class?"""
        addresses = {"src": skb.src, "dst": skb.dst}
        numbers = {"sport": skb.sport, "dport": skb.dport}
        return (
            skb.family == self.like.family
            and bool(skb.iif) == bool(self.like.iif)
            and (not self.protocol or skb.protocol == self.like.protocol)
            and (not self.device or skb.iif == self.like.iif)
            and all(low <= numbers[side] <= high for side, (low, high) in self.ports.items())
            and all(addresses[side] & mask == net for side in addresses for net, mask in self.within[side])
            and not any(
                addresses[side] & mask == net for side in addresses for net, mask in self.outside[side]
            )
            and all(
                match.holds(skb, host)
                for side in addresses
                if not self.pinned(side)
                for match in self.types[side]
            )
        )

    def pin(self, side: str) -> None:
        """The traced packet's own address and no other."""
        self.within[side] = [(_address(self.like, side), self._full)]

    def pinned(self, side: str) -> bool:
        """Is this side a single address?"""
        return any(mask == self._full for _, mask in self.within[side])

    @property
    def _full(self) -> int:
        return (1 << _WIDTHS[self.like.family]) - 1

    def words(self) -> str:
        """One line: `tcp, any source to 10.48.3.7:80, arriving at node-a, new`; empty if it takes
        too many words.
        """
        source, target = self._address_words("src", "source"), self._address_words("dst", "address")
        if not source or not target:
            return ""
        low, high = self.ports.get("dport", (0, 65535))
        if low == high:
            target = format_endpoint(target, low) if self.pinned("dst") else f"{target}, port {low}"
        elif "dport" in self.ports:
            target += f", ports {low}-{high}"
        if "sport" in self.ports:
            low, high = self.ports["sport"]
            source += f", source port {low}" + (f"-{high}" if high != low else "")
        protocol = f"{self.like.protocol}, " if self.protocol else ""
        where = f"arriving at {self.where}" if self.like.iif else f"made on {self.where}"
        device = f" by {self.like.iif}" if self.device else ""
        return f"{protocol}{source} to {target}, {where}{device}{', new' if self.new else ''}"

    def _address_words(self, side: str, noun: str) -> str:
        """`any source outside 10.44.0.0/14`, or the only address."""
        if self.pinned(side):
            return str(to_address(_address(self.like, side), self.like.family))
        within = self.within[side]
        narrow = [net for net in within if not any(other != net and _inside(other, net) for other in within)]
        outside = [
            net for net in dict.fromkeys(self.outside[side]) if not any(_apart(net, one) for one in narrow)
        ]
        if len(outside) > _MOST_EXCLUDED:
            return ""
        text = f"any {noun}"
        if narrow:
            text += " in " + " and ".join(dict.fromkeys(self._network(net) for net in narrow))
        if self.types[side]:
            text += " of type " + " and ".join(_type_words(match) for match in self.types[side])
        if outside:
            only_hosts = all(mask == self._full for _, mask in outside)
            text += (" but " if only_hosts else " outside ") + ", ".join(
                self._network(net) for net in outside
            )
        return text

    def _network(self, network: Network) -> str:
        text = PrefixMatch("", network[0], network[1], self.like.family).text
        return text.rpartition("/")[0] if network[1] == self._full else text


def class_of(branch: Branch) -> PacketClass | None:
    """The class of the packet that went this way, None where there is no saying or no rule was read."""
    start = next((hop for hop in branch.hops if any(isinstance(step, Walked) for step in hop.steps)), None)
    if start is None:
        return None
    found = PacketClass(start.where, start.steps[0].before)
    if not found.like.iif:
        found.pin("dst")  # a socket's own route is looked up before any rule is read
    try:
        _collect(branch, branch.hops.index(start), found)
    except _NoSayingError:
        return None
    return found


def _collect(branch: Branch, start: int, found: PacketClass) -> None:
    """Everything asked for first; then, knowing that, what keeps the rules passed over from matching."""
    decided: set[str] = set()
    over: list[tuple[Missed, frozenset[str]]] = []
    for hop in branch.hops[start:]:
        for step in hop.steps:
            if isinstance(step, Walked):
                if hop.where != found.where and "src" not in decided and _asks_source_type(step):
                    found.pin("src")  # what type an address has differs from host to host
                over.extend((missed, frozenset(decided)) for missed in step.missed if not missed.drawn_out)
                for match in _parts(step.meaning.checks) if step.meaning is not None else ():
                    if _looks_at(match) not in decided:
                        _ask(match, found)
                continue
            if step.at == "routing" and "dst" not in decided:
                found.pin("dst")
            decided |= _rewritten(step)
    for missed, known in over:
        _keep_missing(missed, found, known)


def _asks_source_type(step: Walked) -> bool:
    meanings = [missed.meaning for missed in step.missed]
    if step.meaning is not None:
        meanings.append(step.meaning)
    return any(
        isinstance(match, AddrTypeMatch) and match.src_types
        for meaning in meanings
        for match in meaning.checks
    )


def _rewritten(step: Event) -> set[str]:
    old, new = step.before, step.after
    return {name for name in ("src", "dst", "sport", "dport") if getattr(old, name) != getattr(new, name)}


def _parts(matches: tuple[Match, ...]) -> Iterator[Match]:
    """Matches as conditions that can be judged one by one."""
    for match in matches:
        if isinstance(match, PortsMatch):
            yield ProtocolMatch(match.protocol)
            for part in match.parts:
                if not isinstance(part, PortMatch):
                    raise _NoSayingError
                yield part
        elif isinstance(match, AddrTypeMatch):
            if match.limit:
                raise _NoSayingError
            if match.src_types:
                yield AddrTypeMatch(src_types=match.src_types, src_negated=match.src_negated)
            if match.dst_types:
                yield AddrTypeMatch(dst_types=match.dst_types, dst_negated=match.dst_negated)
        else:
            yield match


def _looks_at(match: Match) -> str:
    """The field that a condition is about; empty for what the way decides. Raises `_NoSayingError` for what
    it does not know.
    """
    if isinstance(match, PrefixMatch | PortMatch):
        return match.side
    if isinstance(match, AddrTypeMatch):
        return "src" if match.src_types else "dst"
    if isinstance(match, ProtocolMatch):
        return "protocol"
    if isinstance(match, DeviceMatch):
        return "in" if match.side == "in" else ""
    if isinstance(match, MarkMatch | StateMatch):
        return ""
    raise _NoSayingError


def _ask(match: Match, found: PacketClass) -> None:
    """A condition that held, asked of the class."""
    looked_at = _looks_at(match)
    if isinstance(match, StateMatch):
        found.new = True
    elif isinstance(match, PrefixMatch):
        (found.outside if match.negated else found.within)[looked_at].append((match.network, match.mask))
    elif isinstance(match, PortMatch):
        _narrow_port(match, looked_at, found, alone=match.negated)
    elif isinstance(match, AddrTypeMatch):
        _add_type(match, looked_at, found)
    else:
        _same(looked_at, found)


def _keep_missing(missed: Missed, found: PacketClass, decided: frozenset[str]) -> None:
    """Ask no more than is needed for this rule to be passed over by the whole class."""
    failing: list[tuple[str, Match]] = []
    for match in _parts(missed.meaning.checks):
        looked_at = _looks_at(match)
        if match.holds(missed.skb, missed.host):
            continue
        if not looked_at or looked_at in decided or _fails_anyway(match, looked_at, found):
            return
        failing.append((looked_at, match))
    looked_at, match = min(failing, key=lambda pair: _PREFERENCE.index(pair[0]))
    if isinstance(match, PrefixMatch):
        (found.within if match.negated else found.outside)[looked_at].append((match.network, match.mask))
    elif isinstance(match, PortMatch):
        _narrow_port(match, looked_at, found, alone=True)
    elif isinstance(match, AddrTypeMatch):
        _add_type(
            AddrTypeMatch(match.src_types, match.dst_types, not match.src_negated, not match.dst_negated),
            looked_at,
            found,
        )
    else:
        _same(looked_at, found)


def _narrow_port(match: PortMatch, side: str, found: PacketClass, *, alone: bool) -> None:
    """The range that a rule wants, or the traced packet's own port alone."""
    own = found.like.sport if side == "sport" else found.like.dport
    low, high = (own, own) if alone else (match.low, match.high)
    known = found.ports.get(side, (0, 65535))
    found.ports[side] = (max(known[0], low), min(known[1], high))


def _add_type(match: AddrTypeMatch, side: str, found: PacketClass) -> None:
    if match not in found.types[side]:
        found.types[side].append(match)


def _same(looked_at: str, found: PacketClass) -> None:
    """The traced packet's own protocol or device."""
    if looked_at == "protocol":
        found.protocol = True
    elif looked_at == "in":
        found.device = True


def _fails_anyway(match: Match, looked_at: str, found: PacketClass) -> bool:
    """Does every packet of the class, as it is known so far, fail this condition?"""
    if isinstance(match, PortMatch):
        low, high = found.ports.get(looked_at, (0, 65535))
        if match.negated:
            return match.low <= low and high <= match.high
        return high < match.low or match.high < low
    if isinstance(match, PrefixMatch):
        own = (match.network, match.mask)
        if match.negated:
            return any(_inside(net, own) for net in found.within[looked_at])
        apart = any(_apart(net, own) for net in found.within[looked_at])
        return apart or any(_inside(own, net) for net in found.outside[looked_at])
    if isinstance(match, AddrTypeMatch):
        return found.pinned(looked_at)
    return found.protocol if looked_at == "protocol" else found.device


def _inside(small: Network, large: Network) -> bool:
    return small[1] & large[1] == large[1] and small[0] & large[1] == large[0]


def _apart(one: Network, other: Network) -> bool:
    common = one[1] & other[1]
    return one[0] & common != other[0] & common


def _address(skb: Skb, side: str) -> int:
    return skb.src if side == "src" else skb.dst


def _type_words(match: AddrTypeMatch) -> str:
    negated = match.src_negated or match.dst_negated
    return ("not " if negated else "") + " or ".join(sorted(match.src_types or match.dst_types))
