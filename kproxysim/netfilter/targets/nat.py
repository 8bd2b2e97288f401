"""`-j DNAT`, `-j SNAT`, `-j MASQUERADE`.

Source: net/netfilter/xt_nat.c, xt_MASQUERADE.c, iptables-extensions(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from kproxysim.netfilter.condition import Extension, Given, RuleSyntaxError
from kproxysim.netfilter.matches.ports import parse_port
from kproxysim.netfilter.script import Family
from kproxysim.packet import Address

__all__ = ["EXTENSIONS", "MasqueradeTarget", "NatTarget"]


@dataclass(frozen=True, slots=True)
class NatTarget:
    """DNAT or SNAT to one address.

    `ports` is the inclusive range asked for, None to keep the port if it is free.
    """

    name: str
    address: Address | None
    ports: tuple[int, int] | None = None
    random: str = ""
    persistent: bool = False

    @property
    def to(self) -> str:
        """The text after `--to-destination` or `--to-source`."""
        host = "" if self.address is None else str(self.address)
        if self.ports is None:
            return host
        low, high = self.ports
        ports = str(low) if low == high else f"{low}-{high}"
        if not host:
            return f":{ports}"
        return f"[{host}]:{ports}" if ":" in host else f"{host}:{ports}"

    def save(self) -> str:
        option = "--to-destination" if self.name == "DNAT" else "--to-source"
        return f"{self.name} {option} {self.to}{_flags(self.random, self.persistent)}"


@dataclass(frozen=True, slots=True)
class MasqueradeTarget:
    """SNAT to an address of the output device."""

    ports: tuple[int, int] | None = None
    random: str = ""
    name = "MASQUERADE"

    def save(self) -> str:
        ports = (
            ""
            if self.ports is None
            else f" --to-ports {self.ports[0]}"
            + ("" if self.ports[0] == self.ports[1] else f"-{self.ports[1]}")
        )
        return f"MASQUERADE{ports}{_flags(self.random, False)}"


def _flags(random: str, persistent: bool) -> str:
    return (f" --{random}" if random else "") + (" --persistent" if persistent else "")


def _ports(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    first = parse_port(low)
    last = parse_port(high) if dash else first
    if first > last:
        raise RuleSyntaxError(f"port range {text!r} runs backwards", text)
    return first, last


def _destination(text: str, family: Family) -> tuple[Address | None, tuple[int, int] | None]:
    """`address`, `address:port`, `[v6]:port-port` or `:port`."""
    host, ports = text, ""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise RuleSyntaxError(f"{text!r} is not [address]:port", text)
        ports = rest[1:]
    elif text.count(":") == 1:
        host, _, ports = text.partition(":")
    if "-" in host:
        raise RuleSyntaxError(f"a range of addresses ({host}) is not supported, only a single address", text)
    address: Address | None = None
    if host:
        try:
            address = ip_address(host)
        except ValueError:
            raise RuleSyntaxError(f"{host!r} is no address", text) from None
        if address.version != (4 if family == "ipv4" else 6):
            raise RuleSyntaxError(f"{host!r} is of the other address family", text)
    elif not ports:
        raise RuleSyntaxError("an address or a port is needed", text)
    return address, _ports(ports) if ports else None


def _collect(given: list[Given], where: str) -> tuple[str | None, str, bool]:
    target, random, persistent = None, "", False
    for option in given:
        if option.option == where:
            if target is not None:
                raise RuleSyntaxError(f"--{where} stands twice", option.value)
            target = option.value
        elif option.option == "persistent":
            persistent = True
        elif random != "random-fully":
            random = option.option
    return target, random, persistent


def _nat_builder(name: str, where: str) -> Extension:
    def build(given: list[Given], family: Family) -> NatTarget:
        target, random, persistent = _collect(given, where)
        if target is None:
            raise RuleSyntaxError(f"-j {name} needs --{where}")
        address, ports = _destination(target, family)
        return NatTarget(name, address, ports, random, persistent)

    options = {f"--{where}": (where, 1), "--random": ("random", 0), "--persistent": ("persistent", 0)}
    if name == "SNAT":
        options["--random-fully"] = ("random-fully", 0)
    return Extension(name, build, options)


def _build_masquerade(given: list[Given], family: Family) -> MasqueradeTarget:
    target, random, _ = _collect(given, "to-ports")
    return MasqueradeTarget(_ports(target) if target else None, random)


EXTENSIONS = (
    _nat_builder("DNAT", "to-destination"),
    _nat_builder("SNAT", "to-source"),
    Extension(
        "MASQUERADE",
        _build_masquerade,
        {"--to-ports": ("to-ports", 1), "--random": ("random", 0), "--random-fully": ("random-fully", 0)},
    ),
)
