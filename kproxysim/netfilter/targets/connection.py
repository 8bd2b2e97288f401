"""`-j CONNMARK`, `-j CT`, `-j NOTRACK`: what a rule does to the packet's connection.

Sources: net/netfilter/xt_connmark.c, xt_CT.c, extensions/libxt_CONNMARK.c, libxt_CT.c.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import (
    Extension,
    Given,
    Option,
    Place,
    RuleSyntaxError,
    Unmodelled,
    by_name,
)
from kproxysim.netfilter.conntrack import CtState, Flow
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.netfilter.targets.mark import MARK_OPTIONS, set_mark
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "ConnmarkTarget", "CtTarget"]

_ALL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ConnmarkTarget:
    """`action` is "set" (the connection's mark from `value`), "save" (from the packet's mark) or "restore"
    (the packet's mark from the connection's).

    `shift` moves what is set by so many bits, to the right if it is negative. A packet without a connection
    goes on unchanged.
    """

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    action: str
    value: int = 0
    connection_mask: int = _ALL
    packet_mask: int = _ALL
    shift: int = 0
    name = "CONNMARK"
    cut = no_cut

    def _shifted(self, mark: int) -> int:
        return (mark >> -self.shift if self.shift < 0 else mark << self.shift) & _ALL

    def carried_out(self, skb: Skb) -> Skb:
        """The packet, with its connection, after this target."""
        flow = skb.flow
        if flow is None or flow.connection is None:
            return skb
        old = flow.connection.mark
        if self.action == "restore":
            new = self._shifted(old & self.connection_mask)
            return skb.with_mark((skb.mark & ~self.packet_mask) ^ new)
        if self.action == "save":
            mark = (old & ~self.connection_mask) ^ self._shifted(skb.mark & self.packet_mask)
        else:
            mark = self._shifted(((old & ~self.connection_mask) ^ self.value) & _ALL)
        return skb.with_flow(flow.updated(flow.connection._replace(mark=mark & _ALL)))

    def save(self) -> str:
        if self.action == "set":
            text = f"--set-xmark {self.value:#x}/{self.connection_mask:#x}"
        else:
            text = f"--{self.action}-mark --nfmask {self.packet_mask:#x} --ctmask {self.connection_mask:#x}"
        if self.shift:
            text += f" --{'right' if self.shift < 0 else 'left'}-shift-mark {abs(self.shift)}"
        return f"CONNMARK {text}"


def _build_connmark(given: list[Given], family: Family) -> ConnmarkTarget:
    values = by_name(given)
    actions = [
        one
        for one in given
        if f"--{one.option}" in MARK_OPTIONS or one.option in ("save-mark", "restore-mark")
    ]
    if len(actions) != 1:
        raise RuleSyntaxError("-j CONNMARK takes exactly one of the options that set, save or restore a mark")
    if "mask" in values and values.keys() & {"ctmask", "nfmask"}:
        raise RuleSyntaxError("--mask goes with neither --ctmask nor --nfmask", "--mask")
    value, connection_mask, packet_mask, shift = 0, _ALL, _ALL, 0
    for one in given:
        if f"--{one.option}" in MARK_OPTIONS:
            value, connection_mask = set_mark(one)
        elif one.option in ("ctmask", "mask"):
            connection_mask = parse_number(one.value)
        if one.option in ("nfmask", "mask"):
            packet_mask = parse_number(one.value)
        if one.option in ("left-shift-mark", "right-shift-mark"):
            shift = parse_number(one.value, 0, 31) * (1 if one.option.startswith("left") else -1)
    action = actions[0].option.removesuffix("-mark") if not actions[0].values else "set"
    return ConnmarkTarget(action, value, connection_mask, packet_mask, shift)


_CT_EVENTS = (
    "new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CtTarget:
    """`notrack` keeps the packet out of conntrack: UNTRACKED from here on, and never translated.

    `unknown` names the option whose effect is not modelled, empty for none.
    """

    then: ClassVar[Literal["goes-on"]] = "goes-on"
    name: str
    options: tuple[str, ...] = ()
    notrack: bool = False
    unknown: str = ""
    cut = no_cut

    def carried_out(self, skb: Skb) -> Skb:
        """The packet after this target. Raises `Unmodelled` for a zone, a helper or a timeout."""
        if self.unknown:
            raise Unmodelled(f"option --{self.unknown} of target 'CT'")
        if not self.notrack or skb.flow is not None:
            return skb
        return skb.with_flow(Flow(CtState.UNTRACKED))

    def save(self) -> str:
        return " ".join((self.name, *self.options))


def _events(given: Given, known: tuple[str, ...]) -> str:
    names = given.value.split(",")
    if not set(names) <= set(known):
        raise RuleSyntaxError(f"unknown event in {given.value!r} (known: {', '.join(known)})", given.value)
    return ",".join(name for name in known if name in names)


def _zone(given: Given) -> str:
    if given.value.lower() == "mark":
        return f"--{given.option} mark"
    number = parse_number(given.value, 0, 65535)
    return f"--{given.option} {number}" if number else ""


def _build_ct(given: list[Given], family: Family) -> CtTarget:
    values = by_name(given)
    zones = [values[name] for name in ("zone", "zone-orig", "zone-reply") if name in values]
    if len(zones) > 1:
        raise RuleSyntaxError("one of --zone, --zone-orig, --zone-reply, not several", f"--{zones[1].option}")
    words = ["--notrack"] if "notrack" in values else []
    words += [f"--{name} {values[name].value}" for name in ("helper", "timeout") if name in values]
    if "ctevents" in values:
        words.append(f"--ctevents {_events(values['ctevents'], _CT_EVENTS)}")
    if "expevents" in values:
        words.append(f"--expevents {_events(values['expevents'], ('new',))}")
    zone = _zone(zones[0]) if zones else ""
    unknown = next((one.option for one in given if one.option in ("helper", "timeout")), "")
    if zone:
        unknown = zones[0].option
        words.append(zone)
    return CtTarget("CT", tuple(words), "notrack" in values, unknown)


def _build_notrack(given: list[Given], family: Family) -> CtTarget:
    return CtTarget("NOTRACK", notrack=True)


_RAW = Place.of(tables="raw")

EXTENSIONS = (
    Extension(
        "CONNMARK",
        _build_connmark,
        {name: Option(name[2:]) for name in MARK_OPTIONS}
        | {f"--{name}": Option(name, 0) for name in ("save-mark", "restore-mark")}
        | {
            f"--{name}": Option(name)
            for name in ("ctmask", "nfmask", "mask", "left-shift-mark", "right-shift-mark")
        },
        source="net/netfilter/xt_connmark.c",
    ),
    Extension(
        "CT",
        _build_ct,
        {"--notrack": Option("notrack", 0)}
        | {
            f"--{name}": Option(name)
            for name in ("helper", "timeout", "ctevents", "expevents", "zone", "zone-orig", "zone-reply")
        },
        place=_RAW,
        modelled="partly",
        note="`--notrack` and events; a zone, a helper or a timeout is unmodelled",
        source="net/netfilter/xt_CT.c",
    ),
    Extension("NOTRACK", _build_notrack, place=_RAW, source="net/netfilter/xt_CT.c"),
)
