"""`-j TCPMSS`, `-j CHECKSUM`: change what no rule here asks for, and go on with the next rule.

Sources: net/netfilter/xt_TCPMSS.c, xt_CHECKSUM.c.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import ANYWHERE, Extension, Given, Option, Place, RuleSyntaxError, by_name
from kproxysim.netfilter.numbers import parse_number
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "ChecksumTarget", "TcpmssTarget"]


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
class ChecksumTarget:
    """`--checksum-fill`: works out what a network card was to work out."""

    cut = no_cut
    then: ClassVar[Literal["goes-on"]] = "goes-on"
    name = "CHECKSUM"

    def carried_out(self, skb: Skb) -> Skb:
        """The packet: its checksum is not followed."""
        return skb

    def save(self) -> str:
        return "CHECKSUM --checksum-fill"


def _build_tcpmss(given: list[Given], family: Family) -> TcpmssTarget:
    values = by_name(given)
    if not values:
        raise RuleSyntaxError("-j TCPMSS needs --set-mss or --clamp-mss-to-pmtu")
    size = None
    if "set-mss" in values:
        size = parse_number(values["set-mss"].value, 0, 65515 if family == "ipv4" else 65495)
    return TcpmssTarget(None if "clamp-mss-to-pmtu" in values else size)


def _build_checksum(given: list[Given], family: Family) -> ChecksumTarget:
    if not given:
        raise RuleSyntaxError("-j CHECKSUM needs --checksum-fill")
    return ChecksumTarget()


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
)
