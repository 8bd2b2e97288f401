"""`-m rpfilter`: does the way back to the source leave by the device that the packet came in by?

Sources: net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c. A host has one set of routes
here, so that `--validmark` (look them up with the packet's mark) changes nothing.
"""

from __future__ import annotations

from typing import ClassVar

from kproxysim.netfilter.atoms import Cuts
from kproxysim.netfilter.condition import Condition, Extension, Given, Option, Place, Surroundings
from kproxysim.netfilter.script import Family
from kproxysim.netfilter.skb import Skb
from kproxysim.values import dataclass

__all__ = ["EXTENSIONS", "RpfilterMatch"]

_ORDER = ("loose", "validmark", "accept-local", "invert")


@dataclass(frozen=True, slots=True)
class RpfilterMatch:
    """Options as they are printed: "loose" is content with any device, "accept-local" takes own addresses."""

    field: ClassVar[str] = "way back"
    options: tuple[str, ...]

    def _has_way_back(self, skb: Skb, host: Surroundings) -> bool:
        if skb.iif == "lo":
            return True
        unspecified = skb.src >> 24 == 0 if skb.family == 4 else skb.src == 0
        if unspecified and (skb.family == 6 or _is_for_everybody(skb.dst)):
            return True
        return host.has_way_back(
            skb.src, skb.iif, loose="loose" in self.options, accept_local="accept-local" in self.options
        )

    def holds(self, skb: Skb, host: Surroundings) -> bool:
        return self._has_way_back(skb, host) is not ("invert" in self.options)

    def condition(self, skb: Skb, host: Surroundings) -> Condition:
        where = "any device" if "loose" in self.options else skb.iif
        wanted = ("! " if "invert" in self.options else "") + f"by {where}"
        had = f"{'' if self._has_way_back(skb, host) else 'not '}by {where}"
        return Condition(self.field, wanted, had, self.holds(skb, host))

    def cut(self, cuts: Cuts) -> bool:
        """What is for everybody; routes put in their own."""
        cuts.prefix(0, 8, 4)
        cuts.prefix(0xE0000000, 24, 4)
        cuts.address(0xFFFFFFFF, 4)
        cuts.address(0, 6)
        return True

    def save(self) -> str:
        return " ".join(f"--{option}" for option in self.options)


def _is_for_everybody(address: int) -> bool:
    """255.255.255.255 or 224.0.0.0/24: whoever has no address yet asks there for one."""
    return address == 0xFFFFFFFF or address >> 8 == 0xE00000


def _build(given: list[Given], family: Family) -> RpfilterMatch:
    names = {one.option for one in given}
    return RpfilterMatch(tuple(option for option in _ORDER if option in names))


EXTENSIONS = (
    Extension(
        "rpfilter",
        _build,
        {f"--{option}": Option(option, 0) for option in _ORDER},
        place=Place.of(tables="raw mangle", hooks="PREROUTING"),
        source="net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c",
    ),
)
