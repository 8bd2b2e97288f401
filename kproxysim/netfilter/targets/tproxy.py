"""`-j TPROXY`: hand the packet to a local socket as it is. Source: net/netfilter/xt_TPROXY.c.

Read and printed; what becomes of the packet hangs on sockets and policy routes, and is unmodelled.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import no_cut
from kproxysim.netfilter.condition import Extension, Given, Option, Place, RuleSyntaxError, by_name
from kproxysim.netfilter.matches.mark import parse_mark
from kproxysim.netfilter.numbers import address_text, parse_address, parse_port
from kproxysim.netfilter.script import Family
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "TproxyTarget"]


@dataclass(frozen=True, slots=True)
class TproxyTarget:
    """Port and address of the socket, and the mark that the packet gets."""

    then: ClassVar[Literal["unknown"]] = "unknown"
    port: int
    address: str
    value: int
    mask: int
    name = "TPROXY"
    cut = no_cut

    def save(self) -> str:
        mark = f"{self.value:#x}/{self.mask:#x}"
        return f"TPROXY --on-port {self.port} --on-ip {self.address} --tproxy-mark {mark}"


def _build(given: list[Given], family: Family) -> TproxyTarget:
    values = by_name(given)
    if "on-port" not in values:
        raise RuleSyntaxError("-j TPROXY needs --on-port")
    version = 4 if family == "ipv4" else 6
    address = parse_address(values["on-ip"].value, family) if "on-ip" in values else 0
    value, mask = parse_mark(values["tproxy-mark"].value) if "tproxy-mark" in values else (0, 0)
    return TproxyTarget(parse_port(values["on-port"].value), address_text(address, version), value, mask)


EXTENSIONS = (
    Extension(
        "TPROXY",
        _build,
        {f"--{name}": Option(name) for name in ("on-port", "on-ip", "tproxy-mark")},
        place=Place.of(tables="mangle", hooks="PREROUTING"),
        protocols=("tcp", "udp"),
        modelled="no",
        note="read and printed",
        source="net/netfilter/xt_TPROXY.c",
    ),
)
