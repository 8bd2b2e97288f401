"""What a packet's frame and bridge would tell: `-m mac`, `-m physdev`, `-m pkttype`.

Sources: net/netfilter/xt_mac.c, xt_physdev.c, xt_pkttype.c. Packets here have no frame. What can be said
without one is said: a packet made on this host has no sender's MAC, a packet that a host receives was sent to
it, and which packets came by a bridge is known (`bridging`). All else is unmodelled.
"""

from __future__ import annotations

import re
from typing import ClassVar

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import (
    Condition,
    Extension,
    Given,
    Option,
    Place,
    RuleSyntaxError,
    Surroundings,
    Unmodelled,
)
from kproxysim.netfilter.numbers import parse_device
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "MacMatch", "PhysdevMatch", "PkttypeMatch"]


@dataclass(frozen=True, slots=True)
class MacMatch:
    """`--mac-source`. Fails, negated or not, for what came by no Ethernet device."""

    field: ClassVar[str] = "mac"
    may_be_unknown: ClassVar[bool] = True
    address: str
    negated: bool = False
    cut = no_cut

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        if skb.iif == "lo":
            return False
        raise Unmodelled("match 'mac'")

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        had = "none" if skb.iif == "lo" else "not modelled"
        return Condition("mac", ("! " if self.negated else "") + self.address, had, False)

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--mac-source {self.address}"


_MAC = re.compile(r"[0-9a-f]{0,2}(?::[0-9a-f]{0,2}){5}\Z", re.ASCII)


def _build_mac(given: list[Given], family: Family) -> MacMatch:
    if not given:
        raise RuleSyntaxError("-m mac needs --mac-source")
    text = given[0].value.lower()
    if not _MAC.match(text):
        raise RuleSyntaxError(f"{given[0].value!r} is no MAC address", given[0].value)
    return MacMatch(":".join(f"{int(part or '0', 16):02x}" for part in text.split(":")), given[0].negated)


_ORDER = ("physdev-is-in", "physdev-in", "physdev-is-out", "physdev-out", "physdev-is-bridged")


@dataclass(frozen=True, slots=True)
class PhysdevMatch:
    """Ports of a bridge. For a packet that came over no bridge only negated options hold (`physdev_mt`)."""

    field: ClassVar[str] = "physdev"
    may_be_unknown: ClassVar[bool] = True
    options: tuple[tuple[str, str, bool], ...]
    cut = no_cut

    @property
    def place(self) -> Place:
        """What is still to be routed has no port that it leaves by (`physdev_mt_check`)."""
        names = {(option, negated) for option, _, negated in self.options}
        out = {option for option, _ in names} & {"physdev-out", "physdev-is-out"}
        if out and ("physdev-is-bridged", False) not in names:
            return Place.of(hooks="PREROUTING INPUT FORWARD POSTROUTING", direct=True)
        return Place()

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        answers = self._answers(skb, host)
        if False in answers:
            return False
        if None in answers:
            raise Unmodelled("match 'physdev'")
        return True

    def _answers(self, skb: Skb, host: Surroundings) -> list[bool | None]:
        """Of each option, None where it is not known. The names of ports are not."""
        found = host.by_bridge(skb)
        if found is None:
            return [None]
        came, leaves = found
        answers: list[bool | None] = []
        for option, _, negated in self.options:
            on_port = came if option in ("physdev-is-in", "physdev-in") else leaves
            is_name = option in ("physdev-in", "physdev-out")
            answers.append(None if is_name and on_port else on_port is not negated)
        return answers

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        answers, found = self._answers(skb, host), host.by_bridge(skb)
        if found is None or (None in answers and False not in answers):
            return Condition("physdev", self.save(), "not modelled", False)
        came, leaves = found
        had = "from port to port" if leaves else "in by a port" if came else "no bridge"
        return Condition("physdev", self.save(), had, all(answers))

    def save(self) -> str:
        return " ".join(
            f"{'! ' if negated else ''}--{option}{' ' + value if value else ''}"
            for option, value, negated in self.options
        )


def _build_physdev(given: list[Given], family: Family) -> PhysdevMatch:
    if not given:
        raise RuleSyntaxError("-m physdev needs at least one option")
    options = [
        (one.option, parse_device(one.value, one.option) if one.values else "", one.negated) for one in given
    ]
    return PhysdevMatch(tuple(sorted(options, key=lambda one: _ORDER.index(one[0]))))


_TYPES = {"bcast": "broadcast", "mcast": "multicast", "host": "unicast"}
_KNOWN_TYPES = ("unicast", "broadcast", "multicast", "otherhost")


@dataclass(frozen=True, slots=True)
class PkttypeMatch:
    """`--pkt-type`: the address of the frame. What a host sends itself is unicast until it has left."""

    field: ClassVar[str] = "pkttype"
    type: str
    negated: bool = False
    cut = no_cut

    def _had(self, skb: Skb, host: Surroundings) -> str:
        if not skb.iif:
            return "unicast"
        found = host.address_type(skb.dst, skb.iif).lower()  # dialled by another device it is no broadcast
        return found if found in ("broadcast", "multicast") else "unicast"

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return (self._had(skb, host) == self.type) is not self.negated

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        wanted = ("! " if self.negated else "") + self.type
        return Condition("pkt-type", wanted, self._had(skb, host), self.holds(skb, host))

    def save(self) -> str:
        return f"{'! ' if self.negated else ''}--pkt-type {self.type}"


def _build_pkttype(given: list[Given], family: Family) -> PkttypeMatch:
    if not given:
        raise RuleSyntaxError("-m pkttype needs --pkt-type")
    word = given[0].value.lower()
    kind = _TYPES.get(word, word)
    if kind not in _KNOWN_TYPES:
        raise RuleSyntaxError(f"unknown packet type {given[0].value!r}", given[0].value)
    return PkttypeMatch(kind, given[0].negated)


EXTENSIONS = (
    Extension(
        "mac",
        _build_mac,
        {"--mac-source": Option("mac-source", 1, True)},
        place=Place.of(hooks="PREROUTING INPUT FORWARD"),
        modelled="partly",
        note="unmodelled for packets that came by a device other than lo: they carry no MAC",
        source="net/netfilter/xt_mac.c",
    ),
    Extension(
        "physdev",
        _build_physdev,
        {f"--{name}": Option(name, 0 if "-is-" in name else 1, True) for name in _ORDER},
        modelled="partly",
        note="names of ports are not known, nor whether a device that a node's facts name is a bridge",
        source="net/netfilter/xt_physdev.c",
    ),
    Extension(
        "pkttype",
        _build_pkttype,
        {"--pkt-type": Option("pkt-type", 1, True)},
        note="by the destination address: frames are taken to be addressed to whom they reach",
        source="net/netfilter/xt_pkttype.c",
    ),
)
