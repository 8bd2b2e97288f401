"""`-j DNAT`, `-j SNAT`, `-j MASQUERADE`, `-j REDIRECT`, `-j NETMAP`.

Sources: net/netfilter/xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c, extensions/libxt_NAT.c.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.condition import Extension, Given, Option, Place, RuleSyntaxError, by_name
from kproxysim.netfilter.numbers import address_text, parse_address, parse_host_mask, parse_number, parse_port
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import to_address
from kproxysim.packet import Address
from kproxysim.values import dataclass

__all__ = [
    "EXTENSIONS", "PORT_TRANSLATED", "MasqueradeTarget", "NatTarget", "NetmapTarget", "RedirectTarget",
    "translates_ports",
]  # fmt: skip

PORT_TRANSLATED = ("tcp", "udp", "sctp", "dccp", "icmp")
"""Protocols of which one must be asked for where a target names ports (`__NAT_parse`)."""


@dataclass(frozen=True, slots=True)
class NatTarget:
    """DNAT or SNAT to an address, or to one of those up to `last`.

    `ports` is the inclusive range asked for, None to keep the port if it is free. With `base` the port that
    was dialled counts from there into the range.
    """

    then: ClassVar[Literal["translates"]] = "translates"
    name: str
    address: Address | None
    ports: tuple[int, int] | None = None
    random: str = ""
    persistent: bool = False
    last: Address | None = None
    base: int | None = None

    @property
    def to(self) -> str:
        """The text after `--to-destination` or `--to-source`."""
        host = "" if self.address is None else address_text(int(self.address), self.address.version)
        if self.last is not None:
            host += f"-{address_text(int(self.last), self.last.version)}"
        if self.ports is None:
            return host
        ports = _ports_text(self.ports) + ("" if self.base is None else f"/{self.base}")
        if not host:
            return f":{ports}"
        return f"[{host}]:{ports}" if ":" in host else f"{host}:{ports}"

    def cut(self, cuts: Cuts) -> bool:
        """The addresses and ports that it gives and keeps. Of several addresses one is picked by a hash, and
        of several ports of a destination one is drawn, or reckoned from the one that was dialled.
        """
        if self.address is not None:
            cuts.address(int(self.address), self.address.version)
        if self.ports is not None:
            cuts.ports(*self.ports)
            cuts.port(self.ports[0])
        several_ports = self.ports is not None and self.ports[0] != self.ports[1]
        return self.last is None and self.base is None and not (self.name == "DNAT" and several_ports)

    def save(self) -> str:
        option = "--to-destination" if self.name == "DNAT" else "--to-source"
        return f"{self.name} {option} {self.to}{_flags(self.random, self.persistent)}"


@dataclass(frozen=True, slots=True)
class MasqueradeTarget:
    """SNAT to an address of the output device."""

    then: ClassVar[Literal["translates"]] = "translates"
    ports: tuple[int, int] | None = None
    random: str = ""
    name = "MASQUERADE"

    def cut(self, cuts: Cuts) -> bool:
        """The ports that it keeps."""
        if self.ports is not None:
            cuts.ports(*self.ports)
            cuts.port(self.ports[0])
        return True

    def save(self) -> str:
        ports = "" if self.ports is None else f" --to-ports {_ports_text(self.ports)}"
        return f"MASQUERADE{ports}{_flags(self.random, False)}"


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """DNAT to this host: to the address of the input device, to loopback for what was made here."""

    then: ClassVar[Literal["translates"]] = "translates"
    ports: tuple[int, int] | None = None
    random: str = ""
    name = "REDIRECT"

    def cut(self, cuts: Cuts) -> bool:
        """The port that it gives; of several one is drawn."""
        if self.ports is None:
            return True
        cuts.port(self.ports[0])
        return self.ports[0] == self.ports[1]

    def save(self) -> str:
        ports = "" if self.ports is None else f" --to-ports {_ports_text(self.ports)}"
        return f"REDIRECT{ports}{_flags(self.random, False)}"


@dataclass(frozen=True, slots=True)
class NetmapTarget:
    """One network mapped to another, host part kept; the destination's on the way in, the source's out."""

    then: ClassVar[Literal["translates"]] = "translates"
    network: int
    mask: int
    version: int
    name = "NETMAP"

    def map(self, address: int) -> int:
        """The address that stands for `address`."""
        return (address & ~self.mask) | self.network

    def save(self) -> str:
        return f"NETMAP --to {address_text(self.network, self.version)}/{self.mask.bit_count()}"


def translates_ports(target: object) -> bool:
    """Does a target name ports, so that the rule must ask for a protocol?"""
    return isinstance(target, NatTarget | MasqueradeTarget | RedirectTarget) and target.ports is not None


def _ports_text(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def _flags(random: str, persistent: bool) -> str:
    return "".join(f" --{flag}" for flag in random.split()) + (" --persistent" if persistent else "")


def _ports(text: str, *, shifted: bool = False) -> tuple[tuple[int, int], int | None]:
    """`80`, `80-90`, or `80-90/8080` where `shifted` is allowed (`parse_ports`).

    iptables-save prints `80-80/8080` as `80/8080`, which iptables-restore does not read; here it is read.
    """
    if not text[:1].isdigit():
        first = parse_port(text)
        return (first, first), None
    span, slash, base = text.partition("/")
    low, dash, high = span.partition("-")
    first = parse_port(low)
    last = parse_number(high, 0, 65535, text) if dash else first
    if last < first:
        raise RuleSyntaxError(f"port range {text!r} runs backwards", text)
    if slash and not shifted:
        raise RuleSyntaxError(f"a shifted port range ({text}) is for DNAT only", text)
    if base == "0":
        raise RuleSyntaxError(f"a range cannot be counted from port 0 ({text})", text)
    return (first, last), parse_port(base) if slash else None


def _split(text: str, family: Family) -> tuple[str, str]:
    """Hosts and ports of `hosts`, `hosts:ports`, `[v6 hosts]:ports` or `:ports` (`parse_to`)."""
    if "[" in text:
        before, _, rest = text.partition("[")
        inside, closed, behind = rest.partition("]")
        if before or not closed or family == "ipv4" or (behind and not behind.startswith(":")):
            raise RuleSyntaxError(f"{text!r} is not [address]:port", text)
        return inside, _after_colon(behind, text)
    if text.count(":") == 1:
        host, _, ports = text.partition(":")
        return host, _after_colon(f":{ports}", text)
    return text, ""


def _after_colon(behind: str, text: str) -> str:
    if behind == ":":
        raise RuleSyntaxError(f"{text!r} ends in a colon without a port", text)
    return behind[1:]


_RANGES = (
    "of a range the address that the kernel's hash picks on little-endian machines; a drawn source port is "
    "shown with the range it is drawn from, a drawn destination port forks"
)


def _nat_builder(name: str, where: str) -> Extension:
    def build(given: list[Given], family: Family) -> NatTarget:
        values = by_name(given)
        if where not in values:
            raise RuleSyntaxError(f"-j {name} needs --{where}")
        text = values[where].value
        hosts, port_text = _split(text, family)
        ports, base = _ports(port_text, shifted=name == "DNAT") if port_text else (None, None)
        low, dash, high = hosts.partition("-")
        if not (hosts or ports):
            raise RuleSyntaxError(f"--{where} names neither an address nor a port", text)
        version = 4 if family == "ipv4" else 6
        address = to_address(parse_address(low, family, text), version) if hosts else None
        last = to_address(parse_address(high, family, text), version) if dash else None
        return NatTarget(
            name,
            address,
            ports,
            _random(values),
            "persistent" in values,
            None if last == address else last,
            base,
        )

    options = {
        f"--{where}": Option(where),
        "--random": Option("random", 0),
        "--persistent": Option("persistent", 0),
    }
    if name == "SNAT":
        options["--random-fully"] = Option("random-fully", 0)
    hooks = "PREROUTING OUTPUT" if name == "DNAT" else "POSTROUTING INPUT"
    return Extension(
        name,
        build,
        options,
        place=Place.of(tables="nat", hooks=hooks),
        note=_RANGES,
        source="net/netfilter/xt_nat.c, nf_nat_core.c",
    )


def _random(values: dict[str, Given]) -> str:
    return " ".join(name for name in ("random", "random-fully") if name in values)


def _to_ports(values: dict[str, Given]) -> tuple[int, int] | None:
    return _ports(values["to-ports"].value)[0] if "to-ports" in values else None


def _build_masquerade(given: list[Given], family: Family) -> MasqueradeTarget:
    values = by_name(given)
    return MasqueradeTarget(_to_ports(values), _random(values))


def _build_redirect(given: list[Given], family: Family) -> RedirectTarget:
    values = by_name(given)
    return RedirectTarget(_to_ports(values), _random(values))


def _build_netmap(given: list[Given], family: Family) -> NetmapTarget:
    if not given:
        raise RuleSyntaxError("-j NETMAP needs --to")
    address, mask = parse_host_mask(given[0].value, family)
    return NetmapTarget(address & mask, mask, 4 if family == "ipv4" else 6)


EXTENSIONS = (
    _nat_builder("DNAT", "to-destination"),
    _nat_builder("SNAT", "to-source"),
    Extension(
        "MASQUERADE",
        _build_masquerade,
        {
            "--to-ports": Option("to-ports"),
            "--random": Option("random", 0),
            "--random-fully": Option("random-fully", 0),
        },
        place=Place.of(tables="nat", hooks="POSTROUTING"),
        note="a drawn source port is shown with the range it is drawn from",
        source="net/netfilter/xt_MASQUERADE.c",
    ),
    Extension(
        "REDIRECT",
        _build_redirect,
        {"--to-ports": Option("to-ports"), "--random": Option("random", 0)},
        place=Place.of(tables="nat", hooks="PREROUTING OUTPUT"),
        source="net/netfilter/xt_REDIRECT.c",
    ),
    Extension(
        "NETMAP",
        _build_netmap,
        {"--to": Option("to")},
        place=Place.of(tables="nat", hooks="PREROUTING OUTPUT POSTROUTING INPUT"),
        source="net/netfilter/xt_NETMAP.c",
    ),
)
