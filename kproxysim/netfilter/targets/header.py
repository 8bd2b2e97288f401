"""`-j TCPMSS`, `-j CHECKSUM`, `-j DSCP`, `-j TOS`, `-j CLASSIFY`, `-j AUDIT`: change what no rule here asks
for, and go on with the next rule.

Sources: net/netfilter/xt_TCPMSS.c, xt_CHECKSUM.c, xt_DSCP.c, xt_CLASSIFY.c, xt_AUDIT.c, and extensions/ of
iptables for their words.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import ANYWHERE, Extension, Given, Option, Place, RuleSyntaxError, by_name
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "FieldTarget", "TcpmssTarget"]


@dataclass(frozen=True, slots=True)
class TcpmssTarget:
    """The largest segment that a SYN asks for: `size` in bytes, None for what the way allows."""

    cut = no_cut
    then: ClassVar[Literal["goes-on"]] = "goes-on"
    size: int | None = None
    name = "TCPMSS"

    @property
    def place(self) -> Place:
        """What the way allows is known once there is one (`tcpmss_tg4_check`)."""
        return (
            ANYWHERE if self.size is not None else Place.of(hooks="FORWARD OUTPUT POSTROUTING", direct=True)
        )

    def carried_out(self, skb: Skb) -> Skb:
        """The packet: its options are not followed."""
        return skb

    def save(self) -> str:
        return "TCPMSS " + ("--clamp-mss-to-pmtu" if self.size is None else f"--set-mss {self.size}")


@dataclass(frozen=True, slots=True)
class FieldTarget:
    """`name` is that of the target, `text` its option as iptables-save prints it."""

    cut = no_cut
    then: ClassVar[Literal["goes-on"]] = "goes-on"
    name: str
    text: str

    def carried_out(self, skb: Skb) -> Skb:
        """The packet: the field is not followed, and a match that asks for it is unmodelled."""
        return skb

    def save(self) -> str:
        return f"{self.name} {self.text}"


_DSCP_CLASSES = {
    "be": 0, "ef": 0x2E,
    **{f"cs{number}": number << 3 for number in range(8)},
    **{f"af{one}{two}": one << 3 | two << 1 for one in range(1, 5) for two in range(1, 4)},
}  # fmt: skip
_SERVICES = {
    "minimize-delay": 0x10, "maximize-throughput": 0x08, "maximize-reliability": 0x04, "minimize-cost": 0x02,
    "normal-service": 0x00,
}  # fmt: skip
_SERVICE_MASK = 0x3F


def _build_dscp(given: list[Given], family: Family) -> FieldTarget:
    if len(given) != 1:
        raise RuleSyntaxError("-j DSCP takes exactly one of --set-dscp and --set-dscp-class")
    (one,) = given
    if one.option == "set-dscp":
        value = parse_number(one.value, 0, 63)
    elif one.value.lower() in _DSCP_CLASSES:
        value = _DSCP_CLASSES[one.value.lower()]
    else:
        raise RuleSyntaxError(
            f"{one.value!r} is no class of DSCP: there are BE, EF, CS0 to CS7, AF11 to AF43", one.value
        )
    return FieldTarget("DSCP", f"--set-dscp 0x{value:02x}")


def _build_tos(given: list[Given], family: Family) -> FieldTarget:
    if len(given) != 1:
        raise RuleSyntaxError("-j TOS takes exactly one of --set-tos, --and-tos, --or-tos and --xor-tos")
    (one,) = given
    if one.option == "set-tos" and one.value.lower() in _SERVICES:
        value, mask = _SERVICES[one.value.lower()], _SERVICE_MASK
    elif one.option == "set-tos":
        number, slash, rest = one.value.partition("/")
        value = parse_number(number, 0, 255, one.value)
        mask = parse_number(rest, 0, 255, one.value) if slash else 255
    else:
        value = parse_number(one.value, 0, 255)
        mask = {"or-tos": value, "xor-tos": 0, "and-tos": ~value & 255}[one.option]
        value = 0 if one.option == "and-tos" else value
    return FieldTarget("TOS", f"--set-tos 0x{value:02x}/0x{mask:02x}")


def _build_classify(given: list[Given], family: Family) -> FieldTarget:
    value = given[0].value if given else ""
    found = re.fullmatch(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})", value)
    if found is None:
        raise RuleSyntaxError("-j CLASSIFY takes --set-class MAJOR:MINOR", value)
    major, minor = (int(part, 16) for part in found.groups())
    return FieldTarget("CLASSIFY", f"--set-class {major:04x}:{minor:04x}")


def _build_audit(given: list[Given], family: Family) -> FieldTarget:
    value = given[0].value if given else ""
    if value.lower() not in ("accept", "drop", "reject"):
        raise RuleSyntaxError("-j AUDIT takes --type accept, drop or reject", value)
    return FieldTarget("AUDIT", f"--type {value.lower()}")


def _build_tcpmss(given: list[Given], family: Family) -> TcpmssTarget:
    values = by_name(given)
    if not values:
        raise RuleSyntaxError("-j TCPMSS needs --set-mss or --clamp-mss-to-pmtu")
    size = None
    if "set-mss" in values:
        size = parse_number(values["set-mss"].value, 0, 65515 if family == "ipv4" else 65495)
    return TcpmssTarget(None if "clamp-mss-to-pmtu" in values else size)


def _build_checksum(given: list[Given], family: Family) -> FieldTarget:
    if not given:
        raise RuleSyntaxError("-j CHECKSUM needs --checksum-fill")
    return FieldTarget("CHECKSUM", "--checksum-fill")


_NOT_FOLLOWED = "goes on with the next rule; the field is not followed"

EXTENSIONS = (
    Extension(
        "TCPMSS",
        _build_tcpmss,
        {"--set-mss": Option("set-mss"), "--clamp-mss-to-pmtu": Option("clamp-mss-to-pmtu", 0)},
        protocols=("tcp",),
        note="goes on with the next rule; the size of segments is not followed",
        source="net/netfilter/xt_TCPMSS.c",
    ),
    Extension(
        "CHECKSUM",
        _build_checksum,
        {"--checksum-fill": Option("checksum-fill", 0)},
        place=Place.of(tables="mangle"),
        note="goes on with the next rule; checksums are not followed",
        source="net/netfilter/xt_CHECKSUM.c",
    ),
    Extension(
        "DSCP",
        _build_dscp,
        {"--set-dscp": Option("set-dscp"), "--set-dscp-class": Option("set-dscp-class")},
        place=Place.of(tables="mangle"),
        note=_NOT_FOLLOWED,
        source="net/netfilter/xt_DSCP.c",
    ),
    Extension(
        "TOS",
        _build_tos,
        {f"--{how}-tos": Option(f"{how}-tos") for how in ("set", "and", "or", "xor")},
        place=Place.of(tables="mangle"),
        note=_NOT_FOLLOWED,
        source="net/netfilter/xt_DSCP.c",
    ),
    Extension(
        "CLASSIFY",
        _build_classify,
        {"--set-class": Option("set-class")},
        place=Place.of(hooks="FORWARD OUTPUT POSTROUTING"),
        note="goes on with the next rule; queues are not followed",
        source="net/netfilter/xt_CLASSIFY.c",
    ),
    Extension(
        "AUDIT",
        _build_audit,
        {"--type": Option("type")},
        note="goes on with the next rule; nothing is written",
        source="net/netfilter/xt_AUDIT.c",
    ),
)
